"""Passwords: bcrypt.

bcrypt reads 72 bytes and no further. Refusing longer passwords would shut out passphrases (NIST SP 800-63B asks for at
least 64 *characters*, which may be 256 bytes), cutting them off would accept what was never set. So, as the bcrypt
package's manual advises, what does not fit is hashed first, with SHA-256 in base64, where no NUL can end it early.
Only what does not fit: an ordinary password keeps an ordinary bcrypt hash, which any other program can check.
The inner hash is keyed with a name of ours, because a bare one would let leaked SHA-256 hashes of other sites be tried
in its place ("password shucking", OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata

import bcrypt

from app.engines.face.gate import Gate
from app.errors import InvalidInput, ServerBusy

#: bcrypt's own limit.
BCRYPT_BYTES = 72
#: The walk-through's "pass123" has seven; below six, five guesses before the lockout begin to matter.
MIN_CHARACTERS = 6
#: Long enough for every passphrase, short enough that nobody sends megabytes to be hashed.
MAX_CHARACTERS = 1024
#: What is wrong with a password of another length.
LENGTH_NEEDED = f"{MIN_CHARACTERS} to {MAX_CHARACTERS} characters are needed"
#: A fifth of the server's usual sixteen threads.
WAITING = 3

_INNER_KEY = b"kenali/password/v1"


def has_good_length(password: str) -> bool:
    """Whether a password is neither too short nor too long."""
    return MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS


def _fitting(password: str) -> bytes:
    """At most 72 bytes without NUL that stand for the whole password."""
    # The same key press is one or several code points, depending on the system: NIST SP 800-63B asks for this.
    # surrogatepass: JSON can carry half a surrogate pair, which UTF-8 cannot.
    data = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    if len(data) <= BCRYPT_BYTES and b"\0" not in data:
        return data
    return base64.b64encode(hmac.digest(_INNER_KEY, data, hashlib.sha256))


class Passwords:
    """Makes and checks password hashes of one cost."""

    def __init__(self, *, cost: int, waiting: int = WAITING) -> None:
        """
        :param cost: bcrypt's work factor; each step doubles the work. OWASP: 10 or more.
        :param waiting: requests that may wait for a core; more get ServerBusy.
        """
        self._cost = cost
        # A quarter of a second of a core each: who sends sign-ins by the thousand must not get every thread.
        self._gate = Gate(inside=max(1, (os.cpu_count() or 2) // 2), waiting=waiting, refusal=ServerBusy)
        # Well-formed, so that comparing with it costs what any comparison costs; nobody knows a password for it.
        self._nobodys_hash = bcrypt.gensalt(cost) + b"." * 31

    def hash(self, password: str) -> str:
        """The hash to store; InvalidInput if the password is too short or too long."""
        if not has_good_length(password):
            raise InvalidInput(errors={"password": LENGTH_NEEDED})
        with self._gate.enter():
            return bcrypt.hashpw(_fitting(password), bcrypt.gensalt(self._cost)).decode("ascii")

    def verify(self, password: str, hashed: str | None) -> bool:
        """Whether this is the password. Without an account or a password to compare with, the work is the same."""
        # One character more than any password has matches none: nobody makes us hash megabytes.
        candidate = _fitting(password[: MAX_CHARACTERS + 1])
        with self._gate.enter():
            matches = bcrypt.checkpw(candidate, hashed.encode("ascii") if hashed else self._nobodys_hash)
        return matches and hashed is not None

    def needs_rehash(self, hashed: str) -> bool:
        """Whether the hash was made with another cost than the one that is set now."""
        return hashed.split("$")[2] != f"{self._cost:02d}"
