"""Jobs: requested, waited for, cancelled, given up."""

from __future__ import annotations

import threading

import pytest
from procrastinate.exceptions import ConnectorException
from sqlalchemy import text, update

from app.db import TrainingJob
from app.errors import JobAlreadyFinished, JobCancelled, JobFailed, JobNotFound, WorkerDied
from app.services.paging import PageRequest
from app.services.training_jobs import MAX_FRUITLESS_ATTEMPTS, JobInterrupted, error_of, progress_of
from tests.unit.jobs.world import World


def test_job_and_queue_entry_are_stored_together(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna, requested_by=anna)
    with world.sessions() as session:
        queued = session.execute(text("SELECT id, task_name, lock, args, status FROM procrastinate_jobs")).all()
    assert queued == [(job.queue_job_id, "train", f"user:{anna}", {"job_id": job.id}, "todo")]


def test_neither_is_stored_if_the_queue_refuses(world: World):
    anna = world.user()
    world.photo(anna, 1)
    with world.sessions.begin() as session:
        session.execute(text("ALTER TABLE procrastinate_jobs ADD CONSTRAINT full_up CHECK (false) NOT VALID"))
    try:
        with pytest.raises(ConnectorException):
            world.training.request_incremental(anna)
    finally:
        with world.sessions.begin() as session:
            session.execute(text("ALTER TABLE procrastinate_jobs DROP CONSTRAINT full_up"))
    assert world.training.list(PageRequest()).total == 0


def test_waiting_ends_with_the_job(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    worker = threading.Thread(target=world.training.run, args=[job.id])
    worker.start()
    assert world.training.wait(job.id, 30).state == "succeeded"
    worker.join()


def test_waiting_ends_with_the_time(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    assert world.training.wait(job.id, 0.05).state == "queued"


def test_when_all_places_are_taken_nobody_waits(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    while world.training._places.acquire(blocking=False):
        pass
    assert world.training.wait(job.id, 30).state == "queued"


def test_waiting_for_a_job_that_is_not_there_is_told(world: World):
    with pytest.raises(JobNotFound):
        world.training.wait(4711, 1)


def test_a_queued_job_is_cancelled_at_once(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    assert world.training.cancel(job.id).state == "cancelled"
    world.training.run(job.id)
    assert world.gallery_photos() == {}
    assert isinstance(error_of(world.training.get_job(job.id)), JobCancelled)


def test_a_finished_job_cannot_be_cancelled(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.train(anna)
    with pytest.raises(JobAlreadyFinished, match="succeeded"):
        world.training.cancel(job.id)


def test_a_job_that_keeps_killing_its_worker_is_given_up(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)

    def die() -> None:
        raise KeyboardInterrupt

    world.engine.before_batch = die
    for _ in range(MAX_FRUITLESS_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            world.training.run(job.id)
    finished = world.run(job)
    assert isinstance(error_of(finished), WorkerDied)


def test_an_interrupted_job_goes_back_to_the_queue_and_the_attempt_does_not_count(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)
    with pytest.raises(JobInterrupted):
        world.training.run(job.id, lambda: True)
    back = world.training.get_job(job.id)
    assert (back.state, back.attempts) == ("queued", 0)
    assert world.run(job).state == "succeeded"


def test_a_run_that_was_taken_over_writes_nothing(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)

    def take_over() -> None:
        with world.sessions.begin() as session:
            session.execute(update(TrainingJob).values(attempts=TrainingJob.attempts + 1))

    world.engine.before_batch = take_over
    world.training.run(job.id)
    assert world.gallery_photos() == {}
    assert world.training.get_job(job.id).state == "running"


def test_an_unforeseen_error_fails_the_job_without_details(world: World, caplog: pytest.LogCaptureFixture):
    anna = world.user()
    world.photo(anna, 1)

    def fail() -> None:
        raise RuntimeError("secret path")

    world.engine.before_batch = fail
    job = world.train(anna)
    error = error_of(job)
    assert isinstance(error, JobFailed)
    assert "secret" not in error.detail
    assert "secret path" in caplog.text


def test_jobs_that_the_queue_lost_are_failed(world: World):
    anna = world.user()
    world.photo(anna, 1)
    lost = world.training.request_incremental(anna)
    kept = world.training.request_incremental(anna)
    with world.sessions.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": lost.queue_job_id})
    assert world.training.close_abandoned() == 1
    assert isinstance(error_of(world.training.get_job(lost.id)), WorkerDied)
    assert world.training.get_job(kept.id).state == "queued"


def test_jobs_are_listed_newest_first_and_per_person(world: World):
    anna, budi, admin = world.user(), world.user("Budi"), world.user("Admin")
    world.photo(anna, 1)
    world.photo(budi, 2)
    own = world.training.request_incremental(anna, requested_by=anna)
    by_admin = world.training.request_incremental(anna, requested_by=admin)
    other = world.training.request_incremental(budi, requested_by=admin)
    assert [job.id for job in world.training.list(PageRequest()).items] == [other.id, by_admin.id, own.id]
    assert [job.id for job in world.training.list(PageRequest(), anna).items] == [by_admin.id, own.id]
    assert [job.id for job in world.training.list(PageRequest(page=2, per_page=2)).items] == [own.id]


def test_progress_tells_rate_and_remaining_time(world: World):
    anna = world.user()
    for _ in range(64):
        world.photo(anna, 1)
    seen = []
    job = world.training.request_incremental(anna)
    world.engine.before_batch = lambda: seen.append(progress_of(world.training.get_job(job.id)))
    world.run(job)
    assert (seen[0].done, seen[0].total) == (0, 64)
    last = progress_of(world.training.get_job(job.id))
    assert (last.done, last.total, last.eta_seconds) == (64, 64, None)
    assert last.rate > 0


def test_status_counts_photos_embeddings_and_what_is_missing(world: World):
    anna, budi, citra = world.user(), world.user("Budi"), world.user("Citra")
    world.photo(anna, 1)
    world.train(anna)
    world.photo(anna, 1)
    world.photo(budi)
    found = world.training.status(PageRequest())
    assert found.live.model_name == "fake"
    standing = {user.user_id: user for user in found.users.items}
    assert [(standing[anna].photos, standing[anna].embeddings, standing[anna].missing)] == [(2, 1, 1)]
    assert standing[anna].due
    assert (standing[budi].missing, standing[budi].without_face, standing[budi].due) == (1, 1, False)
    assert (standing[citra].photos, standing[citra].due) == (0, False)
    assert [user.user_id for user in world.training.status(PageRequest(), budi).users.items] == [budi]
