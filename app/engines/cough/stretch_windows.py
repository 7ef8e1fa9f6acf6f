"""Stretches of a recording as windows of their own."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.engines.audio import (
    FRAMES,
    FRAMES_PER_SECOND,
    HOP,
    Padding,
    Samples,
    Stretch,
    Window,
    decibels,
    loud_stretches,
    window,
)
from app.engines.cough.base import Segment

#: Left around a stretch, so that its beginning and its end can be heard.
_MARGIN_FRAMES: Final = 4


def stretches_and_windows(samples: Samples, padding: Padding) -> tuple[list[Stretch], Window]:
    """The loud stretches, and one window for each: shape ``(stretches, 128, 256, 1)``."""
    stretches = loud_stretches(samples)
    windows = [window(decibels(_cut(samples, stretch)), padding=padding) for stretch in stretches]
    return stretches, np.concatenate(windows)


def _cut(samples: Samples, stretch: Stretch) -> Samples:
    start = max(stretch[0] - _MARGIN_FRAMES, 0)
    end = min(stretch[1] + _MARGIN_FRAMES, start + FRAMES)
    return samples[start * HOP : end * HOP]


def segment(stretch: Stretch, score: float, seconds: float) -> Segment:
    """A stretch in seconds, not beyond the end of the recording."""
    start, end = (min(frame / FRAMES_PER_SECOND, seconds) for frame in stretch)
    return Segment(round(start, 2), round(end, 2), round(score, 4))
