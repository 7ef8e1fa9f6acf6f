"""Generated pictures, and the photos inside the insightface wheel."""

from __future__ import annotations

import io
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

#: A group photo of six people.
GROUP_PHOTO = Path(next(iter(find_spec("insightface").submodule_search_locations))) / "data" / "images" / "t1.jpg"
#: One face, PNG.
PORTRAIT = GROUP_PHOTO.with_name("Tom_Hanks_54745.png")


def gradient(width: int = 80, height: int = 60) -> np.ndarray:
    """Red grows to the right, green downwards, blue is constant: every corner has its own colour."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 230, width)[np.newaxis, :]
    pixels[..., 1] = np.linspace(20, 230, height)[:, np.newaxis]
    pixels[..., 2] = 90
    return pixels


def encode(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """Bytes of a picture."""
    picture = PillowImage.fromarray(pixels)
    if mode:
        picture = picture.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(width: int = 80, height: int = 60, **options: Any) -> bytes:
    """A small JPEG."""
    return encode(gradient(width, height), "JPEG", quality=95, subsampling=0, **options)


def png(width: int = 80, height: int = 60, **options: Any) -> bytes:
    """A small PNG."""
    return encode(gradient(width, height), "PNG", **options)


def orientation_exif(orientation: int, *, order: str = "<") -> bytes:
    """An EXIF block with nothing but an orientation."""
    mark = b"II" if order == "<" else b"MM"
    value = struct.pack(f"{order}HH", orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(f"{order}HIHHHI", 42, 8, 1, 0x0112, 3, 1) + value + b"\0\0\0\0"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def insert_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The PNG with one more chunk behind its header."""
    return data[:33] + png_chunk(kind, body) + data[33:]


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    """Signature and IHDR."""
    return b"\x89PNG\r\n\x1a\n" + png_chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    )


def insert_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG with one more segment at its beginning."""
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]
