"""Full rebuild: a new generation beside the live one, swapped in one transaction.

Batches are committed as they are made, so that a rebuild whose worker died goes on where it stopped. Until the swap
nobody sees the new generation; a rebuild that ends otherwise leaves the live one as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, exists, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import FaceEmbedding, FaceGeneration, GenerationState, Photo, User, utc_now, vectors
from app.db.vectors import NewEmbedding
from app.engines.base import FaceEngine
from app.errors import JobCancelled, NoUsablePhotos
from app.services.enrolment import BATCH, Skipped, embed_photos
from app.services.gallery import Gallery, activate, find_live, lock_for_swap
from app.services.gallery_export import export_gallery
from app.services.training_jobs import JobRun
from app.storage.base import Storage

logger = logging.getLogger(__name__)

#: Photos that are read from the database at once.
_PAGE = 512
#: Embeddings that are committed at once: some two seconds of work with the larger models.
_COMMIT = 8 * BATCH
#: From this many photos on an index answers searches, in half the time (docs/decisions/0042-search-index.md).
INDEX_FROM_PHOTOS = 20_000
#: Probes that the recall of a new index is measured with.
RECALL_PROBES = 200
#: Skipped photos that are listed in the result.
_SKIPPED_SHOWN = 200


@dataclass(slots=True)
class _Build:
    """A generation under construction."""

    generation: int
    engine: FaceEngine
    #: photos that give no embedding, found by this run
    skipped: dict[int, Skipped] = field(default_factory=dict)
    #: photos up to this id have been looked at
    cursor: int = 0


class Rebuild:
    """Rebuilds the gallery."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        storage: Storage,
        *,
        models_dir: Path,
        index_from_photos: int = INDEX_FROM_PHOTOS,
    ) -> None:
        """
        :param models_dir: where ``face_db.npy`` is written.
        :param index_from_photos: size from which an index is built.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._storage = storage
        self._models_dir = models_dir
        self._index_from_photos = index_from_photos

    def run(self, run: JobRun) -> None:
        """Embed every photo, swap, tidy up, export. NoUsablePhotos if nobody could be recognised afterwards."""
        if run.job.result is not None:  # an earlier attempt got past the swap
            self._finish(run, run.job.result)
            return
        engine = self._gallery.engine_for_jobs(run.job.model)
        build = _Build(self._generation_for(run, engine.info.key), engine)
        try:
            self._fill(run, build)
            self._index(build)
            result = self._swap(run, build)
        except (JobCancelled, NoUsablePhotos):
            self._remove(build.generation)
            raise
        self._gallery.changed()
        self._finish(run, result)

    # --- filling

    def _generation_for(self, run: JobRun, model: str) -> int:
        """The generation under construction: the one that an earlier attempt left, or a new one."""
        with self._sessions.begin() as session:
            building = session.scalar(select(FaceGeneration).where(FaceGeneration.state == GenerationState.BUILDING))
            if building is not None and building.model != model:
                session.delete(building)
                session.flush()
                building = None
            if building is None:
                building = FaceGeneration(model=model, state=GenerationState.BUILDING.value)
                session.add(building)
                session.flush()
            run.confirm(session)
            return building.id

    def _fill(self, run: JobRun, build: _Build) -> None:
        with self._sessions() as session:
            total = session.scalar(select(func.count()).select_from(Photo)) or 0
            there = session.scalar(select(func.count()).where(FaceEmbedding.generation == build.generation)) or 0
        run.expect(total, done_before=there)
        embeddings: list[NewEmbedding] = []
        for batch in embed_photos(build.engine, self._storage, self._missing(build)):
            embeddings += batch.embeddings
            build.skipped.update((photo.photo_id, photo) for photo in batch.skipped)
            if len(embeddings) >= _COMMIT:
                self._store(run, build, embeddings)
                embeddings = []
            run.advance(batch.photos)
        self._store(run, build, embeddings)

    def _missing(self, build: _Build) -> Iterator[Photo]:
        """Photos without an embedding in this generation, those uploaded meanwhile included."""
        while True:
            with self._sessions() as session:
                page = session.scalars(
                    select(Photo)
                    .where(Photo.id > build.cursor, Photo.id.not_in(build.skipped), ~_embedded(build.generation))
                    .order_by(Photo.id)
                    .limit(_PAGE)
                ).all()
            if not page:
                return
            build.cursor = page[-1].id
            yield from page

    def _store(self, run: JobRun, build: _Build, embeddings: Sequence[NewEmbedding]) -> None:
        if not embeddings:
            return
        with self._sessions.begin() as session:
            # Users before photos before the job: the order in which deleting a user takes its locks.
            users = _lock(session, User, {new.user_id for new in embeddings})
            photos = _lock(session, Photo, {new.photo_id for new in embeddings})
            run.confirm(session)
            there = [new for new in embeddings if new.user_id in users and new.photo_id in photos]
            vectors.insert(session, build.generation, build.engine.info.key, there)
            run.stored(session)

    # --- swapping

    def _index(self, build: _Build) -> None:
        """Build the index of a large gallery, and measure it."""
        with self._sessions() as session:
            _people, photos = vectors.gallery_size(session, build.generation)
        if photos < self._index_from_photos:
            return
        logger.info("Building the search index over %d photos", photos)
        vectors.build_index(self._database(), build.generation)
        with self._sessions.begin() as session:
            recall, probes = vectors.measure_recall(session, build.generation, probes=RECALL_PROBES)
            session.execute(
                update(FaceGeneration)
                .where(FaceGeneration.id == build.generation)
                .values(indexed=True, index_recall=recall, index_probes=probes)
            )
        logger.info("The search index finds %.1f %% of the best matches (%d probes)", 100 * recall, probes)

    def _swap(self, run: JobRun, build: _Build) -> dict[str, Any]:
        """Make the new generation live, with everything that was trained or uploaded while it was built."""
        while True:
            with self._sessions.begin() as session:
                lock_for_swap(session)
                live = find_live(session)
                if live is not None and live.model == build.engine.info.key:
                    vectors.copy_missing(session, source=live.id, target=build.generation)
                late = session.scalars(
                    select(Photo.id).where(~_embedded(build.generation), Photo.id.not_in(build.skipped))
                ).all()
                if not late:
                    return self._make_live(session, run, build)
            # Photos whose upload was committed out of the order of their ids, or after the last look.
            build.cursor = min(late) - 1
            self._fill_late(run, build)

    def _fill_late(self, run: JobRun, build: _Build) -> None:
        for batch in embed_photos(build.engine, self._storage, self._missing(build)):
            build.skipped.update((photo.photo_id, photo) for photo in batch.skipped)
            self._store(run, build, batch.embeddings)
            run.advance(0)

    def _make_live(self, session: Session, run: JobRun, build: _Build) -> dict[str, Any]:
        people, photos = vectors.gallery_size(session, build.generation)
        uploaded = session.scalar(select(func.count()).select_from(Photo)) or 0
        # A change of model makes sense before anybody is enrolled, too.
        if photos == 0 and (uploaded > 0 or run.job.model is None):
            raise NoUsablePhotos("There is no photo with a usable face: upload some first.")
        activate(session, build.generation)
        skipped = [photo.as_json() for _, photo in sorted(build.skipped.items())]
        result = {
            "num_data": uploaded,
            "num_classes": people,
            "total_faces": photos,
            "training_time_seconds": round(run.seconds, 3),
            "training_time_minutes": round(run.seconds / 60, 2),
            "model": build.engine.info.key,
            "generation": build.generation,
            "skipped": skipped[:_SKIPPED_SHOWN],
            "skipped_total": len(skipped),
        }
        run.note(session, result)
        return result

    # --- afterwards

    def _finish(self, run: JobRun, result: dict[str, Any]) -> None:
        """Remove what is no longer needed, export the gallery, finish the job."""
        self._tidy()
        path = export_gallery(self._sessions, result["generation"], result["model"], self._models_dir)
        timestamp = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._sessions.begin() as session:
            run.succeed(session, {**result, "model_path": _shown(path), "timestamp": timestamp})

    def _tidy(self) -> None:
        """Keep one earlier generation if it was made with another model: the way back. Remove the others."""
        with self._sessions() as session:
            live = find_live(session)
            retired = session.scalars(
                select(FaceGeneration)
                .where(FaceGeneration.state == GenerationState.RETIRED)
                .order_by(FaceGeneration.activated_at.desc())
            ).all()
        others = [generation.id for generation in retired if live is None or generation.model != live.model]
        for generation in retired:
            if generation.id not in others[:1]:
                self._remove(generation.id)
        vectors.refresh_statistics(self._database())

    def _remove(self, generation: int) -> None:
        """Delete a generation that is not live."""
        with self._sessions.begin() as session:
            session.execute(
                delete(FaceGeneration).where(
                    FaceGeneration.id == generation, FaceGeneration.state != GenerationState.LIVE
                )
            )
        vectors.drop_index(self._database(), generation)

    def _database(self) -> Engine:
        bind = self._sessions.kw["bind"]
        if not isinstance(bind, Engine):
            raise TypeError("sessions must be bound to an engine")
        return bind


def _embedded(generation: int) -> Any:
    return exists().where(FaceEmbedding.generation == generation, FaceEmbedding.photo_id == Photo.id)


def _lock(session: Session, table: type[User | Photo], ids: set[int]) -> set[int]:
    """Hold rows against deletion, in the order of their ids; those that are still there."""
    return set(
        session.scalars(
            select(table.id).where(table.id.in_(ids)).order_by(table.id).with_for_update(read=True, key_share=True)
        )
    )


def _shown(path: Path) -> str:
    """The path as people know it: ``models/face_db.npy`` if that is where it is."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
