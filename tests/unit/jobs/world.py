"""A small world to train in: real database and storage, fake faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db import FaceEmbedding, FaceGeneration, GenerationState, Photo, TrainingJob, User
from app.engines.base import Embeddings, Face, Image
from app.engines.images import encode_jpeg, face_crop, resize_whole
from app.errors import ModelNotUsable
from app.jobs.queue import JobQueue
from app.services.gallery import Gallery
from app.services.training import TrainingService
from app.storage.local import LocalStorage
from tests.fakes import FakeFaceEngine, picture_of


@dataclass
class FakeEngines:
    """Stands for the registry: engines by name."""

    engines: dict[str, FakeFaceEngine]
    chosen: str

    def get(self, name: str) -> FakeFaceEngine:
        if name not in self.engines:
            raise ModelNotUsable(f"The face model {name} is not installed: run 'flask face download {name}'.")
        return self.engines[name]

    get_for_jobs = get

    def choose(self) -> str:
        return self.chosen

    def loaded(self, name: str) -> bool:
        return name in self.engines


@dataclass
class InterruptedEngine(FakeFaceEngine):
    """Calls back before each batch; what it raises ends the run like the death of its worker."""

    before_batch: Callable[[], None] = field(default=lambda: None)

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        self.before_batch()
        return super().embed_many(items)


class World:
    """Users, photos and training."""

    def __init__(self, sessions: sessionmaker[Session], folder: Path, *, index_from_photos: int = 20_000) -> None:
        self.sessions = sessions
        self.engine = InterruptedEngine()
        self.other = FakeFaceEngine(name="other", fingerprint="11111111")
        self.engines = FakeEngines({"fake": self.engine, "other": self.other}, "fake")
        self.storage = LocalStorage(folder / "dataset")
        self.models_dir = folder / "models"
        self.settings = Settings(_env_file=None, face_model="auto", instance_dir=folder / "instance")
        self.gallery = Gallery(sessions, self.engines, self.settings)
        self.queue = JobQueue(sessions.kw["bind"])
        self.training = TrainingService(
            sessions,
            self.gallery,
            self.storage,
            enqueue=self.queue.enqueue,
            models_dir=self.models_dir,
            index_from_photos=index_from_photos,
        )
        self._photos = 0

    def user(self, name: str = "Anna") -> int:
        """A new user's id."""
        with self.sessions.begin() as session:
            user = User(name=name, email=f"{name.lower()}-{session.scalar(select(User.id).order_by(-User.id))}@x.org")
            session.add(user)
            session.flush()
            return user.id

    def photo(self, user_id: int, *people: int, detector: str | None = "fake-squares") -> int:
        """Store a photo of people (hues of the fake engine); without any, a photo without a face."""
        self._photos += 1
        picture = picture_of(*people)
        faces = FakeFaceEngine().detect(picture)
        crop = face_crop(picture, faces[0]) if faces else None
        image = crop.image if crop else resize_whole(picture)
        data = encode_jpeg(image)
        key = f"{user_id}/photo-{self._photos}.jpg"
        self.storage.put(key, data)
        with self.sessions.begin() as session:
            photo = Photo(
                user_id=user_id,
                filename=f"photo-{self._photos}.jpg",
                storage_key=key,
                width=image.shape[1],
                height=image.shape[0],
                size_bytes=len(data),
                sha256="0" * 64,
                face={"detected": True, "score": 0.9, "quality": {"score": 0.8}} if crop else None,
                crop_landmarks=crop.landmarks.tolist() if crop else None,
                crop_box=list(map(float, crop.box)) if crop else None,
                detector=detector,
            )
            session.add(photo)
            session.flush()
            return photo.id

    def train(self, user_id: int, *, force: bool = False) -> TrainingJob:
        """Incremental training on this thread; the finished job."""
        return self.run(self.training.request_incremental(user_id, force=force))

    def rebuild(self, model: str | None = None) -> TrainingJob:
        """Full rebuild on this thread; the finished job."""
        return self.run(self.training.request_rebuild(model=model))

    def run(self, job: TrainingJob) -> TrainingJob:
        """Run a job on this thread; the finished job."""
        self.training.run(job.id)
        return self.training.get_job(job.id)

    def gallery_photos(self, state: GenerationState = GenerationState.LIVE) -> dict[int, int]:
        """Photo id -> user id of the embeddings in the generation of that state."""
        with self.sessions() as session:
            rows = session.execute(
                select(FaceEmbedding.photo_id, FaceEmbedding.user_id)
                .join(FaceGeneration, FaceGeneration.id == FaceEmbedding.generation)
                .where(FaceGeneration.state == state)
            )
            return dict(rows.all())

    def generations(self) -> list[tuple[str, str]]:
        """Model and state of each generation, by id."""
        with self.sessions() as session:
            rows = session.execute(select(FaceGeneration.model, FaceGeneration.state).order_by(FaceGeneration.id))
            return [(model, state) for model, state in rows]

    def probe(self, person: int) -> np.ndarray:
        """The embedding of a photo of that person."""
        picture = picture_of(person)
        engine = FakeFaceEngine()
        return engine.embed(picture, engine.detect(picture))[0]
