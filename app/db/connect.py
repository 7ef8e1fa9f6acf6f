"""The SQLAlchemy engine, and whether the database behind it can be used.

Any PostgreSQL from 15 with pgvector from 0.8 (halfvec, iterative scan) serves.
"""

from __future__ import annotations

import re
import select
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InvalidatePoolError, OperationalError

from app.errors import DatabaseNotUsable, DatabaseUnavailable

DRIVER = "postgresql+psycopg2"
MIN_POSTGRES = 15
MIN_PGVECTOR = (0, 8)
#: Besides the request threads: the worker, its task, warm-up and health.
SPARE_CONNECTIONS = 8
CONNECT_TIMEOUT_SECONDS = 5
#: How long a request waits for a connection before it is told that the database is unavailable.
POOL_TIMEOUT_SECONDS = 10
#: Longest statement of a request; what takes longer on purpose (an index build) lifts it with SET LOCAL.
STATEMENT_TIMEOUT_SECONDS = 30

#: Run once for each new connection. Parallel workers take longer to start than a search takes.
SESSION_SETTINGS = (
    "SET TIME ZONE 'UTC'; "
    "SET jit = off; "
    "SET max_parallel_workers_per_gather = 0; "
    f"SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'; "
    "SET idle_in_transaction_session_timeout = '60s'"
)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What runs behind the URL."""

    #: major and minor, ``18.4``
    postgres: str
    #: version of pgvector that is installed, or will be by the first migration
    pgvector: str


def normalise(url: str) -> URL:
    """``postgres://`` and ``postgresql://`` as the URL of the driver that is used here.

    Raises DatabaseNotUsable for other databases and for what is no URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseNotUsable("DATABASE_URL is not a URL: postgresql://user:password@host:5432/name") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise DatabaseNotUsable(f"DATABASE_URL names {parsed.get_backend_name()}; Kenali runs on PostgreSQL only.")
    return parsed.set(drivername=DRIVER)


def engine_options(threads: int) -> dict[str, Any]:
    """Arguments of `create_engine` (and of Flask-SQLAlchemy's SQLALCHEMY_ENGINE_OPTIONS).

    :param threads: requests answered at the same time; each may hold one connection.
    """
    return {
        "pool_size": threads + SPARE_CONNECTIONS,
        "max_overflow": SPARE_CONNECTIONS,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        # An error in SQL is logged: without the addresses and password hashes it was about.
        "hide_parameters": True,
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "kenali",
            # A server that vanished behind a network is noticed within half a minute, also in the middle of a wait.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
    }


def make_engine(url: str | URL, *, threads: int = 8) -> Engine:
    """An engine whose connections speak UTC and notice a server that went away. Connects to nothing yet."""
    engine = create_engine(normalise(url) if isinstance(url, str) else url, **engine_options(threads))
    prepare(engine)
    return engine


def prepare(engine: Engine) -> None:
    """Attach what `make_engine` attaches to an engine that somebody else made."""
    event.listen(engine, "connect", _set_session)
    event.listen(engine, "checkout", _renew_if_closed)


def _set_session(connection: Any, _record: object) -> None:
    autocommit, connection.autocommit = connection.autocommit, True
    with connection.cursor() as cursor:
        cursor.execute(SESSION_SETTINGS)
    connection.autocommit = autocommit


def _renew_if_closed(connection: Any, _record: object, _proxy: object) -> None:
    """What pool_pre_ping is for, without its round trip.

    An idle connection has nothing to read, unless the server said good-bye. One look at the socket takes microseconds;
    only if there is something is the server asked.
    """
    if not connection.closed and not _readable(connection.fileno()):
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg2.Error as error:
        raise InvalidatePoolError from error


def _readable(descriptor: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


#: What a failed connection says -> what it means. Servers may speak another language; then their own words are shown.
_REFUSALS: tuple[tuple[str, type[DatabaseUnavailable | DatabaseNotUsable], str], ...] = (
    (r"password authentication failed|no password supplied", DatabaseNotUsable, "the user or the password is wrong"),
    (r'database ".*" does not exist', DatabaseNotUsable, "there is no such database on that server: create it"),
    (r'role ".*" does not exist', DatabaseNotUsable, "there is no such user on that server"),
    (r"no pg_hba.conf entry", DatabaseNotUsable, "the server does not let this machine in (pg_hba.conf)"),
    (r"could not translate host name", DatabaseUnavailable, "there is no machine of that name"),
    (r"timeout expired|timed out", DatabaseUnavailable, "it does not answer"),
    (r"Connection refused|No such file or directory", DatabaseUnavailable, "nothing listens there, start it"),
    (r"too many clients|remaining connection slots", DatabaseUnavailable, "it has no connection left"),
    (r"starting up|in recovery|shutting down", DatabaseUnavailable, "it is starting or stopping: try again soon"),
)


def unavailable(error: BaseException, url: URL) -> DatabaseUnavailable | DatabaseNotUsable:
    """One clear line for a connection that could not be made; the password is not in it."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    user = f"{url.username}@" if url.username else ""
    where = f"{user}{url.host or ''}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    for pattern, kind, meaning in _REFUSALS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"The database {where} cannot be reached: {meaning}.")
    lines = said.splitlines() or ["it did not say why"]
    return DatabaseUnavailable(f"The database {where} cannot be reached: {lines[0]}")


def check(engine: Engine) -> ServerInfo:
    """Raise DatabaseUnavailable or DatabaseNotUsable, with one clear line, unless Kenali can work with this server."""
    try:
        with engine.connect() as connection:
            number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            extension = connection.execute(
                text(
                    "SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'vector' "
                    "ORDER BY 1"
                )
            ).one_or_none()
    except OperationalError as error:
        raise unavailable(error, engine.url) from error
    postgres = f"{number // 10000}.{number % 10000}"
    if number // 10000 < MIN_POSTGRES:
        raise DatabaseNotUsable(f"The server runs PostgreSQL {postgres}; Kenali needs {MIN_POSTGRES} or newer.")
    wanted = ".".join(map(str, MIN_PGVECTOR))
    if extension is None:
        raise DatabaseNotUsable(
            f"The extension pgvector is not installed on the PostgreSQL server: install pgvector {wanted} or newer "
            f"there (Debian, Ubuntu: postgresql-{number // 10000}-pgvector)."
        )
    installed = extension.installed_version
    if installed and _version(installed) < MIN_PGVECTOR:
        raise DatabaseNotUsable(
            f"The database has pgvector {installed}; Kenali needs {wanted} or newer: install it on the server, then "
            "run ALTER EXTENSION vector UPDATE."
        )
    if not installed and _version(extension.default_version) < MIN_PGVECTOR:
        raise DatabaseNotUsable(
            f"The server offers pgvector {extension.default_version}; Kenali needs {wanted} or newer."
        )
    return ServerInfo(postgres=postgres, pgvector=installed or extension.default_version)


def _version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def database_went_away(error: BaseException) -> bool:
    """Whether trying again may help: a lost connection, a deadlock, a server that is stopping."""
    if isinstance(error, DBAPIError):
        return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
