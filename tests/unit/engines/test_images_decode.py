from __future__ import annotations

import contextlib
import io
import random
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

from app.engines.images import Enough, decode
from app.engines.images.jpeg import MAX_SCANS, MAX_SEGMENTS
from app.errors import ImageTooLarge, ImageTooSmall, UnsupportedImage
from tests import pictures
from tests.pictures import GROUP_PHOTO, PORTRAIT, encode, gradient, jpeg, png


def read(data: bytes, *, max_bytes: int = 20_000_000, max_pixels: int = 50_000_000) -> np.ndarray:
    return decode(data, max_bytes=max_bytes, max_pixels=max_pixels)


def close(one: np.ndarray, other: np.ndarray, tolerance: float = 4) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other.astype(int)).mean()) < tolerance


# --- what is read


@pytest.mark.parametrize("data", [jpeg(), jpeg(progressive=True), jpeg(optimize=True), jpeg(restart_marker_rows=1)])
def test_a_jpeg_is_rgb_pixels(data):
    image = read(data)
    assert image.dtype == np.uint8
    assert close(image, gradient())


@pytest.mark.parametrize("path", [GROUP_PHOTO, PORTRAIT])
def test_a_photo_has_the_very_pixels_that_pillow_reads(path):
    with PillowImage.open(path) as picture:
        assert (read(path.read_bytes()) == np.asarray(picture.convert("RGB"))).all()


@pytest.mark.parametrize(
    ("size", "unpacked"),
    [
        ((2400, 1600), (600, 400)),  # an eighth of it would be too few pixels
        ((2401, 1601), (601, 401)),
        ((1000, 700), (1000, 700)),
        ((2400, 700), (2400, 700)),  # half of its shorter side would be too few
    ],
)
def test_a_large_jpeg_is_scaled_down_while_it_is_unpacked_to_what_is_enough(size, unpacked):
    image = decode(jpeg(*size), max_bytes=20_000_000, max_pixels=50_000_000, enough=Enough(shorter=400, longer=600))
    assert image.shape == (unpacked[1], unpacked[0], 3)
    assert close(image, np.asarray(PillowImage.fromarray(gradient(*size)).resize(unpacked)))


def test_a_png_keeps_every_pixel_and_a_turned_jpeg_is_turned_afterwards():
    enough = Enough(shorter=40, longer=60)
    limits = {"max_bytes": 20_000_000, "max_pixels": 50_000_000, "enough": enough}
    assert decode(png(400, 300), **limits).shape == (300, 400, 3)
    turned = jpeg(400, 300, exif=pictures.orientation_exif(6))
    assert decode(turned, **limits).shape == (100, 75, 3)


def test_a_png_is_exact():
    assert (read(png()) == gradient()).all()


def test_a_grey_jpeg_becomes_rgb():
    grey = gradient()[..., 0]
    image = read(encode(grey, "JPEG"))
    assert close(image, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_other_colour_spaces_of_jpeg_become_rgb(mode):
    assert close(read(encode(gradient(), "JPEG", mode, quality=95, subsampling=0)), gradient(), 8)


def test_inks_that_adobe_programs_turn_round_come_out_right():
    # YCCK, as Photoshop writes it: Adobe marker with transform 2. Pillow writes the marker with CMYK.
    white = np.full((64, 64, 3), 255, np.uint8)
    assert read(encode(white, "JPEG", "CMYK")).min() > 250


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = read(encode(ramp))
    assert (image[..., 0] == ramp >> 8).all()
    assert (image[..., 0] == image[..., 2]).all()


def test_sixteen_bit_colour_is_scaled():
    rows = b"".join(b"\0" + struct.pack(">3H", 0x8000, 0x4000, 0xC000) * 40 for _ in range(40))
    data = (
        pictures.png_header(40, 40, bits=16)
        + pictures.png_chunk(b"tRNS", struct.pack(">3H", 0x8000, 0x4000, 0xC000))
        + pictures.png_chunk(b"IDAT", zlib.compress(rows))
        + pictures.png_chunk(b"IEND", b"")
    )
    assert (read(data) == (0x80, 0x40, 0xC0)).all()


@pytest.mark.parametrize("mode", ["P", "1", "L"])
def test_palette_one_bit_and_grey_png_become_rgb(mode):
    expected = np.asarray(PillowImage.fromarray(gradient()).convert(mode).convert("RGB"))
    assert (read(encode(gradient(), "PNG", mode)) == expected).all()


def test_transparent_pixels_show_white():
    pixels = np.dstack([gradient(), np.full((60, 80), 255, np.uint8)])
    pixels[:30, :, 3] = 0
    image = read(encode(pixels))
    assert (image[:30] == 255).all()
    assert (image[30:] == gradient()[30:]).all()


def test_half_transparent_grey_is_mixed_with_white():
    pixels = np.zeros((40, 40, 2), np.uint8)
    pixels[..., 1] = 128
    image = read(encode(pixels))
    assert set(np.unique(image)) <= {126, 127, 128}


def test_a_palette_with_a_transparent_colour_shows_white():
    picture = PillowImage.new("P", (40, 40), 1)
    picture.putpalette([0, 0, 0, 200, 10, 10])
    picture.paste(0, (0, 0, 20, 40))
    for transparency in (0, b"\0\xff"):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", transparency=transparency)
        image = read(buffer.getvalue())
        assert (image[:, :20] == 255).all()
        assert (image[:, 20:] == (200, 10, 10)).all()


def test_a_transparent_grey_level_of_16_bits_shows_white():
    rows = b"".join(b"\0" + struct.pack(">2H", 5, 0x7700) * 20 for _ in range(40))
    data = (
        pictures.png_header(40, 40, bits=16, colour=0)
        + pictures.png_chunk(b"tRNS", struct.pack(">H", 5))
        + pictures.png_chunk(b"IDAT", zlib.compress(rows))
        + pictures.png_chunk(b"IEND", b"")
    )
    assert (read(data)[0, :2] == ((255, 255, 255), (0x77, 0x77, 0x77))).all()


def test_of_an_animation_the_default_picture_is_read():
    frames = [PillowImage.fromarray(np.full((40, 40, 3), level, np.uint8)) for level in (10, 120, 240)]
    data = encode(np.full((40, 40, 3), 60, np.uint8), save_all=True, default_image=True, append_images=frames)
    assert b"acTL" in data
    assert (read(data) == 60).all()


def test_what_is_appended_to_a_picture_is_left_alone():
    assert (read(jpeg() + b"PK\x03\x04" * 1000) == read(jpeg())).all()
    assert (read(png() + b"<script>alert(1)</script>") == gradient()).all()


# --- which way up


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_every_orientation_comes_out_as_pillow_turns_it(kind, orientation, order):
    exif = pictures.orientation_exif(orientation, order=order)
    data = (
        pictures.insert_segment(jpeg(), 0xE1, exif)
        if kind == "JPEG"
        else pictures.insert_chunk(png(), b"eXIf", exif[6:])
    )
    with PillowImage.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert (read(data) == expected).all()


@pytest.mark.parametrize(
    "exif",
    [b"", b"Exif\0\0", b"Exif\0\0II", b"Exif\0\0XX" + b"\0" * 20, pictures.orientation_exif(9)]
    + [pictures.orientation_exif(6)[:cut] for cut in range(8, 26, 3)]
    + [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"],
)
def test_a_broken_exif_block_turns_nothing(exif):
    assert read(pictures.insert_segment(jpeg(), 0xE1, exif)).shape == (60, 80, 3)


# --- what is refused


@pytest.mark.parametrize("cut", [0.02, 0.1, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("make", [jpeg, png])
def test_a_cut_off_picture_is_refused(make, cut):
    data = make(300, 200)
    with pytest.raises(UnsupportedImage):
        read(data[: int(len(data) * cut)])


def test_a_picture_that_lacks_its_last_byte_is_refused():
    for data in (jpeg(), png()):
        with pytest.raises(UnsupportedImage, match="cut off"):
            read(data[:-1])


@pytest.mark.parametrize(
    "kind", ["GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "PDF", "EPS", "JPEG2000", "DDS", "SGI", "PCX"]
)
def test_other_formats_are_refused_whatever_pillow_could_read(kind):
    with pytest.raises(UnsupportedImage):
        read(encode(gradient(), kind))


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"<svg/>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(UnsupportedImage):
        read(data)


def test_more_bytes_than_allowed_are_refused():
    with pytest.raises(ImageTooLarge):
        read(jpeg(), max_bytes=100)


def test_more_pixels_than_allowed_are_refused():
    with pytest.raises(ImageTooLarge, match="80 x 60"):
        read(jpeg(), max_pixels=80 * 60 - 1)
    assert read(jpeg(), max_pixels=80 * 60).shape == (60, 80, 3)


@pytest.mark.parametrize(("width", "height"), [(31, 200), (200, 31), (1, 1)])
def test_a_picture_without_32_pixels_a_side_is_too_small(width, height):
    for make in (jpeg, png):
        with pytest.raises(ImageTooSmall):
            read(make(width, height))


def test_a_strip_is_refused():
    with pytest.raises(UnsupportedImage, match="strip"):
        read(png(32 * 20 + 1, 32))
    assert read(png(32 * 20, 32)).shape == (32, 640, 3)


def test_a_pixel_bomb_is_refused_by_its_header():
    bomb = pictures.png_header(60_000, 60_000) + pictures.png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(ImageTooLarge):
        read(bomb + pictures.png_chunk(b"IEND", b""))
    frame = jpeg()
    at = frame.index(b"\xff\xc0")
    with pytest.raises(ImageTooLarge):
        read(frame[: at + 5] + struct.pack(">HH", 65500, 65500) + frame[at + 9 :])


def test_texts_and_profiles_that_unpack_to_gigabytes_are_never_unpacked():
    bomb = zlib.compress(bytes(30_000_000), 9)
    data = png()
    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\x01\0\0\0"), (b"iCCP", b"p\0\0")):
        data = pictures.insert_chunk(data, kind, head + bomb)
    started = time.process_time()
    assert (read(data) == gradient()).all()
    # Unpacking one of them alone takes longer.
    taken = time.process_time() - started
    started = time.process_time()
    zlib.decompress(bomb)
    assert taken < time.process_time() - started


def test_pixels_that_unpack_to_more_than_the_picture_are_not_kept():
    rows = b"".join(b"\0" + bytes(40 * 3) for _ in range(40)) + bytes(200_000_000)
    data = (
        pictures.png_header(40, 40)
        + pictures.png_chunk(b"IDAT", zlib.compress(rows))
        + pictures.png_chunk(b"IEND", b"")
    )
    with contextlib.suppress(UnsupportedImage):
        assert (read(data) == 0).all()


def test_thousands_of_scans_are_refused():
    data = jpeg(progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnsupportedImage, match="scans"):
        read(data[:-2] + scan * (MAX_SCANS + 1) + data[-2:])


def test_thousands_of_segments_are_refused():
    data = jpeg()
    with pytest.raises(UnsupportedImage, match="segments"):
        read(data[:2] + b"\xff\xe1\0\x09Exif\0\0x" * (MAX_SEGMENTS + 1) + data[2:])


def test_a_second_frame_header_is_refused():
    data = jpeg()
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
    with pytest.raises(UnsupportedImage, match="header"):
        read(data[:at] + frame + data[at:])


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(png())
    data[len(data) // 2] ^= 1
    with pytest.raises(UnsupportedImage, match="checksum"):
        read(bytes(data))


def test_a_palette_png_without_a_palette_is_refused():
    data = encode(gradient(), "PNG", "P")
    at = data.index(b"PLTE") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    with pytest.raises(UnsupportedImage):
        read(data[:at] + data[end:])


def test_an_unknown_critical_chunk_is_refused():
    with pytest.raises(UnsupportedImage):
        read(pictures.insert_chunk(png(), b"ABCD", b"?"))


def test_a_decoder_that_runs_out_of_memory_is_a_picture_too_large(monkeypatch):
    def give_up(*_):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", give_up)
    with pytest.raises(ImageTooLarge):
        read(png())


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["jpeg", "progressive", "png", "palette"]))
def test_damage_anywhere_is_read_or_refused_and_nothing_else(rng: random.Random, kind):
    data = bytearray(DAMAGED[kind])
    for _ in range(rng.randint(1, 8)):
        action = rng.randrange(4)
        at = rng.randrange(len(data) or 1)
        if action == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif action == 1:
            del data[at : at + rng.randint(1, 40)]
        elif action == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 20))
        elif data:
            data[at] = 0xFF
    # Any other exception fails the test.
    with contextlib.suppress(UnsupportedImage, ImageTooLarge, ImageTooSmall):
        image = read(bytes(data))
        assert image.dtype == np.uint8
        assert image.ndim == 3


DAMAGED = {
    "jpeg": jpeg(),
    "progressive": jpeg(progressive=True),
    "png": png(),
    "palette": encode(gradient(), "PNG", "P"),
}
