"""Whatever is uploaded as a dog, the server says what is wrong with it and keeps nothing of it."""

from __future__ import annotations

import pytest

from tests.faults.malformed import malformed_requests
from tests.faults.test_malformed_uploads import problem_with, temporary  # noqa: F401 - a fixture

# See test_malformed_uploads.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile.__del__"),
]


def test_300_malformed_uploads_are_told_and_leave_nothing(make_app, temporary):  # noqa: F811 - the fixture
    app = make_app(log_level="ERROR")
    client, services = app.test_client(), app.extensions["kenali"]
    requests = malformed_requests("file")
    assert len(requests) >= 200
    failures, statuses = {}, []
    for name, body, content_type in requests:
        response = client.post("/api/breed/predict", data=body, content_type=content_type)
        statuses.append(response.status_code)
        if found := problem_with(response):
            failures[name] = found
    assert failures == {}
    assert sum(status >= 400 for status in statuses) > 150
    rows = client.get("/api/breed/history").json
    assert len(rows) == statuses.count(200)
    files = {path.name for path in services.settings.history_dir.rglob("*") if path.is_file()}
    assert files == {row["image_url"].rpartition("/")[2] for row in rows}, "what could be read has its picture, no more"
    assert list(temporary.iterdir()) == []
