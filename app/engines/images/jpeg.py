"""The segments of a JPEG file, walked before any decoder runs.

Only what the decoder needs is passed on. Comments, EXIF, XMP, profiles and thumbnails never reach it: they are a
position to leak (GPS), and a way to be slow (Pillow 13 joins EXIF segments one by one, quadratic in their number).
"""

from __future__ import annotations

from typing import Final

from app.engines.images.exif import UPRIGHT, read_orientation
from app.engines.images.header import Header
from app.errors import UnsupportedImage

SIGNATURE: Final = b"\xff\xd8\xff"

#: A phone's photo has 10 to 100 segments before its pixels (depth maps in extended XMP are the long ones).
MAX_SEGMENTS: Final = 1000
#: A progressive photo has about 10 scans. Each costs a walk over every block, so that a small file with thousands of
#: them keeps a core busy for minutes.
MAX_SCANS: Final = 100

#: Baseline, extended and progressive, Huffman or arithmetic: what libjpeg-turbo decodes to 8 bits.
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_ALL_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Huffman tables, arithmetic conditioning, quantisation tables, restart interval.
_TABLES: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
#: TEM, restarts, SOI: markers without a length.
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_END: Final = 0xD9
_SCAN: Final = 0xDA
_APP0: Final = 0xE0
_APP1: Final = 0xE1
_APP14: Final = 0xEE


class _Walk:
    """State of one walk over the segments before the first scan."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size: tuple[int, int] | None = None
        self.orientation = UPRIGHT
        self.kept: list[bytes] = [SIGNATURE[:2]]

    def segment(self, marker: int, start: int, end: int) -> None:
        """Look at one segment: marker at ``start``, body from ``start + 4`` to ``end``."""
        data, body = self.data, start + 4
        if marker in _ALL_FRAMES:
            self._frame(marker, body, end)
        elif marker == _APP1 and data.startswith(b"Exif\0\0", body):
            self.orientation = read_orientation(data[body + 6 : end])
            return
        # JFIF and Adobe say which colours the components are.
        elif not (
            marker in _TABLES
            or (marker == _APP0 and data.startswith(b"JFIF\0", body))
            or (marker == _APP14 and data.startswith(b"Adobe", body))
        ):
            return
        self.kept.append(data[start:end])

    def _frame(self, marker: int, body: int, end: int) -> None:
        if marker not in _FRAMES:
            raise UnsupportedImage("This kind of JPEG (lossless or hierarchical) cannot be read.")
        if self.size is not None or end - body < 6:  # noqa: PLR2004 - precision, height, width, components
            raise UnsupportedImage("The JPEG's header is broken.")
        if self.data[body] != 8:  # noqa: PLR2004 - bits
            raise UnsupportedImage("JPEG with more than 8 bits per colour cannot be read.")
        height = int.from_bytes(self.data[body + 1 : body + 3])
        width = int.from_bytes(self.data[body + 3 : body + 5])
        self.size = width, height


def read_header(data: bytes) -> Header:
    """Walk a JPEG file up to its pixels.

    :raises UnsupportedImage: it is cut off, broken, or of a kind that is not decoded.
    """
    walk = _Walk(data)
    at = 2
    for _ in range(MAX_SEGMENTS):
        marker_at = _next_marker(data, at)
        marker = data[marker_at + 1]
        if marker in _BARE:
            at = marker_at + 2
            continue
        end = marker_at + 2 + int.from_bytes(data[marker_at + 2 : marker_at + 4])
        if marker == _END or end < marker_at + 4 or end > len(data):
            raise UnsupportedImage("The JPEG is cut off or broken.")
        if marker == _SCAN:
            return _finish(walk, marker_at)
        walk.segment(marker, marker_at, end)
        at = end
    raise UnsupportedImage("The JPEG has too many segments.")


def _next_marker(data: bytes, at: int) -> int:
    """Where the last 0xFF of the next marker is; bytes between segments are skipped, as every decoder does."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            raise UnsupportedImage("The JPEG is cut off.")
        if data[at + 1] not in (0x00, 0xFF):
            return at
        at += 1


def _finish(walk: _Walk, scan_at: int) -> Header:
    """From the first scan to the end of the picture; further pictures and appended files are left out.

    0xFF in compressed pixels is always followed by zero or a restart, so the first end marker is the end.
    """
    data = walk.data
    if walk.size is None:
        raise UnsupportedImage("The JPEG's header is broken.")
    end = data.find(b"\xff\xd9", scan_at)
    if end < 0:
        raise UnsupportedImage("The JPEG is cut off.")
    if data.count(b"\xff\xda", scan_at, end) > MAX_SCANS:
        raise UnsupportedImage("The JPEG has too many scans.")
    width, height = walk.size
    essence = b"".join([*walk.kept, memoryview(data)[scan_at : end + 2]])
    return Header(width, height, walk.orientation, essence)
