"""Events for tests: people in token mode, photos with the fake engine's faces, and an app that looks for them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from app.db import EventFace, EventImage, ImageState
from tests.fakes import FakeFaceEngine, picture_of
from tests.forms import form
from tests.pictures import encode
from tests.unit.jobs.world import FakeEngines

ROOT = Path(__file__).parents[1]
PASSWORD = "BudiAni2026"
#: Far beyond what anything here takes; a test that needs it has failed.
PATIENCE_SECONDS = 60


def photo(*people: int, number: int = 0, **options: Any) -> bytes:
    """A JPEG of people (hues of the fake engine). Another number is another file of the same people."""
    picture = picture_of(*people, **options).copy()
    picture[:2, :8] = number % 251
    picture[2:4, :8] = number // 251
    return encode(picture, "JPEG", quality=90)


def fake_engines() -> FakeEngines:
    """The fake engine, and another one to change to."""
    return FakeEngines({"fake": FakeFaceEngine(), "other": FakeFaceEngine("other", "11111111")}, "fake")


@dataclass
class Guests:
    """Calls of several people to one app in token mode."""

    app: Flask
    people: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=lambda: {"nobody": {}})

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def sign_in(self, name: str, *, admin: bool = False) -> int:
        """A person with a token; their id."""
        services = self.app.extensions["kenali"]
        user = services.users.create(name.title(), f"{name}@email.com", "secure123")
        if admin:
            services.admins.promote(f"{name}@email.com")
        self.people[name] = user.id
        self.headers[name] = {"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"}
        return user.id

    def call(self, name: str, method: str, path: str, *, token: str | None = None, **options: Any) -> Any:
        """One call of that person, with an event token."""
        headers = {**self.headers[name], **options.pop("headers", {})}
        if token is not None:
            headers["X-Event-Token"] = token
        # Buffered: read to the end and closed, as a server does it.
        return self.client.open(path, method=method, headers=headers, buffered=True, **options)

    def event(self, owner: str = "owner", **members: Any) -> dict[str, Any]:
        """A new event."""
        answer = self.call(owner, "POST", "/api/events", json={"name": "Wedding", "password": PASSWORD, **members})
        assert answer.status_code == 201, answer.text
        return answer.json

    def upload(self, event_id: int, *files: bytes, by: str = "owner") -> list[dict[str, Any]]:
        """Photos of the event; one entry of the answer each."""
        named = [("files", f"{number}.jpg", data) for number, data in enumerate(files)]
        answer = self.call(by, "POST", f"/api/events/{event_id}/images", **form(*named))
        assert answer.status_code == 201, answer.text
        return answer.json

    def open(self, name: str, event_id: int, password: str = PASSWORD) -> str:
        """The event token of somebody who knows the password."""
        answer = self.call(name, "POST", f"/api/events/{event_id}/access", json={"password": password})
        assert answer.status_code == 200, answer.text
        return answer.json["event_access_token"]

    def index(self) -> None:
        """Look at every photo that is queued, on this thread."""
        services = self.app.extensions["kenali"]
        with services.sessions() as session:
            waiting = session.scalars(select(EventImage.id).where(EventImage.state == ImageState.QUEUED)).all()
        for image_id in waiting:
            services.event_indexing.run(image_id)

    def wait_until_indexed(self) -> None:
        """Let the worker do it."""
        services = self.app.extensions["kenali"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with services.sessions() as session:
                waiting = session.scalar(
                    select(func.count()).select_from(EventImage).where(EventImage.state == ImageState.QUEUED)
                )
                if not waiting:
                    return
                session.execute(text("SELECT pg_sleep(0.05)"))
        raise AssertionError(f"{waiting} photos are still waiting")

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Wait until it is so, because of somebody else."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert time.monotonic() < deadline, "waited in vain"
            with self.app.extensions["kenali"].sessions() as session:
                session.execute(text("SELECT pg_sleep(0.05)"))

    def faces(self) -> int:
        """How many faces are stored."""
        with self.app.extensions["kenali"].sessions() as session:
            return session.scalar(select(func.count()).select_from(EventFace)) or 0


@contextmanager
def workers(app: Flask, program: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts workers that run `program` on the database and folders of `app`, and talk over pipes; killed at the end.

    The program finds the settings as JSON in its first argument.
    """
    started: list[subprocess.Popen[str]] = []
    settings = app.extensions["kenali"].settings
    names = ("database_url", "instance_dir", "dataset_dir", "models_dir", "history_dir", "events_dir")
    given = json.dumps({name: str(getattr(settings, name)) for name in names})

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, given]
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(worker)
        return worker

    try:
        yield start
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()
