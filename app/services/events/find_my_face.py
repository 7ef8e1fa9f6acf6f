"""Find my face: the photos of an event that a person is on, best first (docs/decisions/0072-find-my-face.md).

Whoever does not want to be found in an event is hidden from everybody else there: faces that match their selfie are
left out of what others find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, EventImage, EventVisit, Selfie
from app.db.event_faces import Vectors
from app.engines.base import EMBEDDING_SIZE
from app.engines.face.calibration import Calibration, calibration_for
from app.errors import DifferentPeople, InvalidInput, NoSelfie
from app.services.events.access import EventAccess, EventCaller
from app.services.events.memory import EventMemory, Hits
from app.services.face_bands import HIGHEST_FMR, Band, Bands, bands_for
from app.services.gallery import Gallery, split_key
from app.services.paging import Page, PageRequest
from app.services.selfies import Selfies
from app.services.uploads import Upload
from app.services.users import get_user

#: One-off selfies that may be sent together.
MOST_SELFIES: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A photo with the person, and where."""

    image: EventImage
    #: left, top, width and height of the best face in pixels of the upright original
    box: tuple[float, float, float, float]
    #: cosine with the selfie
    similarity: float
    band: Band
    #: it came since the person's visit before this one
    new: bool


@dataclass(frozen=True, slots=True)
class Hiding:
    """Whether a person is hidden from an event."""

    hidden: bool


class FindMyFace:
    """Searches the faces of one event."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        access: EventAccess,
        gallery: Gallery,
        selfies: Selfies,
        memory: EventMemory,
    ) -> None:
        self._sessions = sessions
        self._access = access
        self._gallery = gallery
        self._selfies = selfies
        self._memory = memory

    def by_stored_selfie(
        self, who: EventCaller, person: int, event_id: int, wanted: PageRequest
    ) -> tuple[Event, Page[Found]]:
        """A page of the photos with the person whose selfie is stored.

        EventNotFound, what `EventAccess.check` raises, NoSelfie.
        """
        self._check(who, event_id)
        model = self._gallery.active_engine().info.key
        probe = self._selfies.find(person, model)
        if probe is None:
            raise NoSelfie
        return self._search(who, event_id, model, probe, wanted)

    def by_selfies(
        self, who: EventCaller, event_id: int, uploads: Iterable[Upload], wanted: PageRequest
    ) -> tuple[Event, Page[Found]]:
        """The same with one to three pictures that are not kept.

        What `Selfies.look` raises for each; DifferentPeople if they are not of one person.
        """
        self._check(who, event_id)  # before anything is decoded
        engine = self._gallery.active_engine()
        vectors = []
        for number, upload in enumerate(uploads):
            if number == MOST_SELFIES:
                raise InvalidInput(errors={"files": f"at most {MOST_SELFIES} selfies"})
            vectors.append(self._selfies.look(engine, upload.data, "files" if number else "file").embedding)
        probe = combined(vectors, calibration_for(split_key(engine.info.key)[0]))
        return self._search(who, event_id, engine.info.key, probe, wanted)

    def _check(self, who: EventCaller, event_id: int) -> None:
        with self._sessions() as session:
            self._access.get_visible(session, who, event_id)

    def _search(
        self, who: EventCaller, event_id: int, model: str, probe: Vectors, wanted: PageRequest
    ) -> tuple[Event, Page[Found]]:
        calibration = calibration_for(split_key(model)[0])
        hidden = self.hidden_from(event_id, who.person, model)
        with self._sessions() as session:
            event = self._access.get_visible(session, who, event_id)
            hits = self._memory.search(session, event, model, probe, lambda faces: bands_for(calibration, faces).maybe)
            bands = bands_for(calibration, hits.searched)
            rows = best_of_each_photo(hits, shown_to_others(hits, probe, hidden, bands, calibration))
            page = rows[wanted.offset : wanted.offset + wanted.per_page]
            ids = hits.faces.image_ids[page].tolist()
            images = {image.id: image for image in session.scalars(select(EventImage).where(EventImage.id.in_(ids)))}
            since = _last_visit(session, event_id, who.person)
        found = [
            _found(images[image_id], hits, row, bands, since)
            for image_id, row in zip(ids, page.tolist(), strict=True)
            if image_id in images  # deleted a moment ago
        ]
        return event, Page(found, len(rows))

    def hidden_from(self, event_id: int, person: int | None, model: str) -> Vectors:
        """Selfies, shape (n, 512), of those who are hidden from this person in this event; from everybody for None."""
        query = (
            select(Selfie.user_id, Selfie.model, Selfie.embedding)
            .join(EventVisit, EventVisit.user_id == Selfie.user_id)
            .where(EventVisit.event_id == event_id, EventVisit.hidden)
        )
        if person is not None:
            query = query.where(Selfie.user_id != person)
        with self._sessions() as session:
            selfies = session.execute(query).all()
        vectors = [row.embedding if row.model == model else self._selfies.find(row.user_id, model) for row in selfies]
        return np.array([vector for vector in vectors if vector is not None], np.float32).reshape(-1, EMBEDDING_SIZE)

    # --- hiding

    def hide(self, who: EventCaller, person: int, event_id: int) -> Hiding:
        """From now on nobody else finds this person in the event. NoSelfie: nothing says what they look like."""
        with self._sessions.begin() as session:
            # First, as whoever deletes an account does, and with it events; the selfie stays meanwhile.
            get_user(session, person, for_update=True)
            self._access.get_visible(session, who, event_id, hold=True)
            if session.get(Selfie, person) is None:
                raise NoSelfie
            session.execute(
                insert(EventVisit)
                .values(event_id=event_id, user_id=person, hidden=True)
                .on_conflict_do_update(index_elements=[EventVisit.event_id, EventVisit.user_id], set_={"hidden": True})
            )
        return Hiding(hidden=True)

    def show(self, who: EventCaller, person: int, event_id: int) -> Hiding:
        """The person may be found again."""
        with self._sessions.begin() as session:
            self._access.get_visible(session, who, event_id, hold=True)
            session.execute(
                update(EventVisit)
                .where(EventVisit.event_id == event_id, EventVisit.user_id == person)
                .values(hidden=False)
            )
        return Hiding(hidden=False)

    def is_hidden(self, who: EventCaller, person: int, event_id: int) -> Hiding:
        """Whether the person is hidden from the event."""
        with self._sessions() as session:
            self._access.get_visible(session, who, event_id)
            visit = session.get(EventVisit, (event_id, person))
        return Hiding(hidden=visit is not None and visit.hidden)


def count_hidden(session: Session, event_ids: set[int]) -> dict[int, int]:
    """How many people are hidden from each of some events; who they are is told to nobody."""
    if not event_ids:
        return {}
    counts = session.execute(
        select(EventVisit.event_id, func.count())
        .where(EventVisit.event_id.in_(event_ids), EventVisit.hidden)
        .group_by(EventVisit.event_id)
    )
    found = dict.fromkeys(event_ids, 0)
    found.update((event_id, count) for event_id, count in counts)
    return found


def combined(vectors: Sequence[Vectors], calibration: Calibration) -> Vectors:
    """One probe of several selfies of a person: their mean, of unit length. DifferentPeople if they are not of one."""
    alike = calibration.threshold_at(HIGHEST_FMR)
    if any(float(one @ other) < alike for one, other in combinations(vectors, 2)):
        raise DifferentPeople
    mean = np.mean(vectors, axis=0)
    probe: Vectors = (mean / np.linalg.norm(mean)).astype(np.float32)
    return probe


def shown_to_others(
    hits: Hits, probe: Vectors, hidden: Vectors, bands: Bands, calibration: Calibration
) -> NDArray[np.bool_]:
    """For each hit, whether it is none of the people who are hidden.

    A face is theirs if it surely matches their selfie; and if it may match, unless it is even more like the person who
    searches. Who shows a picture of a hidden person finds nothing that may be theirs, however alike.
    """
    if not len(hidden) or not len(hits.similarities):
        return np.ones(len(hits.similarities), bool)
    likeness = hits.faces.vectors @ hidden.T
    is_probe = hidden @ probe >= calibration.verification_threshold
    nearer = likeness >= hits.similarities[:, None]
    theirs = (likeness >= bands.sure) | ((likeness >= bands.maybe) & (nearer | is_probe))
    shown: NDArray[np.bool_] = np.logical_not(np.any(theirs, axis=1))
    return shown


def best_of_each_photo(hits: Hits, shown: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the most similar face of each photo, best first; equals in the order of the photos."""
    rows = np.flatnonzero(shown)
    ids = hits.faces.image_ids[rows]
    rows = rows[np.lexsort((ids, -hits.similarities[rows]))]
    _, first = np.unique(hits.faces.image_ids[rows], return_index=True)
    return rows[np.sort(first)]


def _last_visit(session: Session, event_id: int, person: int | None) -> datetime | None:
    visit = session.get(EventVisit, (event_id, person)) if person is not None else None
    return visit.previous_opened_at if visit else None


def _found(image: EventImage, hits: Hits, row: int, bands: Bands, since: datetime | None) -> Found:
    similarity = float(hits.similarities[row])
    left, top, width, height = (round(float(side), 1) for side in hits.faces.boxes[row])
    return Found(
        image=image,
        box=(left, top, width, height),
        similarity=round(similarity, 4),
        band=bands.of(similarity),
        new=since is not None and image.created_at > since,
    )
