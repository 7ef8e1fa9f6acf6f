from __future__ import annotations

import numpy as np
import pytest

from app.engines.base import Face
from app.engines.images import decode, encode_jpeg, face_crop, resize_whole
from tests.pictures import gradient

FLAT = np.full((400, 600, 3), 127, np.uint8)


def face(left: float, top: float, right: float, bottom: float) -> Face:
    w, h = right - left, bottom - top
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = np.array([(left + x * w, top + y * h) for x, y in points], np.float32)
    return Face((left, top, right, bottom), landmarks, 0.9)


def dotted(at: np.ndarray) -> np.ndarray:
    """A grey picture with a bright square of 9 pixels around each landmark."""
    image = FLAT.copy()
    for x, y in np.round(at).astype(int):
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    return image


def test_the_crop_is_the_square_around_the_face_1_6_times_its_longer_side():
    crop = face_crop(FLAT, face(250, 150, 330, 250))
    assert crop.image.shape == (224, 224, 3)
    left, top, right, bottom = crop.box
    assert bottom - top == pytest.approx(224 / 1.6, abs=1)
    assert right - left == pytest.approx(224 / 1.6 * 0.8, abs=1)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((112, 112), abs=1)


@pytest.mark.parametrize(
    "box",
    [(250, 150, 330, 250), (10, 12, 90, 112), (500, 290, 590, 395), (200, 20, 520, 390), (290, 190, 320, 230)],
    ids=["middle", "upper left", "lower right", "large", "small"],
)
def test_landmarks_lie_on_the_same_pixels_in_the_crop(box):
    found = face(*box)
    crop = face_crop(dotted(found.landmarks), found)
    for x, y in np.round(crop.landmarks).astype(int):
        assert crop.image[y, x].min() > 200


@pytest.mark.parametrize("box", [(2, 3, 80, 90), (520, 310, 598, 397)])
def test_at_an_edge_the_square_moves_inside_instead_of_inventing_pixels(box):
    image = np.random.default_rng(1).integers(0, 256, FLAT.shape, dtype=np.uint8)
    crop = face_crop(image, face(*box))
    rows = crop.image.astype(int)
    assert np.abs(np.diff(rows, axis=0)).sum(axis=(1, 2)).min() > 0
    assert np.abs(np.diff(rows, axis=1)).sum(axis=(0, 2)).min() > 0
    assert all(0 <= edge <= 224 for edge in crop.box)


def test_in_a_selfie_the_square_is_as_large_as_the_picture_allows():
    selfie = gradient(250, 250)
    crop = face_crop(selfie, face(30, 10, 220, 240))
    # 230 pixels of face out of 250, not out of 368
    assert crop.box[3] - crop.box[1] == pytest.approx(230 / 250 * 224, abs=1)


def test_a_face_longer_than_the_picture_is_wide_keeps_all_its_pixels():
    narrow = gradient(100, 300)
    crop = face_crop(narrow, face(5, 60, 95, 220))
    assert crop.box[1] >= -0.5
    assert crop.box[3] <= 224.5
    # replicated: the columns left of the picture equal its first one
    assert (crop.image[:, 0] == crop.image[:, 20]).all()


def test_a_face_reaching_over_the_edge_is_still_cut_out():
    for box in [(-40, -30, 120, 140), (480, 300, 660, 480), (-500, -500, 1200, 1200), (10, 10, 10, 10)]:
        assert face_crop(FLAT, face(*box)).image.shape == (224, 224, 3)


def test_a_face_outside_the_picture_does_not_fail():
    for box in [(700, 500, 800, 600), (-300, -300, -200, -200)]:
        assert face_crop(FLAT, face(*box)).image.shape == (224, 224, 3)


def test_another_size_is_possible():
    assert face_crop(FLAT, face(250, 150, 330, 250), size=112).image.shape == (112, 112, 3)


@pytest.mark.parametrize(("width", "height"), [(600, 400), (400, 600), (500, 500), (32, 640), (50, 40)])
def test_a_whole_picture_keeps_its_proportions(width, height):
    image = np.full((height, width, 3), (200, 30, 30), np.uint8)
    whole = resize_whole(image)
    assert whole.shape == (224, 224, 3)
    red = whole[..., 0] > 180
    found_height, found_width = np.ptp(np.nonzero(red.any(axis=1))) + 1, np.ptp(np.nonzero(red.any(axis=0))) + 1
    assert found_width / found_height == pytest.approx(width / height, rel=0.1)
    assert max(found_width, found_height) == 224


def test_a_jpeg_reads_back_as_the_picture_without_metadata():
    data = encode_jpeg(gradient(224, 224))
    assert b"Exif" not in data
    back = decode(data, max_bytes=10**6, max_pixels=10**6)
    assert np.abs(back.astype(int) - gradient(224, 224)).mean() < 2


def test_a_read_only_picture_can_be_cropped_and_encoded():
    image = gradient(300, 300)
    image.flags.writeable = False
    assert encode_jpeg(face_crop(image, face(100, 100, 200, 220)).image)
    assert encode_jpeg(resize_whole(image))
