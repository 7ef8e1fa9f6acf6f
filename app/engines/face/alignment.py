"""Turning faces upright: the similarity transform from landmarks to a template, and the warp that applies it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.engines.base import Image

Landmarks = NDArray[np.floating]

#: Where ArcFace wants eyes, nose tip and mouth corners in a picture of 112x112 (insightface/utils/face_align.py).
ARCFACE_TEMPLATE: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float64,
)
ARCFACE_SIZE: Final = 112

#: A warp that shrinks more than this skips source pixels (bilinear interpolation reads 2x2 of them), so the face is
#: first shrunk by area. bench/face_detection.py prints what it changes.
_ALIASING_SCALE: Final = 0.5
#: What is left for the warp after that: close to the scale at which a stored 224x224 crop is warped to 112x112.
_REMAINING_SCALE: Final = 0.75


def similarity_transforms(landmarks: Landmarks, template: Landmarks) -> NDArray[np.float64]:
    """The rotation, scale and shift that bring each set of points closest to the template (least squares).

    This is Umeyama's solution (IEEE PAMI 13(4), 1991, eq. 40-42). In the plane it is a single complex factor, which
    cannot mirror and needs no singular value decomposition.

    :param landmarks: shape (n, points, 2).
    :param template: shape (points, 2).
    :returns: shape (n, 2, 3), each ``[[a, -b, x], [b, a, y]]``; points that all coincide give a shift only.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    source = points[..., 0] + 1j * points[..., 1]
    target = template[:, 0] + 1j * template[:, 1]
    source_mean = source.mean(axis=1)
    target_mean = target.mean()
    centred = source - source_mean[:, None]
    spread = (np.abs(centred) ** 2).sum(axis=1)
    product = ((target - target_mean)[None, :] * centred.conj()).sum(axis=1)
    factor = np.where(spread > 0, product / np.where(spread > 0, spread, 1.0), 1.0)
    shift = target_mean - factor * source_mean
    return np.stack(
        [
            np.stack([factor.real, -factor.imag, shift.real], axis=-1),
            np.stack([factor.imag, factor.real, shift.imag], axis=-1),
        ],
        axis=1,
    )


def warp(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """The square of ``size`` pixels that ``matrix`` (2, 3) maps the picture to; black where the picture ends."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < _ALIASING_SCALE:
        image, matrix = _shrunk(image, matrix, size, scale)
    warped = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, dtype=np.uint8)


def _shrunk(image: Image, matrix: NDArray[np.float64], size: int, scale: float) -> tuple[Image, NDArray[np.float64]]:
    """The part of the picture that the warp reads, shrunk by area, and the matrix that fits it."""
    height, width = image.shape[:2]
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) @ inverse[:, :2].T + inverse[:, 2]
    margin = 2 / scale
    left, top = np.clip(np.floor(corners.min(axis=0) - margin), 0, [width, height]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0) + margin), 0, [width, height]).astype(int)
    if right - left < 1 or bottom - top < 1:
        return image, matrix
    part = image[top:bottom, left:right]
    factor = scale / _REMAINING_SCALE
    small_width = max(1, round(part.shape[1] * factor))
    small_height = max(1, round(part.shape[0] * factor))
    small = cv2.resize(part, (small_width, small_height), interpolation=cv2.INTER_AREA)
    # Pixel centres: x_source = (x_small + 0.5) / factor_x - 0.5 + left, and the same for y.
    stretch = np.array([part.shape[1] / small_width, part.shape[0] / small_height])
    offset = stretch / 2 - 0.5 + np.array([left, top])
    fitted = np.empty_like(matrix)
    fitted[:, :2] = matrix[:, :2] * stretch[None, :]
    fitted[:, 2] = matrix[:, :2] @ offset + matrix[:, 2]
    return np.asarray(small, dtype=np.uint8), fitted
