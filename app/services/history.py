"""The histories of the breed and cough classifiers: record, list, export, delete; and the pictures that go with them.

A picture is written before its row is committed and removed after its row is, as photos are: a crash in between leaves
a file without a row, which the next start removes (`sweep`), and never a row without a file.

Neither is waited for on the way to the disk (docs/decisions/0058-cost-of-an-answer.md). A power cut may take the
entries of the last fraction of a second with it, and leave entries whose picture is empty or gone: the entry stays
listed, and its picture is told to be gone, as that of a deleted entry is.
"""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import BreedEntry, CoughEntry
from app.db.history import quick_insert, recorded_columns
from app.db.installation import installation_id
from app.db.locks import wait_for_writers
from app.errors import HistoryEntryNotFound, KenaliError, UserNotFound
from app.services.health import PartHealth
from app.services.paging import Page, PageRequest, fetch_page
from app.services.users import MAX_ID
from app.storage import Storage, check_writable, is_temporary

logger = logging.getLogger(__name__)

Entry = TypeVar("Entry", BreedEntry, CoughEntry)

#: 128 random bits: the address of a picture is as good as a password, because it is all that protects it.
_RANDOM_BYTES: Final = 16
#: Those who asked without signing in; also the name of the folder with their pictures.
GUESTS: Final = "guest"
#: A person, all guests together, or everybody.
Whose: TypeAlias = int | Literal["guest"] | None
#: Keys that `picture_key` makes; the sweep removes no file of another name.
_OURS: Final = re.compile(r"[0-9a-f]{12}/(?:guest|[1-9][0-9]*)/[0-9a-f]{32}\.(?:jpg|png)")
_NO_PICTURE: Final = "There is no such picture."
_INSTALLATION_DIGITS: Final = 12
#: Guests are counted once in so many of their entries: this share of what is kept may be there beyond it.
_GUESTS_BEYOND: Final = 0.01
_ROWS_AT_ONCE: Final = 500

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
#: A spreadsheet would run these as formulas; the last four are = + - @ in full width, as East Asian ones take them.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


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
        owner = GUESTS if user_id is None else str(user_id)
        return f"{self._home()}/{owner}/{secrets.token_hex(_RANDOM_BYTES)}.{kind}"

    def put(self, key: str, data: bytes) -> None:
        """Store a picture; call it inside the transaction of its row, which holds off the sweep."""
        self._storage.put(key, data, durable=False)

    def read(self, key: str) -> bytes:
        """The picture's bytes; HistoryEntryNotFound for whatever is not one of ours."""
        if not _OURS.fullmatch(key):
            raise HistoryEntryNotFound(_NO_PICTURE)
        try:
            data = self._storage.read(key)
        except FileNotFoundError as error:
            raise HistoryEntryNotFound(_NO_PICTURE) from error
        if not data:  # what a power cut leaves of a file that was just written
            raise HistoryEntryNotFound(_NO_PICTURE)
        return data

    def remove(self, key: str | None) -> None:
        """Remove a picture whose row is gone; what resists is left for the next start's sweep."""
        if key is None:
            return
        try:
            # Its row is gone for good: should a power cut bring the file back, the next start's sweep removes it.
            self._storage.delete(key, durable=False)
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
                check_writable(self._storage, home)
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
        self._insert = quick_insert(self._table.__table__)
        self._columns = [column.name for column in recorded_columns(self._table.__table__)]
        self._guests_kept = guests_kept
        self._guests = itertools.count(1)  # one step: no two threads get the same number

    def record(self, entry: Entry, picture: Picture | None = None) -> Entry:
        """Store an entry with its picture, both or neither; the entry has its id, time and key afterwards.

        UserNotFound if the person was deleted meanwhile. StorageFull and StorageUnavailable leave no row.
        """
        if picture is not None:
            entry.picture_key = self._pictures.new_key(entry.user_id, picture.kind)
        values = {name: getattr(entry, name) for name in self._columns}
        try:
            with self._sessions.begin() as session:
                entry.id, entry.created_at = session.connection().execute(self._insert, values).one()
                # Last before the commit: whatever failed until here has left no file.
                if picture is not None and entry.picture_key is not None:
                    self._pictures.put(entry.picture_key, picture.data)
        except IntegrityError as error:
            if "user_id" in str(error.orig):
                raise UserNotFound from None
            raise
        if entry.user_id is None and next(self._guests) % max(1, int(self._guests_kept * _GUESTS_BEYOND)) == 0:
            self._forget_old_guests(entry.id)
        return entry

    def list(self, wanted: PageRequest, *, whose: Whose = None) -> Page[Entry]:
        """Newest first."""
        with self._sessions() as session:
            return fetch_page(session, self._newest_first(whose), wanted)

    def get(self, entry_id: int, *, owner_id: int | None = None) -> Entry:
        """One entry; HistoryEntryNotFound if there is none, or it is not the owner's."""
        with self._sessions() as session:
            return self._get(session, entry_id, owner_id)

    def with_picture(self, key: str) -> Entry:
        """The entry that a picture belongs to; HistoryEntryNotFound if there is none."""
        with self._sessions() as session:
            query = select(self._table).where(self._table.picture_key == key)
            found: Entry | None = session.scalars(query).one_or_none() if _OURS.fullmatch(key) else None
        if found is None:
            raise HistoryEntryNotFound(_NO_PICTURE)
        return found

    def delete(self, entry_id: int, *, owner_id: int | None = None) -> None:
        """Remove an entry and its picture; HistoryEntryNotFound if there is none, or it is not the owner's."""
        with self._sessions.begin() as session:
            entry = self._get(session, entry_id, owner_id, for_deletion=True)
            key = entry.picture_key
            session.delete(entry)
        self._pictures.remove(key)

    def delete_many(self, *, whose: Whose, ids: Sequence[int] | None = None) -> int:
        """Remove entries with their pictures; how many there were.

        :param whose: only these people's.
        :param ids: only these; what is not there is left out.
        """
        table = self._table
        wanted = [*self._of(whose)]
        if ids is not None:
            wanted.append(table.id.in_([each for each in ids if each <= MAX_ID]))
        deleted, last = 0, 0
        with self._sessions() as session:
            # What comes in meanwhile stays, and cannot keep this from coming to an end.
            newest = session.scalar(select(func.max(table.id)).where(*wanted)) or 0
        while last < newest:
            with self._sessions.begin() as session:
                block = select(table.id).where(*wanted, table.id > last, table.id <= newest).order_by(table.id)
                found = session.scalars(block.limit(_ROWS_AT_ONCE)).all()
                gone = delete(table).where(table.id.in_(found)).returning(table.picture_key)
                keys = session.scalars(gone).all()
            for key in keys:
                self._pictures.remove(key)
            deleted += len(keys)
            last = found[-1] if found else newest
        return deleted

    def csv(self, columns: Mapping[str, Callable[[Entry], Any]], *, whose: Whose = None) -> Iterator[str]:
        """All of `list` as CSV, a block of lines at a time: a long history never lies in memory as a whole."""
        yield _csv_line(list(columns))
        with self._sessions() as session:
            rows = session.scalars(self._newest_first(whose).execution_options(yield_per=_ROWS_AT_ONCE))
            for block in rows.partitions():
                yield "".join(_csv_line([read(entry) for read in columns.values()]) for entry in block)

    def _newest_first(self, whose: Whose) -> Select[Any]:
        query: Select[Any] = select(self._table).where(*self._of(whose)).order_by(self._table.id.desc())
        return query

    def _of(self, whose: Whose) -> Iterator[ColumnElement[bool]]:
        """Conditions."""
        if whose == GUESTS:
            yield self._table.user_id.is_(None)
        elif whose is not None:
            yield self._table.user_id == (whose if 0 < whose <= MAX_ID else 0)

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
