"""The embedded PostgreSQL: started by the first program that needs it, stopped by the last one that leaves.

Several programs (the server, ``flask worker``, commands) share one instance folder. Each holds a shared lock on
``postgres.users`` as long as it lives; the kernel lets go of it however a program ends. Who leaves and gets that lock
for itself alone was the last one. A killed program leaves PostgreSQL running, and the next start joins it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg2

from app.db.cluster import SUPERUSER, Cluster, ClusterFailed, RunningServer, StillOccupied, explain
from app.errors import DatabaseNotUsable, DatabaseUnavailable

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

DATABASE = "kenali"
#: A dead server's pid was seen for up to a second after a kill; orphaned processes leave within a few.
OCCUPIED_RETRY_SECONDS = 0.2
OCCUPIED_GIVE_UP_SECONDS = 20.0
CONNECT_TIMEOUT_SECONDS = 5


class EmbeddedPostgres:
    """PostgreSQL in ``instance_dir/postgres``."""

    def __init__(self, instance_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """
        :param instance_dir: made if it is missing.
        :param settings: PostgreSQL settings on top of the usual ones; for tests.
        """
        self._instance_dir = instance_dir.expanduser().absolute()
        self._settings = settings
        self._users: IO[bytes] | None = None
        self._mutex = threading.Lock()
        self._cluster: Cluster | None = None

    @property
    def data_dir(self) -> Path:
        """Where the data is."""
        return self._instance_dir / "postgres"

    def start(self) -> str:
        """Start or join the server, and answer the URL of Kenali's database in it.

        Raises DatabaseNotUsable or DatabaseUnavailable with one line that says what to do.
        """
        if sys.platform == "win32":
            raise DatabaseNotUsable("The embedded PostgreSQL runs on Linux and macOS; set DATABASE_URL here.")
        with self._mutex:
            try:
                self._instance_dir.mkdir(parents=True, exist_ok=True)
                self._cluster = self._cluster or Cluster(self.data_dir, settings=self._settings)
                with self._only_one():
                    server = self._start_or_join(self._cluster)
                    self._stay()
                    _create_database(server)
            except OSError as error:
                raise self._not_usable(f"{error.filename or ''} {error.strerror}: {explain(str(error))}") from error
            return _url(server)

    def revive(self) -> bool:
        """Start the server again if it died; whether it had. Raises what `start` raises."""
        if self._users is None or self._cluster is None or self._cluster.running() is not None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """Leave; the last one stops the server. Safe to call twice."""
        with self._mutex:
            atexit.unregister(self.stop)
            users, self._users = self._users, None
            if users is None or self._cluster is None:
                return
            with users, self._only_one():
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return  # somebody else still needs it
                try:
                    self._cluster.stop()
                except ClusterFailed as failure:
                    logger.warning("PostgreSQL in %s could not be stopped: %s", self.data_dir, explain(str(failure)))

    def _start_or_join(self, cluster: Cluster) -> RunningServer:
        if cluster.exists:
            cluster.check_version()
        else:
            logger.info("Making the database in %s", self.data_dir)
            try:
                cluster.create()
            except ClusterFailed as failure:
                raise self._not_usable(explain(str(failure))) from failure
        give_up = time.monotonic() + OCCUPIED_GIVE_UP_SECONDS
        while True:
            server = cluster.running()
            if server and _answers(server):
                return server
            try:
                cluster.start()
            except StillOccupied as failure:
                if time.monotonic() > give_up:
                    raise DatabaseUnavailable(
                        f"Another PostgreSQL works in {self.data_dir} and does not answer: {explain(str(failure))}"
                    ) from failure
                time.sleep(OCCUPIED_RETRY_SECONDS)
            except ClusterFailed as failure:
                raise self._not_usable(f"{explain(str(failure))} (log: {cluster.log_path})") from failure

    def _stay(self) -> None:
        """Be counted among the users of the server until we end."""
        if self._users is None:
            self._users = _open_lock(self._instance_dir / "postgres.users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            atexit.register(self.stop)

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """One program at a time starts or stops the server."""
        with _open_lock(self._instance_dir / "postgres.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _not_usable(self, reason: str) -> DatabaseNotUsable:
        return DatabaseNotUsable(f"The embedded database in {self.data_dir} cannot be used: {reason.strip()}")


def _open_lock(path: Path) -> IO[bytes]:
    """A file to lock, for its owner alone: whoever can read it could hold it, and the program would wait forever."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    if os.fstat(file.fileno()).st_mode & 0o077:
        path.chmod(0o600)
    return file


def _answers(server: RunningServer) -> bool:
    """Whether a server that looks alive takes connections; waits while it recovers."""
    give_up = time.monotonic() + OCCUPIED_GIVE_UP_SECONDS
    while time.monotonic() < give_up:
        try:
            _connect(server, "postgres").close()
        except psycopg2.OperationalError as error:
            if "starting up" not in str(error) and "shutting down" not in str(error):
                return False
            time.sleep(OCCUPIED_RETRY_SECONDS)
        else:
            return True
    return False


def _connect(server: RunningServer, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=str(server.socket_dir),
        port=server.port,
        user=SUPERUSER,
        dbname=database,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
    )


def _create_database(server: RunningServer) -> None:
    connection = _connect(server, "postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor, suppress(psycopg2.errors.DuplicateDatabase):
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    except psycopg2.errors.DiskFull as error:
        raise DatabaseNotUsable(
            "The embedded database cannot be used: the disk is full: free some space and start again"
        ) from error
    finally:
        connection.close()


def _url(server: RunningServer) -> str:
    host = quote(os.fspath(server.socket_dir), safe="")
    return f"postgresql+psycopg2://{SUPERUSER}@/{DATABASE}?host={host}&port={server.port}"
