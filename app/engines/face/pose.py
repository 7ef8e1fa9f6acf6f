"""Where a face looks, from its five landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.engines.face.alignment import ARCFACE_TEMPLATE

#: How far the tip of the nose stands out from the plane of eyes and mouth, as a share of the distance of the eyes.
#: From the generic head of OpenCV's head pose tutorials (eye corners 450 apart, 135 behind the nose, mouth 125 behind),
#: with eye centres at 0.7 of the distance of the outer corners: 135 / (0.7 * 450).
_NOSE_DEPTH: Final = 0.43
_NOSE: Final = 2


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees; all of them 0 for a face that looks straight into the camera."""

    #: positive: turned towards the right side of the picture.
    yaw: float
    #: positive: looking up.
    pitch: float
    #: positive: tilted clockwise.
    roll: float


def pose_of(landmarks: NDArray[np.floating]) -> Pose:
    """Rotation of an average head that projects closest to the landmarks (5, 2), camera far away.

    The scaled orthographic projection is linear in the landmarks (the first step of POSIT, DeMenthon & Davis 1995);
    the nearest rotation follows from a singular value decomposition. Good to some ten degrees: noses differ.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    projection = _HEAD_INVERSE @ (points - points.mean(axis=0))
    left, _, right = np.linalg.svd(projection.T, full_matrices=False)
    across, down = left @ right
    forward = np.cross(across, down)
    # Columns of the rotation: where the head's own axes point. The head's z axis is the nose's direction, negative
    # because z grows away from the camera.
    nose = -np.array([across[2], down[2], forward[2]])
    return Pose(
        yaw=float(np.degrees(np.arctan2(nose[0], -nose[2]))),
        pitch=float(np.degrees(np.arctan2(-nose[1], np.hypot(nose[0], nose[2])))),
        roll=float(np.degrees(np.arctan2(down[0], across[0]))),
    )


def _head_inverse() -> NDArray[np.float64]:
    """Pseudo-inverse of the centred average head, (3, 5): ArcFace's frontal template with a nose that stands out."""
    head = np.zeros((5, 3))
    head[:, :2] = ARCFACE_TEMPLATE
    head[_NOSE, 2] = -_NOSE_DEPTH * np.hypot(*(ARCFACE_TEMPLATE[1] - ARCFACE_TEMPLATE[0]))
    inverse: NDArray[np.float64] = np.linalg.pinv(head - head.mean(axis=0))
    return inverse


_HEAD_INVERSE: Final = _head_inverse()
