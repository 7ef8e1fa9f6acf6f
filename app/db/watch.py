"""The database is watched: an embedded server that died is started again, and nobody waits for one that hangs.

PostgreSQL keeps its own time limits, so a server that is stopped (a frozen container, a disk that does not answer)
keeps none: a request would wait for as long as it is, on a local socket even without the kernel's keepalives. When a
connection has been in use for a while and the server takes no new one either, the connections are cut: their
statements fail, and the requests are answered 503.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg2
from sqlalchemy import Engine, event

from app.errors import KenaliError

logger = logging.getLogger(__name__)

#: How often is looked.
LOOK_SECONDS: Final = 1.0
#: Statements of requests take milliseconds; whoever waits longer may wait for nothing.
PATIENCE_SECONDS: Final = 5.0
#: How long the server may take for a new connection. libpq counts whole seconds, from 2 on.
ANSWER_SECONDS: Final = 5
#: Between two tries to start a server that does not start.
RESTART_PAUSE_SECONDS: Final = 5.0

_SILENCE: Final = re.compile(r"timeout expired|timed out", re.IGNORECASE)


class DatabaseWatch:
    """Looks after the connections of one engine, and after the embedded server if there is one."""

    def __init__(
        self,
        engine: Engine,
        revive: Callable[[], bool] | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        answer_seconds: int = ANSWER_SECONDS,
    ) -> None:
        """
        :param revive: starts the embedded server if it died (`EmbeddedPostgres.revive`).
        :param patience_seconds: how long a connection is in use before the server is asked whether it lives.
        :param answer_seconds: how long it may take to answer that.
        """
        self._engine = engine
        self._revive = revive
        self._patience_seconds = patience_seconds
        self._answer_seconds = answer_seconds
        self._lock = threading.Lock()
        #: id -> connection in use, and since when
        self._used: dict[int, tuple[Any, float]] = {}
        self._ask_again_at = 0.0
        self._revive_again_at = 0.0
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._returned)
        event.listen(engine, "close", self._returned)

    def start(self) -> None:
        """Watch, on a thread of its own."""
        if self._thread is None:
            self._end.clear()
            self._thread = threading.Thread(target=self._watch, name="database-watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop watching. Safe to call twice, or without `start`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._end.set()
            thread.join(self._answer_seconds + LOOK_SECONDS)

    def look(self) -> None:
        """Do what is to be done now."""
        now = time.monotonic()
        if self._revive is not None and now >= self._revive_again_at:
            try:
                if self._revive():
                    logger.warning("The embedded PostgreSQL had died and was started again")
            except KenaliError as error:
                self._revive_again_at = time.monotonic() + RESTART_PAUSE_SECONDS
                logger.error("The embedded PostgreSQL died and cannot be started: %s", error.detail)  # noqa: TRY400
        if now >= self._ask_again_at and self._overdue():
            self._ask_again_at = now + self._patience_seconds
            if not self._answers():
                self._cut()

    def _watch(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:
                logger.exception("The database could not be looked after")

    def _taken(self, connection: Any, _record: object, _proxy: object) -> None:
        with self._lock:
            self._used[id(connection)] = connection, time.monotonic()

    def _returned(self, connection: Any, _record: object) -> None:
        with self._lock:
            self._used.pop(id(connection), None)

    def _overdue(self) -> list[Any]:
        oldest = time.monotonic() - self._patience_seconds
        return [connection for connection, since in self._used.copy().values() if since <= oldest]

    def _answers(self) -> bool:
        """Whether the server takes a connection. What refuses one at once is alive, or gone: then nobody waits."""
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        try:
            psycopg2.connect(*arguments, **{**options, "connect_timeout": self._answer_seconds}).close()
        except psycopg2.OperationalError as error:
            return _SILENCE.search(str(error)) is None
        return True

    def _cut(self) -> None:
        """Close the sockets under those who wait: libpq sees the end of the stream, and the statement fails."""
        with self._lock:
            overdue = self._overdue()
            for connection in overdue:
                try:
                    with socket.socket(fileno=os.dup(connection.fileno())) as stream:
                        stream.shutdown(socket.SHUT_RDWR)
                except (OSError, psycopg2.Error):
                    continue  # closed meanwhile
        logger.error("The database does not answer: %d statement(s) were given up", len(overdue))
