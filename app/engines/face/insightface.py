"""InsightFace packs: SCRFD finds faces, ArcFace turns each into a vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.engines.base import EMBEDDING_SIZE, Embeddings, Face, FaceModelInfo, Image
from app.engines.face.alignment import ARCFACE_SIZE, ARCFACE_TEMPLATE, similarity_transforms, warp
from app.engines.face.batches import batches
from app.engines.face.overlap import suppress
from app.engines.face.pack import Pack, read_pack
from app.engines.face.scales import Scale, first_look, second_look
from app.errors import ModelNotUsable

LICENCE: Final = (
    "InsightFace's pretrained models are for non-commercial research only; "
    "for commercial use ask recognition-oss-pack@insightface.ai."
)
SOURCE: Final = "https://github.com/deepinsight/insightface/tree/master/model_zoo"

#: The detector's own default (insightface.app.FaceAnalysis.prepare).
_MIN_SCORE: Final = 0.5
#: Faces in one run of the recogniser: 8.0 ms alone, 5.5 ms a face from 4 to 32 (bench/face_engine.py). ONNX Runtime
#: keeps the memory of the largest run so far, 4 to 6 MB a face with the smallest pack: with more, a server grows for as
#: long as pictures with ever more faces come (16: by 95 MB; 4: by 14 MB).
_LARGEST_BATCH: Final = 4


class InsightFaceEngine:
    """Runs the detector and the recogniser of one pack on the CPU; its other models are not loaded.

    Thread-safe without a lock: ONNX Runtime sessions may be run by several threads, and nothing else is written after
    construction.
    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        """
        :param folder: holds one detector and one recogniser as .onnx files.
        :param threads: inside one call; 0 takes every core.
        """
        pack = read_pack(folder)
        self._detector = _load(pack.detector, threads, static_shape_sessions=False)
        self._recogniser = _load(pack.recogniser, threads)
        self._detector.prepare(-1, input_size=(640, 640), det_thresh=_MIN_SCORE)
        self._batch = _batch_limit(self._recogniser)
        self._info = _describe(pack, self._recogniser)

    @property
    def info(self) -> FaceModelInfo:
        """Name, licence and dimensions of the model."""
        return self._info

    def detect(self, image: Image) -> list[Face]:
        """Every face of the picture, the largest first. An empty list if there is none."""
        height, width = image.shape[:2]
        faces = self._look(image, first_look(width, height))
        if not faces:
            faces = self._look(image, second_look(width, height))
        return faces

    def embed(self, image: Image, faces: Sequence[Face]) -> Embeddings:
        """Embeddings of the given faces of one picture: float32, shape ``(len(faces), 512)``, unit length."""
        return self.embed_many([(image, face) for face in faces])

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        """The same for faces of different pictures, in batches: shape ``(len(items), 512)``, unit length."""
        vectors = np.zeros((len(items), EMBEDDING_SIZE), dtype=np.float32)
        if not items:
            return vectors
        matrices = similarity_transforms(np.stack([face.landmarks for _, face in items]), ARCFACE_TEMPLATE)
        for part in batches(len(items), self._batch):
            crops = [
                warp(image, matrix, ARCFACE_SIZE)
                for (image, _), matrix in zip(items[part], matrices[part], strict=True)
            ]
            raw = self._recognise(crops)
            vectors[part, : raw.shape[1]] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return vectors

    def _recognise(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """Raw vectors of upright RGB faces, each (112, 112, 3)."""
        model = self._recogniser
        mean = model.input_mean
        blob = cv2.dnn.blobFromImages(crops, 1.0 / model.input_std, (ARCFACE_SIZE, ARCFACE_SIZE), (mean, mean, mean))
        raw: NDArray[np.float32] = model.session.run(model.output_names, {model.input_name: blob})[0]
        return raw

    def _look(self, image: Image, scales: Sequence[Scale]) -> list[Face]:
        if not scales:
            return []
        height, width = image.shape[:2]
        found = []
        for scale in sorted(scales, key=lambda scale: scale.width, reverse=True):
            # Each from the one before: only the first resize reads all pixels. Shrunk before the channels are swapped:
            # a copy of the small picture instead of one of 12 megapixels.
            image = _resized(image, scale)
            boxes, points = self._look_at(image, scale)
            stretch = np.array([width / scale.width, height / scale.height], dtype=np.float32)
            boxes[:, :4] *= np.tile(stretch, 2)
            found.append((boxes, points * stretch))
        boxes = np.concatenate([boxes for boxes, _ in found])
        landmarks = np.concatenate([landmarks for _, landmarks in found])
        keep = suppress(boxes) if len(found) > 1 else np.arange(len(boxes))
        faces = [
            Face(box=(float(x1), float(y1), float(x2), float(y2)), landmarks=points, score=min(float(score), 1.0))
            for (x1, y1, x2, y2, score), points in zip(boxes[keep], landmarks[keep], strict=True)
        ]
        return sorted(faces, key=lambda face: face.area, reverse=True)

    def _look_at(self, image: Image, scale: Scale) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes with score (n, 5) and landmarks (n, 5, 2), in pixels of the resized picture."""
        canvas = np.zeros((scale.padded_height, scale.padded_width, 3), dtype=np.uint8)
        canvas[: scale.height, : scale.width] = image[:, :, ::-1]  # SCRFD reads BGR
        boxes, landmarks = self._detector.detect(canvas, input_size=(scale.padded_width, scale.padded_height))
        return boxes, landmarks


def _resized(image: Image, scale: Scale) -> Image:
    """By area: nothing is skipped, so fine patterns do not turn into false edges."""
    if image.shape[:2] == (scale.height, scale.width):
        return image
    resized = cv2.resize(image, (scale.width, scale.height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _load(path: Path, threads: int, **options: Any) -> Any:
    """An ONNX file as the class of insightface that knows its outputs."""
    import onnxruntime
    from insightface.model_zoo import get_model

    onnxruntime.set_default_logger_severity(3)  # SCRFD's graph declares shapes for 640 only and warns at every other
    session = onnxruntime.SessionOptions()
    session.intra_op_num_threads = threads
    # Detector and recogniser each have a pool of threads. Spinning, the idle pool takes the cores from the busy one:
    # 22 to 26 ms a photo instead of 11 on two cores (docs/decisions/0034-no-spinning.md).
    session.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        model = get_model(str(path), providers=["CPUExecutionProvider"], sess_options=session, **options)
    except Exception as error:
        raise ModelNotUsable(f"{path} cannot be loaded: {error}") from error
    if model is None:
        raise ModelNotUsable(f"{path} is no model that InsightFace knows.")
    return model


def _batch_limit(recogniser: Any) -> int:
    """How many faces fit in one run: a graph may fix the number."""
    fixed = recogniser.input_shape[0]
    return fixed if isinstance(fixed, int) else _LARGEST_BATCH


def _describe(pack: Pack, recogniser: Any) -> FaceModelInfo:
    return FaceModelInfo(
        name=pack.name,
        engine="insightface",
        fingerprint=pack.fingerprint(),
        detector=pack.detector.stem,
        dimensions=int(recogniser.output_shape[-1]),
        licence=LICENCE,
        commercial_use=False,
        source=SOURCE,
    )
