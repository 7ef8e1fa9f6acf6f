"""Putting jobs into the queue, in the transaction that makes them necessary."""

from __future__ import annotations

from procrastinate.contrib.sqlalchemy import SQLAlchemyPsycopg2Connector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db import JobKind, TrainingJob
from app.jobs.tasks import QUEUE, TRAIN

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
