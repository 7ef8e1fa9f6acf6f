"""The database goes away under a running program, and comes back. Every server here is one of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from app.db.connect import make_engine
from app.db.embedded import EmbeddedPostgres
from app.db.watch import DatabaseWatch
from app.services.health import HealthService, PartHealth
from tests.api.test_problem import assert_problem
from tests.database import FAST


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server to be killed and frozen."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("away") / "instance", settings=FAST)
    yield server
    server.stop()


@pytest.fixture
def engine(server: EmbeddedPostgres) -> Iterator[Engine]:
    """Its engine, connected once."""
    engine = make_engine(server.start())
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    yield engine
    engine.dispose()


def _processes(data_dir: Path) -> list[psutil.Process]:
    postmaster = psutil.Process(int((data_dir / "postmaster.pid").read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


@pytest.mark.slow
def test_a_server_that_was_killed_is_started_again(server: EmbeddedPostgres, engine: Engine):
    watch = DatabaseWatch(engine, server.revive)
    watch.look()
    postmaster = _processes(server.data_dir)[0]
    postmaster.kill()
    postmaster.wait()
    watch.look()
    for _ in range(2):  # the pool's old connections are found dead, all at once
        try:
            with engine.connect() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        except OperationalError:
            continue
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.slow
def test_nobody_waits_for_a_server_that_hangs(server: EmbeddedPostgres, engine: Engine):
    watch = DatabaseWatch(engine, server.revive, patience_seconds=0.5, answer_seconds=2)
    frozen = _processes(server.data_dir)
    ended = threading.Event()
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            raised.append(error)
        finally:
            ended.set()

    for process in frozen:
        with suppress(psutil.NoSuchProcess):  # a background worker that has just ended
            process.suspend()
    try:
        threading.Thread(target=ask, daemon=True).start()
        watch.start()
        assert ended.wait(15)
    finally:
        watch.stop()
        for process in frozen:
            with suppress(psutil.NoSuchProcess):
                process.resume()
    assert raised
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_work_that_takes_long_on_a_server_that_lives_is_let_be(engine: Engine):
    watch = DatabaseWatch(engine, patience_seconds=0)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        watch.look()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_program_that_has_left_starts_no_server(tmp_path: Path):
    server = EmbeddedPostgres(tmp_path / "instance", settings=FAST)
    server.start()
    server.stop()
    assert not server.revive()
    assert not (server.data_dir / "postmaster.pid").exists()


def test_when_no_connection_becomes_free_it_is_the_database_that_is_away(app, client, monkeypatch):
    services = app.extensions["kenali"]
    services.stop()
    monkeypatch.setattr(services.engine.pool, "_timeout", 0.05)
    pool = services.engine.pool
    held = [services.engine.connect() for _ in range(pool.size() + pool._max_overflow)]
    answer = client.get("/api/users")
    for connection in held:
        connection.close()
    assert_problem(answer, 503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/api/users").status_code == 200


def test_a_part_that_hangs_is_asked_once_and_hides_no_other():
    go_on = threading.Event()
    asked: list[float] = []

    def hang() -> PartHealth:
        asked.append(time.monotonic())
        go_on.wait(10)
        return PartHealth(ok=True, detail="back")

    health = HealthService({"ill": hang, "well": lambda: PartHealth(ok=True, detail="fine")}, patience_seconds=0.1)
    for _ in range(3):
        parts = health.check().parts
        assert (parts["ill"].ok, parts["well"].ok) == (False, True)
    go_on.set()
    assert len(asked) == 1


def test_health_shows_no_sql(app):
    def broken() -> PartHealth:
        with app.extensions["kenali"].sessions() as session:
            session.execute(text("SELECT nonsense FROM nowhere"))
        raise AssertionError

    detail = HealthService({"database": broken}).check().parts["database"].detail
    assert "nowhere" not in detail


def test_strangers_learn_no_details_from_readiness_either(make_app, monkeypatch):
    monkeypatch.setattr("app.services.health.LOW_DISK_BYTES", 10**18)
    answer = make_app(access_mode="token").test_client().get("/api/health/ready")
    assert assert_problem(answer, 503, "not_ready")["errors"] == {"disk": "cannot do its work"}


def test_the_log_of_the_embedded_server_keeps_no_values(server: EmbeddedPostgres, engine: Engine):
    with pytest.raises(psycopg2.Error), engine.raw_connection().cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere WHERE hash = 'top-secret'")
    assert "top-secret" not in server.data_dir.with_name("postgres.log").read_text()


def test_nobody_else_can_hold_the_locks(server: EmbeddedPostgres):
    """flock needs no more than a file that can be read."""
    server.start()
    for name in ("postgres.lock", "postgres.users"):
        assert server.data_dir.with_name(name).stat().st_mode & 0o077 == 0
