"""The schema that the migrations make."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from app.db import Base
from app.db.connect import make_engine
from app.db.migrate import MIGRATIONS, QUEUE_PREFIX, newest_revision, upgrade
from app.errors import DatabaseNotUsable
from tests.database import create_migrated

ROOT = Path(__file__).parents[3]


def _new_database(postgres_url: str, engine: Engine, name: str) -> Engine:
    """An empty database beside the worker's own."""
    unique = f"{name}_{make_url(str(engine.url)).database}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{unique}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{unique}"'))
    return make_engine(make_url(postgres_url).set(database=unique))


def _constraints_and_indexes(engine: Engine) -> dict[str, str]:
    """Name -> definition of what compare_metadata does not look at closely."""
    with engine.connect() as connection:
        constraints = connection.execute(
            text(
                "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 "
                "AND conrelid::regclass::text NOT LIKE :queue AND conrelid::regclass::text <> 'alembic_version'"
            ),
            {"queue": f"{QUEUE_PREFIX}%"},
        ).all()
        indexes = connection.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
                "AND tablename NOT LIKE :queue AND tablename <> 'alembic_version'"
            ),
            {"queue": f"{QUEUE_PREFIX}%"},
        ).all()
    return dict([*map(tuple, constraints), *map(tuple, indexes)])


def test_migrated_schema_equals_the_models(engine: Engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_server_default": True,
                "include_object": lambda _object, name, kind, _reflected, _other: (
                    not (kind == "table" and name.startswith(QUEUE_PREFIX))
                ),
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_constraints_and_indexes_equal_the_models(postgres_url: str, engine: Engine):
    modelled = _new_database(postgres_url, engine, "modelled")
    with modelled.begin() as connection:
        connection.execute(text("CREATE EXTENSION vector"))
        Base.metadata.create_all(connection)
    assert _constraints_and_indexes(engine) == _constraints_and_indexes(modelled)
    modelled.dispose()


@pytest.mark.parametrize("table", ["face_embeddings", "event_faces", "drive_faces"])
def test_vectors_are_kept_in_the_row(engine: Engine, table: str):
    with engine.connect() as connection:
        storage = connection.execute(
            text(
                "SELECT attstorage FROM pg_attribute WHERE attrelid = CAST(:table AS regclass) "
                "AND attname = 'embedding'"
            ),
            {"table": table},
        ).scalar_one()
    assert storage == "p"


def test_the_frozen_queue_schema_is_that_of_the_installed_procrastinate():
    installed = (resources.files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    (frozen,) = (MIGRATIONS / "sql").glob("procrastinate-*.sql")
    assert frozen.read_text(encoding="utf-8") == installed, (
        "Procrastinate was updated: add a migration that runs its own migrations (procrastinate/sql/migrations)"
    )


def test_upgrading_twice_does_nothing_the_second_time(postgres_url: str, engine: Engine):
    fresh = _new_database(postgres_url, engine, "twice")
    assert upgrade(fresh) is True
    assert upgrade(fresh) is False
    fresh.dispose()


def test_two_programs_that_start_at_once_migrate_once(postgres_url: str, engine: Engine):
    fresh = _new_database(postgres_url, engine, "at_once")
    program = "import sys; from app.db.connect import make_engine as m; from app.db.migrate import upgrade; "
    command = [sys.executable, "-c", program + "print(upgrade(m(sys.argv[1])))", str(fresh.url)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) for _ in range(2)]
    assert all(process.wait() == 0 for process in running)
    with fresh.connect() as connection:
        versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert versions == [newest_revision()]
    fresh.dispose()


def test_two_threads_that_migrate_at_once_do_not_meet(postgres_url: str, engine: Engine):
    fresh = _new_database(postgres_url, engine, "threads")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(upgrade, [fresh, fresh]))
    fresh.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(postgres_url: str, engine: Engine):
    fresh = _new_database(postgres_url, engine, "half")
    with fresh.begin() as connection:
        connection.execute(text("CREATE TABLE training_jobs (id int)"))
    with pytest.raises(Exception, match="training_jobs"):
        upgrade(fresh)
    with fresh.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
        assert set(tables) == {"training_jobs"}
    fresh.dispose()


def test_a_database_of_a_newer_program_is_told(postgres_url: str):
    newer = make_engine(create_migrated(postgres_url, "kenali_newer"))
    with newer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNotUsable, match="newer Kenali \\(revision 9999\\)"):
        upgrade(newer)
    newer.dispose()


def test_a_user_without_rights_is_told_what_to_do(postgres_url: str, engine: Engine):
    fresh = _new_database(postgres_url, engine, "forbidden")
    role = f"poor_{make_url(str(engine.url)).database}"
    with fresh.begin() as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    poor = make_engine(fresh.url.set(username=role))
    with pytest.raises(DatabaseNotUsable, match="CREATE EXTENSION vector"):
        upgrade(poor)
    poor.dispose()
    fresh.dispose()


def test_migrations_are_found_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert newest_revision()
