"""The worker: a thread with its own event loop, in the server or alone (``flask worker``).

If the database goes away, the worker starts again until it is back.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout
from sqlalchemy import text
from sqlalchemy.engine import URL

from app.jobs.liveness import WORKERS, Connection, LivingJobManager, take_back_orphans
from app.jobs.queue import JobQueue
from app.jobs.tasks import (
    DOWNLOADS,
    DOWNLOADS_QUEUE,
    DRIVE,
    DRIVE_QUEUE,
    EVENTS_QUEUE,
    INDEXING,
    PEOPLE,
    PEOPLE_QUEUE,
    PLACES,
    TRAINING,
    make_app,
)
from app.services.events.indexing import EventIndexing
from app.services.events.people import EventPeople
from app.services.events.zip_files import DownloadRunner
from app.services.google.drive_run import DriveSearchRunner
from app.services.health import PartHealth
from app.services.training import TrainingService

logger = logging.getLogger(__name__)

#: Jobs that are about to end may do so when the worker stops; others go back to the queue.
GRACE_SECONDS = 1.0
#: How often orphaned jobs are looked for while running.
LOOK_SECONDS = 5.0
#: How often photos of events, Drive searches and downloads are looked for that nobody would look at otherwise, and
#: downloads that have expired.
REQUEUE_SECONDS = 60.0
#: Pause before the worker starts again.
RESTART_SECONDS = 1.0
#: Longest time that `stop` waits for the thread.
STOP_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 5
#: How soon a cancellation that had no effect is repeated.
CANCEL_AGAIN_SECONDS = 0.5


#: Whether jobs of any queue could be worked on now.
_DUE = (
    "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs "
    "WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))"
)


class WorkerThread:
    """Runs jobs in this process, with the models that are loaded here."""

    def __init__(
        self,
        queue: JobQueue,
        training: TrainingService,
        indexing: EventIndexing | None = None,
        drive: DriveSearchRunner | None = None,
        *,
        downloads: DownloadRunner | None = None,
        people: EventPeople | None = None,
    ) -> None:
        """
        :param indexing: looks at photos of events; without it their queue is left to other workers.
        :param drive: searches Drive folders; the same.
        :param downloads: makes ZIP files; the same.
        :param people: counts the people of events; the same.
        """
        self._queue = queue
        self._training = training
        self._indexing = indexing
        self._drive = drive
        self._downloads = downloads
        self._context = {TRAINING: training, INDEXING: indexing, DRIVE: drive, DOWNLOADS: downloads, PEOPLE: people}
        works = {EVENTS_QUEUE: indexing, DRIVE_QUEUE: drive, DOWNLOADS_QUEUE: downloads, PEOPLE_QUEUE: people}
        left = {queue for queue, service in works.items() if service is None}
        self._places = {queue: places for queue, places in PLACES.items() if queue not in left}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._trouble: str | None = None

    def start(self) -> None:
        """Start the thread; nothing happens if it runs. Jobs of workers that died are taken up first."""
        if self._thread is not None:
            return
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._supervise()), name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the batch under way; unfinished jobs stay queued. Safe to call twice, or without `start`."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ready.wait(STOP_SECONDS)
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            logger.warning("The worker is still busy; its job will be taken up at the next start")

    def ping(self) -> PartHealth:
        """Whether jobs are worked on, here or elsewhere."""
        with self._queue.engine.connect() as connection:
            workers = connection.execute(text(WORKERS))
            states = connection.execute(
                text("SELECT state, count(*) FROM training_jobs WHERE state IN ('queued', 'running') GROUP BY state")
            )
            facts: dict[str, Any] = {"workers": workers.scalar_one(), "queued": 0, "running": 0}
            facts.update(dict(states.all()))
            due = connection.execute(text(_DUE)).scalar_one()
        detail = f"{facts['workers']} worker(s), {facts['queued']} queued, {facts['running']} running"
        if self._trouble is not None:
            return PartHealth(ok=False, detail=f"the worker cannot work: {self._trouble}", facts=facts)
        waiting_for_nobody = due and facts["workers"] == 0 and self._thread is None
        if waiting_for_nobody:
            detail += ": start flask worker, or set RUN_WORKER=true"
        return PartHealth(ok=not waiting_for_nobody, detail=detail, facts=facts)

    async def _supervise(self) -> None:
        """Run a worker, and another one when it falls, until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        while not self._stop.is_set():
            try:
                await self._work(self._stop)
            except (psycopg.Error, PoolTimeout, ProcrastinateException, OSError) as error:
                self._trouble = str(error.__cause__ or error).partition("\n")[0] or type(error).__name__
                logger.warning("The worker lost the database and starts again: %s", self._trouble)
            except Exception:
                self._trouble = "see the log"
                logger.exception("The worker failed and starts again")
            await _wait(self._stop, RESTART_SECONDS)

    async def _work(self, stop: asyncio.Event) -> None:
        """One worker, from registering to leaving. Returns when it should stop; raises when something broke."""
        conninfo = conninfo_of(self._queue.engine.url)
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as alive:
            # Each queue's worker listens on one connection and shares the others.
            connector = PsycopgConnector(
                conninfo=conninfo, min_size=1, max_size=3 + len(self._places), timeout=CONNECT_TIMEOUT_SECONDS
            )
            app = make_app(connector)
            app.job_manager = LivingJobManager(connector, alive)
            async with app.open_async():
                await take_back_orphans(alive)
                workers = [
                    Worker(
                        app,
                        queues=[queue],
                        name=queue,
                        concurrency=places,
                        shutdown_graceful_timeout=GRACE_SECONDS,
                        install_signal_handlers=False,
                        # What became of a job is told by our own tables; the queue keeps what is to be done.
                        delete_jobs="always",
                        additional_context=self._context,
                    )
                    for queue, places in self._places.items()
                ]
                runs = [asyncio.create_task(worker.run()) for worker in workers]  # type: ignore[no-untyped-call]
                looks = [asyncio.create_task(self._look_after(alive)), asyncio.create_task(self._requeue())]
                stopping = asyncio.create_task(stop.wait())
                self._trouble = None
                try:
                    await asyncio.wait({*runs, *looks, stopping}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    # Told, not cancelled: one that is just registering may lose a cancellation (see `_end`), and would
                    # then work on for ever.
                    for worker in workers:
                        worker.stop()  # type: ignore[no-untyped-call]
                    await _end({*looks, stopping})
                    outcomes = await asyncio.gather(*runs, *looks, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome

    async def _look_after(self, alive: Connection) -> None:
        """Take back what other workers left, and notice when our own lock's connection is gone."""
        while True:
            await asyncio.to_thread(self._training.close_abandoned)
            await asyncio.sleep(LOOK_SECONDS)
            await take_back_orphans(alive)

    async def _requeue(self) -> None:
        """Beside the other: it may have to load a model first."""
        while True:
            if self._downloads is not None:
                await asyncio.to_thread(self._downloads.requeue)
                await asyncio.to_thread(self._downloads.clean)
            if self._drive is not None:
                await asyncio.to_thread(self._drive.requeue)
            if self._indexing is not None:
                await asyncio.to_thread(self._indexing.requeue)
            await asyncio.sleep(REQUEUE_SECONDS)


def conninfo_of(url: URL) -> str:
    """SQLAlchemy's URL as libpq's connection string."""
    arguments: dict[str, Any] = url.translate_connect_args(username="user", database="dbname")
    arguments.update({name: value for name, value in url.query.items() if isinstance(value, str)})
    return make_conninfo(
        "",
        **arguments,
        application_name="kenali worker",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended: before Python 3.12, wait_for loses a cancellation that comes with its result."""
    while tasks := {task for task in tasks if not task.done()}:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CANCEL_AGAIN_SECONDS)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
