"""Which workers are alive, and taking back the jobs of those that are not.

A worker holds an advisory lock, named after its id, on a connection of its own. PostgreSQL lets go of it the moment the
worker's process ends, however it ends: a killed program's jobs are known to be orphaned at the next start, without
waiting for its last heartbeat to grow old. Heartbeats remain for workers that hang.
"""

from __future__ import annotations

import logging

import psycopg
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg.rows import TupleRow

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]

#: First half of the advisory locks' keys; the second is the worker's id.
LOCK_CLASS = 0x776F726B
#: A worker that is alive but has not said so for this long hangs (heartbeats come every 10 seconds).
HANGING_SECONDS = 120

_HELD = f"""
    l.locktype = 'advisory' AND l.granted AND l.classid = {LOCK_CLASS}
    AND l.objid = (w.id % 2147483648)::int::oid AND l.objsubid = 2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND w.last_heartbeat > now() - interval '{HANGING_SECONDS} seconds'
"""  # noqa: S608 - constants only
#: How many programs work: each has a worker for every queue, and all their locks on one connection.
WORKERS = f"SELECT count(DISTINCT l.pid) FROM procrastinate_workers AS w JOIN pg_locks AS l ON {_HELD}"  # noqa: S608

#: Whether the worker of a row w is alive.
ALIVE = f"EXISTS (SELECT 1 FROM pg_locks AS l WHERE {_HELD})"  # noqa: S608 - constants only

_TAKE_BACK = f"""
WITH orphaned AS (
    SELECT job.id, job.queue_name FROM procrastinate_jobs AS job
    WHERE job.status = 'doing'
    AND NOT EXISTS (SELECT 1 FROM procrastinate_workers AS w WHERE w.id = job.worker_id AND {ALIVE})
    FOR UPDATE OF job SKIP LOCKED
)
SELECT orphaned.id, procrastinate_retry_job_v2(orphaned.id, now(), NULL, NULL, NULL),
    pg_notify(
        'procrastinate_queue_v1#' || orphaned.queue_name,
        json_build_object('type', 'job_inserted', 'job_id', orphaned.id)::text
    )
FROM orphaned
"""  # noqa: S608 - constants only


_WAKE = """
SELECT pg_notify(
    'procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', min(id))::text
)
FROM procrastinate_jobs WHERE lock = %(lock)s AND status = 'todo' GROUP BY queue_name
"""


class LivingJobManager(JobManager):
    """Procrastinate's manager, whose workers hold their lock."""

    def __init__(self, connector: BaseConnector, connection: Connection) -> None:
        """:param connection: stays open as long as the worker lives; autocommit."""
        super().__init__(connector)
        self._connection = connection

    async def register_worker(self) -> int:
        """Register a worker and take its lock, before it takes its first job."""
        worker_id = await super().register_worker()
        await self._connection.execute("SELECT pg_advisory_lock(%s, %s)", (LOCK_CLASS, worker_id % 2**31))
        return worker_id

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Finish a job, and say so to workers if another one waits for its lock: they would look in five seconds."""
        await super().finish_job(job, status, delete_job)
        if job.lock is not None:
            await self.connector.execute_query_async(_WAKE, lock=job.lock)


async def take_back_orphans(connection: Connection) -> int:
    """Return the jobs of dead workers to the queue; how many there were."""
    cursor = await connection.execute(_TAKE_BACK)
    orphans = await cursor.fetchall()
    if orphans:
        logger.warning("%d job(s) of a worker that died go on", len(orphans))
    return len(orphans)
