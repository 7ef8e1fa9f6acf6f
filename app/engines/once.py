"""Something heavy that is loaded at its first use, once, by whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from app.errors import KenaliError

Thing = TypeVar("Thing")

#: Loadings in a row, while the files change under each: who copies a large file by hand is not waited for.
_ATTEMPTS: Final = 3


class Once(Generic[Thing]):
    """Loads under a lock. A failure is remembered: a broken file is not read again at every request."""

    def __init__(self, load: Callable[[], Thing], *, version: Callable[[], Hashable]) -> None:
        """
        :param load: makes the thing, or raises a KenaliError.
        :param version: what it is made from (names, sizes, times of files); when it changes, it is loaded again.
        """
        self._load = load
        self._version = version
        self._lock = threading.Lock()
        self._made: tuple[Hashable, Thing | KenaliError] | None = None

    def get(self) -> Thing:
        """The thing; raises what loading raised."""
        made = self._made
        if made is None or made[0] != self._version():
            with self._lock:
                made = self._latest()
        if isinstance(made[1], KenaliError):
            raise made[1].with_traceback(None)
        return made[1]

    def offer(self, thing: Thing, *, version: Hashable) -> None:
        """Give out from now on what was made elsewhere, for as long as this version holds."""
        with self._lock:
            self._made = (version, thing)

    def peek(self) -> Thing | KenaliError | None:
        """What there is without loading anything: the thing, why it could not be loaded, or None."""
        made = self._made
        return None if made is None else made[1]

    def _latest(self) -> tuple[Hashable, Thing | KenaliError]:
        """What was made of the files as they are; made now if it was not yet. For whoever holds the lock."""
        made, version = self._made, self._version()
        for _ in range(_ATTEMPTS):
            if made is not None and made[0] == version:
                break
            made = self._made = (version, self._try())
            # Several files are not replaced in one step: the classes of one model and the weights of another may have
            # been read, and would be told as one.
            version = self._version()
        assert made is not None  # noqa: S101 - there is one attempt at least
        return made

    def _try(self) -> Thing | KenaliError:
        try:
            return self._load()
        except KenaliError as error:
            return error
