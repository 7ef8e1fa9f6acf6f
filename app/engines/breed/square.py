"""The centred square of a picture: cut out for a network, and a map over it put back into its place."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from app.engines.base import Image

Map = NDArray[np.float32]

#: Odd, so that the middle of every cell is among the finer ones and the greatest value is kept.
_FINER: Final = 9


def cut(image: Image, *, share: float, side: int, resampling: PillowImage.Resampling) -> NDArray[np.uint8]:
    """The square in the middle, resized to ``(side, side, 3)``.

    :param share: its side, as a part of the picture's shorter one.
    """
    height, width = image.shape[:2]
    half = share * min(height, width) / 2
    box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    return np.asarray(PillowImage.fromarray(image).resize((side, side), resampling, box))


def into_place(found: Map, image: Image, *, share: float) -> Map:
    """A map over that square as a map over the whole picture: nothing was seen outside of it."""
    # Finer first: half a cell of a 7x7 map is a fourteenth of the square.
    fine = cv2.resize(found, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    rows, columns = fine.shape
    height, width = image.shape[:2]
    side = share * min(height, width)
    more_rows = round(rows * (height - side) / side / 2)
    more_columns = round(columns * (width - side) / side / 2)
    return np.pad(fine, ((more_rows, more_rows), (more_columns, more_columns)))
