"""A spectrogram as a picture."""

from __future__ import annotations

import io
from functools import cache
from typing import Final

import cv2
import numpy as np
from PIL import Image as PillowImage

from app.engines.audio.log_mel import RANGE_DB, Decibels

_LEVELS: Final = 256


def spectrogram_png(spectrogram: Decibels) -> bytes:
    """A PNG: a pixel each frame (23 ms) and mel band, time to the right, pitch upwards, dark is 80 dB down.

    Of levels and a palette, not of colours: a third of the time, and half the size.
    """
    levels = np.rint((spectrogram[::-1] + RANGE_DB) * ((_LEVELS - 1) / RANGE_DB)).astype(np.uint8)
    picture = PillowImage.fromarray(levels)
    picture.putpalette(_palette())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@cache
def _palette() -> bytes:
    """Red, green and blue of each level."""
    levels = np.arange(_LEVELS, dtype=np.uint8)[:, np.newaxis]
    return cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA)[:, 0, ::-1].tobytes()
