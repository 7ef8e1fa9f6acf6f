"""What is kept of a photo that people are to see."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, ImageOps
from PIL import Image as PillowImage

from app.engines.images import decode, encode_for_screens, fitted, strip
from tests.pictures import encode, gradient, insert_chunk, insert_segment, jpeg, orientation_exif, png

SECRET = b"-6.2088 secret place"


def with_everything(kind: str, orientation: int) -> bytes:
    """A picture with GPS, a maker's name, XMP, a comment and a profile."""
    picture = PillowImage.fromarray(gradient())
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = SECRET.decode()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (6.0, 12.0, 31.0)
    buffer = io.BytesIO()
    if kind == "JPEG":
        picture.save(buffer, kind, exif=exif, quality=95, comment=SECRET, icc_profile=SECRET, xmp=SECRET)
        return insert_segment(buffer.getvalue(), 0xED, b"Photoshop 3.0\0" + SECRET)
    picture.save(buffer, kind, exif=exif, icc_profile=SECRET)
    return insert_chunk(buffer.getvalue(), b"tEXt", b"Comment\0" + SECRET)


def seen(data: bytes) -> np.ndarray:
    return decode(data, max_bytes=10**7, max_pixels=10**7)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_original_keeps_its_pixels_and_its_orientation_and_nothing_else(kind, orientation):
    data = with_everything(kind, orientation)
    assert SECRET in data
    kept = strip(data)
    assert kept.kind == {"JPEG": "jpg", "PNG": "png"}[kind]
    assert SECRET not in kept.data
    assert np.array_equal(seen(kept.data), seen(data))
    # Other programs read it alike.
    with PillowImage.open(io.BytesIO(data)) as before, PillowImage.open(io.BytesIO(kept.data)) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))
        exif = dict(after.getexif())
        assert exif == ({} if orientation == 1 else {ExifTags.Base.Orientation: orientation})
        assert np.array_equal(ImageOps.exif_transpose(after), seen(data))
        assert set(after.info) <= {"exif", "dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_stripping_twice_is_stripping_once():
    for data in (jpeg(exif=orientation_exif(6)), png(exif=orientation_exif(6)[6:])):
        once = strip(data).data
        assert strip(once).data == once


def test_what_is_behind_the_picture_goes():
    assert strip(jpeg() + b"PK\x03\x04" + SECRET).data == strip(jpeg()).data


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (4000, 3000, (400, 300)),
        (300, 4000, (30, 400)),
        (400, 100, (400, 100)),
        (64, 48, (64, 48)),
        (8000, 400, (400, 20)),
    ],
)
def test_a_smaller_one_keeps_the_proportions_and_is_never_larger(width, height, expected):
    smaller = fitted(np.zeros((height, width, 3), np.uint8), 400)
    assert (smaller.shape[1], smaller.shape[0]) == expected


def test_what_screens_get_is_a_bare_jpeg_of_the_same_picture():
    image = gradient(320, 240)
    data = encode_for_screens(image)
    assert data[2:4] == b"\xff\xe0"
    assert b"Exif" not in data
    assert np.abs(seen(data).astype(int) - image).mean() < 3


def test_a_palette_picture_stays_one():
    data = encode(gradient(), "PNG", "P")
    assert np.array_equal(seen(strip(data).data), seen(data))
