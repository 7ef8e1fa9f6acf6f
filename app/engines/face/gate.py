"""Bounded concurrency into a model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import KenaliError, ModelBusy

#: What a caller who is sent away is told to wait: a call takes some ten milliseconds, a full queue about a second.
_RETRY_AFTER_SECONDS: Final = 1


class Gate:
    """Lets a few callers in at a time, a few more wait, and sends everybody else away."""

    def __init__(
        self,
        *,
        inside: int,
        waiting: int,
        patience_seconds: float = 30.0,
        refusal: type[KenaliError] = ModelBusy,
    ) -> None:
        """
        :param inside: calls that run at the same time.
        :param waiting: calls that may wait for them.
        :param patience_seconds: how long one waits before it is sent away.
        :param refusal: what who is sent away is told.
        """
        self._permits = threading.BoundedSemaphore(inside)
        self._capacity = inside + waiting
        self._patience_seconds = patience_seconds
        self._refusal = refusal
        # Counting and comparing must be one step, or two callers take the last place.
        self._lock = threading.Lock()
        self._present = 0

    @property
    def present(self) -> int:
        """Requests that run or wait."""
        return self._present

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place while the block runs. Raises the refusal when the queue is full or moves too slowly."""
        with self._lock:
            if self._present >= self._capacity:
                raise self._refusal(retry_after_seconds=_RETRY_AFTER_SECONDS)
            self._present += 1
        try:
            if not self._permits.acquire(timeout=self._patience_seconds):
                raise self._refusal(retry_after_seconds=_RETRY_AFTER_SECONDS)
            try:
                yield
            finally:
                self._permits.release()
        finally:
            with self._lock:
                self._present -= 1

    @contextmanager
    def wait(self) -> Iterator[None]:
        """The same for background jobs: they wait as long as it takes and do not count as a request in the queue."""
        with self._permits:
            yield
