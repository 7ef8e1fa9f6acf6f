"""JPEG and PNG bytes to RGB pixels, whoever sent them.

What a file is, its content says, never its name or the type a client claims. Our own walk over the file (`jpeg`, `png`)
comes first: size, pixel count, completeness, and the file reduced to what draws the picture. Only then the one decoder
of that format runs; no other of Pillow's plugins ever does.

Profiles are ignored: see docs/decisions/0010-colour-profiles.md.
"""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image as PillowImage
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from app.engines.base import Image
from app.engines.images import jpeg, png
from app.engines.images.exif import turn_upright
from app.engines.images.header import Header
from app.errors import ImageTooLarge, ImageTooSmall, UnsupportedImage

#: Shortest side in pixels: below it no detector finds a face.
MIN_SIDE: Final = 32
#: Longest side over shortest: panoramas of phones reach 10.
MAX_ASPECT: Final = 20
#: What shows through transparent pixels, as on a page or an identity card.
BACKGROUND: Final = 255
#: Larger pictures, which few phones take, are unpacked one at a time: that takes up to six times the memory of the
#: result (49 megapixels with transparency: 0.9 GB).
LARGE_PIXELS: Final = 13_000_000
_LARGE: Final = threading.Lock()
#: What libjpeg scales down by without unpacking every pixel, the most first.
_DIVISORS: Final = (8, 4, 2)


@dataclass(frozen=True, slots=True)
class Enough:
    """How many pixels a picture needs; a JPEG that has twice as many is scaled down while it is unpacked."""

    #: that its shorter side keeps at least.
    shorter: int
    #: that its longer side keeps at least.
    longer: int


def decode(data: bytes, *, max_bytes: int, max_pixels: int, enough: Enough | None = None) -> Image:
    """The upright picture as RGB ``uint8``, shape ``(height, width, 3)``. The array may be read-only.

    :param enough: None keeps every pixel.

    :raises ImageTooLarge: more bytes or pixels than allowed; pixels are counted before anything is unpacked.
    :raises ImageTooSmall: a side is shorter than `MIN_SIDE`.
    :raises UnsupportedImage: not JPEG or PNG, cut off, damaged, or of a strange shape.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(f"The file is too large: {max_bytes // 1_000_000} MB are allowed.")
    decoder: type[ImageFile]
    if data.startswith(jpeg.SIGNATURE):
        header, decoder = jpeg.read_header(data), JpegImageFile
    elif data.startswith(png.SIGNATURE):
        header, decoder = png.read_header(data), PngImageFile
    elif data:
        raise UnsupportedImage("This is not a JPEG or PNG picture: save it as one of them and try again.")
    else:
        raise UnsupportedImage("The file is empty.")
    _check_size(header, max_pixels)
    with _LARGE if header.width * header.height > LARGE_PIXELS else nullcontext():
        return turn_upright(_pixels(header, decoder, enough), header.orientation)


def _check_size(header: Header, max_pixels: int) -> None:
    short, long = sorted((header.width, header.height))
    if short * long > max_pixels:
        raise ImageTooLarge(
            f"The picture has too many pixels: {header.width} x {header.height}, "
            f"and {max_pixels / 1_000_000:g} megapixels are allowed."
        )
    if short < MIN_SIDE:
        raise ImageTooSmall
    if long > short * MAX_ASPECT:
        raise UnsupportedImage(f"The picture is a strip: {header.width} x {header.height} pixels.")


def _pixels(header: Header, decoder: type[ImageFile], enough: Enough | None) -> Image:
    divisor = 1 if enough is None or decoder is not JpegImageFile else _divisor(header, enough)
    expected = (-(-header.height // divisor), -(-header.width // divisor), 3)
    try:
        with decoder(io.BytesIO(header.essence)) as picture:
            if divisor > 1:
                picture.draft(None, (header.width // divisor, header.height // divisor))
            picture.load()
            pixels = _to_rgb(picture)
    except MemoryError as error:
        raise ImageTooLarge("The picture is too large for this machine.") from error
    except Exception as error:
        # Decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError, … for a damaged file.
        raise UnsupportedImage("The picture is damaged and cannot be read: take or export it again.") from error
    if pixels.shape != expected:
        raise UnsupportedImage("The picture is damaged: its size is not the one in its header.")
    return pixels


def _divisor(header: Header, enough: Enough) -> int:
    short, long = sorted((header.width, header.height))
    fits = (divisor for divisor in _DIVISORS if short // divisor >= enough.shorter and long // divisor >= enough.longer)
    return next(fits, 1)


def _to_rgb(picture: PillowImage.Image) -> Image:
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return np.asarray(picture)
    if picture.mode == "I;16":
        return _grey16_to_rgb(picture)
    if picture.mode in ("LA", "RGBA") or "transparency" in picture.info:
        return _on_background(picture if picture.mode == "RGBA" else picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def _grey16_to_rgb(picture: PillowImage.Image) -> Image:
    # Pillow's own conversion clips at 255, which turns a 16-bit photo white.
    wide = np.asarray(picture)
    grey = (wide >> 8).astype(np.uint8)
    transparent = picture.info.get("transparency")
    if transparent is not None:
        grey[wide == transparent] = BACKGROUND
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def _on_background(picture: PillowImage.Image) -> Image:
    alpha = picture.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return np.asarray(picture.convert("RGB"))
    ground = PillowImage.new("RGB", picture.size, (BACKGROUND,) * 3)
    ground.paste(picture, mask=alpha)
    return np.asarray(ground)
