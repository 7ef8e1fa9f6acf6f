"""One detected face in words and numbers, as every answer shows it and as photos keep it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.engines.base import Face
from app.engines.face.quality import ADVICE, FaceQuality

#: A second face this large, compared with the first, makes it doubtful who is meant (share of the area).
RIVAL_AREA = 0.5


def face_report(face: Face, quality: FaceQuality) -> dict[str, Any]:
    """The ``face`` member of the API: pixels of the original picture, box as x, y, w, h."""
    left, top, right, bottom = face.box
    return {
        "detected": True,
        "score": round(face.score, 4),
        "box": {"x": round(left), "y": round(top), "w": round(right - left), "h": round(bottom - top)},
        "landmarks": [[round(float(x), 1), round(float(y), 1)] for x, y in face.landmarks],
        "quality": quality_report(quality),
    }


def quality_report(quality: FaceQuality) -> dict[str, Any]:
    """The ``quality`` member: angles in degrees, size in pixels, the rest from 0 to 1."""
    return {
        "score": round(quality.score, 3),
        "sharpness": round(quality.sharpness, 3),
        "brightness": round(quality.brightness, 3),
        "size_px": round(quality.size_px),
        "yaw": round(quality.yaw, 1),
        "pitch": round(quality.pitch, 1),
        "roll": round(quality.roll, 1),
        "ok": quality.ok,
        "reasons": list(quality.reasons),
    }


def advice(faces: Sequence[Face], quality: FaceQuality) -> list[str]:
    """What to do better, in sentences.

    :param faces: all faces of the picture, the one that counts first.
    """
    sentences = [ADVICE[reason] for reason in quality.reasons]
    if len(faces) > 1:
        rival = max(face.area for face in faces[1:]) >= RIVAL_AREA * faces[0].area
        sentences.append(
            f"There are {len(faces)} faces; the largest one counts."
            + (" Another one is nearly as large: crop the picture to one person." if rival else "")
        )
    return sentences
