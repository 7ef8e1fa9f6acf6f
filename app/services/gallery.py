"""The gallery: which generation is live, and the engine that belongs to it.

The first enrolment pins the model: from then on the engine is that of the live generation, whatever FACE_MODEL says,
until a full rebuild with another model replaces the generation as a whole.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db import FaceGeneration, GenerationState, vectors
from app.engines.base import FaceEngine
from app.errors import ModelDownloadFailed, ModelNotUsable, NoEarlierGallery, StorageFull
from app.services.health import PartHealth

logger = logging.getLogger(__name__)

#: How long another process's swap may go unnoticed. Until then a search is answered from the generation before, whole.
LIVE_CACHE_SECONDS = 1.0
#: Key of the advisory lock: shared by whoever writes into the live generation, exclusive for whoever swaps it.
_LOCK = 0x67616C6C


class FaceEngineSource(Protocol):
    """What the gallery needs of `app.engines.face.registry.FaceEngines`."""

    def get(self, name: str) -> FaceEngine:
        """The engine of that name, for requests."""

    def get_for_jobs(self, name: str) -> FaceEngine:
        """The same engine for background jobs."""

    def choose(self) -> str:
        """The name that FACE_MODEL stands for."""

    def loaded(self, name: str) -> bool:
        """Whether the engine is in memory."""


@dataclass(frozen=True, slots=True)
class LiveGeneration:
    """The generation that answers."""

    id: int
    #: `FaceModelInfo.key` of everything in it
    model: str
    activated_at: datetime | None
    #: whether an index answers searches, how many best matches it finds, and over how many probes that was measured
    indexed: bool
    index_recall: float | None
    index_probes: int

    @property
    def model_name(self) -> str:
        """Name of the model, without the fingerprint."""
        return split_key(self.model)[0]


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What is enrolled."""

    #: None before the first enrolment
    live: LiveGeneration | None
    people: int
    photos: int


def split_key(key: str) -> tuple[str, str]:
    """Name and fingerprint of a `FaceModelInfo.key`."""
    name, _, fingerprint = key.rpartition("@")
    return name, fingerprint


def lock_for_writing(session: Session) -> None:
    """Until the end of the transaction the live generation stays the live one. Call it before looking which it is."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _LOCK})


def lock_for_swap(session: Session) -> None:
    """Until the end of the transaction nobody else writes into the live generation or swaps it."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def find_live(session: Session) -> LiveGeneration | None:
    """The live generation, or None before the first enrolment."""
    row = session.scalar(select(FaceGeneration).where(FaceGeneration.state == GenerationState.LIVE))
    if row is None:
        return None
    return LiveGeneration(row.id, row.model, row.activated_at, row.indexed, row.index_recall, row.index_probes)


class Gallery:
    """Finds the live generation and its engine. One instance serves the process."""

    def __init__(self, sessions: sessionmaker[Session], engines: FaceEngineSource, settings: Settings) -> None:
        self._sessions = sessions
        self._engines = engines
        self._wanted = settings.face_model
        self._lock = threading.Lock()
        self._cached: LiveGeneration | None = None
        self._cached_until = 0.0
        self._told: str | None = None
        #: why the engine could not be had the last time that it was asked for
        self._trouble: str | None = None

    def active_engine(self) -> FaceEngine:
        """The engine of the live generation; before the first enrolment, the one that FACE_MODEL stands for.

        Raises ModelNotUsable, with what to do, if the pinned model is missing or its weights have changed.
        """
        live = self.live()
        try:
            if live is None:
                engine = self._engines.get(self._engines.choose())
            else:
                engine = _same_model(self._engines.get(live.model_name), live.model)
        except (ModelNotUsable, ModelDownloadFailed, StorageFull) as error:
            self._trouble = error.detail
            raise
        self._trouble = None
        return engine

    def engine_for_jobs(self, model: str | None = None) -> FaceEngine:
        """The engine for a job: that of the live generation, or the named one, which need not be pinned."""
        if model is not None:
            return self._engines.get_for_jobs(_folder_name(model))
        with self._sessions() as session:
            live = find_live(session)
        if live is None:
            return self._engines.get_for_jobs(self._engines.choose())
        return _same_model(self._engines.get_for_jobs(live.model_name), live.model)

    def live(self) -> LiveGeneration | None:
        """The live generation, at most a second old; None before the first enrolment."""
        if time.monotonic() < self._cached_until:
            return self._cached
        with self._lock:
            if time.monotonic() < self._cached_until:
                return self._cached
            with self._sessions() as session:
                self._cached = find_live(session)
            self._cached_until = time.monotonic() + LIVE_CACHE_SECONDS
            live = self._cached
        self._tell_if_another_is_wanted(live)
        return live

    def changed(self) -> None:
        """The live generation was made or swapped: look again at the next call."""
        self._cached_until = 0.0

    def loaded(self, name: str) -> bool:
        """Whether that model is in memory."""
        return self._engines.loaded(name)

    def summary(self) -> GallerySummary:
        """Live generation, people and photos."""
        with self._sessions() as session:
            live = find_live(session)
            people, photos = vectors.gallery_size(session, live.id) if live else (0, 0)
        return GallerySummary(live, people, photos)

    def rollback(self) -> LiveGeneration:
        """Make the generation before the last change of model live again; NoEarlierGallery if there is none.

        People who were enrolled since then have to be trained again: incremental training finds what is missing.
        """
        with self._sessions.begin() as session:
            lock_for_swap(session)
            earlier = session.scalar(
                select(FaceGeneration)
                .where(FaceGeneration.state == GenerationState.RETIRED)
                .order_by(FaceGeneration.activated_at.desc())
                .limit(1)
            )
            if earlier is None:
                raise NoEarlierGallery
            activate(session, earlier.id)
            session.flush()
            live = find_live(session)
        self.changed()
        if live is None:  # activate has just made one
            raise NoEarlierGallery
        return live

    def ping(self) -> PartHealth:
        """Whether faces can be recognised, without loading anything."""
        summary = self.summary()
        live = summary.live
        if live is None:
            return PartHealth(
                ok=self._trouble is None,
                detail=self._trouble or "nobody is enrolled yet",
                facts={"model": None, "people": 0, "photos": 0, "loaded": False},
            )
        loaded = self._engines.loaded(live.model_name)
        if loaded:
            _same_model(self._engines.get(live.model_name), live.model)
        return PartHealth(
            ok=self._trouble is None,
            detail=self._trouble or f"{live.model_name}, {summary.people} people enrolled",
            facts={"model": live.model, "people": summary.people, "photos": summary.photos, "loaded": loaded},
        )

    def _tell_if_another_is_wanted(self, live: LiveGeneration | None) -> None:
        wanted = _folder_name(self._wanted)
        if live is None or wanted in {"auto", live.model_name} or self._told == live.model:
            return
        self._told = live.model
        logger.warning(
            "FACE_MODEL=%s, but everybody is enrolled with %s, which stays in use. To change: flask face use %s",
            self._wanted,
            live.model_name,
            wanted,
        )


def activate(session: Session, generation: int) -> None:
    """Make a generation live and retire the one that was; under `lock_for_swap`."""
    session.execute(
        update(FaceGeneration)
        .where(FaceGeneration.state == GenerationState.LIVE)
        .values(state=GenerationState.RETIRED.value)
    )
    session.execute(
        update(FaceGeneration)
        .where(FaceGeneration.id == generation)
        .values(state=GenerationState.LIVE.value, activated_at=func.clock_timestamp())
    )


def _same_model(engine: FaceEngine, key: str) -> FaceEngine:
    if engine.info.key != key:
        name, fingerprint = split_key(key)
        raise ModelNotUsable(
            f"Everybody is enrolled with {name} (weights {fingerprint}), and the installed weights of {name} are "
            f"others ({engine.info.fingerprint}): put the former ones back, or run 'flask face use {name}' to enrol "
            "everybody again."
        )
    return engine


def _folder_name(model: str) -> str:
    """A model is known by its name; a pack given as a path, by the name of its folder."""
    return Path(model).name or model
