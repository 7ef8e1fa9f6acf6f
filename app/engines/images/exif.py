"""The one thing EXIF is read for: which way up the picture is.

Our own reader of one tag: a camera's block also holds GPS positions, thumbnails and makers' notes that no parser needs
to touch.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from app.engines.base import Image

UPRIGHT: Final = 1
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3
_ENTRY_BYTES: Final = 12

#: Orientation -> what brings the picture upright (EXIF 2.32, tag 274). cv2 copies blockwise: 17 ms for a quarter turn
#: of 12 megapixels, where NumPy needs 91.
_TURN: Final[dict[int, Callable[[Image], object]]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE), 0),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def read_orientation(tiff: bytes) -> int:
    """Orientation of an EXIF block (from its byte-order mark on); `UPRIGHT` where it says nothing sensible."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    try:
        magic, directory = struct.unpack_from(f"{order}HI", tiff, 2)
        if magic != 42:  # noqa: PLR2004 - the number that marks TIFF
            return UPRIGHT
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for at in range(directory + 2, directory + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION_TAG:
                return int(value) if kind == _SHORT and (value == UPRIGHT or value in _TURN) else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def turn_upright(image: Image, orientation: int) -> Image:
    """The picture as it was meant to be seen."""
    turn = _TURN.get(orientation)
    return image if turn is None else np.asarray(turn(image), dtype=np.uint8)
