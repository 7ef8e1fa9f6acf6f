"""A worker that is killed while it writes a ZIP file: the next one makes it anew, and nobody ever gets half of it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import pytest

from tests.events import Guests, fake_engines, photo, workers

PHOTOS = 4
#: A worker that makes downloads: it says so before each photo, and waits to be told to go on.
PROGRAM = """
import json, sys, threading
from app import create_app
from app.config import Settings
from tests.events import fake_engines

app = create_app(Settings(_env_file=None, **json.loads(sys.argv[1])), face_engines=fake_engines())
services = app.extensions["kenali"]
open_image = services.download_runner._open_image

def when_told(image, size):
    print("photo", flush=True)
    sys.stdin.readline()
    return open_image(image, size)

services.download_runner._open_image = when_told
services.worker.start()
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


@pytest.mark.slow
def test_a_worker_killed_while_it_writes_leaves_no_half_file_and_the_next_one_goes_on(guests, start):
    event = guests.event("nobody")
    guests.upload(event["id"], *(photo(1, number=number) for number in range(PHOTOS)), by="nobody")
    path = f"/api/events/{event['id']}/downloads"
    path = f"{path}/{guests.call('nobody', 'POST', path, json={'all': True}).json['id']}"
    for _ in range(2):
        worker = start()
        for _ in range(2):
            assert worker.stdout.readline() == "photo\n"
            worker.stdin.write("\n")
            worker.stdin.flush()
        assert worker.stdout.readline() == "photo\n"  # two are written, the third is asked for
        worker.kill()
        worker.wait()
        shown = guests.call("nobody", "GET", path).json
        assert (shown["state"], shown["url"]) == ("running", None)
        assert guests.call("nobody", "GET", f"{path}/file").status_code == 409
    worker = start()
    worker.stdin.write("\n" * PHOTOS)
    worker.stdin.flush()
    guests.wait_for(lambda: guests.call("nobody", "GET", path).json["state"] == "ready")
    shown = guests.call("nobody", "GET", path).json
    assert (shown["done"], shown["total"], shown["left_out"]) == (PHOTOS, PHOTOS, 0)
    services = guests.app.extensions["kenali"]
    services.event_files.sweep()
    left = [
        found
        for found in services.settings.events_root.rglob("*")
        if found.suffix == ".zip" or found.name.startswith(".tmp")
    ]
    assert len(left) == 1, "the start of a server removes what was half written"
    with zipfile.ZipFile(left[0]) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == PHOTOS
    assert guests.call("nobody", "GET", shown["url"]).data == left[0].read_bytes()
