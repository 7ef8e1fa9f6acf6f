"""The work of a Drive search: list the folder, then look at each picture that nobody has looked at.

Every step is stored when it is done, page by page and picture by picture, so a run that ends anywhere, or is killed,
goes on from there.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveSearch, DriveSearchState
from app.db.connect import database_went_away
from app.errors import GoogleUnavailable, JobFailed, KenaliError, ModelNotUsable, WorkerDied
from app.services.gallery import Gallery
from app.services.google.drive import DriveClient
from app.services.google.drive_attempt import Attempt, TakenOver, TurnOver
from app.services.google.drive_listing import DriveListing
from app.services.google.drive_looking import DriveLooking
from app.services.google.drive_searches import Decode, EnqueueSearch
from app.services.training_jobs import JobInterrupted, ShouldStop

logger = logging.getLogger(__name__)

#: A search whose attempts got nothing done this often in a row is given up.
MAX_FRUITLESS_ATTEMPTS: Final = 8
#: After this long the search goes to the end of the queue, so that a large folder does not keep small ones waiting.
TURN_SECONDS: Final = 60.0


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
        self._enqueue = enqueue
        self._listing = DriveListing(sessions, drive, max_files=max_files, max_file_bytes=max_file_bytes)
        self._looking = DriveLooking(sessions, drive, decode, turn_seconds=turn_seconds)

    def run(self, search_id: int, should_stop: ShouldStop = lambda: False) -> None:
        """Work on a search. Called by the worker, again if an earlier attempt died.

        Raises JobInterrupted when it should stop, GoogleUnavailable while Google is away, and the driver's errors when
        the database goes away: the queue tries again. Every other failure is written into the search.
        """
        search = self._begin(search_id)
        if search is None:
            return
        attempt = Attempt(search, should_stop)
        try:
            self._work(attempt)
        except JobInterrupted:
            self._give_back(attempt)
            raise
        except TurnOver:
            self._queue_again(attempt)
        except TakenOver:
            logger.info("Drive search %d was deleted, or is run elsewhere", search_id)
        except GoogleUnavailable as error:
            if not self._is_hopeless(attempt):
                raise
            self._finish(attempt, DriveSearchState.FAILED, error)
        except KenaliError as error:
            logger.warning("Drive search %d: %s", search_id, error.detail)
            self._finish(attempt, DriveSearchState.FAILED, error)
        except Exception as error:
            if database_went_away(error):
                raise
            logger.exception("Drive search %d failed", search_id)
            self._finish(attempt, DriveSearchState.FAILED, JobFailed())

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

    # --- one attempt

    def _work(self, attempt: Attempt) -> None:
        engine = self._gallery.engine_for_jobs()
        if engine.info.key != attempt.search.model:
            raise ModelNotUsable("The face model was changed meanwhile: start the search again.")
        self._listing.list(attempt)
        self._looking.look_at_all(attempt, engine)
        self._finish(attempt, DriveSearchState.COMPLETED)

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
            self._finish(Attempt(search, lambda: False), DriveSearchState.FAILED, WorkerDied())
            return None
        return search

    def _finish(self, attempt: Attempt, state: DriveSearchState, error: KenaliError | None = None) -> None:
        try:
            with self._sessions.begin() as session:
                attempt.hold(
                    session,
                    state=state.value,
                    analysed=attempt.analysed,
                    error_code=error.code if error else None,
                    error=error.detail if error else None,
                    finished_at=func.clock_timestamp(),
                )
        except TakenOver:
            logger.info("Drive search %d was deleted, or is run elsewhere", attempt.search.id)

    def _is_hopeless(self, attempt: Attempt) -> bool:
        """Whether attempt after attempt got nothing done."""
        query = select(DriveSearch.fruitless_attempts).where(DriveSearch.id == attempt.search.id)
        with self._sessions() as session:
            return (session.scalar(query) or 0) >= MAX_FRUITLESS_ATTEMPTS

    def _give_back(self, attempt: Attempt) -> None:
        """The worker stops: this attempt was no failure."""
        with self._sessions.begin() as session:
            session.execute(
                update(DriveSearch)
                .where(DriveSearch.id == attempt.search.id, DriveSearch.attempts == attempt.search.attempts)
                .values(fruitless_attempts=func.greatest(DriveSearch.fruitless_attempts - 1, 0))
            )

    def _queue_again(self, attempt: Attempt) -> None:
        with self._sessions.begin() as session:
            search = session.get(DriveSearch, attempt.search.id, with_for_update=True)
            if search is not None and search.attempts == attempt.search.attempts:
                search.queue_job_id = self._enqueue(session, search)
