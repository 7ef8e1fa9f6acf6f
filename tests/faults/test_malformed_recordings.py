"""Whatever is sent as a recording, the server says what is wrong with it and keeps nothing that no entry knows."""

from __future__ import annotations

import tempfile

import pytest
from sqlalchemy import select

from app.db import CoughEntry
from app.engines.cough import CoughModels
from tests.faults.malformed_audio import malformed_recordings
from tests.faults.test_malformed_uploads import problem_with
from tests.forms import form
from tests.tiny_cough import write_tiny


@pytest.fixture
def client(make_app, monkeypatch, tmp_path):
    ours = write_tiny(tmp_path / "ours")
    monkeypatch.setattr(CoughModels.__init__, "__kwdefaults__", {"threads": 1, "built_in": ours})
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return make_app(log_level="ERROR").test_client()


def test_200_malformed_recordings_are_told_and_leave_nothing(client, tmp_path):
    services = client.application.extensions["kenali"]
    recordings = malformed_recordings()
    assert len(recordings) >= 200
    failures, statuses = {}, []
    for name, data in recordings:
        response = client.post("/api/cough/predict", **form(("file", "cough.wav", data)))
        statuses.append(response.status_code)
        if found := problem_with(response):
            failures[name] = found
    assert failures == {}
    # They are really refused: only what still has sound in it is answered.
    assert sum(status >= 400 for status in statuses) > 100
    folder = tmp_path / "history_images"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    with services.sessions() as session:
        assert files == set(session.scalars(select(CoughEntry.picture_key)))
    assert list((tmp_path / "tmp").iterdir()) == []
