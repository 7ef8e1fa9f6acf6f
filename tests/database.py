"""Fixtures on a real PostgreSQL: one embedded server for the whole run, one migrated database for each worker.

The server is started by the first test that needs it and shared by every pytest-xdist worker; each worker works in a
database of its own that is copied from a migrated template, and every test starts with empty tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from app.db import Base
from app.db.connect import make_engine
from app.db.embedded import EmbeddedPostgres
from app.db.migrate import upgrade
from app.db.session import make_sessions

TEMPLATE = "kenali_template"
TEMPLATE_LOCK = 20_250_101
#: A test's data need not survive a power failure.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the server's own database; the server is shared by all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    server = EmbeddedPostgres(shared / "instance", settings=FAST)
    yield server.start()
    server.stop()


def create_migrated(postgres_url: str, name: str) -> str:
    """A new database with the current schema, copied from a template; its URL."""
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": TEMPLATE_LOCK})
        found = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": TEMPLATE})
        if found.first() is None:
            connection.execute(text(f'CREATE DATABASE "{TEMPLATE}"'))
            template = make_engine(make_url(postgres_url).set(database=TEMPLATE))
            upgrade(template)
            template.dispose()
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'))
    server.dispose()
    return make_url(postgres_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def worker_database_url(postgres_url: str) -> str:
    """URL of this worker's migrated database. Ask for `database_url` instead: its tables are empty."""
    return create_migrated(postgres_url, f"kenali_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.fixture(scope="session")
def worker_engine(worker_database_url: str) -> Iterator[Engine]:
    """Engine of this worker's database, for the fixtures in here."""
    engine = make_engine(worker_database_url)
    yield engine
    engine.dispose()


_TABLES = ", ".join(
    [
        *(table.name for table in Base.metadata.sorted_tables),
        "procrastinate_jobs",
        "procrastinate_events",
        "procrastinate_periodic_defers",
        "procrastinate_workers",
    ]
)


@pytest.fixture
def database_url(worker_engine: Engine, worker_database_url: str) -> str:
    """URL (SQLAlchemy, psycopg2) of a database with the current schema and no rows; ids start at 1."""
    with worker_engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {_TABLES} RESTART IDENTITY CASCADE"))
    return worker_database_url


@pytest.fixture
def engine(database_url: str, worker_engine: Engine) -> Engine:
    """Engine of the empty database."""
    return worker_engine


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    """What services take."""
    return make_sessions(engine)


@pytest.fixture
def instance_dir(tmp_path: Path) -> Path:
    """An instance folder of this test alone."""
    return tmp_path / "instance"
