"""The chunks of a PNG file, walked before any decoder runs.

Only what draws the picture is passed on: texts and profiles (which may unpack to a thousand times their size) and the
further frames of an animation never reach the decoder. Of an animated PNG the default image remains, which is what a
viewer without animation shows: a person who enrols with one means a picture, not a film.
"""

from __future__ import annotations

import zlib
from typing import Final

from app.engines.images.exif import UPRIGHT, read_orientation
from app.engines.images.header import Header
from app.errors import UnsupportedImage

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

#: 20 MB in pieces of 1 kB are 20 000; encoders write 8 kB and more.
MAX_CHUNKS: Final = 50_000

_DRAWN: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
#: Signature, then IHDR with length, kind, 13 bytes and checksum.
_IHDR_END: Final = 33
_PALETTE_COLOUR: Final = 3
_TRUECOLOUR: Final = 2
_LOWERCASE: Final = 0x20


class _Walk:
    """State of one walk over the chunks."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.view = memoryview(data)
        self.kept: list[memoryview] = [self.view[:8]]
        self.seen: set[bytes] = set()
        self.orientation = UPRIGHT
        self.bits, self.colour = data[24], data[25]

    def chunk(self, kind: bytes, start: int, end: int) -> None:
        """Look at one chunk, from its length to its checksum."""
        if kind in _DRAWN:
            if zlib.crc32(self.view[start + 4 : end - 4]) != int.from_bytes(self.view[end - 4 : end]):
                raise UnsupportedImage("The PNG is damaged: a checksum is wrong.")
            self.seen.add(kind)
            # One exact 16-bit colour cannot be matched once it is reduced to 8 bits: such pixels stay opaque.
            if not (kind == b"tRNS" and self.bits == 16 and self.colour == _TRUECOLOUR):  # noqa: PLR2004
                self.kept.append(self.view[start:end])
        elif kind == b"eXIf":
            self.orientation = read_orientation(self.data[start + 8 : end - 4])
        elif not kind[0] & _LOWERCASE:
            raise UnsupportedImage("The PNG has a part that cannot be read.")


def read_header(data: bytes) -> Header:
    """Walk a whole PNG file.

    :raises UnsupportedImage: it is cut off, a checksum is wrong, or it is of a kind that is not decoded.
    """
    if data[8:16] != b"\0\0\0\rIHDR" or len(data) < _IHDR_END:
        raise UnsupportedImage("The PNG's header is broken.")
    walk = _Walk(data)
    at = 8
    for _ in range(MAX_CHUNKS):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            raise UnsupportedImage("The PNG is cut off.")
        kind = data[at + 4 : at + 8]
        walk.chunk(kind, at, end)
        if kind == b"IEND":
            return _finish(walk)
        at = end
    raise UnsupportedImage("The PNG has too many parts.")


def _finish(walk: _Walk) -> Header:
    if b"IDAT" not in walk.seen or (walk.colour == _PALETTE_COLOUR and b"PLTE" not in walk.seen):
        raise UnsupportedImage("The PNG has no pixels.")
    width, height = int.from_bytes(walk.data[16:20]), int.from_bytes(walk.data[20:24])
    return Header(width, height, walk.orientation, b"".join(walk.kept))
