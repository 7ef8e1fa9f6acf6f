"""Events on a running server, with photos of the person whom the browser's fake camera shows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from bench._server import Answer, Server, multipart
from tests.browser.conftest import ADMIN, until
from tests.browser.event_pictures import ME, group_picture
from tests.browser.people import new_email

PASSWORD = "BudiAni2026"
GUEST_PASSWORD = "secure123"
_PATIENCE_SECONDS = 120.0
_numbers = itertools.count(1)


def selfie(light: float = 1.0) -> bytes:
    """A JPEG of the camera's person alone."""
    return group_picture(ME, light=light)


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody with an account."""

    id: int
    email: str
    password: str = GUEST_PASSWORD


@dataclass(frozen=True, slots=True)
class Party:
    """An event, and its organiser's calls."""

    server: Server
    headers: dict[str, str]
    id: int
    link: str

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One call of the organiser; the path begins behind the event."""
        with closing(self.server.client()) as client:
            return client.json(method, f"/api/events/{self.id}{path}", body, **self.headers)

    def upload(self, photos: Sequence[bytes], *, look: bool = True) -> list[int]:
        """Add photos and wait until they have been looked at; their ids."""
        files = [("files", f"IMG_{1000 + next(_numbers)}.jpg", data) for data in photos]
        body, content_type = multipart({}, files)
        with closing(self.server.client()) as client:
            path = f"/api/events/{self.id}/images"
            answer = client.call("POST", path, body, Content_Type=content_type, **self.headers)
        if look:
            self.wait()
        return [image["id"] for image in answer.json]

    def wait(self) -> None:
        """Until every photo has been looked at."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            event = self.call("GET", "").json
            if event["indexed"] + event["failed"] == event["total"]:
                return
            assert time.monotonic() < give_up, event
            time.sleep(0.1)


def headers_of(server: Server, email: str, password: str) -> dict[str, str]:
    """Of somebody who is signed in."""
    with closing(server.client()) as client:
        answer = client.json("POST", "/api/auth/login-pass-verify", {"email": email, "password": password})
    return {"Authorization": f"Bearer {answer.json['data']['token']}"}


def party(server: Server, *photos: bytes, token: bool = True, name: str = "Budi & Ani", **members: Any) -> Party:
    """A new event with these photos. In token mode (`token`) it belongs to `ADMIN`."""
    headers = headers_of(server, *ADMIN) if token else {}
    with closing(server.client()) as client:
        body = {"name": name, "date": "2026-01-22", "password": PASSWORD, **members}
        event = client.json("POST", "/api/events", body, **headers).json
    made = Party(server, headers, event["id"], event["link"])
    if photos:
        made.upload(photos)
    return made


def guest(server: Server, *, token: bool = True, name: str = "Sari Guest") -> Guest:
    """Somebody new."""
    email = new_email("guest")
    headers = headers_of(server, *ADMIN) if token else {}
    with closing(server.client()) as client:
        body = {"name": name, "email": email, "password": GUEST_PASSWORD}
        return Guest(client.json("POST", "/api/users", body, **headers).json["id"], email)


def close_photo(page: Page) -> None:
    """Close the large view, and wait for the step back in the history: it would end a load that begins before it."""
    page.keyboard.press("Escape")
    expect(page.locator("dialog.events-light")).to_have_count(0)
    until(page, "!history.state?.light")
