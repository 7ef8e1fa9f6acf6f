"""Events: create, find, show, change, delete."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - an argument below is called date
from typing import Final

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, sessionmaker

from app.db import Event, EventDownload, EventImage, ImageState, User
from app.errors import EventNotFound, UserNotFound
from app.services.events.access import EventAccess, EventCaller, get_event
from app.services.events.files import EventFiles
from app.services.events.find_my_face import count_hidden
from app.services.gallery import Gallery
from app.services.paging import Page, PageRequest, fetch_page
from app.services.passwords import Passwords

#: Without what is easily taken for another: 0 O, 1 I L, and vowels, so that no word comes of it by chance.
_LETTERS: Final = "23456789BCDFGHJKMNPQRSTVWXYZ"
#: 28 ** 12 are 58 bits: nobody finds an event by trying.
_CODE_LENGTH: Final = 12
#: How many photos stand for an event.
PREVIEW_IMAGES: Final = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the photos of an event are."""

    total: int = 0
    #: by the face model in use
    indexed: int = 0
    failed: int = 0
    #: faces on the indexed photos
    faces: int = 0


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as one caller sees it."""

    event: Event
    #: None: the installation's own.
    owner: User | None
    #: whether the caller may see its pictures
    visible: bool
    #: whether the caller may change it
    manageable: bool
    #: None unless visible
    progress: Progress | None
    #: the first few photos; none unless visible
    preview: Sequence[EventImage]
    #: people who do not want to be found in it; None unless manageable
    hidden_people: int | None


class EventService:
    """Use cases of the namespace ``events``, photos aside."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        access: EventAccess,
        files: EventFiles,
        passwords: Passwords,
        gallery: Gallery,
        *,
        on_deleted: Callable[[int], None] = lambda _: None,
    ) -> None:
        """:param on_deleted: is told the id of an event that was deleted, after the commit."""
        self._on_deleted = on_deleted
        self._sessions = sessions
        self._access = access
        self._files = files
        self._passwords = passwords
        self._gallery = gallery

    def create(
        self, who: EventCaller, *, name: str, password: str, description: str = "", date: Date | None = None
    ) -> EventView:
        """A new event of the caller; of the installation, if the caller is nobody in particular."""
        event = Event(
            owner_id=who.person,
            name=name,
            description=description,
            date=date,
            password_hash=self._passwords.hash(password),
            share_code="".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)),
        )
        try:
            with self._sessions.begin() as session:
                session.add(event)
                session.flush()
                session.refresh(event)
                return self._views(session, who, [event])[0]
        except IntegrityError as error:
            if "owner_id" in str(error.orig):
                raise UserNotFound from None
            raise

    def search(self, who: EventCaller, text: str, wanted: PageRequest) -> Page[EventView]:
        """Events whose name contains the text, in whatever case, newest first."""
        if "\0" in text:  # PostgreSQL's text cannot hold it: no name does
            return Page([], 0)
        # strpos has no wildcards; PostgreSQL's lower on both sides, because Python's differs for some letters.
        named = func.strpos(func.lower(Event.name), func.lower(text)) > 0
        return self._list(who, select(Event).where(named), wanted)

    def mine(self, who: EventCaller, wanted: PageRequest) -> Page[EventView]:
        """The caller's own events, newest first; everybody's, if the caller is nobody in particular."""
        query = select(Event)
        if not who.manages_all:
            query = query.where(Event.owner_id == who.person)
        return self._list(who, query, wanted)

    def get(self, who: EventCaller, event_id: int) -> EventView:
        """One event as the caller sees it; EventNotFound otherwise."""
        with self._sessions() as session:
            return self._views(session, who, [get_event(session, event_id)])[0]

    def several(
        self, callers: Sequence[EventCaller], event_ids: Sequence[int]
    ) -> dict[int, tuple[EventCaller, EventView]]:
        """Some events, each as the first of the callers sees it who may see its photos; what is not there is left out.

        :param callers: one person with each of several event tokens; at least one.
        """
        found: dict[int, tuple[EventCaller, EventView]] = {}
        with self._sessions() as session:
            events = session.scalars(select(Event).where(Event.id.in_(event_ids))).all()
            of: dict[int, list[Event]] = defaultdict(list)
            for event in events:
                of[next((at for at, who in enumerate(callers) if self._access.sees(who, event)), 0)].append(event)
            for at, theirs in of.items():
                views = self._views(session, callers[at], theirs)
                found.update((view.event.id, (callers[at], view)) for view in views)
        return found

    def get_visible(self, who: EventCaller, event_id: int) -> Event:
        """The event, for whoever may see its photos; what `EventAccess.check` raises otherwise."""
        with self._sessions() as session:
            return self._access.get_visible(session, who, event_id)

    def find_shared(self, code: str) -> Event:
        """The event that a link or QR code means; EventNotFound otherwise."""
        with self._sessions() as session:
            event = (
                session.scalar(select(Event).where(Event.share_code == code.upper()))
                if code.isascii() and code.isalnum()
                else None
            )
        if event is None:
            raise EventNotFound("This link leads to no event: ask for a new one.")
        return event

    def update(
        self,
        who: EventCaller,
        event_id: int,
        *,
        name: str | None = None,
        password: str | None = None,
        description: str | None = None,
        date: Date | None = None,
        clear_date: bool = False,
    ) -> EventView:
        """Change what is given. A new password ends every token and every picture's address of the event."""
        with self._sessions() as session:  # who may not is told before anything is hashed
            self._access.get_managed(session, who, event_id)
        password_hash = self._passwords.hash(password) if password is not None else None
        with self._sessions.begin() as session:
            event = get_event(session, event_id, for_update=True)
            if name is not None:
                event.name = name
            if description is not None:
                event.description = description
            if date is not None or clear_date:
                event.date = date
            if password_hash is not None:
                event.password_hash = password_hash
                event.access_generation += 1
            event.updated_at = func.now()
            session.flush()
            session.refresh(event)
            return self._views(session, who, [event])[0]

    def delete(self, who: EventCaller, event_id: int) -> None:
        """Remove the event with its photos, faces, visits and downloads."""
        with self._sessions.begin() as session:
            self._access.get_managed(session, who, event_id)
            event = get_event(session, event_id, for_update=True)
            downloads = session.scalars(
                select(EventDownload.storage_key).where(
                    EventDownload.event_id == event_id, EventDownload.storage_key.is_not(None)
                )
            ).all()
            session.delete(event)
        self._on_deleted(event_id)
        self._files.remove_event(event.owner_id, event_id)
        self._files.remove(key for key in downloads if key is not None)

    def _list(self, who: EventCaller, query: Select[Event], wanted: PageRequest) -> Page[EventView]:
        with self._sessions() as session:
            page = fetch_page(session, query.order_by(Event.id.desc()), wanted)
            return Page(self._views(session, who, page.items), page.total)

    def _views(self, session: Session, who: EventCaller, events: Sequence[Event]) -> list[EventView]:
        visible = {event.id for event in events if self._access.sees(who, event)}
        live = self._gallery.live()
        progress = progress_of(session, visible, live.model if live else None)
        previews = _previews(session, visible)
        hidden = count_hidden(session, {event.id for event in events if who.manages(event)})
        owners = {
            user.id: user
            for user in session.scalars(select(User).where(User.id.in_({event.owner_id for event in events})))
        }
        return [
            EventView(
                event=event,
                owner=owners.get(event.owner_id) if event.owner_id is not None else None,
                visible=event.id in visible,
                manageable=who.manages(event),
                progress=progress[event.id] if event.id in visible else None,
                preview=previews[event.id],
                hidden_people=hidden.get(event.id),
            )
            for event in events
        ]


def progress_of(session: Session, event_ids: set[int], model: str | None) -> dict[int, Progress]:
    """How far the photos of some events are.

    :param model: key of the face model in use: photos that another one looked at count as not indexed. None: whatever
        looked at them is the one in use.
    """
    found: dict[int, Progress] = defaultdict(Progress)
    if not event_ids:
        return found
    row = EventImage
    current = row.state == ImageState.INDEXED
    if model is not None:
        current = and_(current, row.model == model)
    counts = session.execute(
        select(
            row.event_id,
            func.count(),
            func.count().filter(current),
            func.count().filter(row.state == ImageState.FAILED),
            func.coalesce(func.sum(row.faces).filter(current), 0),
        )
        .where(row.event_id.in_(event_ids))
        .group_by(row.event_id)
    )
    found.update({event_id: Progress(*numbers) for event_id, *numbers in counts})
    return found


def _previews(session: Session, event_ids: set[int]) -> dict[int, list[EventImage]]:
    """The first photos of each event."""
    found: dict[int, list[EventImage]] = defaultdict(list)
    if not event_ids:
        return found
    first = (
        select(EventImage)
        .where(EventImage.event_id == Event.id)
        .order_by(EventImage.created_at, EventImage.id)
        .limit(PREVIEW_IMAGES)
        .correlate(Event)
        .lateral()
    )
    image = aliased(EventImage, first)
    query = select(image).select_from(Event).join(first, literal(value=True)).where(Event.id.in_(event_ids))
    for row in session.scalars(query.order_by(image.id)):
        found[row.event_id].append(row)
    return found
