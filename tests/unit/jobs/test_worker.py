"""The worker thread, on the real queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from app.db import TrainingJob
from app.jobs.worker import WorkerThread, conninfo_of
from app.services.paging import PageRequest
from tests.unit.jobs.world import World

Answer = TypeVar("Answer")

#: Far beyond what anything here takes; a test that needs it has failed.
PATIENCE_SECONDS = 30


@pytest.fixture
def worker(world: World) -> Iterator[WorkerThread]:
    """A worker that was not started yet."""
    worker = WorkerThread(world.queue, world.training)
    yield worker
    worker.stop()


def _wait_until_ready(world: World, worker: WorkerThread) -> None:
    """Run one job through it."""
    user = world.user("Ready")
    world.photo(user, 0)
    assert world.training.wait(world.training.request_incremental(user).id, PATIENCE_SECONDS).state == "succeeded"


def _despite_cuts(ask: Callable[[], Answer]) -> Answer:
    """The answer of what loses its own connection too: those in the pool are found dead one by one."""
    for _ in range(10):
        try:
            return ask()
        except OperationalError:
            continue
    return ask()


def test_a_requested_job_is_done(world: World, worker: WorkerThread):
    anna = world.user()
    photo = world.photo(anna, 1)
    worker.start()
    job = world.training.request_incremental(anna)
    assert world.training.wait(job.id, PATIENCE_SECONDS).state == "succeeded"
    assert world.gallery_photos() == {photo: anna}


def test_jobs_requested_before_the_start_are_done(world: World, worker: WorkerThread):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    worker.start()
    assert world.training.wait(job.id, PATIENCE_SECONDS).state == "succeeded"


def test_finished_jobs_leave_the_queue(world: World, worker: WorkerThread):
    worker.start()
    _wait_until_ready(world, worker)
    worker.stop()
    with world.sessions() as session:
        assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM procrastinate_workers")).scalar_one() == 0


def test_a_rebuild_does_not_keep_people_waiting_for_their_own_training(world: World, worker: WorkerThread):
    anna, budi = world.user(), world.user("Budi")
    world.photo(anna, 1)
    world.photo(budi, 2)
    rebuilding, finish = threading.Event(), threading.Event()
    first_thread: list[int] = []

    def hold_the_rebuild() -> None:
        if not first_thread:
            first_thread.append(threading.get_ident())
            rebuilding.set()
            finish.wait(PATIENCE_SECONDS)

    world.engine.before_batch = hold_the_rebuild
    worker.start()
    rebuild = world.training.request_rebuild()
    assert rebuilding.wait(PATIENCE_SECONDS)
    own = world.training.wait(world.training.request_incremental(budi).id, PATIENCE_SECONDS)
    still = world.training.get_job(rebuild.id).state
    finish.set()
    assert (own.state, still) == ("succeeded", "running")
    assert world.training.wait(rebuild.id, PATIENCE_SECONDS).state == "succeeded"


def test_jobs_of_one_user_run_one_after_the_other(world: World, worker: WorkerThread):
    anna = world.user()
    world.photo(anna, 1)
    running: list[str] = []
    most = 0
    lock = threading.Lock()

    def count() -> None:
        nonlocal most
        with lock:
            running.append("")
            most = max(most, len(running))
        threading.Event().wait(0.02)
        with lock:
            running.pop()

    world.engine.before_batch = count
    jobs = [world.training.request_incremental(anna, force=True) for _ in range(4)]
    worker.start()
    assert {world.training.wait(job.id, PATIENCE_SECONDS).state for job in jobs} == {"succeeded"}
    assert most == 1


def test_the_job_of_a_dead_worker_goes_on_at_the_next_start(world: World, worker: WorkerThread):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    with world.sessions.begin() as session:  # what a killed program leaves: a fresh heartbeat, and nobody behind it
        dead = session.execute(text("SELECT worker_id FROM procrastinate_register_worker_v1()")).scalar_one()
        session.execute(
            text("SELECT * FROM procrastinate_fetch_job_v2(ARRAY['training']::varchar[], :worker)"), {"worker": dead}
        )
        session.execute(update(TrainingJob).values(state="running", attempts=1))
    worker.start()
    finished = world.training.wait(job.id, PATIENCE_SECONDS)
    assert (finished.state, finished.attempts) == ("succeeded", 2)


def test_the_job_of_a_living_worker_is_left_alone(world: World, worker: WorkerThread):
    anna = world.user()
    world.photo(anna, 1)
    working, finish = threading.Event(), threading.Event()

    def hold() -> None:
        working.set()
        finish.wait(PATIENCE_SECONDS)

    world.engine.before_batch = hold
    worker.start()
    job = world.training.request_incremental(anna)
    assert working.wait(PATIENCE_SECONDS)
    second = WorkerThread(world.queue, world.training)
    second.start()
    budi = world.user("Budi")
    world.photo(budi, 2)
    second_job = world.training.request_incremental(budi)
    finish.set()
    assert world.training.wait(second_job.id, PATIENCE_SECONDS).state == "succeeded"
    second.stop()
    finished = world.training.wait(job.id, PATIENCE_SECONDS)
    assert (finished.state, finished.attempts) == ("succeeded", 1)


def test_stopping_puts_an_unfinished_job_back(world: World, worker: WorkerThread):
    anna = world.user()
    for _ in range(64):
        world.photo(anna, 1)
    working = threading.Event()

    def slowly() -> None:
        working.set()
        threading.Event().wait(0.8)

    world.engine.before_batch = slowly
    worker.start()
    job = world.training.request_rebuild()
    assert working.wait(PATIENCE_SECONDS)
    worker.stop()
    assert world.training.get_job(job.id).state == "queued"
    world.engine.before_batch = lambda: None
    again = WorkerThread(world.queue, world.training)
    again.start()
    finished = world.training.wait(job.id, PATIENCE_SECONDS)
    again.stop()
    assert (finished.state, finished.attempts) == ("succeeded", 1)


def test_a_worker_whose_connections_were_cut_comes_back(world: World, worker: WorkerThread):
    worker.start()
    _wait_until_ready(world, worker)
    with world.sessions.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'kenali worker'"
            )
        )
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    assert world.training.wait(job.id, PATIENCE_SECONDS).state == "succeeded"


def test_a_job_whose_connection_is_cut_is_tried_again(world: World, worker: WorkerThread):
    anna = world.user()
    photo = world.photo(anna, 1)
    cut = iter([True])

    def cut_once() -> None:
        if next(cut, False):
            with world.sessions() as session:
                own = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND pid <> :own"
                    ),
                    {"own": own},
                )

    world.engine.before_batch = cut_once
    worker.start()
    job = world.training.request_incremental(anna)
    assert _despite_cuts(lambda: world.training.wait(job.id, PATIENCE_SECONDS)).state == "succeeded"
    assert _despite_cuts(world.gallery_photos) == {photo: anna}


def test_ping_tells_workers_and_waiting_jobs(world: World, worker: WorkerThread):
    anna = world.user()
    world.photo(anna, 1)
    assert worker.ping().ok
    world.training.request_incremental(anna)
    waiting = worker.ping()
    assert (waiting.ok, waiting.facts) == (False, {"workers": 0, "queued": 1, "running": 0})
    worker.start()
    world.training.wait(world.training.list(PageRequest()).items[0].id, PATIENCE_SECONDS)
    health = worker.ping()
    assert (health.ok, health.facts) == (True, {"workers": 1, "queued": 0, "running": 0})


def test_stop_without_start_does_nothing(world: World):
    WorkerThread(world.queue, world.training).stop()


def test_the_worker_connects_where_the_engine_does(world: World):
    url = world.queue.engine.url
    assert f"dbname={url.database}" in conninfo_of(url)
    assert f"host={url.query['host']}" in conninfo_of(url)
