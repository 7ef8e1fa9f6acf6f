"""Which events a person opened lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import EventImage, EventVisit
from app.services.events.access import EventCaller
from app.services.events.events import EventService, EventView
from app.services.paging import Page, PageRequest, fetch_page


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """An event that a person opened."""

    view: EventView
    #: for the addresses of its pictures
    who: EventCaller
    last_opened_at: datetime
    #: photos that came since then; None unless the person may see them now
    new_images: int | None


class EventActivity:
    """Use cases of the namespace ``activity``."""

    def __init__(self, sessions: sessionmaker[Session], events: EventService) -> None:
        self._sessions = sessions
        self._events = events

    def recent(self, callers: Sequence[EventCaller], person: int, wanted: PageRequest) -> Page[RecentEvent]:
        """The events that the person opened, the last one first.

        :param callers: the person with each of the event tokens that came along; at least one.
        """
        query = (
            select(EventVisit)
            .where(EventVisit.user_id == person)
            .order_by(EventVisit.last_opened_at.desc(), EventVisit.event_id)
        )
        with self._sessions() as session:
            page: Page[EventVisit] = fetch_page(session, query, wanted)
            ids = [visit.event_id for visit in page.items]
            views = self._events.several(callers, ids)
            visible = [event_id for event_id, (_, view) in views.items() if view.visible]
            counts = session.execute(
                select(EventVisit.event_id, func.count())
                .join(EventImage, EventImage.event_id == EventVisit.event_id)
                .where(
                    EventVisit.user_id == person,
                    EventVisit.event_id.in_(visible),
                    EventImage.created_at > EventVisit.last_opened_at,
                )
                .group_by(EventVisit.event_id)
            )
            new = dict.fromkeys(visible, 0)
            new.update((event_id, count) for event_id, count in counts)
        recent = []
        for visit in page.items:
            if visit.event_id in views:  # not deleted a moment ago
                who, view = views[visit.event_id]
                recent.append(RecentEvent(view, who, visit.last_opened_at, new.get(visit.event_id)))
        return Page(recent, page.total)
