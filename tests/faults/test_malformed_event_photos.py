"""Whatever is uploaded to an event, the server says what is wrong with it and keeps nothing of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.db import EventImage
from app.services.events.files import MARKER, Size, image_key
from tests.events import Guests, fake_engines
from tests.faults.malformed import malformed_requests
from tests.faults.test_malformed_uploads import problem_with

# Werkzeug leaves the file of a part that breaks off to the garbage collector, which closes it at once.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile.__del__"),
]


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(face_engines=fake_engines(), log_level="ERROR"))
    guests.app.extensions["kenali"].event_files.sweep()
    return guests


def test_300_malformed_uploads_are_told_and_leave_nothing(guests, tmp_path: Path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    event = guests.event("nobody")
    requests = malformed_requests("files")
    assert len(requests) >= 300
    failures, statuses = {}, []
    for name, body, content_type in requests:
        path = f"/api/events/{event['id']}/images"
        response = guests.call("nobody", "POST", path, data=body, content_type=content_type)
        statuses.append(response.status_code)
        if found := problem_with(response):
            failures[name] = found
    assert failures == {}
    # They are really refused: only what a decoder can still make sense of gets through.
    assert sum(status >= 400 for status in statuses) > 200
    services = guests.app.extensions["kenali"]
    with services.sessions() as session:
        images = session.scalars(select(EventImage)).all()
        jobs = session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one()
    assert 0 < len(images) == jobs
    root = services.settings.events_root
    files = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file() and file.name != MARKER}
    assert files == {image_key(image, size) for image in images for size in Size}
    assert list(temporary.iterdir()) == []
    # What got through can be looked at, and can be seen.
    guests.index()
    shown = guests.call("nobody", "GET", f"/api/events/{event['id']}").json
    assert (shown["total"], shown["indexed"], shown["failed"]) == (len(images), len(images), 0)
    for image in images:
        for size in Size:
            assert guests.call("nobody", "GET", f"/api/images/{image.id}/{size}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"name": 1}',
        b'{"name": {"a": []}}',
        b"[" * 100_000,
        b'{"name": "\\ud800", "password": 1}',
    ],
)
@pytest.mark.parametrize("call", ["POST /api/events", "PUT /api/events/1", "POST /api/events/1/index"])
def test_bodies_that_make_no_sense(guests, body, call):
    guests.event("nobody")
    method, path = call.split()
    response = guests.call("nobody", method, path, data=body, content_type="application/json")
    assert response.status_code < 500
    assert problem_with(response) is None


@pytest.mark.parametrize(
    "query",
    ["page=%00", "limit=1e3", "sort_by=%ff", "sort_order=%F0%9F%98%80", "page=-1", "limit=", "q=%ff%00", "format=%00"],
)
def test_queries_that_make_no_sense(guests, query):
    guests.event("nobody")
    for path in ("1/images", "1/my-event-images", "search", "my-events", "1/qr", "1"):
        response = guests.call("nobody", "GET", f"/api/events/{path}?{query}")
        assert response.status_code < 500
        assert problem_with(response) is None
