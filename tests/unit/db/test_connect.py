"""Reaching the database, and what is told when it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, make_url

from app.db.connect import check, make_engine, normalise, unavailable
from app.errors import DatabaseNotUsable, DatabaseUnavailable


class _Row:
    """One row of an answer."""

    def __init__(self, **columns: object) -> None:
        self.__dict__.update(columns)


class _OldServer:
    """Answers `check` like a server that nobody here has installed."""

    def __init__(self, version: int, extension: _Row | None) -> None:
        self.url = make_url("postgresql+psycopg2://db/kenali")
        self._answers = iter([version, extension])

    def connect(self) -> _OldServer:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, _statement: object) -> _OldServer:
        self._answer = next(self._answers)
        return self

    def scalar_one(self) -> object:
        return self._answer

    one_or_none = scalar_one


@pytest.fixture
def own(worker_database_url: str) -> Iterator[Engine]:
    """An engine that a test may break."""
    engine = make_engine(worker_database_url)
    yield engine
    engine.dispose()


def test_the_versions_are_told(own: Engine):
    server = check(own)
    assert server.postgres.startswith("18.")
    assert server.pgvector.startswith("0.8")


def test_times_are_in_utc(own: Engine):
    with own.connect() as connection:
        now = connection.execute(text("SELECT now()")).scalar_one()
    assert now.utcoffset() == timedelta(0)


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_every_way_to_write_postgresql_is_understood(url: str):
    assert normalise(url).drivername == "postgresql+psycopg2"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://u@h/d"])
def test_other_databases_are_refused(url: str):
    with pytest.raises(DatabaseNotUsable, match="PostgreSQL only"):
        normalise(url)


def test_what_is_no_url_is_refused():
    with pytest.raises(DatabaseNotUsable, match="not a URL"):
        normalise("my database")


def _told(url: URL | str) -> DatabaseNotUsable | DatabaseUnavailable:
    engine = make_engine(url)
    with pytest.raises((DatabaseNotUsable, DatabaseUnavailable)) as caught:
        check(engine)
    engine.dispose()
    assert "\n" not in caught.value.detail
    return caught.value


def test_nothing_listening_is_told(tmp_path: Path):
    told = _told(make_url("postgresql+psycopg2://u:secret@/kenali").update_query_dict({"host": str(tmp_path)}))
    assert isinstance(told, DatabaseUnavailable)
    assert "nothing listens there" in told.detail


def test_an_unknown_machine_is_told():
    told = _told("postgresql://u:secret@no-such-host.invalid/kenali")
    assert "there is no machine of that name" in told.detail
    assert "secret" not in told.detail


def test_an_unknown_database_is_told(postgres_url: str):
    told = _told(make_url(postgres_url).set(database="nowhere"))
    assert isinstance(told, DatabaseNotUsable)
    assert "there is no such database" in told.detail


def test_an_unknown_user_is_told(postgres_url: str):
    assert "there is no such user" in _told(make_url(postgres_url).set(username="nobody")).detail


@pytest.mark.parametrize(
    ("said", "kind", "meaning"),
    [
        ('FATAL:  password authentication failed for user "u"', DatabaseNotUsable, "user or the password is wrong"),
        ("fe_sendauth: no password supplied", DatabaseNotUsable, "user or the password is wrong"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', DatabaseNotUsable, "pg_hba.conf"),
        ("timeout expired", DatabaseUnavailable, "does not answer"),
        ("FATAL:  sorry, too many clients already", DatabaseUnavailable, "no connection left"),
        ("FATAL:  the database system is starting up", DatabaseUnavailable, "try again soon"),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", DatabaseUnavailable, "Passwort-Authentifizierung"),
    ],
)
def test_a_refusal_is_told_in_one_line_without_the_password(said: str, kind: type, meaning: str):
    told = unavailable(Exception(said), make_url("postgresql+psycopg2://u:secret@db:5433/kenali"))
    assert type(told) is kind
    assert meaning in told.detail
    assert "u@db:5433/kenali" in told.detail
    assert "secret" not in told.detail


def test_an_old_postgresql_is_told():
    with pytest.raises(DatabaseNotUsable, match=r"runs PostgreSQL 14\.9; Kenali needs 15 or newer"):
        check(_OldServer(140_009, None))


def test_a_missing_pgvector_is_told():
    with pytest.raises(DatabaseNotUsable, match=r"pgvector is not installed.*postgresql-16-pgvector"):
        check(_OldServer(160_003, None))


@pytest.mark.parametrize("installed", ["0.7.4", None])
def test_an_old_pgvector_is_told(installed: str | None):
    extension = _Row(default_version="0.7.4", installed_version=installed)
    with pytest.raises(DatabaseNotUsable, match=r"pgvector 0\.7\.4.*0\.8 or newer"):
        check(_OldServer(160_003, extension))


def test_connections_that_the_server_closed_are_replaced_unnoticed(own: Engine, engine: Engine):
    with own.connect() as first, own.connect() as second:
        pids = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in (first, second)]
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(:pids) AS pid"), {"pids": pids})
    with own.connect() as first, own.connect() as second:
        fresh = [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in (first, second)]
    assert not set(pids) & set(fresh)
