"""The life of a training job: requested, run, given up, finished. Knows nothing about faces.

A run holds a mark, the job's ``attempts``. Whoever takes a job over raises it, so that a run that was only thought to
be dead finds out with its next write, and writes nothing (`JobRun.confirm`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg2.errors import ForeignKeyViolation
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import JobKind, JobState, TrainingJob
from app.errors import (
    JobAlreadyFinished,
    JobCancelled,
    JobFailed,
    JobNotFound,
    KenaliError,
    RebuildUnderWay,
    UserNotFound,
    WorkerDied,
)
from app.services.paging import Page, PageRequest, fetch_page
from app.services.users import MAX_ID

logger = logging.getLogger(__name__)

#: A job whose worker died this often without having stored anything is given up: it is probably what kills it.
MAX_FRUITLESS_ATTEMPTS = 5
#: Progress is written at most this often; a cancellation is noticed as late.
PROGRESS_SECONDS = 0.25
#: How often progress is told to somebody who follows a job.
FOLLOW_SECONDS = 0.5
#: How often somebody who waits for a job of another process looks: quickly at first, then ever more slowly.
_FIRST_LOOK_SECONDS = 0.02
_LAST_LOOK_SECONDS = 0.5
_LOOK_GROWTH = 1.5

UNFINISHED = (JobState.QUEUED.value, JobState.RUNNING.value)

#: Puts a job into the queue, in the transaction of the session; answers the queue's id of it.
Enqueue = Callable[[Session, TrainingJob], int]
ShouldStop = Callable[[], bool]


class JobInterrupted(Exception):
    """The worker is being stopped: the job goes back to the queue."""


class JobTakenOver(Exception):
    """Another worker runs this job now, or it is gone."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is."""

    done: int
    #: None until it is known
    total: int | None
    #: photos a second; None before the first
    rate: float | None
    eta_seconds: float | None


def progress_of(job: TrainingJob) -> JobProgress:
    """Progress, rate and remaining time of a job."""
    rate = None
    if job.started_at is not None and job.updated_at is not None:
        seconds = (job.updated_at - job.started_at).total_seconds()
        fresh = job.done - job.done_before
        rate = fresh / seconds if fresh > 0 and seconds > 0 else None
    eta = None
    if rate and job.total is not None and job.state == JobState.RUNNING:
        eta = max(job.total - job.done, 0) / rate
    return JobProgress(job.done, job.total, rate, eta)


def error_of(job: TrainingJob) -> KenaliError | None:
    """Why a job did not succeed, as the error that it was; None if it did, or still runs."""
    if job.state == JobState.CANCELLED:
        return JobCancelled()
    if job.state != JobState.FAILED:
        return None
    known = {kind.code: kind for kind in KenaliError.__subclasses__()}
    return known.get(job.error_code or "", JobFailed)(job.error)


class JobRun:
    """One attempt at a job, on the thread that works on it."""

    def __init__(self, sessions: sessionmaker[Session], job: TrainingJob, should_stop: ShouldStop) -> None:
        self.job = job
        self._sessions = sessions
        self._should_stop = should_stop
        self._began = time.monotonic()
        self._next_write = 0.0
        self._done = 0

    @property
    def seconds(self) -> float:
        """How long this attempt has been running."""
        return time.monotonic() - self._began

    def confirm(self, session: Session) -> None:
        """Hold the job until the commit. JobTakenOver unless this run still owns it, JobCancelled if it is to end.

        Lock users and photos before, never after: that is the order in which deleting a user takes its locks.
        """
        cancelled = session.scalar(
            select(TrainingJob.cancel_requested)
            .where(
                TrainingJob.id == self.job.id,
                TrainingJob.attempts == self.job.attempts,
                TrainingJob.state == JobState.RUNNING,
            )
            .with_for_update()
        )
        if cancelled is None:
            raise JobTakenOver
        if cancelled:
            raise JobCancelled

    def expect(self, total: int, *, done_before: int = 0) -> None:
        """Say how many photos there are, and how many of them an earlier attempt has done."""
        self._done = done_before
        self._write(total=total, done=done_before, done_before=done_before)

    def advance(self, photos: int) -> None:
        """Say that more photos are done. Raises JobCancelled or JobInterrupted when it is time to end."""
        self._done += photos
        if self._should_stop():
            raise JobInterrupted
        if time.monotonic() >= self._next_write:
            self._write(done=self._done)

    def stored(self, session: Session) -> None:
        """Say, in the transaction that stores something, that this attempt was worth it."""
        session.execute(update(TrainingJob).where(TrainingJob.id == self.job.id).values(fruitless_attempts=0))

    def succeed(self, session: Session, result: Mapping[str, Any], **values: Any) -> None:
        """Finish the job in the transaction that does what it was for."""
        self.confirm(session)
        session.execute(
            update(TrainingJob)
            .where(TrainingJob.id == self.job.id)
            .values(
                state=JobState.SUCCEEDED.value,
                done=self._done,
                result=dict(result),
                updated_at=func.clock_timestamp(),
                finished_at=func.clock_timestamp(),
                **values,
            )
        )

    def note(self, session: Session, result: Mapping[str, Any]) -> None:
        """Keep a result before the job is finished, for an attempt that has to carry on from here."""
        self.confirm(session)
        session.execute(update(TrainingJob).where(TrainingJob.id == self.job.id).values(result=dict(result)))

    def _write(self, **values: Any) -> None:
        self._next_write = time.monotonic() + PROGRESS_SECONDS
        with self._sessions.begin() as session:
            cancelled = session.scalar(
                update(TrainingJob)
                .where(
                    TrainingJob.id == self.job.id,
                    TrainingJob.attempts == self.job.attempts,
                    TrainingJob.state == JobState.RUNNING,
                )
                .values(updated_at=func.clock_timestamp(), **values)
                .returning(TrainingJob.cancel_requested)
            )
        if cancelled is None:
            raise JobTakenOver
        if cancelled:
            raise JobCancelled


class TrainingJobs:
    """Stores jobs and lets people wait for them."""

    def __init__(self, sessions: sessionmaker[Session], enqueue: Enqueue) -> None:
        self._sessions = sessions
        self._enqueue = enqueue
        self._lock = threading.Lock()
        self._waiting: dict[int, list[threading.Event]] = {}

    # --- asked for

    def request(self, session: Session, job: TrainingJob) -> TrainingJob:
        """Store a job and queue it, both or neither. UserNotFound if the person it is about was deleted meanwhile."""
        session.add(job)
        try:
            session.flush()
        except IntegrityError as error:
            if isinstance(error.orig, ForeignKeyViolation):
                raise UserNotFound from None
            raise
        job.queue_job_id = self._enqueue(session, job)
        session.flush()
        session.refresh(job)
        return job

    def request_single(self, job: TrainingJob) -> TrainingJob:
        """The same for a rebuild, of which there is one at a time: the one under way, if there is one.

        RebuildUnderWay if that one changes to another model than is asked for.
        """
        while True:
            try:
                with self._sessions.begin() as session:
                    return self.request(session, job)
            except IntegrityError as error:
                if "uq_training_jobs_active_rebuild" not in str(error.orig):
                    raise
            with self._sessions() as session:
                running = session.scalar(
                    select(TrainingJob).where(TrainingJob.kind == JobKind.REBUILD, TrainingJob.state.in_(UNFINISHED))
                )
            if running is not None:
                if job.model is not None and job.model != running.model:
                    raise RebuildUnderWay
                return running
            job = TrainingJob(kind=job.kind, model=job.model, requested_by=job.requested_by)

    def get(self, job_id: int) -> TrainingJob:
        """One job; JobNotFound otherwise."""
        with self._sessions() as session:
            job = session.get(TrainingJob, job_id) if 0 < job_id <= MAX_ID else None
        if job is None:
            raise JobNotFound(f"There is no job with the id {job_id}.")
        return job

    def list(self, wanted: PageRequest, person: int | None = None) -> Page[TrainingJob]:
        """Jobs, newest first; of one person, those about them or requested by them."""
        query = select(TrainingJob).order_by(TrainingJob.id.desc())
        if person is not None:
            query = query.where(or_(TrainingJob.user_id == person, TrainingJob.requested_by == person))
        with self._sessions() as session:
            return fetch_page(session, query, wanted)

    def cancel(self, job_id: int) -> TrainingJob:
        """Cancel a queued job at once, a running one between two batches; JobAlreadyFinished otherwise."""
        with self._sessions.begin() as session:
            job = session.get(TrainingJob, job_id, with_for_update=True) if 0 < job_id <= MAX_ID else None
            if job is None:
                raise JobNotFound(f"There is no job with the id {job_id}.")
            if JobState(job.state).finished:
                raise JobAlreadyFinished(f"The job is finished ({job.state}); it cannot be cancelled any more.")
            if job.result is not None:
                raise JobAlreadyFinished("The new gallery is live already; the job cannot be cancelled any more.")
            job.cancel_requested = True
            if job.state == JobState.QUEUED:
                job.state = JobState.CANCELLED.value
                job.finished_at = func.now()
            session.flush()
            session.refresh(job)
        if job.state == JobState.CANCELLED:
            self._announce(job_id)
        return job

    def wait(self, job_id: int, timeout_seconds: float) -> TrainingJob:
        """The job when it is finished, or as it is after the time."""
        deadline = time.monotonic() + timeout_seconds
        pause = _FIRST_LOOK_SECONDS
        with self._event(job_id) as finished:
            while True:
                job = self.get(job_id)
                remaining = deadline - time.monotonic()
                if JobState(job.state).finished or remaining <= 0:
                    return job
                finished.wait(min(pause, remaining))
                finished.clear()
                pause = min(pause * _LOOK_GROWTH, _LAST_LOOK_SECONDS)

    def follow(self, job_id: int) -> Iterator[JobProgress]:
        """Progress until the job is finished; then raise why it did not succeed, if it did not."""
        while True:
            job = self.wait(job_id, FOLLOW_SECONDS)
            yield progress_of(job)
            if JobState(job.state).finished:
                error = error_of(job)
                if error is not None:
                    raise error
                return

    # --- worked on

    def begin(self, job_id: int, should_stop: ShouldStop) -> JobRun | None:
        """Start an attempt; None if there is nothing (more) to do."""
        with self._sessions.begin() as session:
            job = session.scalar(
                update(TrainingJob)
                .where(TrainingJob.id == job_id, TrainingJob.state.in_(UNFINISHED))
                .values(
                    state=JobState.RUNNING.value,
                    attempts=TrainingJob.attempts + 1,
                    fruitless_attempts=TrainingJob.fruitless_attempts + 1,
                    started_at=func.clock_timestamp(),
                    updated_at=func.clock_timestamp(),
                )
                .returning(TrainingJob)
            )
        if job is None:
            return None
        run = JobRun(self._sessions, job, should_stop)
        if job.cancel_requested:
            self.end(run, JobCancelled())
            return None
        if job.fruitless_attempts > MAX_FRUITLESS_ATTEMPTS:
            self.end(run, WorkerDied())
            return None
        return run

    def end(self, run: JobRun, error: KenaliError) -> None:
        """Finish a job that did not succeed, unless somebody else has it by now."""
        cancelled = isinstance(error, JobCancelled)
        with self._sessions.begin() as session:
            session.execute(
                update(TrainingJob)
                .where(
                    TrainingJob.id == run.job.id,
                    TrainingJob.attempts == run.job.attempts,
                    TrainingJob.state == JobState.RUNNING,
                )
                .values(
                    state=(JobState.CANCELLED if cancelled else JobState.FAILED).value,
                    error_code=None if cancelled else error.code,
                    error=None if cancelled else error.detail,
                    result=None,
                    updated_at=func.clock_timestamp(),
                    finished_at=func.clock_timestamp(),
                )
            )
        self.finished(run.job.id)

    def give_back(self, run: JobRun) -> None:
        """Return an interrupted job to the queue's care; the attempt does not count."""
        with self._sessions.begin() as session:
            session.execute(
                update(TrainingJob)
                .where(
                    TrainingJob.id == run.job.id,
                    TrainingJob.attempts == run.job.attempts,
                    TrainingJob.state == JobState.RUNNING,
                )
                .values(
                    state=JobState.QUEUED.value,
                    attempts=TrainingJob.attempts - 1,
                    fruitless_attempts=func.greatest(TrainingJob.fruitless_attempts - 1, 0),
                )
            )

    def finished(self, job_id: int) -> None:
        """Wake whoever waits for a job in this process."""
        self._announce(job_id)

    def close_abandoned(self) -> int:
        """Fail jobs that the queue no longer knows; how many there were."""
        with self._sessions.begin() as session:
            abandoned = session.scalars(
                update(TrainingJob)
                .where(
                    TrainingJob.state.in_(UNFINISHED),
                    text(
                        "NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS queued "
                        "WHERE queued.id = training_jobs.queue_job_id AND queued.status IN ('todo', 'doing'))"
                    ),
                )
                .values(
                    state=JobState.FAILED.value,
                    error_code=WorkerDied.code,
                    error=WorkerDied().detail,
                    finished_at=func.clock_timestamp(),
                )
                .returning(TrainingJob.id)
            ).all()
        for job_id in abandoned:
            self._announce(job_id)
        return len(abandoned)

    # --- waited for

    @contextmanager
    def _event(self, job_id: int) -> Iterator[threading.Event]:
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(job_id, []).append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._waiting[job_id].remove(event)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]

    def _announce(self, job_id: int) -> None:
        with self._lock:
            for event in self._waiting.get(job_id, ()):
                event.set()
