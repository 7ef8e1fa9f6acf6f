"""Failed attempts by address: nobody guesses Google's tokens, but each guess costs a call to Google.

Counted in memory, for a minute: many guests share the address of one Wi-Fi or one proxy, so the limit is high and a
lock is short. Sign-ins that succeed are neither counted nor delayed.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from app.errors import TooManyFailures

LIMIT: Final = 20
WINDOW_SECONDS: Final = 60.0
#: Addresses that are remembered; the ones that failed longest ago are forgotten first.
_MAX_ADDRESSES: Final = 10_000


class FailureLimit:
    """Refuses further attempts from an address after too many failed ones. Thread-safe."""

    def __init__(
        self, *, limit: int = LIMIT, window_seconds: float = WINDOW_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._window = window_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """TooManyFailures, with the seconds that are left, if this address has to wait."""
        now = self._clock()
        with self._lock:
            times = self._failures.get(address)
            if times is None:
                return
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) < self._limit:
                return
            left = math.ceil(times[0] + self._window - now)
        raise TooManyFailures(retry_after_seconds=max(left, 1))

    def count(self, address: str) -> None:
        """One more failed attempt."""
        with self._lock:
            times = self._failures.setdefault(address, deque(maxlen=self._limit))
            times.append(self._clock())
            self._failures.move_to_end(address)
            if len(self._failures) > _MAX_ADDRESSES:
                self._failures.popitem(last=False)
