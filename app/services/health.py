"""How the program is doing: one ping for each part."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.errors import KenaliError

#: Below this, uploads will soon fail.
LOW_DISK_BYTES = 500_000_000
#: Load balancers wait some five seconds for an answer.
PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class PartHealth:
    """What one part says."""

    ok: bool
    #: one line for people
    detail: str
    #: figures for programs
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """What all parts say."""

    parts: Mapping[str, PartHealth]

    @property
    def ready(self) -> bool:
        """Whether requests can be answered."""
        return all(part.ok for part in self.parts.values())


Ping = Callable[[], PartHealth]


class HealthService:
    """Asks every part; a part that raises is not ok, and says why."""

    def __init__(self, pings: Mapping[str, Ping], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._pings = dict(pings)
        self._patience_seconds = patience_seconds
        self._pool = ThreadPoolExecutor(len(self._pings), thread_name_prefix="health")
        self._lock = threading.Lock()
        self._asked: dict[str, Future[PartHealth]] = {}

    def check(self) -> Health:
        """Ask every part, side by side: one that hangs must not hide the others' answers, nor hold up the asker.

        Who asks while a part has not answered yet waits for that answer: many askers ask a part once.
        """
        with self._lock:
            for name, ping in self._pings.items():
                if name not in self._asked or self._asked[name].done():
                    self._asked[name] = self._pool.submit(_safely, ping)
            asked = dict(self._asked)
        answered, _ = wait(asked.values(), self._patience_seconds)
        silent = PartHealth(ok=False, detail="does not answer")
        return Health({name: answer.result() if answer in answered else silent for name, answer in asked.items()})

    def stop(self) -> None:
        """Let the threads go, without waiting for a part that hangs."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _safely(ping: Ping) -> PartHealth:
    try:
        return ping()
    except KenaliError as error:
        return PartHealth(ok=False, detail=error.detail)
    except SQLAlchemyError:
        # Its text has SQL and paths in it.
        return PartHealth(ok=False, detail="the database does not answer")
    except Exception as error:  # noqa: BLE001 - a health page that fails helps nobody
        return PartHealth(ok=False, detail=f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")


def database_ping(sessions: sessionmaker[Session]) -> Ping:
    """Whether PostgreSQL answers, and its versions."""

    def ping() -> PartHealth:
        with sessions() as session:
            server = session.scalar(text("show server_version")) or ""
            vector = session.scalar(text("select extversion from pg_extension where extname = 'vector'"))
        version = server.split()[0]
        return PartHealth(
            ok=True,
            detail=f"PostgreSQL {version} with pgvector {vector}",
            facts={"postgresql": version, "pgvector": vector},
        )

    return ping


def disk_ping(folder: Path) -> Ping:
    """Whether there is room for photos."""

    def ping() -> PartHealth:
        free = shutil.disk_usage(folder).free
        return PartHealth(
            ok=free >= LOW_DISK_BYTES, detail=f"{free / 1e9:.1f} GB free in {folder.name}", facts={"free_bytes": free}
        )

    return ping
