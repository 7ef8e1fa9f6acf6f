"""Putting jobs into the queue, in the transaction that makes them necessary."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate.contrib.sqlalchemy import SQLAlchemyPsycopg2Connector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db import DriveSearch, JobKind, TrainingJob
from app.jobs.tasks import (
    COUNT_PEOPLE,
    DOWNLOADS_QUEUE,
    DRIVE_QUEUE,
    DRIVE_SEARCH,
    EVENTS_QUEUE,
    INDEX_IMAGE,
    MAKE_DOWNLOAD,
    PEOPLE_QUEUE,
    QUEUE,
    TRAIN,
)

#: Somebody waits for one user's training; a rebuild takes minutes anyhow.
_INCREMENTAL_PRIORITY = 10
_REBUILD_PRIORITY = 0


class JobQueue:
    """The queue in the database of an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._manager = JobManager(SQLAlchemyPsycopg2Connector())

    def enqueue(self, session: Session, job: TrainingJob) -> int:
        """Queue a training job: it is seen by workers when the session's transaction is committed, and not before.

        Jobs of one user run one after the other, and so do rebuilds.
        """
        rebuild = job.kind == JobKind.REBUILD
        queued = self._manager.defer_job(
            Job(
                id=None,
                queue=QUEUE,
                task_name=TRAIN,
                lock="rebuild" if rebuild else f"user:{job.user_id}",
                queueing_lock=None,
                priority=_REBUILD_PRIORITY if rebuild else _INCREMENTAL_PRIORITY,
                task_kwargs={"job_id": job.id},
            ),
            connection=session.connection(),
        )
        if queued.id is None:
            raise RuntimeError("the queue gave the job no id")
        return queued.id

    def enqueue_images(self, session: Session, image_ids: Sequence[int]) -> list[int]:
        """Queue photos of events to be looked at, one job each; ids of the jobs in the same order.

        They have no lock: two looks at one photo do no harm (`app.services.events.indexing`).
        """
        return self.enqueue_all(session, EVENTS_QUEUE, INDEX_IMAGE, [{"image_id": image_id} for image_id in image_ids])

    def enqueue_download(self, session: Session, download_id: int) -> int:
        """Queue a ZIP file to be written."""
        [job] = self.enqueue_all(session, DOWNLOADS_QUEUE, MAKE_DOWNLOAD, [{"download_id": download_id}])
        return job

    def enqueue_people(self, session: Session, event_id: int) -> int:
        """Queue the people of an event to be counted."""
        [job] = self.enqueue_all(session, PEOPLE_QUEUE, COUNT_PEOPLE, [{"event_id": event_id}])
        return job

    def enqueue_drive_search(self, session: Session, search: DriveSearch) -> int:
        """Queue a search; those of one folder run one after the other, so that each picture is looked at once."""
        job = Job(
            id=None,
            queue=DRIVE_QUEUE,
            task_name=DRIVE_SEARCH,
            lock=f"drive:{search.folder_id}",
            queueing_lock=None,
            task_kwargs={"search_id": search.id},
        )
        queued = self._manager.defer_job(job, connection=session.connection())
        if queued.id is None:
            raise RuntimeError("the queue gave the job no id")
        return queued.id

    def enqueue_all(self, session: Session, queue: str, task: str, arguments: Sequence[dict[str, int]]) -> list[int]:
        """Queue jobs of one task, seen by workers when the transaction is committed; their ids in the same order."""
        jobs = [
            Job(id=None, queue=queue, task_name=task, lock=None, queueing_lock=None, task_kwargs=dict(kwargs))
            for kwargs in arguments
        ]
        queued = self._manager.batch_defer_jobs(jobs, connection=session.connection()) if jobs else []
        return [job.id for job in queued if job.id is not None]
