"""Use cases of the namespace ``training``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import FaceEmbedding, JobKind, Photo, TrainingJob, User
from app.db.connect import database_went_away
from app.errors import JobCancelled, JobFailed, KenaliError, NoUsablePhotos
from app.services.gallery import Gallery, LiveGeneration, find_live
from app.services.incremental import IncrementalTraining
from app.services.paging import Page, PageRequest, fetch_page
from app.services.rebuild import INDEX_FROM_PHOTOS, Rebuild
from app.services.training_jobs import (
    Enqueue,
    JobInterrupted,
    JobProgress,
    JobTakenOver,
    ShouldStop,
    TrainingJobs,
)
from app.services.users import get_user
from app.storage.base import Storage

logger = logging.getLogger(__name__)

#: A quarter of the server's usual sixteen threads.
MAX_WAITING = 4


@dataclass(frozen=True, slots=True)
class UserTraining:
    """How one user stands."""

    user_id: int
    name: str
    photos: int
    #: photos in the live gallery
    embeddings: int
    #: photos without an embedding in it
    missing: int
    #: of those, photos in which the detector saw no face: training will not help
    without_face: int

    @property
    def due(self) -> bool:
        """Whether training would add something."""
        return self.missing > self.without_face


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How everybody stands."""

    live: LiveGeneration | None
    users: Page[UserTraining]


class TrainingService:
    """Requests jobs, runs them, and tells about them."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        storage: Storage,
        *,
        enqueue: Enqueue,
        models_dir: Path,
        max_waiting: int = MAX_WAITING,
        index_from_photos: int = INDEX_FROM_PHOTOS,
    ) -> None:
        """
        :param enqueue: puts a job into the queue, in the transaction of the session it is given.
        :param models_dir: where ``face_db.npy`` is written.
        :param max_waiting: requests that may wait for their job at the same time.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._jobs = TrainingJobs(sessions, enqueue)
        self._places = threading.BoundedSemaphore(max_waiting)
        self._incremental = IncrementalTraining(sessions, gallery, storage)
        self._rebuild = Rebuild(sessions, gallery, storage, models_dir=models_dir, index_from_photos=index_from_photos)

    def request_incremental(self, user_id: int, *, force: bool = False, requested_by: int | None = None) -> TrainingJob:
        """A queued job that trains one user. UserNotFound; NoUsablePhotos if the user has no photo at all.

        :param force: embed every photo again, not only those that lack an embedding.
        """
        with self._sessions.begin() as session:
            get_user(session, user_id)
            if session.scalar(select(Photo.id).where(Photo.user_id == user_id).limit(1)) is None:
                raise NoUsablePhotos
            return self._jobs.request(
                session,
                TrainingJob(kind=JobKind.INCREMENTAL.value, user_id=user_id, force=force, requested_by=requested_by),
            )

    def request_rebuild(self, *, model: str | None = None, requested_by: int | None = None) -> TrainingJob:
        """A queued job that rebuilds the gallery; if one is under way, that one (RebuildUnderWay for another model).

        :param model: name of the model to change to; None keeps the pinned one.
        """
        return self._jobs.request_single(
            TrainingJob(kind=JobKind.REBUILD.value, model=model, requested_by=requested_by)
        )

    def wait(self, job_id: int, timeout_seconds: float) -> TrainingJob:
        """The job when it is finished, or as it is after the time; JobNotFound if it is gone.

        Somebody who waits keeps a thread of the server from everybody else: when all places are taken, the job is
        answered as it is.
        """
        if not self._places.acquire(blocking=False):
            return self._jobs.get(job_id)
        try:
            return self._jobs.wait(job_id, timeout_seconds)
        finally:
            self._places.release()

    def follow(self, job_id: int) -> Iterator[JobProgress]:
        """Progress until the job is finished; then raise why it did not succeed, if it did not."""
        return self._jobs.follow(job_id)

    def list(self, wanted: PageRequest, person: int | None = None) -> Page[TrainingJob]:
        """Jobs, newest first; with ``person``, those about them or requested by them."""
        return self._jobs.list(wanted, person)

    def get_job(self, job_id: int) -> TrainingJob:
        """One job; JobNotFound otherwise."""
        return self._jobs.get(job_id)

    def cancel(self, job_id: int) -> TrainingJob:
        """Cancel a job; the live gallery stays as it is. JobAlreadyFinished if it is too late."""
        return self._jobs.cancel(job_id)

    def run(self, job_id: int, should_stop: ShouldStop = lambda: False) -> None:
        """Do the work of a job. Called by the worker, again if an earlier attempt died.

        Raises JobInterrupted when it should stop, and the driver's errors when the database goes away: the queue tries
        again. Every other failure is written into the job.
        """
        run = self._jobs.begin(job_id, should_stop)
        if run is None:
            return
        work = self._incremental.run if run.job.kind == JobKind.INCREMENTAL else self._rebuild.run
        try:
            work(run)
        except JobInterrupted:
            self._jobs.give_back(run)
            raise
        except JobTakenOver:
            logger.warning("Training job %d was taken over, or its user was deleted", job_id)
        except JobCancelled as cancelled:
            self._jobs.end(run, cancelled)
        except KenaliError as error:
            self._jobs.end(run, error)
        except Exception as error:
            if database_went_away(error):
                raise
            logger.exception("Training job %d failed", job_id)
            self._jobs.end(run, JobFailed(f"The job failed: {type(error).__name__}. The log says more."))
        finally:
            self._jobs.finished(job_id)

    def close_abandoned(self) -> int:
        """Fail jobs that nobody will ever run; how many there were."""
        return self._jobs.close_abandoned()

    def status(
        self,
        wanted: PageRequest,
        person: int | None = None,
        *,
        user_ids: Collection[int] | None = None,
        due: bool = False,
    ) -> TrainingStatus:
        """How users stand, by id; with ``person``, that one alone.

        :param user_ids: only these; ids that are nobody's are left out.
        :param due: only users whom training would add something for.
        """
        query = select(User)
        if person is not None:
            query = query.where(User.id == person)
        if user_ids is not None:
            query = query.where(User.id.in_(user_ids))
        with self._sessions() as session:
            live = find_live(session)
            if due:
                query = query.where(_something_to_add(live))
            page = fetch_page(session, query.order_by(User.id), wanted)
            users = _standing(session, live, {user.id: user.name for user in page.items})
        return TrainingStatus(live, Page(users, page.total))


def _something_to_add(live: LiveGeneration | None) -> ColumnElement[bool]:
    """Whether a user has a photo that is not in the live gallery and may have a face; `UserTraining.due` in SQL."""
    embedded = exists().where(
        FaceEmbedding.photo_id == Photo.id, FaceEmbedding.generation == (live.id if live else None)
    )
    without_face = and_(Photo.detector.is_not(None), Photo.crop_landmarks.is_(None))
    return exists().where(Photo.user_id == User.id, ~embedded, ~without_face)


def _standing(session: Session, live: LiveGeneration | None, names: dict[int, str]) -> Sequence[UserTraining]:
    embedded = and_(FaceEmbedding.photo_id == Photo.id, FaceEmbedding.generation == (live.id if live else None))
    counts = {
        row.user_id: row
        for row in session.execute(
            select(
                Photo.user_id,
                func.count().label("photos"),
                func.count(FaceEmbedding.id).label("embeddings"),
                func.count()
                .filter(FaceEmbedding.id.is_(None), Photo.detector.is_not(None), Photo.crop_landmarks.is_(None))
                .label("without_face"),
            )
            .outerjoin(FaceEmbedding, embedded)
            .where(Photo.user_id.in_(names))
            .group_by(Photo.user_id)
        )
    }
    found = []
    for user_id, name in names.items():
        row = counts.get(user_id)
        photos, embeddings, without_face = (row.photos, row.embeddings, row.without_face) if row else (0, 0, 0)
        found.append(UserTraining(user_id, name, photos, embeddings, photos - embeddings, without_face))
    return found
