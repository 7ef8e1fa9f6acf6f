"""Looking for faces on the photos of events: the worker, its deaths, a change of model."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select, text, update

from app.db import EventFace, EventImage, FaceGeneration, GenerationState, ImageState
from app.errors import ModelNotUsable
from app.services.events import images
from app.services.events.images import queue_again
from app.services.events.indexing import MAX_ATTEMPTS
from tests.events import Guests, fake_engines, photo


class Died(BaseException):
    """Ends a look as the death of its worker would: nothing catches it."""


@pytest.fixture
def engines():
    return fake_engines()


@pytest.fixture
def guests(make_app, engines) -> Guests:
    return Guests(make_app(face_engines=engines))


@pytest.fixture
def services(guests):
    return guests.app.extensions["kenali"]


@pytest.fixture
def event(guests):
    return guests.event("nobody")


def state_of(services) -> list[tuple[str, str | None, int]]:
    """State, failure and faces of each photo, by id."""
    with services.sessions() as session:
        rows = session.execute(select(EventImage.state, EventImage.failure, EventImage.faces).order_by(EventImage.id))
        return [tuple(row) for row in rows]


def jobs(services) -> int:
    with services.sessions() as session:
        return session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")).scalar_one()


def test_the_worker_looks_at_every_photo_and_the_queue_is_empty_afterwards(guests, services, event, engines):
    guests.upload(event["id"], *(photo(1, 2, number=number) for number in range(12)), by="nobody")
    assert jobs(services) == 12
    services.worker.start()
    guests.wait_until_indexed()
    services.worker.stop()
    assert state_of(services) == [("indexed", None, 2)] * 12
    assert guests.faces() == 24
    assert len(engines.engines["fake"].detected) == 12
    assert jobs(services) == 0


def test_a_look_that_died_is_taken_up_and_counted_once(guests, services, event, engines, monkeypatch):
    guests.upload(event["id"], photo(1, 2), by="nobody")

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(engines.engines["fake"], "embed", die)
        with pytest.raises(Died):
            services.event_indexing.run(1)
    assert state_of(services) == [("queued", None, 0)]
    services.event_indexing.run(1)
    services.event_indexing.run(1)  # its job comes once more: nothing is left to do
    assert state_of(services) == [("indexed", None, 2)]
    assert guests.faces() == 2


def test_a_photo_that_always_kills_its_worker_is_given_up_and_may_be_tried_again(
    guests, services, event, engines, monkeypatch
):
    guests.upload(event["id"], photo(1), by="nobody")

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(engines.engines["fake"], "detect", die)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(Died):
                services.event_indexing.run(1)
        services.event_indexing.run(1)
    assert state_of(services) == [("failed", "worker_died", 0)]
    shown = guests.call("nobody", "GET", f"/api/events/{event['id']}").json
    assert (shown["total"], shown["indexed"], shown["failed"]) == (1, 0, 1)
    again = guests.call("nobody", "POST", f"/api/events/{event['id']}/index", json={})
    assert (again.status_code, again.json) == (202, {"queued": 1})
    guests.index()
    assert state_of(services) == [("indexed", None, 1)]


def test_a_look_that_was_thought_dead_stores_nothing(guests, services, event, engines, monkeypatch):
    guests.upload(event["id"], photo(1, 2), by="nobody")
    working, finish = threading.Event(), threading.Event()
    fake = engines.engines["fake"]
    detect = fake.detect

    def hold(image):
        monkeypatch.setattr(fake, "detect", detect)
        working.set()
        finish.wait(60)
        return []  # what it saw is wrong, so that storing it would show

    monkeypatch.setattr(fake, "detect", hold)
    late = threading.Thread(target=services.event_indexing.run, args=(1,))
    late.start()
    assert working.wait(60)
    services.event_indexing.run(1)
    finish.set()
    late.join(60)
    assert state_of(services) == [("indexed", None, 2)]
    assert guests.faces() == 2


def test_what_is_deleted_during_the_look_leaves_nothing(guests, services, event, engines, monkeypatch):
    fake = engines.engines["fake"]
    detect = fake.detect
    for path in (f"/api/events/{event['id']}", "/api/images/2"):
        event_id = event["id"] if "events" in path else guests.event("nobody")["id"]
        [shown] = guests.upload(event_id, photo(1), by="nobody")

        def delete(image, path=path):
            assert guests.call("nobody", "DELETE", path).status_code == 200
            return detect(image)

        with monkeypatch.context() as patch:
            patch.setattr(fake, "detect", delete)
            services.event_indexing.run(shown["id"])
        assert guests.faces() == 0
        assert state_of(services) == []


def test_a_photo_that_cannot_be_looked_at_says_why_and_keeps_what_was_known(guests, services, event, monkeypatch):
    guests.upload(event["id"], photo(1), photo(2), by="nobody")
    guests.index()
    guests.call("nobody", "POST", f"/api/events/{event['id']}/index", json={"all": True})
    root = services.settings.events_root
    with services.sessions() as session:
        key = session.scalar(select(EventImage.storage_key).where(EventImage.id == 1))
    (root / f"{key}-original.jpg").unlink()
    guests.index()
    assert state_of(services) == [("failed", "photo_file_missing", 1), ("indexed", None, 1)]
    assert guests.faces() == 2
    listed = guests.call("nobody", "GET", f"/api/events/{event['id']}/images?sort_order=asc").json["items"]
    assert [image["failure"] for image in listed] == ["photo_file_missing", None]


def test_another_look_is_taken_once_however_fast_the_worker_is(guests, services, event, monkeypatch):
    guests.upload(event["id"], photo(1), photo(2), photo(3), by="nobody")
    guests.index()
    queued: list[int] = []

    def queue_and_look(session, enqueue, ids):
        queue_again(session, enqueue, ids)
        session.execute(update(EventImage).where(EventImage.id.in_(ids)).values(state=ImageState.INDEXED.value))
        queued.extend(ids)
        assert len(queued) <= 3

    monkeypatch.setattr(images, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(images, "queue_again", queue_and_look)
    again = guests.call("nobody", "POST", f"/api/events/{event['id']}/index", json={"all": True})
    assert (again.status_code, again.json) == (202, {"queued": 3})
    assert queued == [1, 2, 3]


def test_an_unforeseen_error_is_the_photos_failure_and_not_the_workers(guests, services, event, engines, monkeypatch):
    guests.upload(event["id"], photo(1), by="nobody")

    def stumble(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(engines.engines["fake"], "embed", stumble)
    services.event_indexing.run(1)
    assert state_of(services) == [("failed", "job_failed", 0)]


def test_jobs_that_got_lost_are_found(guests, services, event):
    guests.upload(event["id"], *(photo(1, number=number) for number in range(3)), by="nobody")
    with services.sessions.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs WHERE id < 3"))
    assert services.event_indexing.requeue() == 2
    assert services.event_indexing.requeue() == 0
    assert jobs(services) == 3
    services.worker.start()
    guests.wait_until_indexed()
    assert state_of(services) == [("indexed", None, 1)] * 3


def test_after_a_change_of_the_model_everything_is_looked_at_again_by_itself(guests, services, event, engines):
    guests.upload(event["id"], photo(1, 2), photo(3), by="nobody")
    guests.index()
    path = f"/api/events/{event['id']}"
    assert guests.call("nobody", "GET", path).json["indexed"] == 2
    with services.sessions.begin() as session:
        session.add(FaceGeneration(model=engines.engines["other"].info.key, state=GenerationState.LIVE.value))
    services.gallery.changed()
    # Faces of two models never meet: none is indexed with the one in use now.
    assert guests.call("nobody", "GET", path).json["indexed"] == 0
    assert services.event_indexing.requeue() == 2
    guests.index()
    assert guests.call("nobody", "GET", path).json["indexed"] == 2
    with services.sessions() as session:
        assert session.execute(select(EventFace.model, func.count()).group_by(EventFace.model)).all() == [
            ("other@11111111", 3)
        ]
    assert services.event_indexing.requeue() == 0


def test_photos_that_failed_for_want_of_the_model_are_looked_at_when_it_is_there(guests, services, event, engines):
    guests.upload(event["id"], photo(1), by="nobody")
    fake = engines.engines.pop("fake")
    guests.index()
    assert state_of(services) == [("failed", ModelNotUsable.code, 0)]
    assert services.event_indexing.requeue() == 0
    engines.engines["fake"] = fake
    assert services.event_indexing.requeue() == 1
    guests.index()
    assert state_of(services) == [("indexed", None, 1)]


def test_a_change_of_faces_is_counted(guests, services, event):
    def changes() -> int:
        with services.sessions() as session:
            return session.execute(text("SELECT changes FROM events WHERE id = 1")).scalar_one()

    guests.upload(event["id"], photo(1), photo(2), by="nobody")
    before = changes()
    guests.index()
    after = changes()
    assert after > before
    guests.call("nobody", "DELETE", "/api/images/1")
    assert changes() > after


def test_a_thousand_photos_keep_nobodys_training_waiting(guests, services, event, engines, monkeypatch):
    # Both places of the events' queue are taken, and stay so until the training is done.
    from tests.unit.jobs.test_worker import PATIENCE_SECONDS

    fake = engines.engines["fake"]
    held, finish = threading.Barrier(3), threading.Event()
    detect = fake.detect

    def hold(image):
        if threading.current_thread() is not threading.main_thread() and not finish.is_set():
            held.wait(PATIENCE_SECONDS)
            finish.wait(PATIENCE_SECONDS)
        return detect(image)

    user = services.users.create("Anna", "anna@email.com")
    from app.services.uploads import Upload

    services.photos.add(user.id, Upload("a.jpg", photo(1)))
    guests.upload(event["id"], *(photo(1, number=number) for number in range(6)), by="nobody")
    monkeypatch.setattr(fake, "detect", hold)
    services.worker.start()
    held.wait(PATIENCE_SECONDS)
    job = services.training.request_incremental(user.id)
    assert services.training.wait(job.id, PATIENCE_SECONDS).state == "succeeded"
    with services.sessions() as session:
        waiting = session.scalar(select(func.count()).where(EventImage.state == ImageState.QUEUED))
    finish.set()
    assert waiting == 6
    guests.wait_until_indexed()


def test_a_worker_that_is_stopped_as_it_starts_ends(services):
    # One that went on would take the jobs of whoever comes next.
    for _ in range(15):
        services.worker.start()
        thread = services.worker._thread
        services.worker.stop()
        assert not thread.is_alive()
