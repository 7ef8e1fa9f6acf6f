"""The histories of the breed and cough classifiers: record, list, export, delete; and the pictures that go with them.

A picture is written before its row is committed and removed after its row is, as photos are: a crash in between leaves
a file without a row, which the next start removes (`sweep`), and never a row without a file.
"""

from __future__ import annotations

import csv
import io
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import BreedEntry, CoughEntry
from app.db.installation import installation_id
from app.db.locks import hold_off_sweep, wait_for_writers
from app.errors import HistoryEntryNotFound, KenaliError, UserNotFound
from app.services.health import PartHealth
from app.services.paging import Page, PageRequest, fetch_page
from app.services.users import MAX_ID
from app.storage import Storage, is_temporary

logger = logging.getLogger(__name__)

Entry = TypeVar("Entry", BreedEntry, CoughEntry)

#: 128 random bits: the address of a picture is as good as a password, because it is all that protects it.
_RANDOM_BYTES: Final = 16
GUEST_FOLDER: Final = "guest"
#: Keys that `picture_key` makes; the sweep removes no file of another name.
_OURS: Final = re.compile(r"[0-9a-f]{12}/(?:guest|[1-9][0-9]*)/[0-9a-f]{32}\.(?:jpg|png)")
_INSTALLATION_DIGITS: Final = 12
_ROWS_AT_ONCE: Final = 500

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
#: A spreadsheet would run these as formulas.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def percent(probability: float) -> str:
    """A probability as the sources write it: ``97.31%``."""
    return f"{100 * probability:.2f}%"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is kept beside an entry."""

    data: bytes
    #: ``jpg`` or ``png``.
    kind: str


class Pictures:
    """The files of both histories, below a folder of this installation alone: several may share ``static``."""

    def __init__(self, sessions: sessionmaker[Session], storage: Storage) -> None:
        self._sessions = sessions
        self._storage = storage
        self._installation: str | None = None
        self._last: PartHealth = PartHealth(ok=True, detail="not checked yet")

    def new_key(self, user_id: int | None, kind: str) -> str:
        """A key that nobody can guess."""
        owner = GUEST_FOLDER if user_id is None else str(user_id)
        return f"{self._home()}/{owner}/{secrets.token_hex(_RANDOM_BYTES)}.{kind}"

    def put(self, key: str, data: bytes) -> None:
        """Store a picture; call it inside the transaction of its row, which holds off the sweep."""
        self._storage.put(key, data)

    def read(self, key: str) -> bytes:
        """The picture's bytes; HistoryEntryNotFound for whatever is not one of ours."""
        if not _OURS.fullmatch(key):
            raise HistoryEntryNotFound("There is no such picture.")
        try:
            return self._storage.read(key)
        except FileNotFoundError as error:
            raise HistoryEntryNotFound("There is no such picture.") from error

    def remove(self, key: str | None) -> None:
        """Remove a picture whose row is gone; what resists is left for the next start's sweep."""
        if key is None:
            return
        try:
            self._storage.delete(key)
        except OSError:
            logger.exception("%s could not be removed; the next start tries again", key)

    def remove_person(self, user_id: int) -> None:
        """Remove every picture of a person who was deleted."""
        try:
            self._storage.delete_prefix(f"{self._home()}/{user_id}")
        except OSError:
            logger.exception("The history pictures of user %d could not be removed", user_id)

    def ping(self) -> PartHealth:
        """What the sweep of this start found."""
        return self._last

    def sweep(self) -> int:
        """Remove the pictures of this installation that no row knows; how many there were.

        Rows whose picture is gone stay: the answer is worth keeping without it.
        """
        try:
            home = self._home()
            with self._sessions.begin() as session:
                wait_for_writers(session)
                known = set(session.scalars(select(BreedEntry.picture_key).where(BreedEntry.picture_key.is_not(None))))
                known |= set(session.scalars(select(CoughEntry.picture_key).where(CoughEntry.picture_key.is_not(None))))
                found = list(self._storage.keys(home))
                gone = [key for key in found if is_temporary(key) or (_OURS.fullmatch(key) and key not in known)]
                for key in gone:
                    self._storage.delete(key)
        except (OSError, KenaliError):
            # The server is of use without it.
            logger.exception("The history pictures in %s could not be checked", self._storage.name)
            self._last = PartHealth(ok=False, detail="The folder cannot be read or written: the log says why.")
            return 0
        if gone:
            logger.warning("Removed %d history pictures that an interruption left behind", len(gone))
        self._last = PartHealth(ok=True, detail="pictures and database agree", facts={"files_removed": len(gone)})
        return len(gone)

    def _home(self) -> str:
        if self._installation is None:
            with self._sessions.begin() as session:
                self._installation = installation_id(session).hex[:_INSTALLATION_DIGITS]
        return self._installation


class History(Generic[Entry]):
    """One of the two histories."""

    def __init__(
        self, sessions: sessionmaker[Session], pictures: Pictures, table: type[Entry], *, guests_kept: int
    ) -> None:
        """:param guests_kept: newest entries of guests that stay; older ones go, or strangers could fill the disk."""
        self._sessions = sessions
        self._pictures = pictures
        # Any: mypy cannot follow columns through a type variable.
        self._table: Any = table
        self._guests_kept = guests_kept

    def record(self, entry: Entry, picture: Picture | None = None) -> Entry:
        """Store an entry with its picture, both or neither; the entry has its id, time and key afterwards.

        UserNotFound if the person was deleted meanwhile. StorageFull and StorageUnavailable leave no row.
        """
        if picture is not None:
            entry.picture_key = self._pictures.new_key(entry.user_id, picture.kind)
        try:
            with self._sessions.begin() as session:
                hold_off_sweep(session)
                session.add(entry)
                session.flush()
                # Last before the commit: whatever failed until here has left no file.
                if picture is not None and entry.picture_key is not None:
                    self._pictures.put(entry.picture_key, picture.data)
        except IntegrityError as error:
            if "user_id" in str(error.orig):
                raise UserNotFound from None
            raise
        if entry.user_id is None:
            self._forget_old_guests(entry.id)
        return entry

    def list(self, wanted: PageRequest, *, user_id: int | None = None) -> Page[Entry]:
        """Newest first: everybody's, or one person's."""
        with self._sessions() as session:
            return fetch_page(session, self._query(user_id), wanted)

    def get(self, entry_id: int, *, owner_id: int | None = None) -> Entry:
        """One entry; HistoryEntryNotFound if there is none, or it is not the owner's."""
        with self._sessions() as session:
            return self._get(session, entry_id, owner_id)

    def delete(self, entry_id: int, *, owner_id: int | None = None) -> None:
        """Remove an entry and its picture; HistoryEntryNotFound if there is none, or it is not the owner's."""
        with self._sessions.begin() as session:
            entry = self._get(session, entry_id, owner_id, for_deletion=True)
            key = entry.picture_key
            session.delete(entry)
        self._pictures.remove(key)

    def csv(self, columns: Mapping[str, Callable[[Entry], Any]], *, user_id: int | None = None) -> Iterator[str]:
        """All of `list` as CSV, a block of lines at a time: a long history never lies in memory as a whole."""
        yield _csv_line(list(columns))
        with self._sessions() as session:
            rows = session.scalars(self._query(user_id).execution_options(yield_per=_ROWS_AT_ONCE))
            for block in rows.partitions():
                yield "".join(_csv_line([read(entry) for read in columns.values()]) for entry in block)

    def _query(self, user_id: int | None) -> Select[Any]:
        table = self._table
        query: Select[Any] = select(table).order_by(table.id.desc())
        if user_id is None:
            return query
        return query.where(table.user_id == (user_id if 0 < user_id <= MAX_ID else 0))

    def _get(self, session: Session, entry_id: int, owner_id: int | None, *, for_deletion: bool = False) -> Entry:
        found: Entry | None = None
        if 0 < entry_id <= MAX_ID:
            found = session.get(self._table, entry_id, with_for_update=for_deletion)
        if found is None or (owner_id is not None and found.user_id != owner_id):
            raise HistoryEntryNotFound(f"There is no entry with the id {entry_id}.")
        return found

    def _forget_old_guests(self, newest_id: int) -> None:
        table = self._table
        # Ids grow by one or more: an entry this many ids back may be too old, a nearer one cannot be.
        if newest_id <= self._guests_kept:
            return
        guests = select(table.id).where(table.user_id.is_(None)).order_by(table.id.desc())
        too_old = guests.offset(self._guests_kept).limit(_ROWS_AT_ONCE)
        with self._sessions.begin() as session:
            ids = session.scalars(too_old).all()
            if not ids:
                return
            gone = delete(table).where(table.id.in_(ids)).returning(table.picture_key)
            keys = session.scalars(gone).all()
        for key in keys:
            self._pictures.remove(key)


def _csv_line(values: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(value) for value in values])
    return line.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
