"""The work of a Drive search: list the folder, then look at each picture that nobody has looked at.

Every step is stored when it is done, page by page and picture by picture, so a run that ends anywhere, or is killed,
goes on from there. A picture is fetched, looked at and forgotten; one at a time, so the memory stays flat.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import case, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveFace, DriveFile, DriveFileState, DriveSearch, DriveSearchFile, DriveSearchState
from app.db.connect import database_went_away
from app.engines.base import FaceEngine
from app.engines.face.look import look_at
from app.errors import (
    DriveFolderNotFound,
    DriveQuotaExceeded,
    GoogleUnavailable,
    ImageTooLarge,
    JobFailed,
    KenaliError,
    ModelNotUsable,
    UnsupportedImage,
    WorkerDied,
)
from app.services.gallery import Gallery
from app.services.google.drive import DriveClient, DriveItem, DrivePage, PageTokenRefused
from app.services.google.drive_searches import Decode, EnqueueSearch, hold_folder
from app.services.google.drive_url import parse_drive_url
from app.services.training_jobs import JobInterrupted, ShouldStop

logger = logging.getLogger(__name__)

#: Kinds that the decoder reads; others are listed as skipped and never fetched.
READABLE: Final = frozenset({"image/jpeg", "image/png"})
#: Subfolders are followed this deep, and this many of them: a folder may be endless by its shortcuts.
MAX_DEPTH: Final = 10
MAX_FOLDERS: Final = 1000
#: Pages of one folder: a list that never ends must not keep us for ever.
MAX_PAGES: Final = 1000
#: Times that a folder is listed from its beginning because Drive forgot where it was.
MAX_RESTARTS: Final = 3
#: A picture that Google did not give, or whose worker died, this often is given up.
MAX_FILE_ATTEMPTS: Final = 5
#: A search whose runs got nothing done this often in a row is given up.
MAX_FRUITLESS_ATTEMPTS: Final = 8
#: Different pictures in a row that Google does not give: either they are damaged there, or Google is away.
AWAY_AFTER: Final = 3
#: Pictures in a row that nobody foresaw: it is not the pictures that are broken.
MAX_SURPRISES: Final = 3
#: After this long the search goes to the end of the queue, so that a large folder does not keep small ones waiting.
TURN_SECONDS: Final = 60.0
#: Pictures whose ids are read at a time.
_IDS_AT_ONCE: Final = 200
#: How late a pause notices that the worker stops.
_NAP_SECONDS: Final = 0.2
#: From here on, an error is the server's trouble and not the picture's.
_SERVER_TROUBLE: Final = 500
#: Failures that another search may find mended.
_PASSING: Final = (GoogleUnavailable.code, WorkerDied.code, JobFailed.code)


class _TakenOver(Exception):
    """Another worker runs this search now, or it was deleted."""


class _TurnOver(Exception):
    """Others wait: the rest is done later."""


@dataclass
class _Run:
    """One attempt at a search."""

    search: DriveSearch
    should_stop: ShouldStop
    began: float = field(default_factory=time.monotonic)
    #: pictures in a row that broke the code that looks at them
    surprises: int = 0

    def check(self) -> None:
        """Raise when it is time to end."""
        if self.should_stop():
            raise JobInterrupted

    def pause(self, seconds: float) -> None:
        """Wait, unless the worker stops meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _NAP_SECONDS))
        self.check()


class DriveSearchRunner:
    """Runs searches."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        drive: DriveClient,
        decode: Decode,
        enqueue: EnqueueSearch,
        *,
        max_files: int,
        max_file_bytes: int,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        """
        :param max_files: pictures of one folder that are searched.
        :param max_file_bytes: larger ones are not even fetched.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._drive = drive
        self._decode = decode
        self._enqueue = enqueue
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self._turn_seconds = turn_seconds

    def run(self, search_id: int, should_stop: ShouldStop = lambda: False) -> None:
        """Work on a search. Called by the worker, again if an earlier attempt died.

        Raises JobInterrupted when it should stop, GoogleUnavailable while Google is away, and the driver's errors when
        the database goes away: the queue tries again. Every other failure is written into the search.
        """
        search = self._begin(search_id)
        if search is None:
            return
        run = _Run(search, should_stop)
        try:
            self._work(run)
        except JobInterrupted:
            self._give_back(run)
            raise
        except _TurnOver:
            self._queue_again(run)
        except _TakenOver:
            logger.info("Drive search %d was deleted, or is run elsewhere", search_id)
        except GoogleUnavailable as error:
            if not self._is_hopeless(run):
                raise
            self._finish(run, DriveSearchState.FAILED, error)
        except KenaliError as error:
            logger.warning("Drive search %d: %s", search_id, error.detail)
            self._finish(run, DriveSearchState.FAILED, error)
        except Exception as error:
            if database_went_away(error):
                raise
            logger.exception("Drive search %d failed", search_id)
            self._finish(run, DriveSearchState.FAILED, JobFailed())

    def requeue(self) -> int:
        """Put searches back into the queue that it does not know any more; how many. Called now and then."""
        lost = select(DriveSearch).where(
            DriveSearch.state == DriveSearchState.PROCESSING,
            text(
                "NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS queued "
                "WHERE queued.id = drive_searches.queue_job_id AND queued.status IN ('todo', 'doing'))"
            ),
        )
        with self._sessions.begin() as session:
            found = session.scalars(lost.with_for_update(skip_locked=True)).all()
            for search in found:
                search.queue_job_id = self._enqueue(session, search)
        return len(found)

    # --- the run

    def _work(self, run: _Run) -> None:
        engine = self._gallery.engine_for_jobs()
        if engine.info.key != run.search.model:
            raise ModelNotUsable("The face model was changed meanwhile: start the search again.")
        self._list(run)
        self._look_at_all(run, engine)
        self._finish(run, DriveSearchState.COMPLETED)

    def _begin(self, search_id: int) -> DriveSearch | None:
        """The search, with this attempt's mark; None if there is nothing (more) to do."""
        with self._sessions.begin() as session:
            search = session.scalar(
                update(DriveSearch)
                .where(DriveSearch.id == search_id, DriveSearch.state == DriveSearchState.PROCESSING)
                .values(
                    attempts=DriveSearch.attempts + 1,
                    fruitless_attempts=DriveSearch.fruitless_attempts + 1,
                    updated_at=func.clock_timestamp(),
                )
                .returning(DriveSearch)
            )
        if search is not None and search.fruitless_attempts > MAX_FRUITLESS_ATTEMPTS:
            self._finish(_Run(search, lambda: False), DriveSearchState.FAILED, WorkerDied())
            return None
        return search

    def _hold(self, session: Session, run: _Run, **values: Any) -> None:
        """Hold the search until the commit, and write to it; _TakenOver unless this run still owns it."""
        held = session.scalar(
            update(DriveSearch)
            .where(
                DriveSearch.id == run.search.id,
                DriveSearch.attempts == run.search.attempts,
                DriveSearch.state == DriveSearchState.PROCESSING,
            )
            .values(updated_at=func.clock_timestamp(), **values)
            .returning(DriveSearch.id)
        )
        if held is None:
            raise _TakenOver

    def _finish(self, run: _Run, state: DriveSearchState, error: KenaliError | None = None) -> None:
        try:
            with self._sessions.begin() as session:
                self._hold(
                    session,
                    run,
                    state=state.value,
                    analysed=_analysed(run.search.id),
                    error_code=error.code if error else None,
                    error=error.detail if error else None,
                    finished_at=func.clock_timestamp(),
                )
        except _TakenOver:
            logger.info("Drive search %d was deleted, or is run elsewhere", run.search.id)

    def _is_hopeless(self, run: _Run) -> bool:
        """Whether run after run got nothing done."""
        query = select(DriveSearch.fruitless_attempts).where(DriveSearch.id == run.search.id)
        with self._sessions() as session:
            return (session.scalar(query) or 0) >= MAX_FRUITLESS_ATTEMPTS

    def _give_back(self, run: _Run) -> None:
        """The worker stops: this attempt was no failure."""
        with self._sessions.begin() as session:
            session.execute(
                update(DriveSearch)
                .where(DriveSearch.id == run.search.id, DriveSearch.attempts == run.search.attempts)
                .values(fruitless_attempts=func.greatest(DriveSearch.fruitless_attempts - 1, 0))
            )

    def _queue_again(self, run: _Run) -> None:
        with self._sessions.begin() as session:
            search = session.get(DriveSearch, run.search.id, with_for_update=True)
            if search is not None and search.attempts == run.search.attempts:
                search.queue_job_id = self._enqueue(session, search)

    # --- listing

    def _list(self, run: _Run) -> None:
        folders = run.search.pending
        if folders is None:
            return
        if run.search.folder_name is None:
            self._open(run, folders)
        known = {folder["id"] for folder in folders}
        restarts = 0
        while (folder := next((entry for entry in folders if not entry["done"]), None)) is not None:
            run.check()
            try:
                page = self._drive.children(folder["id"], folder["key"], folder["token"], pause=run.pause)
            except PageTokenRefused:
                restarts += 1
                if restarts > MAX_RESTARTS:
                    raise GoogleUnavailable("Google Drive lost its place in the folder again and again.") from None
                folder["token"] = None
                continue
            except DriveFolderNotFound:
                if folder["depth"] == 0:
                    raise
                page = DrivePage([], None)  # a shortcut to what is private, or gone meanwhile
            folder["token"] = page.next_token
            folder["pages"] = folder.get("pages", 0) + 1
            folder["done"] = page.next_token is None or folder["pages"] >= MAX_PAGES
            if self._take(run, folder, page, folders, known):
                break
        with self._sessions.begin() as session:
            self._hold(session, run, pending=None, analysed=_analysed(run.search.id))

    def _open(self, run: _Run, folders: list[dict[str, Any]]) -> None:
        """Look at the folder itself: whether it is one, and what it is called."""
        root = folders[0]
        found = self._drive.item(root["id"], root["key"], pause=run.pause)
        if found.target_id is not None:
            found = self._drive.item(found.target_id, found.target_key, pause=run.pause)
        if not found.is_folder:
            raise DriveFolderNotFound("The link leads to a file: share the folder that it is in.")
        root["id"], root["key"] = found.id, found.resource_key or root["key"]
        with self._sessions.begin() as session:
            self._hold(session, run, folder_name=found.name, pending=folders)

    def _take(
        self, run: _Run, folder: dict[str, Any], page: DrivePage, folders: list[dict[str, Any]], known: set[str]
    ) -> bool:
        """Store a page: pictures to look at, folders to list; whether there are as many pictures as are searched."""
        truncated = False
        pictures: dict[str, DriveItem] = {}
        for shown in page.items:
            item = self._resolved(run, shown)
            if item is None:
                continue
            if item.is_image:
                pictures[item.id] = item
            elif item.is_folder and item.id not in known:
                if folder["depth"] >= MAX_DEPTH or len(folders) >= MAX_FOLDERS:
                    truncated = True
                    continue
                known.add(item.id)
                folders.append(
                    {
                        "id": item.id,
                        "key": item.resource_key,
                        "depth": folder["depth"] + 1,
                        "token": None,
                        "done": False,
                    }
                )
        with self._sessions.begin() as session:
            hold_folder(session, run.search.folder_id)
            listed = session.scalars(select(func.count()).where(DriveSearchFile.search_id == run.search.id)).one()
            room = self._max_files - listed
            wanted = list(pictures.values())[: max(room, 0)]
            full = len(pictures) > room
            linked = self._link(session, run, wanted)
            self._hold(
                session,
                run,
                pending=folders,
                listed=listed + linked,
                fruitless_attempts=0,
                **({"truncated": True} if truncated or full else {}),
            )
        return full

    def _resolved(self, run: _Run, item: DriveItem) -> DriveItem | None:
        """What a shortcut leads to, the item itself otherwise; None if that cannot be read."""
        if item.target_id is None:
            return item
        run.check()
        try:
            return self._drive.item(item.target_id, item.target_key, pause=run.pause)
        except DriveFolderNotFound:
            return None

    def _link(self, session: Session, run: _Run, pictures: list[DriveItem]) -> int:
        """Make pictures part of the search, those known from other searches as they are; how many are new to it."""
        if not pictures:
            return 0
        row = DriveFile
        rows = [
            {
                "folder_id": run.search.folder_id,
                "file_id": item.id,
                "name": item.name,
                "version": item.version,
                "model": run.search.model,
                "size_bytes": item.size_bytes,
                "resource_key": item.resource_key,
                **self._first_state(item),
            }
            for item in pictures
        ]
        new = upsert(row).values(rows)
        again = row.failure.in_(_PASSING)
        ids = session.scalars(
            new.on_conflict_do_update(
                index_elements=[row.folder_id, row.file_id, row.version, row.model],
                set_={
                    "name": new.excluded.name,
                    "resource_key": new.excluded.resource_key,
                    "state": case((again, DriveFileState.LISTED.value), else_=row.state),
                    "attempts": case((again, 0), else_=row.attempts),
                    "failure": case((again, None), else_=row.failure),
                },
            ).returning(row.id)
        ).all()
        links = upsert(DriveSearchFile).values([{"search_id": run.search.id, "file_id": found} for found in ids])
        return len(session.scalars(links.on_conflict_do_nothing().returning(DriveSearchFile.file_id)).all())

    def _first_state(self, item: DriveItem) -> dict[str, Any]:
        """What can be said of a picture before it is fetched."""
        failure = None
        if item.mime not in READABLE:
            failure = UnsupportedImage.code
        elif item.size_bytes is not None and item.size_bytes > self._max_file_bytes:
            failure = ImageTooLarge.code
        state = DriveFileState.LISTED if failure is None else DriveFileState.SKIPPED
        return {"state": state.value, "failure": failure}

    # --- looking

    def _look_at_all(self, run: _Run, engine: FaceEngine) -> None:
        refused: set[int] = set()
        while ids := self._waiting(run):
            for file_id in ids:
                run.check()
                if time.monotonic() - run.began > self._turn_seconds:
                    raise _TurnOver
                try:
                    self._look(run, engine, file_id)
                    refused.clear()
                except GoogleUnavailable:
                    refused.add(file_id)
                    if len(refused) >= AWAY_AFTER:
                        self._make_sure_of_google(run, refused)
                        refused.clear()

    def _make_sure_of_google(self, run: _Run, refused: set[int]) -> None:
        """Ask Google something easy. If it does not even answer that, no picture is to blame."""
        try:
            self._drive.item(run.search.folder_id, parse_drive_url(run.search.drive_url).resource_key, pause=run.pause)
        except GoogleUnavailable:
            with self._sessions.begin() as session:
                mended = {"attempts": DriveFile.attempts - 1, "failure": None}
                waiting = (DriveFile.id.in_(refused), DriveFile.state == DriveFileState.LISTED)
                session.execute(update(DriveFile).where(*waiting, DriveFile.attempts > 0).values(mended))
            raise
        except DriveFolderNotFound:
            return  # an answer

    def _waiting(self, run: _Run) -> list[int]:
        """Pictures to look at; those that made trouble come last."""
        query = (
            select(DriveFile.id)
            .join(DriveSearchFile, DriveSearchFile.file_id == DriveFile.id)
            .where(DriveSearchFile.search_id == run.search.id, DriveFile.state == DriveFileState.LISTED)
            .order_by(DriveFile.attempts, DriveFile.id)
            .limit(_IDS_AT_ONCE)
        )
        with self._sessions() as session:
            return list(session.scalars(query))

    def _look(self, run: _Run, engine: FaceEngine, file_id: int) -> None:
        """Fetch and look at one picture; GoogleUnavailable if Google does not give it now."""
        file = self._take_up(run, file_id)
        if file is None:
            return
        try:
            self._store(run, engine, file, self._drive.download(file.file_id, file.resource_key, pause=run.pause))
        except GoogleUnavailable as error:
            self._note(file_id, failure=error.code)
            raise
        except (DriveQuotaExceeded, JobInterrupted):
            self._note(file_id, attempts=DriveFile.attempts - 1)  # it was not the picture that was to blame
            raise
        except KenaliError as error:
            if error.status >= _SERVER_TROUBLE:
                raise
            self._skip(run, file_id, error)
        except (_TakenOver, MemoryError):
            raise
        except Exception as error:
            run.surprises += 1
            if database_went_away(error) or run.surprises >= MAX_SURPRISES:
                raise
            logger.exception("A picture of Drive search %d could not be looked at", run.search.id)
            self._skip(run, file_id, JobFailed())
        else:
            run.surprises = 0

    def _take_up(self, run: _Run, file_id: int) -> DriveFile | None:
        """A picture to look at, with the attempt counted; None if there is nothing (more) to do."""
        with self._sessions.begin() as session:
            file = session.scalar(
                update(DriveFile)
                .where(DriveFile.id == file_id, DriveFile.state == DriveFileState.LISTED)
                .values(attempts=DriveFile.attempts + 1)
                .returning(DriveFile)
            )
        if file is None or file.attempts <= MAX_FILE_ATTEMPTS:
            return file
        refused = file.failure == GoogleUnavailable.code
        self._skip(run, file_id, GoogleUnavailable() if refused else WorkerDied())
        return None

    def _note(self, file_id: int, **values: Any) -> None:
        """Write to a picture that is still to be looked at."""
        with self._sessions.begin() as session:
            waiting = (DriveFile.id == file_id, DriveFile.state == DriveFileState.LISTED)
            session.execute(update(DriveFile).where(*waiting).values(values))

    def _store(self, run: _Run, engine: FaceEngine, file: DriveFile, data: bytes) -> None:
        image = self._decode(data)
        seen = look_at(engine, image)
        rows = seen.rows(file_id=file.id, model=file.model)
        height, width = image.shape[:2]
        with self._sessions.begin() as session:
            done = self._settle(
                session,
                run,
                file.id,
                state=DriveFileState.ANALYSED.value,
                failure=None,
                width=width,
                height=height,
                attempts=0,
            )
            if done and rows:
                session.execute(insert(DriveFace), rows)

    def _skip(self, run: _Run, file_id: int, error: KenaliError) -> None:
        logger.info("A picture of Drive search %d is left out: %s", run.search.id, error.detail)
        with self._sessions.begin() as session:
            self._settle(session, run, file_id, state=DriveFileState.SKIPPED.value, failure=error.code)

    def _settle(self, session: Session, run: _Run, file_id: int, **values: Any) -> bool:
        """Say what became of a picture, once; whether it was not said before."""
        self._hold(session, run)
        settled = session.scalar(
            update(DriveFile)
            .where(DriveFile.id == file_id, DriveFile.state == DriveFileState.LISTED)
            .values(analysed_at=func.clock_timestamp(), **values)
            .returning(DriveFile.id)
        )
        if settled is not None:
            self._hold(session, run, analysed=DriveSearch.analysed + 1, fruitless_attempts=0)
        return settled is not None


def _analysed(search_id: int) -> Any:
    """How many pictures of a search are done, as a subquery."""
    return (
        select(func.count())
        .select_from(DriveSearchFile)
        .join(DriveFile, DriveFile.id == DriveSearchFile.file_id)
        .where(DriveSearchFile.search_id == search_id, DriveFile.state != DriveFileState.LISTED)
        .scalar_subquery()
    )
