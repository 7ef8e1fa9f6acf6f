"""Verdicts on drawn faces: each spoiled in one way only."""

import numpy as np
import pytest

from app.engines.base import Face
from app.engines.face.alignment import ARCFACE_TEMPLATE
from app.engines.face.pose import pose_of
from app.engines.face.quality import ADVICE, assess


def _face(scale=1.5, turn=0.0, squeeze=1.0):
    """Landmarks of the frontal template, enlarged, turned (degrees, clockwise) or squeezed in width."""
    centre = ARCFACE_TEMPLATE.mean(axis=0)
    angle = np.radians(turn)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((ARCFACE_TEMPLATE - centre) * [squeeze, 1]) @ matrix.T * scale + 150
    return Face(
        box=(150 - 50 * scale, 150 - 60 * scale, 150 + 50 * scale, 150 + 60 * scale), landmarks=points, score=0.9
    )


def _textured(mean=128, spread=50):
    """Like skin and features: broad shading, which survives any blur, and a grain of two pixels, which does not."""
    y, x = np.mgrid[:300, :300]
    shading = np.sin(x / 25) + np.sin(y / 25)
    grain = np.random.default_rng(3).normal(0, 1, (150, 150)).repeat(2, axis=0).repeat(2, axis=1)
    grey = np.clip(mean + spread / 2 * (shading + 0.6 * grain), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def test_a_sharp_frontal_well_lit_face_is_good():
    quality = assess(_textured(), _face())
    assert quality.ok
    assert quality.reasons == ()
    assert quality.score > 0.8
    assert quality.size_px == pytest.approx(150)


@pytest.mark.parametrize(
    ("image", "face", "reason"),
    [
        (_textured(mean=12, spread=5), _face(), "too_dark"),
        (_textured(mean=245, spread=5), _face(), "too_bright"),
        (_textured(), _face(scale=0.25), "too_small"),
        (_textured(), _face(turn=55), "tilted"),
    ],
)
def test_each_fault_has_its_word(image, face, reason):
    quality = assess(image, face)
    assert quality.reasons == (reason,)
    assert not quality.ok


@pytest.mark.parametrize("axes", [(15, 15), (1, 31), (31, 1)], ids=["focus", "moved across", "moved down"])
def test_blur_in_any_direction_is_noticed(axes):
    import cv2

    quality = assess(cv2.blur(_textured(), axes), _face())
    assert "blurred" in quality.reasons


def test_a_flat_patch_is_blurred_and_not_an_error():
    assert "blurred" in assess(np.full((300, 300, 3), 128, np.uint8), _face()).reasons


def test_every_reason_has_advice():
    assert set(ADVICE) == {"blurred", "too_dark", "too_bright", "too_small", "turned_away", "tilted"}
    assert all(sentence.endswith(".") for sentence in ADVICE.values())


def _projected(yaw, pitch, roll, depth=0.43):
    """The average head, turned by these angles in degrees and seen from far away."""
    eyes = np.linalg.norm(ARCFACE_TEMPLATE[1] - ARCFACE_TEMPLATE[0])
    head = np.column_stack([ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0), [0, 0, -depth * eyes, 0, 0]])
    y, p, r = np.radians([yaw, pitch, roll])
    # x right, y down, z away from the camera; the nose points to -z.
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return (head @ (about_z @ about_y @ about_x).T)[:, :2] * 1.7 + 300


@pytest.mark.parametrize("yaw", [-60, -30, 0, 30, 60])
@pytest.mark.parametrize("pitch", [-30, 0, 30])
def test_yaw_and_pitch_are_recovered(yaw, pitch):
    pose = pose_of(_projected(yaw, pitch, 0))
    assert pose.yaw == pytest.approx(yaw, abs=1)
    assert pose.pitch == pytest.approx(pitch, abs=1)


@pytest.mark.parametrize("roll", [-80, -20, 0, 45, 170])
def test_roll_is_recovered(roll):
    pose = pose_of(_projected(0, 0, roll))
    assert pose.roll == pytest.approx(roll, abs=0.1)


def test_a_face_turned_away_is_told():
    face = Face(box=(200, 200, 400, 400), landmarks=_projected(65, 0, 0) - 150, score=0.9)
    assert "turned_away" in assess(_textured(), face).reasons
