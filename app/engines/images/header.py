"""What is known about a picture before a decoder has seen it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """What our own walk through a file found."""

    width: int
    height: int
    #: EXIF orientation, 1 to 8.
    orientation: int
    #: The file reduced to what its decoder needs: no metadata, nothing behind the picture's end.
    essence: bytes
