"""The similarity transform and the warp."""

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from app.engines.face.alignment import ARCFACE_SIZE, ARCFACE_TEMPLATE, similarity_transforms, warp


def _landmarks(count, seed=7):
    """Templates, rotated, scaled, shifted and shaken."""
    random = np.random.default_rng(seed)
    angle = random.uniform(-np.pi, np.pi, count)
    scale = random.uniform(0.2, 12.0, count)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    points = ARCFACE_TEMPLATE @ turn.transpose(0, 2, 1) * scale[:, None, None]
    return (
        points + random.uniform(-500, 3000, (count, 1, 2)) + random.normal(0, 4, (count, 5, 2)) * scale[:, None, None]
    )


def test_equals_scikit_image_to_a_thousandth_of_a_pixel():
    landmarks = _landmarks(200)
    ours = similarity_transforms(landmarks, ARCFACE_TEMPLATE)
    for points, matrix in zip(landmarks, ours, strict=True):
        theirs = SimilarityTransform.from_estimate(points, ARCFACE_TEMPLATE).params[:2]
        moved = points @ matrix[:, :2].T + matrix[:, 2]
        assert np.abs(moved - (points @ theirs[:, :2].T + theirs[:, 2])).max() < 1e-3


def test_a_face_that_lies_on_the_template_stays_where_it_is():
    matrix = similarity_transforms(ARCFACE_TEMPLATE[None], ARCFACE_TEMPLATE)[0]
    assert matrix == pytest.approx(np.eye(3)[:2], abs=1e-9)


def test_never_mirrors():
    mirrored = ARCFACE_TEMPLATE * [-1, 1]
    matrix = similarity_transforms(mirrored[None], ARCFACE_TEMPLATE)[0]
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_coincide_give_finite_numbers():
    assert np.isfinite(similarity_transforms(np.full((1, 5, 2), 30.0), ARCFACE_TEMPLATE)).all()


def _smooth_picture(height, width):
    """Waves of hundreds of pixels: any sound interpolation finds the same values."""
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 190), np.cos(y / 170), np.sin((x + y) / 260)]
    return (127 + 100 * np.stack(planes, axis=-1)).round().astype(np.uint8)


@pytest.mark.parametrize("scale", [0.9, 0.45, 0.12, 0.05])
def test_shrinking_by_area_first_moves_no_pixel(scale):
    image = _smooth_picture(2600, 2400)
    turn = 0.4
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), 60 - scale * 900],
            [scale * np.sin(turn), scale * np.cos(turn), 50 - scale * 1000],
        ]
    )
    got = warp(image, matrix, ARCFACE_SIZE)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    y, x = np.mgrid[:ARCFACE_SIZE, :ARCFACE_SIZE]
    at = np.stack([x, y], axis=-1) @ inverse[:, :2].T + inverse[:, 2]
    inside = ((at > 30) & (at < np.array([2370, 2570]))).all(axis=-1)
    expected = image[at[..., 1].clip(0, 2599).round().astype(int), at[..., 0].clip(0, 2399).round().astype(int)]
    assert inside.mean() > 0.2
    assert np.abs(got.astype(int) - expected)[inside].max() <= 3


def test_a_face_outside_the_picture_is_black():
    matrix = np.array([[0.1, 0, 500.0], [0, 0.1, 500.0]])
    assert warp(np.full((400, 400, 3), 200, np.uint8), matrix, ARCFACE_SIZE).max() == 0
