"""Stored photos to embeddings: read, decode and find the face on other threads while the recogniser works."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from app.db import Photo
from app.db.vectors import NewEmbedding
from app.engines.base import Face, FaceEngine, Image
from app.engines.images import decode
from app.errors import KenaliError, NoFaceFound, PhotoFileMissing
from app.storage.base import Storage

#: Photos in one call of the recogniser: its time for each face no longer falls beyond this (bench/face_engine.py).
BATCH = 16
#: Threads that prepare photos; the recogniser itself uses every core.
_PREPARING_THREADS = 2
#: Photos that are prepared ahead of the recogniser.
_AHEAD = 2 * BATCH
#: Stored photos are 224x224 JPEGs of our own; what is far from that is not one.
_MAX_BYTES = 10_000_000
_MAX_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that gave no embedding, and why."""

    photo_id: int
    user_id: int
    filename: str
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "photo_id": self.photo_id,
            "user_id": self.user_id,
            "filename": self.filename,
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """What became of some photos."""

    embeddings: list[NewEmbedding]
    skipped: list[Skipped]

    @property
    def photos(self) -> int:
        """Photos that were looked at."""
        return len(self.embeddings) + len(self.skipped)


@dataclass(frozen=True, slots=True)
class _Prepared:
    photo: Photo
    image: Image
    face: Face


def embed_photos(engine: FaceEngine, storage: Storage, photos: Iterable[Photo]) -> Iterator[EmbeddedBatch]:
    """Embeddings of stored photos, in order, a batch at a time."""
    waiting = iter(photos)
    ahead: deque[Future[_Prepared | Skipped]] = deque()
    pool = ThreadPoolExecutor(_PREPARING_THREADS, thread_name_prefix="enrolment")
    try:
        while True:
            ahead.extend(
                pool.submit(_prepare, engine, storage, photo) for photo in islice(waiting, _AHEAD - len(ahead))
            )
            if not ahead:
                return
            batch = [ahead.popleft().result() for _ in range(min(BATCH, len(ahead)))]
            # Before the recogniser is busy with this batch, the next one is under way.
            ahead.extend(
                pool.submit(_prepare, engine, storage, photo) for photo in islice(waiting, _AHEAD - len(ahead))
            )
            yield _embed(engine, batch)
    finally:
        pool.shutdown(cancel_futures=True)


def _embed(engine: FaceEngine, batch: list[_Prepared | Skipped]) -> EmbeddedBatch:
    prepared = [item for item in batch if isinstance(item, _Prepared)]
    vectors = engine.embed_many([(item.image, item.face) for item in prepared])
    return EmbeddedBatch(
        embeddings=[
            NewEmbedding(item.photo.user_id, item.photo.id, vector, quality=_quality(item))
            for item, vector in zip(prepared, vectors, strict=True)
        ],
        skipped=[item for item in batch if isinstance(item, Skipped)],
    )


def _prepare(engine: FaceEngine, storage: Storage, photo: Photo) -> _Prepared | Skipped:
    try:
        try:
            data = storage.read(photo.storage_key)
        except FileNotFoundError:
            raise PhotoFileMissing from None
        image = decode(data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
        return _Prepared(photo, image, _find_face(engine, photo, image))
    except KenaliError as error:
        return Skipped(photo.id, photo.user_id, photo.filename, error.code, error.detail)


def _find_face(engine: FaceEngine, photo: Photo, image: Image) -> Face:
    """The face that the photo was cropped around.

    What the same detector saw in the original is taken over. Otherwise it is looked for in the crop, and of several
    faces the one nearest the centre is taken: a neighbour may be larger.
    """
    if photo.detector == engine.info.detector:
        if photo.crop_landmarks is None or photo.crop_box is None:
            raise NoFaceFound
        left, top, right, bottom = photo.crop_box
        return Face(
            box=(left, top, right, bottom),
            landmarks=np.asarray(photo.crop_landmarks, dtype=np.float32),
            score=float((photo.face or {}).get("score") or 0.0),
        )
    faces = engine.detect(image)
    if not faces:
        raise NoFaceFound
    height, width = image.shape[:2]
    return min(faces, key=lambda face: np.hypot(face.centre[0] - width / 2, face.centre[1] - height / 2))


def _quality(item: _Prepared) -> float:
    seen = (item.photo.face or {}).get("quality") or {}
    return float(seen.get("score", item.face.score))
