"""The faces of events in memory: exact searches without a scan of the table (docs/decisions/0072-find-my-face.md).

As with the gallery (`app.services.gallery_memory`), each search knows from the event's row how often its faces have
changed and uses a copy only if it is of that state. If not, the database searches, and the copy is renewed in the
background: no search is answered from an outdated copy, and none waits for one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, event_faces
from app.db.event_faces import Faces, Vectors

logger = logging.getLogger(__name__)

#: Faces of all events that are kept, 2 kB each: 300 MB. The event that was searched the longest ago goes first; a
#: larger event is left to the database.
MOST_FACES: Final = 150_000

#: How often a search looks for events that another process has deleted.
CHECK_SECONDS: Final = 60.0

#: number of faces -> the smallest cosine that is wanted
Least = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search has found."""

    #: that were searched
    searched: int
    faces: Faces
    #: cosine of each
    similarities: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Copy:
    """One state of one event."""

    changes: int
    model: str
    faces: Faces

    def search(self, probe: Vectors, least: float) -> Hits:
        similarities = self.faces.vectors @ probe
        rows = np.flatnonzero(similarities >= least)
        return Hits(len(self.faces), self.faces.take(rows), similarities[rows])


class EventMemory:
    """Searches the copy if it is current, else the database. One instance serves the process."""

    def __init__(self, sessions: sessionmaker[Session], *, most_faces: int = MOST_FACES) -> None:
        self._sessions = sessions
        self._most_faces = most_faces
        #: event -> its copy; the one that was used last comes last
        self._copies: OrderedDict[int, _Copy] = OrderedDict()
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()
        # One renewal at a time: the next search asks again if the event changed meanwhile.
        self._renewing = threading.Lock()

    def search(self, session: Session, event: Event, model: str, probe: Vectors, least: Least) -> Hits:
        """Every face of the event that is similar enough to the probe, in no order.

        :param event: as this session has just read it.
        :param model: `FaceModelInfo.key` of the engine that made the probe.
        :param probe: shape (512,), unit length.
        """
        if time.monotonic() - self._checked_at >= CHECK_SECONDS:
            self._checked_at = time.monotonic()
            self.forget_deleted()
        copy = self._current(event, model)
        if copy is not None:
            return copy.search(probe, least(len(copy.faces)))
        count = event_faces.count(session, event.id, model)
        faces = event_faces.search(session, event.id, model, probe, least(count))
        if count <= self._most_faces:
            self._renew_in_background(event.id, model)
        return Hits(count, faces, faces.vectors @ probe)

    def forget(self, event_id: int) -> None:
        """The event was deleted: so is what is known of its faces."""
        with self._lock:
            self._copies.pop(event_id, None)

    def remove_person(self, _: int) -> None:
        """Somebody was deleted, and the events that they made."""
        self.forget_deleted()

    def forget_deleted(self) -> None:
        """The same for whatever was deleted, here or by another process."""
        with self._lock:
            known = list(self._copies)
        if not known:
            return
        with self._sessions() as session:
            there = set(session.scalars(select(Event.id).where(Event.id.in_(known))))
        for gone in set(known) - there:
            self.forget(gone)

    def holds(self, event: Event, model: str) -> bool:
        """Whether the next search of this state is answered from memory."""
        return self._current(event, model) is not None

    def _current(self, event: Event, model: str) -> _Copy | None:
        with self._lock:
            copy = self._copies.get(event.id)
            if copy is None or (copy.changes, copy.model) != (event.changes, model):
                return None
            self._copies.move_to_end(event.id)
        return copy

    def _renew_in_background(self, event_id: int, model: str) -> None:
        if self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew, args=(event_id, model), name="event-copy", daemon=True).start()

    def _renew(self, event_id: int, model: str) -> None:
        try:
            self._replace(event_id, self._load(event_id, model))
        except Exception:  # the database answers searches meanwhile
            logger.exception("The faces of event %d could not be copied into memory", event_id)
        finally:
            self._renewing.release()

    def _load(self, event_id: int, model: str) -> _Copy | None:
        with self._sessions.begin() as session:
            # One snapshot for counter and faces.
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            changes = event_faces.changes_of(session, event_id)
            if changes is None:
                return None
            return _Copy(changes, model, event_faces.read_all(session, event_id, model))

    def _replace(self, event_id: int, copy: _Copy | None) -> None:
        with self._lock:
            self._copies.pop(event_id, None)
            if copy is not None and len(copy.faces) <= self._most_faces:
                self._copies[event_id] = copy
            while sum(len(kept.faces) for kept in self._copies.values()) > self._most_faces:
                self._copies.popitem(last=False)
        # After that: an event that was deleted before is seen now, and one that is deleted later is forgotten then.
        self.forget_deleted()
