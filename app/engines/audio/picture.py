"""A spectrogram as a picture."""

from __future__ import annotations

import cv2
import numpy as np

from app.engines.audio.log_mel import RANGE_DB, Decibels


def spectrogram_png(spectrogram: Decibels) -> bytes:
    """A PNG: a pixel each frame (23 ms) and mel band, time to the right, pitch upwards, dark is 80 dB down."""
    levels = np.rint((spectrogram[::-1] + RANGE_DB) * (255.0 / RANGE_DB)).astype(np.uint8)
    picture = cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA)
    _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)
