"""The start-up sweep: photos and their files are made to agree again after a crash.

A killed program can leave a file whose row was never committed, a file whose row is gone, and half-written files. Rows
without a file come from outside: somebody deleted it, or a disk lost it.

Nothing is removed from a folder that may not be ours. The folder carries the id of its database: a volume that is not
mounted, or a database that belongs to another folder, would otherwise cost every photo.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import Photo, User
from app.db.installation import installation_id
from app.db.locks import wait_for_writers
from app.errors import KenaliError
from app.services.health import PartHealth
from app.services.photo_names import is_photo_key
from app.storage import Storage, check_writable, is_temporary

logger = logging.getLogger(__name__)

#: Holds the id of the database whose photos are in the folder.
MARKER: Final = ".kenali"
_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did."""

    #: files of ours that no row knew.
    files_removed: int = 0
    #: half-written files.
    leftovers_removed: int = 0
    #: rows whose file was gone.
    rows_removed: int = 0
    #: folders of users who are gone.
    folders_removed: int = 0
    #: folders of users that were missing.
    folders_made: int = 0
    #: why nothing was done, or None.
    refused: str | None = None

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self != SweepReport()


class Sweep:
    """Compares rows and files once, at start."""

    def __init__(self, sessions: sessionmaker[Session], storage: Storage) -> None:
        self._sessions = sessions
        self._storage = storage
        self._last: SweepReport | None = None

    def ping(self) -> PartHealth:
        """What the sweep of this start found."""
        report = self._last
        if report is None:
            return PartHealth(ok=True, detail="not checked yet")
        if report.refused:
            return PartHealth(ok=False, detail=report.refused)
        return PartHealth(ok=True, detail="photos and database agree", facts=asdict(report))

    def run(self) -> SweepReport:
        """Repair what a crash left behind. Waits for uploads that other processes are just storing."""
        self._last = self._run()
        return self._last

    def _run(self) -> SweepReport:
        self._storage.expect(None)
        try:
            with self._sessions.begin() as session:
                wait_for_writers(session)
                report = self._sweep(session)
                if not report.refused:
                    check_writable(self._storage)
        except (OSError, KenaliError):
            # The server is of use without it: recognition reads no photos.
            logger.exception("The photos in %s could not be checked", self._storage.name)
            return SweepReport(refused="The folder cannot be read or written: the log says why.")
        if report.refused:
            logger.error("Photos were not checked: %s", report.refused)
            return report
        self._storage.expect(MARKER)
        if report.changed:
            logger.warning("Repaired after an interruption: %s", report)
        return report

    def _sweep(self, session: Session) -> SweepReport:
        users = set(session.scalars(select(User.id)))
        rows = {key: photo_id for photo_id, key in session.execute(select(Photo.id, Photo.storage_key))}
        keys = set(self._storage.keys())
        refused = self._claim(installation_id(session), rows.keys(), keys)
        if refused:
            return SweepReport(refused=refused)
        leftovers = [key for key in keys if is_temporary(key)]
        orphans = [key for key in keys if is_photo_key(key) and key not in rows]
        for key in (*leftovers, *orphans):
            self._storage.delete(key)
        missing = [photo_id for key, photo_id in rows.items() if key not in keys]
        for at in range(0, len(missing), _ROWS_AT_ONCE):
            session.execute(delete(Photo).where(Photo.id.in_(missing[at : at + _ROWS_AT_ONCE])))
        folders = {int(name): name for name in self._storage.folders() if name.isascii() and name.isdecimal()}
        abandoned = [name for user_id, name in folders.items() if user_id not in users and str(user_id) == name]
        new = users - folders.keys()
        for user_id in new:
            self._storage.make_folder(str(user_id))
        return SweepReport(
            files_removed=len(orphans),
            leftovers_removed=len(leftovers),
            rows_removed=len(missing),
            # A folder with files of other names stays.
            folders_removed=sum(self._storage.delete_folder_if_empty(name) for name in abandoned),
            folders_made=len(new),
        )

    def _claim(self, ours: UUID, rows: Iterable[str], keys: set[str]) -> str | None:
        """Make sure that the folder belongs to this database; otherwise the reason to leave it alone."""
        name = self._storage.name
        remedy = f"If the folder is the right one, write the line {ours} into {name}/{MARKER} and start again."
        if MARKER in keys:
            found = self._storage.read(MARKER).decode("ascii", "replace").strip()
            if found == str(ours):
                return None
            return f"{name} belongs to another database ({found[:36]}). Check DATASET_DIR and DATABASE_URL. {remedy}"
        known = [key in keys for key in rows]
        if any(known) or not (known or any(map(is_photo_key, keys))):
            self._storage.put(MARKER, f"{ours}\n".encode())
            return None
        if known:
            return f"None of the {len(known)} photos is in {name}: is its volume mounted? {remedy}"
        return f"{name} holds photos, but this database knows none. Check DATASET_DIR and DATABASE_URL. {remedy}"
