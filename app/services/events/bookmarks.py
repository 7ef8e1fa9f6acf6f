"""Photos of events that a person keeps a note of ("Fotota")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import Bookmark, Event, EventImage
from app.errors import EventImageNotFound
from app.services.events.access import EventAccess, EventCaller
from app.services.events.events import EventService, EventView
from app.services.paging import Page, PageRequest
from app.services.users import MAX_ID, get_user


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of several photos."""

    #: ids that are bookmarked now and were not before
    added: Sequence[int]
    #: ids that were already
    known: Sequence[int]
    #: ids of photos that are not there, or that the person may not see: nobody is told which
    not_found: Sequence[int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A bookmarked photo."""

    image: EventImage
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MarkedEvent:
    """The bookmarks of a person in one event."""

    view: EventView
    #: bookmarks, whether or not they may be seen now
    total: int
    #: the last one first; none if the person may not see the event's photos now
    marked: Sequence[Marked]
    #: with whose token they may be seen: for the addresses of the pictures
    who: EventCaller


class Bookmarks:
    """Use cases of the namespace ``fotota``."""

    def __init__(self, sessions: sessionmaker[Session], access: EventAccess, events: EventService) -> None:
        self._sessions = sessions
        self._access = access
        self._events = events

    def add(self, callers: Sequence[EventCaller], person: int, image_ids: Sequence[int]) -> Kept:
        """Bookmark photos; EventImageNotFound if there is none among them that the person may see.

        :param callers: the person with each of the event tokens that came along.
        """
        wanted = list(dict.fromkeys(image_ids))
        with self._sessions.begin() as session:
            # First, as whoever deletes an account does, and with it events.
            get_user(session, person, for_update=True)
            rows = session.execute(
                select(EventImage.id, Event)
                .join(Event, Event.id == EventImage.event_id)
                .where(EventImage.id.in_([image_id for image_id in wanted if 0 < image_id <= MAX_ID]))
                .order_by(Event.id, EventImage.id)
                # Events and photos stay until the bookmarks are there, in the order in which they are deleted.
                .with_for_update(read=True, key_share=True)
            ).all()
            seen = {event.id: self._caller_for(callers, event) is not None for _, event in rows}
            visible = {image_id for image_id, event in rows if seen[event.id]}
            if not visible:
                raise EventImageNotFound
            added = set(
                session.scalars(
                    insert(Bookmark)
                    .values([{"user_id": person, "image_id": image_id} for image_id in sorted(visible)])
                    .on_conflict_do_nothing()
                    .returning(Bookmark.image_id)
                )
            )
        return Kept(
            added=[image_id for image_id in wanted if image_id in added],
            known=[image_id for image_id in wanted if image_id in visible - added],
            not_found=[image_id for image_id in wanted if image_id not in visible],
        )

    def remove(self, person: int, image_ids: Sequence[int]) -> int:
        """Forget bookmarks; how many there were. Nobody needs access to an event for that."""
        wanted = [image_id for image_id in image_ids if 0 < image_id <= MAX_ID]
        with self._sessions.begin() as session:
            gone = session.scalars(
                delete(Bookmark)
                .where(Bookmark.user_id == person, Bookmark.image_id.in_(wanted))
                .returning(Bookmark.image_id)
            ).all()
        return len(gone)

    def list(self, callers: Sequence[EventCaller], person: int, wanted: PageRequest) -> Page[MarkedEvent]:
        """The events in which the person has bookmarks, the one with the last bookmark first; a page of events."""
        with self._sessions() as session:
            groups = session.execute(
                select(EventImage.event_id, func.count())
                .join(Bookmark, Bookmark.image_id == EventImage.id)
                .where(Bookmark.user_id == person)
                .group_by(EventImage.event_id)
                .order_by(func.max(Bookmark.created_at).desc(), EventImage.event_id)
            ).all()
            shown = groups[wanted.offset : wanted.offset + wanted.per_page]
            views = self._events.several(callers, [event_id for event_id, _ in shown])
            rows = session.execute(
                select(EventImage, Bookmark.created_at)
                .join(Bookmark, Bookmark.image_id == EventImage.id)
                .where(
                    Bookmark.user_id == person,
                    EventImage.event_id.in_([event_id for event_id, (_, view) in views.items() if view.visible]),
                )
                .order_by(Bookmark.created_at.desc(), EventImage.id)
            )
            marked: dict[int, list[Marked]] = defaultdict(list)
            for image, created_at in rows:
                marked[image.event_id].append(Marked(image, created_at))
        found = [
            MarkedEvent(views[event_id][1], total, marked[event_id], views[event_id][0])
            for event_id, total in shown
            if event_id in views  # deleted a moment ago
        ]
        return Page(found, len(groups))

    def _caller_for(self, callers: Sequence[EventCaller], event: Event) -> EventCaller | None:
        return next((who for who in callers if self._access.sees(who, event)), None)
