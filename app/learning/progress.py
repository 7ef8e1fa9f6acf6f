"""How far a training is: told after every batch, drawn on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

_REDRAW_SECONDS: Final = 0.2
_WIDTH: Final = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One batch further."""

    #: counted from 1
    epoch: int
    epochs: int
    batch: int
    #: 0 where it is not known beforehand
    batches: int
    #: loss, accuracy, and those of validation at the end of an epoch
    figures: Mapping[str, float]
    #: of this epoch
    seconds: float
    #: whether the epoch is over
    complete: bool = False


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """Say nothing."""


def told(stream: TextIO | None = None) -> Progress:
    """A bar that is redrawn in place on a terminal; elsewhere one line for every epoch."""
    out = sys.stderr if stream is None else stream
    return _bar(out) if out.isatty() else _lines(out)


def _bar(out: TextIO) -> Progress:
    drawn_at = 0.0
    longest = 0

    def show(step: Step) -> None:
        nonlocal drawn_at, longest
        now = time.monotonic()
        if now - drawn_at < _REDRAW_SECONDS and not step.complete:
            return
        drawn_at = now
        line = _line(step) if step.complete else f"{_place(step)} {_filled(step)} {_left(step)}{_figures(step)}"
        longest = max(longest, len(line))
        out.write("\r" + line.ljust(longest) + ("\n" if step.complete else ""))
        out.flush()

    return show


def _lines(out: TextIO) -> Progress:
    def show(step: Step) -> None:
        if step.complete:
            out.write(_line(step) + "\n")
            out.flush()

    return show


def _line(step: Step) -> str:
    return f"{_place(step)} {step.seconds:.0f} s{_figures(step)}"


def _place(step: Step) -> str:
    return f"Epoch {step.epoch}/{step.epochs}"


def _filled(step: Step) -> str:
    filled = min(_WIDTH, _WIDTH * step.batch // step.batches) if step.batches else 0
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {step.batch}/{step.batches or '?'}"


def _left(step: Step) -> str:
    if not step.batches or not step.batch:
        return ""
    return f"{step.seconds / step.batch * (step.batches - step.batch):.0f} s left"


def _figures(step: Step) -> str:
    return "".join(f"  {name} {figure:.4g}" for name, figure in step.figures.items())


def counted(label: str, stream: TextIO | None = None) -> Callable[[int, int], None]:
    """Tells how many of how many: redrawn in place on a terminal, once at the end elsewhere."""
    out = sys.stderr if stream is None else stream
    drawn_at = 0.0

    def show(done: int, total: int) -> None:
        nonlocal drawn_at
        now = time.monotonic()
        if done < total and (not out.isatty() or now - drawn_at < _REDRAW_SECONDS):
            return
        drawn_at = now
        before, after = "\r" if out.isatty() else "", "\n" if done >= total else ""
        out.write(f"{before}{label} {done}/{total}{after}")
        out.flush()

    return show
