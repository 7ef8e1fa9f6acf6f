"""Whether a face is worth comparing, and what would make it better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.engines.base import Face, Image
from app.engines.face.alignment import ARCFACE_SIZE, ARCFACE_TEMPLATE, similarity_transforms, warp
from app.engines.face.pose import pose_of

BLURRED: Final = "blurred"
TOO_DARK: Final = "too_dark"
TOO_BRIGHT: Final = "too_bright"
TOO_SMALL: Final = "too_small"
TURNED_AWAY: Final = "turned_away"
TILTED: Final = "tilted"

#: What people can do, one sentence for each reason.
ADVICE: Final[dict[str, str]] = {
    BLURRED: "The face is blurred: hold the camera still, wipe the lens and let it focus.",
    TOO_DARK: "The face is too dark: turn towards a window or a lamp.",
    TOO_BRIGHT: "The face is too bright: step out of the glaring light.",
    TOO_SMALL: "The face is too small: come closer to the camera.",
    TURNED_AWAY: "The face is turned away: look straight into the camera.",
    TILTED: "The head is tilted: hold it upright.",
}

# The cuts below were chosen with bench/face_quality.py; docs/decisions/0032-face-quality.md has the tables.
_SHARPNESS_CUT: Final = 0.5
_SHARPNESS_HALF: Final = 0.006
_DARK_CUT: Final = 0.09
_BRIGHT_CUT: Final = 0.9
_SIZE_CUT_PX: Final = 32.0
_SIZE_GOOD_PX: Final = 112.0
_YAW_CUT: Final = 45.0
_PITCH_CUT: Final = 40.0
_ROLL_CUT: Final = 40.0

#: The part of the upright face that is skin in every hair cut: from the brows to the lower lip, left to right cheek.
_INNER: Final = (slice(36, 100), slice(28, 84))
#: Below this spread of grey levels (of 0..1) a face is a flat patch; keeps the ratio finite.
_LEAST_CONTRAST: Final = 0.02


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What was seen of one face."""

    #: 0 to 1; under 0.5 the face is blurred.
    sharpness: float
    #: mean grey level of the inner face, 0 to 1.
    brightness: float
    #: shorter side of the face's box in pixels of the picture.
    size_px: float
    #: degrees, positive towards the right side of the picture.
    yaw: float
    #: degrees, positive upwards.
    pitch: float
    #: degrees, positive clockwise.
    roll: float
    #: 0 to 1: the weakest of all the above.
    score: float
    #: no reason against it.
    ok: bool
    #: stable words; `ADVICE` has a sentence for each.
    reasons: tuple[str, ...]


def assess(image: Image, face: Face) -> FaceQuality:
    """Judge a detected face. The picture may be the original or a stored crop; ``size_px`` is that of this picture."""
    matrix = similarity_transforms(face.landmarks[None], ARCFACE_TEMPLATE)[0]
    grey = cv2.cvtColor(warp(image, matrix, ARCFACE_SIZE), cv2.COLOR_RGB2GRAY)
    inner = np.asarray(grey[_INNER], dtype=np.float32) / np.float32(255)
    sharpness = sharpness_of(inner)
    brightness = float(inner.mean())
    size_px = min(face.width, face.height)
    pose = pose_of(face.landmarks)
    found = {
        BLURRED: sharpness < _SHARPNESS_CUT,
        TOO_DARK: brightness < _DARK_CUT,
        TOO_BRIGHT: brightness > _BRIGHT_CUT,
        TOO_SMALL: size_px < _SIZE_CUT_PX,
        TURNED_AWAY: abs(pose.yaw) > _YAW_CUT or abs(pose.pitch) > _PITCH_CUT,
        TILTED: abs(pose.roll) > _ROLL_CUT,
    }
    reasons = tuple(reason for reason, applies in found.items() if applies)
    score = min(
        sharpness,
        4 * brightness * (1 - brightness),
        size_px / _SIZE_GOOD_PX,
        float(np.cos(np.radians(pose.yaw))),
        float(np.cos(np.radians(pose.pitch))),
    )
    return FaceQuality(
        sharpness=sharpness,
        brightness=brightness,
        size_px=size_px,
        yaw=pose.yaw,
        pitch=pose.pitch,
        roll=pose.roll,
        score=float(np.clip(score, 0.0, 1.0)),
        ok=not reasons,
        reasons=reasons,
    )


def sharpness_of(grey: NDArray[np.float32]) -> float:
    """0 to 1 for a grey face of known size: spread of the second derivatives over the spread of the grey levels.

    The variance of the Laplacian (Pech-Pacheco 2000), taken across and down separately, because a camera that moves
    blurs one direction only: the weaker one counts. The ratio makes it independent of contrast and brightness;
    ratio / (ratio + half) brings it to 0..1.
    """
    across = cv2.Sobel(grey, cv2.CV_32F, 2, 0, ksize=1)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 2, ksize=1)
    ratio = min(float(across.var()), float(down.var())) / max(float(grey.var()), _LEAST_CONTRAST**2)
    return ratio / (ratio + _SHARPNESS_HALF)
