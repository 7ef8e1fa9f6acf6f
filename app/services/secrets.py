"""The one secret of an installation, from which every signing key is derived."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import SecretNotUsable

log = logging.getLogger(__name__)

FILE_NAME = "secret.key"

#: Twice what HS256 needs at least (RFC 7518, section 3.2: as many bits as the hash), as SHA-256's block has room for.
SECRET_BYTES = 64
#: A key that an operator put there may be shorter, but not below the output of SHA-256.
MIN_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class InstanceSecret:
    """Random bytes that only this installation knows. Their repr says nothing, so that no log can."""

    value: bytes = field(repr=False)

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose: what is signed for one cannot be passed off for another."""
        return hmac.digest(self.value, f"kenali/{purpose}".encode(), hashlib.sha256)


def instance_secret(instance_dir: Path) -> InstanceSecret:
    """The secret in ``<instance_dir>/secret.key``, made at the first call.

    Several processes may start at once: all of them get the same secret. SecretNotUsable if the file cannot be read,
    written, or kept from other users of the machine.
    """
    path = instance_dir / FILE_NAME
    try:
        if not path.exists():
            instance_dir.mkdir(parents=True, exist_ok=True)
            _create(path)
        _close_to_others(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise SecretNotUsable(f"{path} cannot be used: {error.strerror or error}.") from error
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) < MIN_SECRET_BYTES:
        raise SecretNotUsable(
            f"{path} is damaged: at least {MIN_SECRET_BYTES} bytes in hexadecimal are needed. "
            "Remove it and start again; everybody has to sign in anew."
        )
    return InstanceSecret(value)


def _create(path: Path) -> None:
    """Write a new secret beside ``path`` and link it there: whoever links first wins, and nobody sees half a file."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was faster: its secret counts
        except OSError:
            # No hard links on this file system (exFAT, some shares): all that is lost is the protection of two first
            # starts in the same instant.
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    log.info("Made the signing secret %s", path)


def _close_to_others(path: Path) -> None:
    if os.name == "nt":  # no permission bits there: the folder's access list decides
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.chmod(0o600)
        log.warning(
            "%s could be read by other users of this machine (mode %04o); now only its owner can. "
            "If somebody may have read it, remove it and start again: everybody has to sign in anew.",
            path,
            mode,
        )
