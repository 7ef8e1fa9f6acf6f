"""Downloads: ZIP files of photos of an event, asked for by whoever may see them, made in the background.

Who asked for one gets it, and nobody else, while they may see the event: its address dies with the event's password,
as those of pictures do. It is made and removed by `app.services.events.zip_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import DownloadState, Event, EventDownload, EventImage, utc_now
from app.errors import (
    DownloadNotFound,
    DownloadNotReady,
    DownloadTooLarge,
    EventImageNotFound,
    StorageFull,
    TooManyDownloads,
)
from app.services.events.access import EventAccess, EventCaller, Link, get_download
from app.services.events.files import EventFiles, Size
from app.services.paging import Page, PageRequest, fetch_page
from app.services.photo_names import clean_filename
from app.services.users import MAX_ID, get_user

#: Photos in one download.
MOST_PHOTOS: Final = 10_000
#: Downloads of one person that wait or are being made; of all programs and of everybody without an account together
#: as many more.
MOST_AT_WORK: Final = 2
#: Of one person in one event, those being made among them; older finished ones go when another one is asked for.
MOST_KEPT: Final = 3
RETRY_AFTER_SECONDS: Final = 10
#: A photo for screens is hardly ever larger: good enough to tell beforehand what is far too much.
_WEB_BYTES: Final = 1_000_000
#: A download leaves so much room on the disk for what is more important.
SPARE_BYTES: Final = 1_000_000_000

#: Puts a download into the queue, in the transaction of the session; answers the queue's id of it.
EnqueueDownload = Callable[[Session, int], int]

_AT_WORK: Final = EventDownload.state.in_([DownloadState.QUEUED, DownloadState.RUNNING])
_MAX_NAME: Final = 100
#: Characters that some file system refuses in a name.
_REFUSED: Final = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))


@dataclass(frozen=True, slots=True)
class DownloadView:
    """A download and the event it is of."""

    download: EventDownload
    event: Event
    #: of its address; None until it is ready
    link: Link | None

    @property
    def filename(self) -> str:
        """What the file is called."""
        return zip_name(self.event)


@dataclass(frozen=True, slots=True)
class DownloadFile:
    """A download's file, open: whoever gets it closes it."""

    filename: str
    file: BinaryIO
    bytes: int
    #: another file has another one
    etag: str


class EventDownloads:
    """Use cases of ``/api/events/<id>/downloads``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        access: EventAccess,
        files: EventFiles,
        enqueue: EnqueueDownload,
        *,
        max_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """:param max_bytes: of one download."""
        self._sessions = sessions
        self._access = access
        self._files = files
        self._enqueue = enqueue
        self._max_bytes = max_bytes
        self._clock = clock

    def create(
        self, who: EventCaller, event_id: int, image_ids: Sequence[int] | None, size: Size = Size.ORIGINAL
    ) -> DownloadView:
        """Ask for a ZIP file of some photos; of all of them for None.

        Who asks for the same again gets the one there is. Photos that the event does not have are left out and
        counted; EventImageNotFound if it has none of them. What `EventAccess.check` raises; DownloadTooLarge,
        TooManyDownloads, StorageFull.
        """
        removed: Sequence[str] = []
        with self._sessions.begin() as session:
            if who.person is not None:
                # First, as whoever deletes an account does, and with it events. One request of a person at a time.
                get_user(session, who.person, for_update=True)
            event = self._access.get_visible(session, who, event_id, hold=True)
            wanted = None if image_ids is None else list(dict.fromkeys(image_ids))
            ids, total_bytes = self._chosen(session, event_id, wanted, size)
            left_out = 0 if wanted is None else len(wanted) - len(ids)
            same = self._find_same(session, who.person, event_id, ids, size)
            if same is not None:
                return self._view(same, event)
            self._check_limits(session, who.person, total_bytes)
            removed = self._forget_oldest(session, who.person, event_id)
            download = EventDownload(
                event_id=event_id,
                user_id=who.person,
                image_ids=[*ids],
                size=size.value,
                total=len(ids) + left_out,
                left_out=left_out,
            )
            session.add(download)
            session.flush()
            download.queue_job_id = self._enqueue(session, download.id)
            session.flush()
            session.refresh(download)
            view = self._view(download, event)
        self._files.remove(removed)
        return view

    def list(self, who: EventCaller, event_id: int, wanted: PageRequest) -> Page[DownloadView]:
        """The caller's own downloads of the event, newest first; what `EventAccess.check` raises."""
        with self._sessions() as session:
            event = self._access.get_visible(session, who, event_id)
            query = select(EventDownload).where(*self._theirs(who.person, event_id)).order_by(EventDownload.id.desc())
            page: Page[EventDownload] = fetch_page(session, query, wanted)
            return Page([self._view(download, event) for download in page.items], page.total)

    def get(self, who: EventCaller, event_id: int, download_id: int) -> DownloadView:
        """One of them; DownloadNotFound, what `EventAccess.check` raises."""
        with self._sessions() as session:
            event = self._access.get_visible(session, who, event_id)
            download = get_download(session, who.person, event_id, download_id)
            self._check_fresh(download)
            return self._view(download, event)

    def delete(self, who: EventCaller, event_id: int, download_id: int) -> None:
        """Remove one of them, or stop making it; DownloadNotFound, what `EventAccess.check` raises."""
        with self._sessions.begin() as session:
            self._access.get_visible(session, who, event_id, hold=True)
            download = get_download(session, who.person, event_id, download_id)
            key = download.storage_key
            session.delete(download)
        self._files.remove([key] if key else [])

    def open(self, who: EventCaller, event_id: int, download_id: int, link: Link | None) -> DownloadFile:
        """The file, for its signed address or for whoever asked for it (`EventAccess.find_download`).

        DownloadNotFound once it has expired, DownloadNotReady before it is whole.
        """
        download, event = self._access.find_download(who, event_id, download_id, link)
        self._check_fresh(download)
        if download.state != DownloadState.READY or download.storage_key is None or download.bytes is None:
            raise DownloadNotReady
        try:
            file = self._files.storage.open(download.storage_key)
        except FileNotFoundError:
            raise DownloadNotFound from None
        return DownloadFile(zip_name(event), file, download.bytes, f"{download.id}-{download.attempts}")

    # --- limits

    def _chosen(
        self, session: Session, event_id: int, wanted: Sequence[int] | None, size: Size
    ) -> tuple[Sequence[int], int]:
        """Ids of the photos that are there, in the order in which they came, and about how many bytes they have."""
        most = _WEB_BYTES if size is Size.WEB else self._max_bytes + 1
        query = select(EventImage.id, func.least(EventImage.size_bytes, most)).where(EventImage.event_id == event_id)
        if wanted is not None:
            query = query.where(EventImage.id.in_([image_id for image_id in wanted if 0 < image_id <= MAX_ID]))
        rows = session.execute(query.order_by(EventImage.created_at, EventImage.id).limit(MOST_PHOTOS + 1)).all()
        if not rows:
            raise EventImageNotFound
        total_bytes = sum(row[1] for row in rows)
        if len(rows) > MOST_PHOTOS or total_bytes > self._max_bytes:
            raise DownloadTooLarge(
                f"One download holds at most {MOST_PHOTOS} photos and {self._max_bytes // 1_000_000} MB: "
                "choose fewer, or the smaller size."
            )
        return [row[0] for row in rows], total_bytes

    def _check_limits(self, session: Session, person: int | None, total_bytes: int) -> None:
        count = session.scalar(select(func.count()).where(_belongs_to(person), _AT_WORK)) or 0
        if count >= MOST_AT_WORK * (1 if person is not None else 2):
            raise TooManyDownloads(retry_after_seconds=RETRY_AFTER_SECONDS)
        free = self._files.storage.free_bytes()
        if free is not None and free < total_bytes + SPARE_BYTES:
            raise StorageFull("The disk has no room for this download: choose fewer photos, or the smaller size.")

    def _find_same(
        self, session: Session, person: int | None, event_id: int, ids: Sequence[int], size: Size
    ) -> EventDownload | None:
        return session.scalar(
            select(EventDownload)
            .where(
                *self._theirs(person, event_id),
                EventDownload.image_ids == ids,
                EventDownload.size == size.value,
                EventDownload.state != DownloadState.FAILED,
            )
            .order_by(EventDownload.id.desc())
            .limit(1)
        )

    def _forget_oldest(self, session: Session, person: int | None, event_id: int) -> Sequence[str]:
        """Delete finished ones beyond those that are kept; keys of their files."""
        theirs = (_belongs_to(person), EventDownload.event_id == event_id)
        at_work = session.scalar(select(func.count()).where(*theirs, _AT_WORK)) or 0
        finished = (
            select(EventDownload.id)
            .where(*theirs, ~_AT_WORK)
            .order_by(EventDownload.id.desc())
            .offset(max(MOST_KEPT - 1 - at_work, 0))
        )
        keys = session.scalars(
            delete(EventDownload).where(EventDownload.id.in_(finished)).returning(EventDownload.storage_key)
        ).all()
        return [key for key in keys if key is not None]

    # --- showing

    def _theirs(self, person: int | None, event_id: int) -> tuple[ColumnElement[bool], ...]:
        row = EventDownload
        fresh = or_(row.expires_at.is_(None), row.expires_at > self._clock())
        return _belongs_to(person), row.event_id == event_id, fresh

    def _check_fresh(self, download: EventDownload) -> None:
        if download.expires_at is not None and download.expires_at <= self._clock():
            raise DownloadNotFound

    def _view(self, download: EventDownload, event: Event) -> DownloadView:
        ready = download.state == DownloadState.READY
        return DownloadView(download, event, self._access.download_link(download, event) if ready else None)


def _belongs_to(person: int | None) -> ColumnElement[bool]:
    return EventDownload.user_id.is_(None) if person is None else EventDownload.user_id == person


def zip_name(event: Event) -> str:
    """What the ZIP file of an event is called: its name, fit for every file system."""
    name = clean_filename(event.name.translate(_REFUSED), fallback="photos")[:_MAX_NAME].rstrip(". ")
    return f"{name}.zip"
