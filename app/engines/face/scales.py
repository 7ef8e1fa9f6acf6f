"""At which sizes a picture is shown to the detector. Pure functions; measured by bench/face_detection.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: SCRFD's coarsest stride: inputs are padded to a multiple of it.
STRIDE: Final = 32
#: The detectors were trained at 640; small faces of a group are found at this size.
WIDE: Final = 640
#: Tried once when a larger picture shows nothing at 640.
WIDEST: Final = 1280
#: A face that fills the picture is missed at 640, because the largest anchors reach 512 pixels; here it is found.
CLOSE: Final = 160
#: Pictures up to this size need no second look from close: the largest face fits the anchors at once.
CLOSE_FROM: Final = 320


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of the detector's input."""

    #: the picture is resized to this ...
    width: int
    height: int
    #: ... and padded to this, on the right and at the bottom.
    padded_width: int
    padded_height: int


def fit(width: int, height: int, longest: int) -> Scale:
    """The picture with its longer side at ``longest`` pixels; never enlarged beyond its own size."""
    factor = min(1.0, longest / max(width, height))
    small_width = max(1, round(width * factor))
    small_height = max(1, round(height * factor))
    return Scale(small_width, small_height, _padded(small_width), _padded(small_height))


def first_look(width: int, height: int) -> tuple[Scale, ...]:
    """The scales that every picture is looked at."""
    scales = [fit(width, height, WIDE)]
    if max(width, height) > CLOSE_FROM:
        scales.append(fit(width, height, CLOSE))
    return tuple(scales)


def second_look(width: int, height: int) -> tuple[Scale, ...]:
    """The scales that remain when the first look found nothing."""
    if max(width, height) > WIDE:
        return (fit(width, height, WIDEST),)
    if max(width, height) <= CLOSE_FROM:
        return (fit(width, height, CLOSE),)
    return ()


def _padded(side: int) -> int:
    return max(STRIDE, -(-side // STRIDE) * STRIDE)
