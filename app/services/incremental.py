"""Incremental training: one user's missing embeddings, replaced in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import FaceEmbedding, FaceGeneration, GenerationState, Photo, User, utc_now, vectors
from app.db.vectors import NewEmbedding
from app.engines.base import FaceEngine
from app.errors import NoUsablePhotos, UserNotFound
from app.services.enrolment import Skipped, embed_photos
from app.services.gallery import Gallery, LiveGeneration, find_live, lock_for_swap, lock_for_writing
from app.services.training_jobs import JobRun
from app.storage.base import Storage


class GalleryChanged(Exception):
    """Another model went live meanwhile."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do for a user."""

    photos: Sequence[Photo]
    #: photos that have an embedding already, and keep it
    kept: int


class IncrementalTraining:
    """Trains one user."""

    def __init__(self, sessions: sessionmaker[Session], gallery: Gallery, storage: Storage) -> None:
        self._sessions = sessions
        self._gallery = gallery
        self._storage = storage

    def run(self, run: JobRun) -> None:
        """Embed what is missing and store it. NoUsablePhotos if the user would have no embedding at all."""
        while True:
            engine = self._gallery.engine_for_jobs()
            try:
                self._run_with(run, engine)
            except GalleryChanged:
                continue
            self._gallery.changed()
            return

    def _run_with(self, run: JobRun, engine: FaceEngine) -> None:
        work = self._find_work(run, engine)
        run.expect(len(work.photos))
        embeddings: list[NewEmbedding] = []
        skipped: list[Skipped] = []
        for batch in embed_photos(engine, self._storage, work.photos):
            embeddings += batch.embeddings
            skipped += batch.skipped
            run.advance(batch.photos)
        if not embeddings and not work.kept:
            raise NoUsablePhotos
        self._store(run, engine, embeddings, skipped)

    def _find_work(self, run: JobRun, engine: FaceEngine) -> _Work:
        user_id = _user_of(run)
        with self._sessions() as session:
            photos = session.scalars(select(Photo).where(Photo.user_id == user_id).order_by(Photo.id)).all()
            live = find_live(session)
            if live is None or run.job.force:
                return _Work(photos, kept=0)
            if live.model != engine.info.key:
                raise GalleryChanged
            trained = set(
                session.scalars(
                    select(FaceEmbedding.photo_id).where(
                        FaceEmbedding.generation == live.id, FaceEmbedding.user_id == user_id
                    )
                )
            )
        return _Work([photo for photo in photos if photo.id not in trained], kept=len(trained))

    def _store(self, run: JobRun, engine: FaceEngine, embeddings: list[NewEmbedding], skipped: list[Skipped]) -> None:
        user_id = _user_of(run)
        with self._sessions.begin() as session:
            user = session.scalar(select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True))
            if user is None:
                raise UserNotFound
            # Photos that were deleted meanwhile are left out.
            there = set(
                session.scalars(
                    select(Photo.id)
                    .where(Photo.id.in_([new.photo_id for new in embeddings]))
                    .order_by(Photo.id)
                    .with_for_update(read=True, key_share=True)
                )
            )
            stored = [new for new in embeddings if new.photo_id in there]
            live = _live_for(session, engine.info.key)
            if run.job.force:
                vectors.delete_user(session, live.id, user_id)
            else:
                vectors.delete_photos(session, live.id, [new.photo_id for new in stored])
            vectors.insert(session, live.id, engine.info.key, stored)
            run.succeed(
                session, _result(run, user_id, stored, skipped, total=_photos_trained(session, live.id, user_id))
            )


def _live_for(session: Session, model: str) -> LiveGeneration:
    """The live generation, held until the end of the transaction; the first enrolment makes it."""
    if find_live(session) is None:
        lock_for_swap(session)
        if find_live(session) is None:
            session.add(FaceGeneration(model=model, state=GenerationState.LIVE.value, activated_at=utc_now()))
            session.flush()
    else:
        lock_for_writing(session)
    live = find_live(session)
    if live is None or live.model != model:
        raise GalleryChanged
    return live


def _photos_trained(session: Session, generation: int, user_id: int) -> int:
    return (
        session.scalar(
            select(func.count()).where(FaceEmbedding.generation == generation, FaceEmbedding.user_id == user_id)
        )
        or 0
    )


def _result(
    run: JobRun, user_id: int, stored: list[NewEmbedding], skipped: list[Skipped], *, total: int
) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "faces_processed": len(stored),
        "embeddings_created": len(stored),
        "embeddings_total": total,
        "processing_time_seconds": round(run.seconds, 3),
        "timestamp": utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "skipped": [photo.as_json() for photo in skipped],
    }


def _user_of(run: JobRun) -> int:
    if run.job.user_id is None:
        raise UserNotFound
    return run.job.user_id
