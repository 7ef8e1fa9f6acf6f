"""Telling people at a terminal how far a download is."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

_log = logging.getLogger(__name__)

#: Called with the bytes that have arrived and, where the server tells it, those that are expected.
Progress = Callable[[int, int | None], None]

_MEGABYTE: Final = 1_000_000
_REDRAW_SECONDS: Final = 0.2
_LOG_STEP: Final = 25
_WIDTH: Final = 30


def silent(done: int, total: int | None) -> None:
    """Say nothing."""


def terminal_progress(name: str, stream: TextIO | None = None) -> Progress:
    """A bar that is redrawn in place on a terminal; a log line for every quarter elsewhere."""
    out = sys.stderr if stream is None else stream
    return _bar(name, out) if out.isatty() else log_progress(name)


def _bar(name: str, out: TextIO) -> Progress:
    drawn_at = 0.0

    def show(done: int, total: int | None) -> None:
        nonlocal drawn_at
        now = time.monotonic()
        finished = total is not None and done >= total
        if now - drawn_at < _REDRAW_SECONDS and not finished:
            return
        drawn_at = now
        if total:
            filled = min(_WIDTH, _WIDTH * done // total)
            bar = "#" * filled + "." * (_WIDTH - filled)
            out.write(f"\r{name} [{bar}] {done / _MEGABYTE:.0f} of {total / _MEGABYTE:.0f} MB")
        else:
            out.write(f"\r{name} {done / _MEGABYTE:.0f} MB")
        if finished:
            out.write("\n")
        out.flush()

    return show


def log_progress(name: str) -> Progress:
    """A log line for every quarter."""
    said = -1

    def show(done: int, total: int | None) -> None:
        nonlocal said
        percent = 100 * done // total if total else 0
        if percent // _LOG_STEP > said:
            said = percent // _LOG_STEP
            _log.info("Downloading %s: %d %% (%.0f MB)", name, percent, done / _MEGABYTE)

    return show
