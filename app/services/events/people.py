"""An event in numbers, for its organiser, and who is on most of its photos (docs/decisions/0073-event-people.md).

People are groups of similar faces: pictures, without names or ids. They are counted once for each state of the faces:
at once in a small event, by the worker in a larger one. Whoever hides from the event is never among those shown,
whatever was counted before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, EventFace, EventImage, EventStatistics, EventVisit, ImageState, event_faces, utc_now
from app.db.connect import database_went_away
from app.db.event_faces import Faces, Vectors
from app.engines.face.calibration import Calibration, calibration_for
from app.engines.face.clustering import Labels, cluster
from app.services.events.access import EventAccess, EventCaller, get_event
from app.services.events.indexing import MAX_ATTEMPTS
from app.services.face_bands import bands_for
from app.services.gallery import Gallery, split_key
from app.services.training_jobs import JobInterrupted, ShouldStop

logger = logging.getLogger(__name__)

#: Up to so many faces are counted while the owner waits: half a second of processor time (bench/event_people.py).
AT_ONCE: Final = 2000
#: More faces than this are not counted: 2 kB each, twice over.
MOST_FACES: Final = 100_000
#: Groups that are kept, of which some may belong to people who hide; those that are shown; pictures of each.
GROUPS_KEPT: Final = 40
GROUPS_SHOWN: Final = 12
FACES_KEPT: Final = 8
PICTURES_SHOWN: Final = 4
#: Somebody on one photo is not "often".
FEWEST_PHOTOS: Final = 2
#: How many strangers a face may have in an event that are as similar to it as two groups must be to be joined
#: (docs/decisions/0073-event-people.md).
STRANGERS_OF_A_FACE: Final = 0.6

#: Puts an event into the queue, in the transaction of the session; answers the queue's id of it.
EnqueuePeople = Callable[[Session, int], int]
#: (event, person or everybody, model) -> selfies of those who are hidden, shape (n, 512)
Hidden = Callable[[int, int | None, str], Vectors]


class PeopleState(StrEnum):
    """Whether the number of people is there."""

    READY = "ready"
    COMPUTING = "computing"
    #: they could not be counted: there are too many faces, or the log says why.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Picture:
    """A face and the photo that it is on."""

    image: EventImage
    #: left, top, width and height in pixels of the upright original
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Often:
    """Somebody who is on many photos."""

    photos: int
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Statistics:
    """An event in numbers."""

    photos: int
    indexed: int
    failed: int
    #: indexed photos on which nobody is
    without_faces: int
    faces: int
    #: of the originals
    size_bytes: int
    #: people who have opened it
    visitors: int
    #: of those, hidden ones
    hidden: int
    state: PeopleState
    #: groups of similar faces; None until they have been counted once
    people: int | None
    #: whether they are those of all photos, as they are now
    people_exact: bool
    most_photographed: Sequence[Often]
    computed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the faces of one state say."""

    people: int
    groups: list[dict[str, Any]]


class EventPeople:
    """The use case of ``/api/events/<id>/statistics``, and the work behind it."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        access: EventAccess,
        gallery: Gallery,
        hidden: Hidden,
        enqueue: EnqueuePeople,
        *,
        at_once: int = AT_ONCE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """
        :param gallery: tells which face model is in use.
        :param at_once: faces that are counted while the caller waits.
        """
        self._sessions = sessions
        self._access = access
        self._gallery = gallery
        self._hidden = hidden
        self._enqueue = enqueue
        self._at_once = at_once
        self._clock = clock

    def statistics(self, who: EventCaller, event_id: int) -> tuple[Event, Statistics]:
        """The event in numbers, for whoever may change it; EventNotFound, NotPermitted."""
        with self._sessions() as session:
            event = self._access.get_managed(session, who, event_id)
            model = self._model(session, event_id)
            counted = session.get(EventStatistics, event_id)
            fresh = _is_fresh(counted, event, model)
            faces = event_faces.count(session, event_id, model) if model else 0
        if not fresh:
            if faces <= self._at_once:
                self._count_now(event_id, model)
            else:
                self._count_later(event_id)
        with self._sessions() as session:
            event = self._access.get_managed(session, who, event_id)
            counted = session.get(EventStatistics, event_id)
            fresh = _is_fresh(counted, event, model)
            return event, self._told(session, event, model, counted, fresh=fresh)

    # --- counting

    def run(self, event_id: int, should_stop: ShouldStop = lambda: False) -> None:
        """Count the people of an event. Called by the worker, again if an earlier attempt died.

        Raises JobInterrupted when it should stop, and the driver's errors when the database goes away.
        """
        with self._sessions.begin() as session:
            row = session.get(EventStatistics, event_id, with_for_update=True)
            if row is None:
                return  # the event was deleted
            row.attempts += 1
            hopeless = row.attempts > MAX_ATTEMPTS
            model = self._model(session, event_id)
        try:
            self._count(event_id, model, should_stop, give_up=hopeless)
        except JobInterrupted:
            with self._sessions.begin() as session:
                row = session.get(EventStatistics, event_id, with_for_update=True)
                if row is not None:
                    row.attempts -= 1
            raise
        except Exception as error:
            if database_went_away(error):
                raise
            logger.exception("The people of event %d could not be counted", event_id)
            self._count(event_id, model, should_stop, give_up=True)

    def _count_now(self, event_id: int, model: str | None) -> None:
        self._count(event_id, model, lambda: False)

    def _count_later(self, event_id: int) -> None:
        """Queue the event, unless it is."""
        with self._sessions.begin() as session:
            get_event(session, event_id, hold=True)
            session.execute(insert(EventStatistics).values(event_id=event_id).on_conflict_do_nothing())
            row = session.get_one(EventStatistics, event_id, with_for_update=True)
            queued = session.scalar(
                text("SELECT 1 FROM procrastinate_jobs WHERE id = :job AND status IN ('todo', 'doing')"),
                {"job": row.queue_job_id},
            )
            if not queued:
                row.attempts = 0
                row.queue_job_id = self._enqueue(session, event_id)

    def _count(self, event_id: int, model: str | None, should_stop: ShouldStop, *, give_up: bool = False) -> None:
        def check() -> None:
            if should_stop():
                raise JobInterrupted

        with self._sessions.begin() as session:
            # One snapshot for counter and faces.
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            changes = event_faces.changes_of(session, event_id)
            if changes is None:
                return
            count = event_faces.count(session, event_id, model) if model else 0
            give_up = give_up or count > MOST_FACES
            faces = event_faces.read_all(session, event_id, model) if model and not give_up else None
        counted = _Counted(0, [])
        if faces is not None and model is not None:
            least = joining_threshold(calibration_for(split_key(model)[0]), count)
            labels = cluster(faces.vectors, least, check=check)
            counted = _Counted(int(labels.max(initial=-1)) + 1, largest_groups(faces, labels))
        values = {
            "model": model,
            "changes": changes,
            "people": None if give_up else counted.people,
            "groups": counted.groups,
            "computed_at": self._clock(),
            "attempts": 0,
        }
        row = EventStatistics
        with self._sessions.begin() as session:
            get_event(session, event_id, hold=True)
            session.execute(
                insert(row)
                .values(event_id=event_id, **values)
                .on_conflict_do_update(
                    index_elements=[row.event_id],
                    set_=values,
                    # Another one may have counted a later state meanwhile.
                    where=(row.changes.is_(None)) | (row.changes <= changes),
                )
            )

    def _model(self, session: Session, event_id: int) -> str | None:
        """The model whose faces are counted: the one in use, or before the first enrolment the one that looked."""
        live = self._gallery.live()
        if live is not None:
            return live.model
        return session.scalar(
            select(EventFace.model)
            .where(EventFace.event_id == event_id)
            .group_by(EventFace.model)
            .order_by(func.count().desc(), EventFace.model)
            .limit(1)
        )

    # --- telling

    def _told(
        self, session: Session, event: Event, model: str | None, counted: EventStatistics | None, *, fresh: bool
    ) -> Statistics:
        row = EventImage
        current = (row.state == ImageState.INDEXED) & (row.model == model if model else row.id.is_not(None))
        photos, indexed, failed, empty, faces, size_bytes = session.execute(
            select(
                func.count(),
                func.count().filter(current),
                func.count().filter(row.state == ImageState.FAILED),
                func.count().filter(current & (row.faces == 0)),
                func.coalesce(func.sum(row.faces).filter(current), 0),
                func.coalesce(func.sum(row.size_bytes), 0),
            ).where(row.event_id == event.id)
        ).one()
        visitors, hidden = session.execute(
            select(func.count(), func.count().filter(EventVisit.hidden)).where(EventVisit.event_id == event.id)
        ).one()
        state = PeopleState.READY
        if not fresh:
            state = PeopleState.COMPUTING
        elif counted is not None and counted.people is None:
            state = PeopleState.FAILED
        return Statistics(
            photos=photos,
            indexed=indexed,
            failed=failed,
            without_faces=empty,
            faces=faces,
            size_bytes=size_bytes,
            visitors=visitors,
            hidden=hidden,
            state=state,
            people=counted.people if counted else None,
            people_exact=state is PeopleState.READY and indexed + failed == photos,
            most_photographed=self._most_photographed(session, event.id, counted),
            computed_at=counted.computed_at if counted else None,
        )

    def _most_photographed(self, session: Session, event_id: int, counted: EventStatistics | None) -> list[Often]:
        """The largest groups, without those that may be somebody who hides."""
        if counted is None or not counted.groups or counted.model is None:
            return []
        ids = [face for group in counted.groups for face in group["faces"]]
        found = session.execute(
            select(EventFace, EventImage)
            .join(EventImage, EventImage.id == EventFace.image_id)
            .where(EventFace.id.in_(ids), EventFace.event_id == event_id)
        ).all()
        known = {face.id: (face, image) for face, image in found}
        calibration = calibration_for(split_key(counted.model)[0])
        count = event_faces.count(session, event_id, counted.model)
        # More careful than a search is: a group is left out if any of its faces may be theirs.
        least = min(bands_for(calibration, count).maybe, calibration.verification_threshold)
        hidden = self._hidden(event_id, None, counted.model)
        shown: list[Often] = []
        for group in counted.groups:
            rows = [known[face] for face in group["faces"] if face in known]
            if not rows or may_be_theirs(np.array([face.embedding for face, _ in rows], np.float32), hidden, least):
                continue
            pictures = [Picture(image, (face.x, face.y, face.w, face.h)) for face, image in rows[:PICTURES_SHOWN]]
            shown.append(Often(group["photos"], pictures))
            if len(shown) == GROUPS_SHOWN:
                break
        return shown


def _is_fresh(counted: EventStatistics | None, event: Event, model: str | None) -> bool:
    return (
        counted is not None
        and counted.computed_at is not None
        and (counted.changes, counted.model) == (event.changes, model)
    )


def joining_threshold(calibration: Calibration, faces: int) -> float:
    """From which mean cosine two groups of faces are one person, among so many faces."""
    return calibration.threshold_at(min(calibration.verification_fmr, STRANGERS_OF_A_FACE / max(faces, 1)))


def largest_groups(faces: Faces, labels: Labels) -> list[dict[str, Any]]:
    """Groups on several photos, the one on most of them first, each with its most typical faces, one of a photo."""
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []
    counts = [len(np.unique(faces.image_ids[rows])) for rows in groups]
    largest = sorted(range(len(groups)), key=lambda at: (-counts[at], groups[at][0]))[:GROUPS_KEPT]
    found = []
    for at in largest:
        if counts[at] < FEWEST_PHOTOS:
            break
        rows = groups[at]
        vectors = faces.vectors[rows]
        rows = rows[np.argsort(-(vectors @ vectors.sum(axis=0)), kind="stable")]
        _, first = np.unique(faces.image_ids[rows], return_index=True)
        typical = rows[np.sort(first)][:FACES_KEPT]
        found.append({"photos": counts[at], "faces": faces.ids[typical].tolist()})
    return found


def may_be_theirs(vectors: Vectors, hidden: Vectors, least: float) -> bool:
    """Whether one of these faces of a person, or their mean, is as similar to one of the hidden people.

    :param vectors: shape (n, 512); :param hidden: shape (m, 512); both of unit length.
    """
    if not len(hidden):
        return False
    mean = vectors.mean(axis=0)
    probes = np.vstack([vectors, mean / max(float(np.linalg.norm(mean)), 1e-6)])
    return bool(np.any(probes @ hidden.T >= least))
