"""Users and photos on a running server, for tests of the tabs that show them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from app.db.embedded import DATABASE, SUPERUSER
from bench._server import Answer, Server


def new_email(name: str) -> str:
    """An address that nobody has, not even after the same test has run before."""
    return f"{name}-{uuid.uuid4().hex[:12]}@people.test"


@dataclass(frozen=True, slots=True)
class Somebody:
    """A user that a test made for itself."""

    id: int
    name: str
    email: str


def ask(server: Server, method: str, path: str, body: Any = None) -> Answer:
    """One call of the API."""
    with closing(server.client()) as client:
        return client.json(method, path, body)


def somebody(server: Server, name: str = "Ayu Lestari", password: str | None = None) -> Somebody:
    """A new user whom nobody else has."""
    email = new_email(name.split(maxsplit=1)[0].lower())
    body = {"name": name, "email": email} | ({"password": password} if password else {})
    return Somebody(ask(server, "POST", "/api/users", body).json["id"], name, email)


def give_photos(server: Server, user_id: int, *photos: bytes) -> list[int]:
    """Upload photos; their ids."""
    files = [("files", f"photo-{number}.jpg", data) for number, data in enumerate(photos, 1)]
    with closing(server.client()) as client:
        answer = client.form(f"/api/photos/{user_id}/upload/multiple", files)
    return [photo["id"] for photo in answer.json["files"]]


def photos_of(server: Server, user_id: int) -> list[dict[str, Any]]:
    """What the API lists."""
    photos: list[dict[str, Any]] = ask(server, "GET", f"/api/photos/{user_id}").json
    return photos


@contextmanager
def database(server: Server) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor in the server's own database."""
    lines = (server.folder / "instance" / "postgres" / "postmaster.pid").read_text().splitlines()
    port, socket_dir = int(lines[3]), lines[4]
    with psycopg2.connect(host=socket_dir, port=port, user=SUPERUSER, dbname=DATABASE) as connection:
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
    connection.close()
