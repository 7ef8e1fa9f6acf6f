"""dlib: the offline default. HOG finds faces, a ResNet of 2017 turns each into 128 numbers.

The weights come with the installed package face_recognition_models. It is never imported, because it needs
pkg_resources, which new versions of setuptools lack; only its files are read.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.engines.base import EMBEDDING_SIZE, Embeddings, Face, FaceModelInfo, Image
from app.engines.face.alignment import similarity_transforms, warp
from app.engines.face.batches import batches
from app.errors import ModelNotUsable

LICENCE: Final = "dlib's face models are in the public domain (CC0): any use, commercial too."
SOURCE: Final = "https://github.com/davisking/dlib-models"

_PACKAGE: Final = "face_recognition_models"
_PREDICTOR: Final = "shape_predictor_5_face_landmarks.dat"
_RECOGNISER: Final = "dlib_face_recognition_resnet_model_v1.dat"
#: What the detector is called beside stored landmarks.
DETECTOR: Final = "dlib-hog"

#: HOG's window is 80 pixels wide: a face must be about that large, so smaller pictures are enlarged ...
_SHORT_SIDE: Final = 160
#: ... and pictures beyond this side are shrunk first. Cost grows with the area: 5 ms at 250x250.
_LONG_SIDE: Final = 800
#: Nothing found: look once more at up to this size, for small faces in large pictures.
_LONG_SIDE_AGAIN: Final = 1600

#: dlib's mean face for five points (dlib/image_transforms/interpolation.h, get_face_chip_details), with each eye as
#: the middle of its two corners and the base of the nose: fractions of the unpadded chip.
_MEAN_LEFT_EYE: Final = ((0.1205750620789 + 0.3340850613712) / 2, (0.2137274526848 + 0.2290642403242) / 2)
_MEAN_RIGHT_EYE: Final = ((0.8595674595992 + 0.6460604764104) / 2, (0.2134981538014 + 0.2289674387677) / 2)
_MEAN_NOSE_BASE: Final = (0.4901123135679, 0.6277975316475)
#: The chip that the recogniser was trained on: 150 pixels with a quarter of padding on each side.
_CHIP_SIZE: Final = 150
_CHIP_PADDING: Final = 0.25
#: dlib fits both corners of an eye and one point of the nose; repeating each eye gives it the same weight.
_EYES_TWICE: Final = (0, 0, 1, 1, 2)

#: From the eyes' middle to the tip of the nose, as a share of the way to its base. ArcFace's template has the tip
#: 0.572 eye distances below the eyes, dlib's mean face the base 0.772.
_TIP_SHARE: Final = 0.74
#: Mouth corners in the frame of the eyes (origin in their middle, x along them, unit: their distance), from ArcFace's
#: template. dlib's five points have no mouth; they serve drawing only, never the alignment.
_MOUTH: Final = ((-0.414, 1.153), (0.414, 1.153))

#: HOG's scores are unbounded margins around 0; this squeezes them into 0..1 and is no probability.
_SCORE_STEEPNESS: Final = 2.0
#: dlib keeps Python's global lock while it computes (80 ms a face): small batches let other threads run in between.
_LARGEST_BATCH: Final = 2


class DlibEngine:
    """dlib's frontal face detector, five-point predictor and ResNet.

    Embeddings follow from `Face.landmarks` alone, so a stored crop gives the same vector without a second detection.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """:param folder: where the .dat files are; those of the installed package if omitted."""
        folder = folder or weights_folder()
        predictor, recogniser = folder / _PREDICTOR, folder / _RECOGNISER
        for path in (predictor, recogniser):
            if not path.is_file():
                raise ModelNotUsable(f"dlib's weights are missing: {path}. Reinstall the package {_PACKAGE}.")
        import dlib

        try:
            self._find_faces = dlib.get_frontal_face_detector()
            self._find_points = dlib.shape_predictor(str(predictor))
            self._recognise = dlib.face_recognition_model_v1(str(recogniser))
        except RuntimeError as error:
            raise ModelNotUsable(f"dlib's weights cannot be loaded: {error}") from error
        self._rectangle = dlib.rectangle
        # dlib's detector and network keep their intermediate results inside the object. One lock instead of one object
        # a thread: dlib holds Python's global lock while it computes, so a second object would gain nothing.
        self._lock = threading.Lock()
        with recogniser.open("rb") as stream:
            fingerprint = hashlib.file_digest(stream, "sha256").hexdigest()[:8]
        self._info = FaceModelInfo(
            name="dlib",
            engine="dlib",
            fingerprint=fingerprint,
            detector=DETECTOR,
            dimensions=128,
            licence=LICENCE,
            commercial_use=True,
            source=SOURCE,
        )

    @property
    def info(self) -> FaceModelInfo:
        """Name, licence and dimensions of the model."""
        return self._info

    def detect(self, image: Image) -> list[Face]:
        """Every face of the picture, the largest first. An empty list if there is none."""
        faces = self._look(image, _first_factor(image))
        if not faces:
            again = _second_factor(image)
            faces = self._look(image, again) if again else []
        return sorted(faces, key=lambda face: face.area, reverse=True)

    def embed(self, image: Image, faces: Sequence[Face]) -> Embeddings:
        """Embeddings of the given faces of one picture: float32, shape ``(len(faces), 512)``, unit length."""
        return self.embed_many([(image, face) for face in faces])

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        """The same for faces of different pictures, in batches: shape ``(len(items), 512)``, unit length."""
        vectors = np.zeros((len(items), EMBEDDING_SIZE), dtype=np.float32)
        if not items:
            return vectors
        anchors = np.stack([_anchors(face.landmarks) for _, face in items])
        matrices = similarity_transforms(anchors, _TEMPLATE)
        for part in batches(len(items), _LARGEST_BATCH):
            chips = [
                warp(image, matrix, _CHIP_SIZE) for (image, _), matrix in zip(items[part], matrices[part], strict=True)
            ]
            with self._lock:
                raw = np.array(self._recognise.compute_face_descriptor(chips), dtype=np.float32)
            vectors[part, : raw.shape[1]] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return vectors

    def _look(self, image: Image, factor: float) -> list[Face]:
        """Faces of the picture, looked for at ``factor`` times its size."""
        seen = _resized(image, factor)
        stretch = np.array([image.shape[1] / seen.shape[1], image.shape[0] / seen.shape[0]])
        with self._lock:
            rectangles, scores, _ = self._find_faces.run(seen, 0, 0.0)
            shapes = [self._find_points(seen, rectangle) for rectangle in rectangles]
        faces = []
        for rectangle, score, shape in zip(rectangles, scores, shapes, strict=True):
            corners = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)
            box = np.array([rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1])
            left, top, right, bottom = (box * np.tile(stretch, 2)).tolist()
            landmarks = _landmarks((corners + 0.5) * stretch - 0.5)
            probability = float(1 / (1 + np.exp(-_SCORE_STEEPNESS * score)))
            faces.append(Face(box=(left, top, right, bottom), landmarks=landmarks, score=probability))
        return faces


def weights_folder() -> Path:
    """The folder of the installed weights, found without importing their package."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotUsable(f"dlib's weights are missing: install the package {_PACKAGE}.")
    return Path(next(iter(spec.submodule_search_locations))) / "models"


def _first_factor(image: Image) -> float:
    short, long = sorted(map(int, image.shape[:2]))
    return min(max(1.0, _SHORT_SIDE / short), _LONG_SIDE / long)


def _second_factor(image: Image) -> float | None:
    """Twice the size of the first look, within bounds; None if that is no larger."""
    first = _first_factor(image)
    second = min(2 * first, _LONG_SIDE_AGAIN / max(image.shape[0], image.shape[1]))
    return second if second > first else None


def _resized(image: Image, factor: float) -> Image:
    if factor == 1.0:
        return np.ascontiguousarray(image)
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    interpolation = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)


def _landmarks(corners: NDArray[np.float64]) -> NDArray[np.float32]:
    """The five points of dlib as those of `Face`.

    The eyes are the middles of their corners; the tip of the nose lies on the way to its base, which `_anchors` undoes
    exactly; the corners of the mouth are where they are in an average face. The 68-point predictor has all of them,
    but its training data excludes commercial use and its file is 100 MB.

    :param corners: outer and inner corner of the eye on the right, of the one on the left, base of the nose: (5, 2).
    """
    right_eye = (corners[0] + corners[1]) / 2
    left_eye = (corners[2] + corners[3]) / 2
    middle = (left_eye + right_eye) / 2
    along = right_eye - left_eye
    down = np.array([-along[1], along[0]])
    tip = middle + _TIP_SHARE * (corners[4] - middle)
    mouth = [middle + x * along + y * down for x, y in _MOUTH]
    return np.array([left_eye, right_eye, tip, *mouth], dtype=np.float32)


def _anchors(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """What dlib aligns by: each eye twice and the base of the nose, shape (5, 2)."""
    points = landmarks.astype(np.float64)
    middle = (points[0] + points[1]) / 2
    base = middle + (points[2] - middle) / _TIP_SHARE
    return np.array([points[0], points[1], base])[list(_EYES_TWICE)]


def _chip_template() -> NDArray[np.float64]:
    mean: Any = np.array([_MEAN_LEFT_EYE, _MEAN_RIGHT_EYE, _MEAN_NOSE_BASE])
    padded = (_CHIP_PADDING + mean) / (2 * _CHIP_PADDING + 1) * _CHIP_SIZE
    return np.asarray(padded[list(_EYES_TWICE)], dtype=np.float64)


_TEMPLATE: Final = _chip_template()
