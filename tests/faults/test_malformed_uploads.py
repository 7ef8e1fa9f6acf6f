"""Whatever is uploaded, the server says what is wrong with it and keeps nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db import Photo
from app.services.sweep import MARKER
from tests.faults.malformed import malformed_requests
from tests.forms import form, part
from tests.pictures import PORTRAIT

ENROLLED = {"name": "Tom", "email": "tom@example.org"}
# Werkzeug leaves the file of a part that breaks off to the garbage collector, which closes it at once.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile.__del__"),
]
MEMBERS = {"type", "title", "status", "detail", "code", "message"}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files would be."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def app(make_app):
    # Refused faces must not lock the account: each upload is to be looked at.
    app = make_app(lockout_failures=100, log_level="ERROR")
    app.extensions["kenali"].start()
    return app


@pytest.fixture
def tom(client) -> int:
    """An enrolled user."""
    user_id = client.post("/api/users", json=ENROLLED).json["id"]
    client.post(f"/api/photos/{user_id}/upload", **form(("file", "tom.png", PORTRAIT.read_bytes())))
    assert client.post("/api/training/incremental", json={"user_id": user_id}).status_code == 200
    return user_id


def problem_with(response) -> str | None:
    """What is wrong with an answer, or None."""
    if response.status_code >= 500:
        return f"{response.status_code} {response.text[:200]}"
    if response.status_code >= 400:
        if response.mimetype != "application/problem+json" or not response.json.keys() >= MEMBERS:
            return f"another shape: {response.status_code} {response.mimetype} {response.text[:200]}"
        if response.json["status"] != response.status_code or response.json["message"] != response.json["detail"]:
            return f"another status or message: {response.text[:200]}"
    return None


@pytest.mark.parametrize(
    ("path", "field", "lead"),
    [
        ("/api/photos/1/upload", "file", b""),
        ("/api/photos/1/upload/multiple", "files", b""),
        ("/api/face/predict", "file", b""),
        ("/api/face/detect", "file", b""),
        ("/api/auth/login-face-verify", "file", part("user_id", None, b"1")),
    ],
    ids=["upload", "multiple", "predict", "detect", "face login"],
)
def test_300_malformed_uploads_are_told_and_leave_nothing(app, client, tom, temporary, path, field, lead):
    services = app.extensions["kenali"]
    requests = malformed_requests(field, lead)
    assert len(requests) >= 300
    failures = {}
    statuses = []
    for name, body, content_type in requests:
        response = client.post(path, data=body, content_type=content_type)
        statuses.append(response.status_code)
        if found := problem_with(response):
            failures[name] = found
    assert failures == {}
    # They are really refused: only what a decoder can still make sense of gets through.
    assert sum(status >= 400 for status in statuses) > 200
    dataset = services.settings.dataset_dir
    files = {file.relative_to(dataset).as_posix() for file in dataset.rglob("*") if file.is_file()}
    with services.sessions() as session:
        rows = set(session.scalars(select(Photo.storage_key)))
    assert files - {MARKER} == rows
    assert list(temporary.iterdir()) == []
