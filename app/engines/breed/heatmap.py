"""A heat map as a picture: what the model looked at glows over a grey photo."""

from __future__ import annotations

import io
from typing import Final

import cv2
import numpy as np
from PIL import Image as PillowImage

from app.engines.base import Image
from app.engines.breed.base import Heat

#: Longer side of the picture in pixels.
MAX_SIDE: Final = 448
#: How much of the colour shows where the heat is greatest.
_STRONGEST: Final = 0.65


def draw(image: Image, heat: Heat) -> bytes:
    """A PNG of the picture with the heat laid over it."""
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    glow = np.clip(cv2.resize(heat.astype(np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.applyColorMap((255 * glow).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    weight = (_STRONGEST * glow)[:, :, np.newaxis]
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)[:, :, np.newaxis].repeat(3, axis=2)
    mixed = ((1 - weight) * grey + weight * colours).astype(np.uint8)
    buffer = io.BytesIO()
    # The fastest level: it is drawn while somebody waits, and kept nowhere.
    PillowImage.fromarray(mixed).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
