"""The embedded database: killed, joined, damaged, full. Every server here is one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from app.db.cluster import SETTINGS_FILE, Cluster, ClusterFailed, explain
from app.db.embedded import EmbeddedPostgres
from app.errors import DatabaseNotUsable, DatabaseUnavailable

ROOT = Path(__file__).parents[2]
#: Starts the database, does something, says so, and waits to be ended.
PROGRAM = """
import signal, sys
from pathlib import Path
import psycopg2
from sqlalchemy.engine import make_url
from app.db.embedded import EmbeddedPostgres
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
url = make_url(EmbeddedPostgres(Path(sys.argv[1])).start())
connection = psycopg2.connect(host=url.query["host"], port=url.query["port"], user=url.username, dbname=url.database)
cursor = connection.cursor()
cursor.execute("CREATE TABLE IF NOT EXISTS committed (number int)")
connection.commit()
print("started", flush=True)
for line in sys.stdin:
    cursor.execute("INSERT INTO committed VALUES (%s)", (int(line),))
    connection.commit()
    print("committed", flush=True)
"""


def _postgres_of(instance_dir: Path) -> list[psutil.Process]:
    """The PostgreSQL processes that work in this instance folder, and no others."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()) == (instance_dir / "postgres").resolve():
                found.append(process)
        except psutil.Error:
            continue
    return found


def _kill_postgres_of(instance_dir: Path) -> None:
    """Kill them all; some end by themselves once the first of them is dead."""
    for process in _postgres_of(instance_dir):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _numbers(url: str) -> list[int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        numbers = connection.execute(text("SELECT number FROM committed ORDER BY number")).scalars().all()
    engine.dispose()
    return list(numbers)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a database that is not running, to be copied: making one takes most of a second."""
    folder = tmp_path_factory.mktemp("stopped") / "instance"
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    return folder


@pytest.fixture
def instance_dir(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it for one test alone."""
    subprocess.run(["cp", "-a", str(stopped), str(tmp_path / "instance")], check=True)
    return tmp_path / "instance"


@pytest.fixture
def empty_dir(tmp_path: Path) -> Path:
    """An instance folder that is not there yet."""
    return tmp_path / "empty"


Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start(instance_dir: Path) -> Iterator[Start]:
    """Start the program on this test's instance folder."""
    programs: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), str(instance_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        programs.append(program)
        assert program.stdout.readline() == "started\n"
        return program

    yield start
    for program in programs:
        program.kill()
        program.communicate()
    _kill_postgres_of(instance_dir)


def _commit(program: subprocess.Popen[str], number: int) -> None:
    program.stdin.write(f"{number}\n")
    program.stdin.flush()
    assert program.stdout.readline() == "committed\n"


@pytest.mark.slow
def test_after_everything_was_killed_committed_rows_are_there(start: Start, instance_dir: Path):
    for number in range(5):
        program = start()
        _commit(program, number)
        _kill_postgres_of(instance_dir)
        program.kill()
        program.wait(60)
    server = EmbeddedPostgres(instance_dir)
    assert _numbers(server.start()) == [0, 1, 2, 3, 4]
    server.stop()
    assert _postgres_of(instance_dir) == []


def test_a_killed_program_leaves_a_server_that_the_next_one_joins_and_stops(start: Start, instance_dir: Path):
    program = start()
    _commit(program, 1)
    before = {process.pid for process in _postgres_of(instance_dir) if process.ppid() == 1}
    program.kill()
    program.wait(60)
    server = EmbeddedPostgres(instance_dir)
    assert _numbers(server.start()) == [1]
    assert before <= {process.pid for process in _postgres_of(instance_dir)}
    server.stop()
    assert _postgres_of(instance_dir) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_asked_to_end_stops_the_server(start: Start, instance_dir: Path, how: signal.Signals):
    program = start()
    program.send_signal(how)
    program.wait(60)
    assert _postgres_of(instance_dir) == []


def test_the_last_of_several_programs_stops_the_server(start: Start, instance_dir: Path):
    first, second = start(), start()
    first.send_signal(signal.SIGTERM)
    first.wait(60)
    _commit(second, 2)
    second.send_signal(signal.SIGTERM)
    second.wait(60)
    assert _postgres_of(instance_dir) == []


def test_stopping_twice_and_starting_again_works(instance_dir: Path):
    server = EmbeddedPostgres(instance_dir)
    server.start()
    server.stop()
    server.stop()
    with psycopg2.connect(server.start().replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("on",)
    connection.close()
    server.stop()


def test_only_the_owner_may_use_the_socket(instance_dir: Path):
    server = EmbeddedPostgres(instance_dir)
    folder = Path(make_url(server.start()).query["host"])  # another one, if the path of this test is too long
    sockets = list(folder.glob(".s.PGSQL.*[0-9]"))
    assert [oct(path.stat().st_mode & 0o777) for path in sockets] == ["0o700"]
    server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path):
    instance = tmp_path / ("long-name-" * 8)
    server = EmbeddedPostgres(instance)
    url = server.start()
    assert str(instance) not in url
    with psycopg2.connect(url.replace("+psycopg2", "")) as connection:
        assert connection.info.server_version >= 180_000
    connection.close()
    server.stop()


def test_a_creation_that_was_cut_off_is_made_again(empty_dir: Path):
    unfinished = empty_dir / "postgres.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(empty_dir)
    server.start()
    server.stop()


def test_data_of_another_version_is_told(empty_dir: Path):
    (empty_dir / "postgres").mkdir(parents=True)
    (empty_dir / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseNotUsable, match=r"made by PostgreSQL 16, and Kenali runs PostgreSQL 18"):
        EmbeddedPostgres(empty_dir).start()


def test_damaged_data_is_told_in_one_line(instance_dir: Path):
    server = EmbeddedPostgres(instance_dir)
    server.start()
    server.stop()
    (instance_dir / "postgres" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(DatabaseNotUsable) as caught:
        server.start()
    assert "\n" not in caught.value.detail
    assert str(instance_dir) in caught.value.detail


def test_a_pid_file_with_the_number_of_another_program_is_no_obstacle(instance_dir: Path):
    server = EmbeddedPostgres(instance_dir)
    server.start()
    pid_file = instance_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    _kill_postgres_of(instance_dir)
    lines[0] = str(os.getpid())
    pid_file.write_text("\n".join(lines) + "\n")
    server.stop()
    again = EmbeddedPostgres(instance_dir)
    again.start()
    again.stop()


def test_an_instance_folder_that_is_a_file_is_told(tmp_path: Path):
    (tmp_path / "instance").write_text("")
    with pytest.raises(DatabaseNotUsable, match="instance"):
        EmbeddedPostgres(tmp_path / "instance").start()


def test_a_server_that_refuses_a_setting_says_which(instance_dir: Path):
    with pytest.raises(DatabaseNotUsable, match="no_such_setting"):
        EmbeddedPostgres(instance_dir, settings={"no_such_setting": "1"}).start()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', "the disk is full"),
        ("initdb: error: could not create directory: Permission denied", "must belong to the user"),
        ("DETAIL:  The data directory was initialized by PostgreSQL version 16", "another version"),
        ('LOG: Unix-domain socket path "/x" is too long', "set INSTANCE_DIR to a shorter one"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "not enough memory"),
        ("PANIC:  could not locate a valid checkpoint record", "damaged"),
        ("2026 LOG: x\n2026 FATAL:  something new\n2026 LOG: shut down", "FATAL:  something new"),
        ("", "it did not say why"),
    ],
)
def test_what_postgresql_says_becomes_one_line(said: str, reason: str):
    assert reason in explain(said)
    assert "\n" not in explain(said)


def test_a_full_disk_at_the_first_start_is_told(empty_dir: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise ClusterFailed("initdb: error: could not write file: No space left on device")

    monkeypatch.setattr(Cluster, "_run", fail)
    with pytest.raises(DatabaseNotUsable, match="the disk is full: free some space and start again"):
        EmbeddedPostgres(empty_dir).start()


def test_a_server_that_stays_in_the_way_is_told(instance_dir: Path, monkeypatch: pytest.MonkeyPatch):
    server = EmbeddedPostgres(instance_dir)
    server.start()
    server.stop()
    monkeypatch.setattr("app.db.embedded.OCCUPIED_GIVE_UP_SECONDS", 0)
    monkeypatch.setattr("app.db.embedded.OCCUPIED_RETRY_SECONDS", 0)
    monkeypatch.setattr(Cluster, "_run", _refuse_as_occupied)
    with pytest.raises(DatabaseUnavailable, match="Another PostgreSQL works in"):
        server.start()


def _refuse_as_occupied(cluster: Cluster, *_: str) -> None:
    with cluster.log_path.open("a") as log:
        log.write('FATAL:  lock file "postmaster.pid" already exists\n')
    raise ClusterFailed("pg_ctl: could not start server")


def test_our_settings_are_written_where_people_find_them(instance_dir: Path):
    server = EmbeddedPostgres(instance_dir)
    server.start()
    server.stop()
    written = (instance_dir / "postgres" / SETTINGS_FILE).read_text()
    assert "fsync = on" in written
    assert "unix_socket_permissions = 0700" in written
