"""One attempt at a Drive search: whether it should go on, and whether it still owns the search."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db import DriveFile, DriveFileState, DriveSearch, DriveSearchFile, DriveSearchState
from app.services.training_jobs import JobInterrupted, ShouldStop

#: How late a pause notices that the worker stops.
_NAP_SECONDS: Final = 0.2


class TakenOver(Exception):
    """Another worker runs this search now, or it was deleted."""


class TurnOver(Exception):
    """Others wait: the rest is done later."""


@dataclass
class Attempt:
    """One attempt at a search."""

    search: DriveSearch
    should_stop: ShouldStop
    began: float = field(default_factory=time.monotonic)
    #: pictures in a row that broke the code that looks at them
    surprises: int = 0

    def check(self) -> None:
        """Raise JobInterrupted when it is time to end."""
        if self.should_stop():
            raise JobInterrupted

    def pause(self, seconds: float) -> None:
        """Wait, unless the worker stops meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _NAP_SECONDS))
        self.check()

    def hold(self, session: Session, **values: Any) -> None:
        """Hold the search until the commit, and write to it; TakenOver unless this attempt still owns it."""
        held = session.scalar(
            update(DriveSearch)
            .where(
                DriveSearch.id == self.search.id,
                DriveSearch.attempts == self.search.attempts,
                DriveSearch.state == DriveSearchState.PROCESSING,
            )
            .values(updated_at=func.clock_timestamp(), **values)
            .returning(DriveSearch.id)
        )
        if held is None:
            raise TakenOver

    @property
    def analysed(self) -> Any:
        """How many pictures of the search are done, as a subquery."""
        return (
            select(func.count())
            .select_from(DriveSearchFile)
            .join(DriveFile, DriveFile.id == DriveSearchFile.file_id)
            .where(DriveSearchFile.search_id == self.search.id, DriveFile.state != DriveFileState.LISTED)
            .scalar_subquery()
        )
