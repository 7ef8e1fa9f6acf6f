"""Looking at the pictures of a Drive search: each is fetched, looked at and forgotten; one at a time is in memory."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveFace, DriveFile, DriveFileState, DriveSearch, DriveSearchFile
from app.db.connect import database_went_away
from app.engines.base import FaceEngine
from app.engines.face.look import look_at
from app.errors import DriveFolderNotFound, DriveQuotaExceeded, GoogleUnavailable, JobFailed, KenaliError, WorkerDied
from app.services.google.drive import DriveClient
from app.services.google.drive_attempt import Attempt, TakenOver, TurnOver
from app.services.google.drive_searches import Decode
from app.services.google.drive_url import parse_drive_url
from app.services.training_jobs import JobInterrupted

logger = logging.getLogger(__name__)

#: A picture that Google did not give, or whose worker died, this often is given up.
MAX_FILE_ATTEMPTS: Final = 5
#: Different pictures in a row that Google does not give: either they are damaged there, or Google is away.
AWAY_AFTER: Final = 3
#: Pictures in a row that nobody foresaw: it is not the pictures that are broken.
MAX_SURPRISES: Final = 3
#: Pictures whose ids are read at a time.
_IDS_AT_ONCE: Final = 200
#: From here on, an error is the server's trouble and not the picture's.
_SERVER_TROUBLE: Final = 500


class DriveLooking:
    """Looks at pictures that nobody has looked at."""

    def __init__(
        self, sessions: sessionmaker[Session], drive: DriveClient, decode: Decode, *, turn_seconds: float
    ) -> None:
        """:param turn_seconds: after so long, others have their turn."""
        self._sessions = sessions
        self._drive = drive
        self._decode = decode
        self._turn_seconds = turn_seconds

    def look_at_all(self, attempt: Attempt, engine: FaceEngine) -> None:
        """Look at every picture of the search that nobody has looked at.

        TurnOver when it takes too long; GoogleUnavailable and what else `DriveClient` raises; JobInterrupted;
        TakenOver.
        """
        refused: set[int] = set()
        while ids := self._waiting(attempt):
            for file_id in ids:
                attempt.check()
                if time.monotonic() - attempt.began > self._turn_seconds:
                    raise TurnOver
                try:
                    self._look(attempt, engine, file_id)
                    refused.clear()
                except GoogleUnavailable:
                    refused.add(file_id)
                    if len(refused) >= AWAY_AFTER:
                        self._make_sure_of_google(attempt, refused)
                        refused.clear()

    def _make_sure_of_google(self, attempt: Attempt, refused: set[int]) -> None:
        """Ask Google something easy. If it does not even answer that, no picture is to blame."""
        try:
            self._drive.item(
                attempt.search.folder_id, parse_drive_url(attempt.search.drive_url).resource_key, pause=attempt.pause
            )
        except GoogleUnavailable:
            with self._sessions.begin() as session:
                mended = {"attempts": DriveFile.attempts - 1, "failure": None}
                waiting = (DriveFile.id.in_(refused), DriveFile.state == DriveFileState.LISTED)
                session.execute(update(DriveFile).where(*waiting, DriveFile.attempts > 0).values(mended))
            raise
        except DriveFolderNotFound:
            return  # an answer

    def _waiting(self, attempt: Attempt) -> list[int]:
        """Pictures to look at; those that made trouble come last."""
        query = (
            select(DriveFile.id)
            .join(DriveSearchFile, DriveSearchFile.file_id == DriveFile.id)
            .where(DriveSearchFile.search_id == attempt.search.id, DriveFile.state == DriveFileState.LISTED)
            .order_by(DriveFile.attempts, DriveFile.id)
            .limit(_IDS_AT_ONCE)
        )
        with self._sessions() as session:
            return list(session.scalars(query))

    def _look(self, attempt: Attempt, engine: FaceEngine, file_id: int) -> None:
        """Fetch and look at one picture; GoogleUnavailable if Google does not give it now."""
        file = self._take_up(attempt, file_id)
        if file is None:
            return
        try:
            self._store(
                attempt, engine, file, self._drive.download(file.file_id, file.resource_key, pause=attempt.pause)
            )
        except GoogleUnavailable as error:
            self._note(file_id, failure=error.code)
            raise
        except (DriveQuotaExceeded, JobInterrupted):
            self._note(file_id, attempts=DriveFile.attempts - 1)  # it was not the picture that was to blame
            raise
        except KenaliError as error:
            if error.status >= _SERVER_TROUBLE:
                raise
            self._skip(attempt, file_id, error)
        except (TakenOver, MemoryError):
            raise
        except Exception as error:
            attempt.surprises += 1
            if database_went_away(error) or attempt.surprises >= MAX_SURPRISES:
                raise
            logger.exception("A picture of Drive search %d could not be looked at", attempt.search.id)
            self._skip(attempt, file_id, JobFailed())
        else:
            attempt.surprises = 0

    def _take_up(self, attempt: Attempt, file_id: int) -> DriveFile | None:
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
        self._skip(attempt, file_id, GoogleUnavailable() if refused else WorkerDied())
        return None

    def _note(self, file_id: int, **values: Any) -> None:
        """Write to a picture that is still to be looked at."""
        with self._sessions.begin() as session:
            waiting = (DriveFile.id == file_id, DriveFile.state == DriveFileState.LISTED)
            session.execute(update(DriveFile).where(*waiting).values(values))

    def _store(self, attempt: Attempt, engine: FaceEngine, file: DriveFile, data: bytes) -> None:
        image = self._decode(data)
        seen = look_at(engine, image)
        rows = seen.rows(file_id=file.id, model=file.model)
        height, width = image.shape[:2]
        with self._sessions.begin() as session:
            done = self._settle(
                session,
                attempt,
                file.id,
                state=DriveFileState.ANALYSED.value,
                failure=None,
                width=width,
                height=height,
                attempts=0,
            )
            if done and rows:
                session.execute(insert(DriveFace), rows)

    def _skip(self, attempt: Attempt, file_id: int, error: KenaliError) -> None:
        logger.info("A picture of Drive search %d is left out: %s", attempt.search.id, error.detail)
        with self._sessions.begin() as session:
            self._settle(session, attempt, file_id, state=DriveFileState.SKIPPED.value, failure=error.code)

    def _settle(self, session: Session, attempt: Attempt, file_id: int, **values: Any) -> bool:
        """Say what became of a picture, once; whether it was not said before."""
        attempt.hold(session)
        settled = session.scalar(
            update(DriveFile)
            .where(DriveFile.id == file_id, DriveFile.state == DriveFileState.LISTED)
            .values(analysed_at=func.clock_timestamp(), **values)
            .returning(DriveFile.id)
        )
        if settled is not None:
            attempt.hold(session, analysed=DriveSearch.analysed + 1, fruitless_attempts=0)
        return settled is not None
