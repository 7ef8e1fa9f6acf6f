"""Whatever is sent as a selfie, the server says what is wrong with it and keeps nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db import Selfie
from tests.events import Guests, fake_engines, photo
from tests.faults.malformed import malformed_requests
from tests.faults.test_malformed_uploads import problem_with

# Werkzeug leaves the file of a part that breaks off to the garbage collector, which closes it at once.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile.__del__"),
]


@pytest.mark.parametrize(("path", "field"), [("/api/users/me/selfie", "file"), ("find-my-face", "files")])
def test_300_malformed_selfies_are_told_and_leave_nothing(make_app, sessions, path, field):
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines(), log_level="ERROR"))
    guests.sign_in("owner", admin=True)
    event = guests.event()["id"]
    guests.upload(event, photo(1))
    guests.index()
    if path == "find-my-face":
        path = f"/api/events/{event}/find-my-face"
    root: Path = guests.app.extensions["kenali"].settings.events_root
    before = sorted(root.rglob("*"))
    requests = malformed_requests(field, b"")
    assert len(requests) >= 300
    failures, statuses = {}, []
    for name, body, content_type in requests:
        answer = guests.call("owner", "POST", path, data=body, content_type=content_type)
        statuses.append(answer.status_code)
        if problem := problem_with(answer):
            failures[name] = problem
    assert failures == {}
    assert sum(status >= 400 for status in statuses) > 200
    with sessions() as session:
        kept = session.scalar(select(func.count()).select_from(Selfie))
    files = [key for key in sorted(root.rglob("*")) if key not in before and key.is_file()]
    assert len(files) == kept <= 1
