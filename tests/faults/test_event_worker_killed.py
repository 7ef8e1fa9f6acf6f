"""A worker that is killed in the middle of photos: the next one goes on, and every photo is looked at exactly once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.db import Event, EventImage
from tests.events import Guests, fake_engines, photo, workers

PHOTOS = 30
#: Looks that each worker completes before it is killed in the middle of further ones.
COMPLETED = 5
#: A worker that works on photos: it says so before each look, and waits to be told to go on.
PROGRAM = """
import json, sys, threading
from app import create_app
from app.config import Settings
from tests.events import fake_engines

engines = fake_engines()
fake = engines.engines["fake"]
detect = fake.detect
turn = threading.Lock()

def when_told(image):
    with turn:
        print("looking", flush=True)
        sys.stdin.readline()
    return detect(image)

fake.detect = when_told
app = create_app(Settings(_env_file=None, **json.loads(sys.argv[1])), face_engines=engines)
app.extensions["kenali"].worker.start()
threading.Event().wait()
"""


@pytest.fixture
def guests(make_app) -> Guests:
    return Guests(make_app(face_engines=fake_engines()))


@pytest.fixture
def start(guests) -> Iterator:
    """Start a worker on the database and folders of the app under test."""
    with workers(guests.app, PROGRAM) as start:
        yield start


def _let_look(worker: subprocess.Popen[str]) -> None:
    assert worker.stdout.readline() == "looking\n"
    worker.stdin.write("\n")
    worker.stdin.flush()


@pytest.mark.slow
def test_a_worker_killed_three_times_loses_nothing_and_does_nothing_twice(guests, start):
    event = guests.event("nobody")
    guests.upload(event["id"], *(photo(1, 2, number=number) for number in range(PHOTOS)), by="nobody")
    looks = 0
    for _ in range(3):
        worker = start()
        for _ in range(COMPLETED):
            _let_look(worker)
        assert worker.stdout.readline() == "looking\n"  # in the middle of one, and another is read already
        worker.kill()
        worker.wait()
        looks += COMPLETED + 1
    worker = start()
    # Enough leave for every photo; whoever looks once more than that would wait for ever.
    worker.stdin.write("\n" * PHOTOS)
    worker.stdin.flush()
    guests.wait_until_indexed()
    worker.kill()
    looks += worker.stdout.read().count("looking")
    services = guests.app.extensions["kenali"]
    with services.sessions() as session:
        images = session.scalars(select(EventImage)).all()
        changes = session.scalars(select(Event.changes)).one()
    assert [(image.state, image.faces, image.failure) for image in images] == [("indexed", 2, None)] * PHOTOS
    assert guests.faces() == 2 * PHOTOS
    # Faces were stored once for each photo: the triggers count every time that they are.
    assert changes == PHOTOS
    # What was killed in the middle was looked at again, and nothing else: two places, three kills.
    assert PHOTOS <= looks <= PHOTOS + 2 * 3
    shown = guests.call("nobody", "GET", f"/api/events/{event['id']}").json
    assert (shown["total"], shown["indexed"], shown["failed"], shown["faces"]) == (PHOTOS, PHOTOS, 0, 2 * PHOTOS)
