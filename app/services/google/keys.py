"""The keys that Google signs id tokens with: fetched when they are needed, kept as long as Google says."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet

from app.errors import GoogleTokenRejected, GoogleUnavailable
from app.services.google.http import GoogleHttp, json_object, unavailable

logger = logging.getLogger(__name__)

#: However long Google says that they are good, and however short.
_LONGEST_SECONDS: Final = 86_400.0
_SHORTEST_SECONDS: Final = 60.0
#: An unknown key is a reason to look again, but not for whoever sends made-up ones.
_LOOK_AGAIN_SECONDS: Final = 60.0
#: Google publishes two or three.
_MAX_KEYS: Final = 20

_MAX_AGE: Final = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})", re.IGNORECASE)


class GoogleKeys:
    """Finds a key by its id. Thread-safe."""

    def __init__(self, http: GoogleHttp, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """:param url: of the JWK set."""
        self._http = http
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._good_seconds = 0.0

    def find(self, key_id: str) -> Key:
        """The key of this id; GoogleTokenRejected if Google has none, GoogleUnavailable if it does not say."""
        with self._lock:
            age = self._clock() - self._fetched_at
            found = self._known(key_id)
            if self._keys is None or age > self._good_seconds:
                self._renew(keep=found is not None and age <= _LONGEST_SECONDS)
            elif found is None and age > _LOOK_AGAIN_SECONDS:
                self._renew(keep=False)
            found = self._known(key_id)
        if found is None:
            raise GoogleTokenRejected
        return found

    def _known(self, key_id: str) -> Key | None:
        if self._keys is None:
            return None
        try:
            return self._keys.get_by_kid(key_id)
        except InvalidKeyIdError:
            return None

    def _renew(self, *, keep: bool) -> None:
        """Fetch the keys.

        :param keep: go on with the old ones if that fails: the key that is needed is among them.
        """
        try:
            keys, good_seconds = self._fetch()
        except GoogleUnavailable as error:
            if not keep:
                raise
            logger.warning("Google's keys cannot be renewed, the old ones are used: %s", error.detail)
            return
        self._keys, self._good_seconds, self._fetched_at = keys, good_seconds, self._clock()

    def _fetch(self) -> tuple[KeySet, float]:
        answer = self._http.call("GET", self._url)
        if not answer.ok:
            raise unavailable(answer)
        listed = json_object(answer).get("keys")
        try:
            usable = [key for key in listed or [] if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"]
            keys = KeySet.import_key_set({"keys": usable[:_MAX_KEYS]})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise unavailable(answer) from None
        age = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
        seconds = float(age[1]) if age else _SHORTEST_SECONDS
        return keys, min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
