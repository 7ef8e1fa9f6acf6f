"""What is kept of a photo that people are to see: itself without what it tells about its owner, and smaller ones.

The original keeps its pixels exactly as they were compressed; EXIF (GPS, serial numbers, thumbnails), XMP, comments and
profiles go, and only the tag that says which way up it is comes back. Smaller ones are made from the decoded, upright
picture and never had any of it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from app.engines.base import Image
from app.engines.images import jpeg, png
from app.engines.images.exif import UPRIGHT

#: Longest side in pixels: of what fills a screen, and of what a gallery shows in rows.
WEB_SIDE: Final = 1600
THUMB_SIDE: Final = 400
#: Between them, a photo's own size of about a tenth of its original; artefacts cannot be seen at this size.
_QUALITY: Final = 85

#: TIFF, big-endian, one directory with one entry: Orientation (0x0112), SHORT, one value.
_ORIENTATION: Final = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01%b\0\0\0\0\0\0"
_JPEG_START_BYTES: Final = 2
_PNG_IHDR_END: Final = 33


@dataclass(frozen=True, slots=True)
class Stripped:
    """A picture file without metadata."""

    data: bytes
    #: ``jpg`` or ``png``
    kind: str


def strip(data: bytes) -> Stripped:
    """A JPEG or PNG file reduced to its pixels and its orientation. Only for what `decode` has accepted.

    :raises UnsupportedImage: it is broken.
    """
    is_png = data.startswith(png.SIGNATURE)
    header = (png if is_png else jpeg).read_header(data)
    kept = header.essence
    if header.orientation != UPRIGHT:
        tiff = _ORIENTATION % struct.pack(">H", header.orientation)
        at = _PNG_IHDR_END if is_png else _JPEG_START_BYTES
        kept = kept[:at] + (_png_chunk(tiff) if is_png else _jpeg_segment(tiff)) + kept[at:]
    return Stripped(kept, "png" if is_png else "jpg")


def fitted(image: Image, longest: int) -> Image:
    """The picture with at most ``longest`` pixels on its longer side; a smaller one as it is."""
    height, width = image.shape[:2]
    scale = longest / max(width, height)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def encode_for_screens(image: Image) -> bytes:
    """JPEG bytes without any metadata, colour planes halved (4:2:0) as cameras do."""
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        msg = "cv2 could not encode a JPEG"
        raise RuntimeError(msg)
    return bytes(buffer)


def _jpeg_segment(tiff: bytes) -> bytes:
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _png_chunk(tiff: bytes) -> bytes:
    body = b"eXIf" + tiff
    return struct.pack(">I", len(tiff)) + body + struct.pack(">I", zlib.crc32(body))
