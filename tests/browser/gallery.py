"""Who is enrolled, for tests of tabs that depend on everybody who is."""

from __future__ import annotations

import errno
import itertools
import os
import time
from http import HTTPStatus
from pathlib import Path

from bench._server import Server
from tests.people import Person

#: The test, a browser and a model share two cores.
PATIENCE_SECONDS = 60.0
_numbers = itertools.count(1)


class SlowPhoto:
    """A stored photo on a slow disk: whoever reads it waits until it is released. (It is a named pipe.)"""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self._waiting = True
        path.unlink()
        os.mkfifo(path)

    def release(self) -> None:
        """Let the reader have it; waits for the reader."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)
            else:
                break
        self._restore()
        os.set_blocking(pipe, True)
        with os.fdopen(pipe, "wb") as file:
            file.write(self._data)

    def restore(self) -> None:
        """As it was, whether somebody waits or not."""
        if not self._waiting:
            return
        try:
            pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            self._restore()
        else:
            os.close(pipe)
            self.release()

    def _restore(self) -> None:
        self._path.unlink()
        self._path.write_bytes(self._data)
        self._waiting = False


class Gallery:
    """Everybody on one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = server.client()
        self._slow: list[SlowPhoto] = []

    def add(self, name: str, *photos: bytes, trained: bool = True, password: str | None = None) -> tuple[int, str]:
        """Enrol somebody; answers id and email."""
        email = f"{name.split(maxsplit=1)[0].lower()}.{next(_numbers)}@example.org"
        body = {"name": name, "email": email, "password": password}
        user_id: int = self.client.json("POST", "/api/users", body).json["id"]
        if photos:
            self.upload(user_id, *photos)
            if trained:
                self.train(user_id)
        return user_id, email

    def upload(self, user_id: int, *photos: bytes) -> list[int]:
        """Ids of the new photos."""
        files = [("files", f"photo-{number}.jpg", data) for number, data in enumerate(photos, 1)]
        answer = self.client.form(f"/api/photos/{user_id}/upload/multiple", files)
        assert answer.status == HTTPStatus.CREATED, answer.body
        return [photo["id"] for photo in answer.json["files"]]

    def train(self, user_id: int) -> None:
        """Incremental training."""
        answer = self.client.json("POST", "/api/training/incremental", {"user_id": user_id})
        assert answer.status == HTTPStatus.OK, answer.body

    def jobs(self, **fits: object) -> list[dict[str, object]]:
        """Jobs with these values, newest first."""
        found = self.client.call("GET", "/api/training/jobs?per_page=200").json
        return [job for job in found if all(job[name] == value for name, value in fits.items())]

    def slow(self, user_id: int, place: int) -> SlowPhoto:
        """Make the user's photo at this place (from 0) one that is read slowly."""
        photo = self.client.call("GET", f"/api/photos/{user_id}").json[place]
        path = self.server.folder / "dataset" / str(user_id) / Path(photo["filepath"]).name
        self._slow.append(SlowPhoto(path))
        return self._slow[-1]

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def empty(self) -> None:
        """Nobody is enrolled, and nothing is built any more."""
        for photo in self._slow:
            photo.restore()
        self._slow.clear()
        for job in self.jobs():
            if job["state"] in {"queued", "running"}:
                self.client.call("DELETE", f"/api/training/jobs/{job['id']}")
        give_up = time.monotonic() + PATIENCE_SECONDS
        while any(job["state"] in {"queued", "running"} for job in self.jobs()):
            assert time.monotonic() < give_up, "a job does not end"
            time.sleep(0.1)
        for user in self.client.call("GET", "/api/users").json:
            self.client.call("DELETE", f"/api/users/{user['id']}")


def photos(person: Person, count: int) -> list[bytes]:
    """Different photos of one person."""
    return [person.photo(light=0.75 + 0.5 * number / max(1, count - 1)) for number in range(count)]
