"""The photos of events: taken in, listed, handed out, deleted. Faces are looked for in the background."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from sqlalchemy import any_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import DownloadState, Event, EventDownload, EventImage, ImageState
from app.db.locks import hold_off_sweep
from app.engines.base import Image
from app.engines.images import THUMB_SIDE, WEB_SIDE, encode_for_screens, fitted, strip
from app.errors import (
    EventImageNotFound,
    EventNotFound,
    KenaliError,
    NoPhotoAccepted,
    PhotoFileMissing,
)
from app.services.events.access import EventAccess, EventCaller, Link, get_event
from app.services.events.files import EventFiles, Size
from app.services.paging import Page, PageRequest, fetch_page
from app.services.photo_names import clean_filename
from app.services.photos import Rejection
from app.services.uploads import Upload
from app.services.users import MAX_ID

#: From here on, an error is the server's trouble and not the file's.
_SERVER_TROUBLE: Final = 500
#: Photos that are queued again in one transaction.
_ROWS_AT_ONCE: Final = 500

Decode = Callable[[bytes], Image]
#: Puts photos into the queue of the indexer, in the transaction of the session; answers the queue's id of each.
EnqueueImages = Callable[[Session, Sequence[int]], Sequence[int]]


class ImageOrder(StrEnum):
    """By what photos are listed."""

    CREATED_AT = "created_at"
    FILE_NAME = "file_name"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: a photo, or why there is none."""

    filename: str
    image: EventImage | None = None
    #: whether the event had this file already; ``image`` is the one it has
    duplicate: bool = False
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class EventFile:
    """A photo of an event, and one of its files, open: whoever gets it closes it."""

    image: EventImage
    size: Size
    file: BinaryIO
    bytes: int

    @property
    def kind(self) -> str:
        """``jpg`` or ``png``."""
        return self.image.kind if self.size is Size.ORIGINAL else "jpg"


class EventImageService:
    """Use cases around the photos of events."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        access: EventAccess,
        files: EventFiles,
        decode: Decode,
        enqueue: EnqueueImages,
    ) -> None:
        """
        :param decode: a file's bytes to upright pixels, or an error that says what is wrong with them.
        :param enqueue: puts photos into the queue of the indexer.
        """
        self._sessions = sessions
        self._access = access
        self._files = files
        self._decode = decode
        self._enqueue = enqueue

    # --- taking in

    def add_many(self, who: EventCaller, event_id: int, uploads: Iterable[Upload]) -> list[Taken]:
        """Take what can be taken, file by file; NoPhotoAccepted if that is nothing.

        EventNotFound and NotPermitted come before anything is read. One file at a time is in memory.
        """
        with self._sessions() as session:
            self._access.get_managed(session, who, event_id)
        taken: list[Taken] = []
        errors: list[KenaliError] = []
        for upload in uploads:
            name = clean_filename(upload.filename)
            try:
                taken.append(self._add(event_id, name, upload.data))
            except EventNotFound:  # deleted meanwhile
                raise
            except KenaliError as error:
                errors.append(error)
                taken.append(Taken(name, rejection=Rejection(name, error.code, error.detail)))
        if len(errors) < len(taken):
            return taken
        if errors and all(error.status >= _SERVER_TROUBLE for error in errors):
            raise errors[0]
        rejections = [file.rejection for file in taken if file.rejection]
        raise NoPhotoAccepted(
            errors={rejection.filename: rejection.message for rejection in rejections},
            extra={"rejected": [asdict(rejection) for rejection in rejections]},
        )

    def _add(self, event_id: int, name: str, data: bytes) -> Taken:
        digest = hashlib.sha256(data).hexdigest()
        known = self._find(event_id, digest)
        if known is not None:  # seen before anything is decoded
            return Taken(name, known, duplicate=True)
        pixels = self._decode(data)
        original = strip(data)
        height, width = pixels.shape[:2]
        web = fitted(pixels, WEB_SIDE)
        files = {
            Size.ORIGINAL: original.data,
            Size.WEB: encode_for_screens(web),
            Size.THUMB: encode_for_screens(fitted(web, THUMB_SIDE)),
        }
        with self._sessions.begin() as session:
            hold_off_sweep(session)
            event = get_event(session, event_id, hold=True)
            image = session.scalar(
                insert(EventImage)
                .values(
                    event_id=event_id,
                    filename=name,
                    storage_key=self._files.new_image_key(event.owner_id, event_id),
                    kind=original.kind,
                    sha256=digest,
                    width=width,
                    height=height,
                    size_bytes=len(original.data),
                    state=ImageState.QUEUED.value,
                )
                .on_conflict_do_nothing(index_elements=[EventImage.event_id, EventImage.sha256])
                .returning(EventImage)
            )
            if image is not None:
                [image.queue_job_id] = self._enqueue(session, [image.id])
                session.flush()
                # Last before the commit: whatever failed until here has left no file.
                self._files.put_image(image, files)
        if image is None:  # another request was faster with the same file
            known = self._find(event_id, digest)
            if known is None:  # and is gone again: as good as new
                return self._add(event_id, name, data)
            return Taken(name, known, duplicate=True)
        return Taken(name, image)

    def _find(self, event_id: int, digest: str) -> EventImage | None:
        with self._sessions() as session:
            return session.scalar(
                select(EventImage).where(EventImage.event_id == event_id, EventImage.sha256 == digest)
            )

    # --- showing

    def list(
        self,
        who: EventCaller,
        event_id: int,
        wanted: PageRequest,
        *,
        order: ImageOrder = ImageOrder.CREATED_AT,
        descending: bool = True,
        for_owner: bool = False,
    ) -> tuple[Event, Page[EventImage]]:
        """The event and a page of its photos, for whoever may see them.

        :param for_owner: only for whoever may change the event.
        """
        column = EventImage.created_at if order is ImageOrder.CREATED_AT else EventImage.filename
        directed = [part.desc() if descending else part.asc() for part in (column, EventImage.id)]
        find = self._access.get_managed if for_owner else self._access.get_visible
        with self._sessions() as session:
            event = find(session, who, event_id)
            query = select(EventImage).where(EventImage.event_id == event_id).order_by(*directed)
            return event, fetch_page(session, query, wanted)

    def open(self, who: EventCaller, image_id: int, size: Size, link: Link | None) -> EventFile:
        """One of a photo's files, for a signed address or whoever may see the event (`EventAccess.find_image`)."""
        image = self._access.find_image(who, image_id, size, link)
        file = self.open_file(image, size)
        return EventFile(image, size, file, _length(file))

    def open_file(self, image: EventImage, size: Size) -> BinaryIO:
        """One of a photo's files; whoever gets it closes it. PhotoFileMissing, EventImageNotFound."""
        try:
            return self._files.open_image(image, size)
        except PhotoFileMissing:
            if size is Size.ORIGINAL:
                raise
            return self._make_again(image, size)

    def _make_again(self, image: EventImage, size: Size) -> BinaryIO:
        """A smaller file that somebody removed comes back from the original."""
        pixels = self._decode(self._files.read_image(image, Size.ORIGINAL))
        smaller = fitted(pixels, WEB_SIDE if size is Size.WEB else THUMB_SIDE)
        with self._sessions.begin() as session:
            hold_off_sweep(session)
            get_event(session, image.event_id, hold=True)
            if session.get(EventImage, image.id, with_for_update={"read": True, "key_share": True}) is None:
                raise EventImageNotFound
            self._files.put_image(image, {size: encode_for_screens(smaller)})
        return self._files.open_image(image, size)

    # --- changing

    def delete(self, who: EventCaller, image_id: int) -> None:
        """Remove a photo: rows of it and downloads with it, then their files. EventImageNotFound, NotPermitted."""
        with self._sessions() as session:
            image = _get_image(session, image_id)
        with self._sessions.begin() as session:
            self._access.get_managed(session, who, image.event_id, hold=True)
            locked = session.get(EventImage, image_id, with_for_update=True)
            if locked is None:
                raise EventImageNotFound
            session.delete(locked)
            session.flush()
            # What is deleted is handed out in no ZIP file either. One that is being written looks before it is ready.
            downloads = session.scalars(
                delete(EventDownload)
                .where(
                    EventDownload.event_id == image.event_id,
                    EventDownload.state == DownloadState.READY,
                    any_(EventDownload.image_ids) == image_id,
                )
                .returning(EventDownload.storage_key)
            ).all()
        self._files.remove_images([image])
        self._files.remove(key for key in downloads if key is not None)

    def look_again(self, who: EventCaller, event_id: int, *, everything: bool = False) -> int:
        """Queue the photos that could not be looked at, or all of them, once more; how many.

        The faces that are known stay until the photo has been looked at again.
        """
        states = [ImageState.FAILED, ImageState.INDEXED] if everything else [ImageState.FAILED]
        queued = last = 0
        while True:
            with self._sessions.begin() as session:
                self._access.get_managed(session, who, event_id, hold=True)
                ids = session.scalars(
                    select(EventImage.id)
                    # Those before may have been looked at meanwhile: each is queued once.
                    .where(EventImage.event_id == event_id, EventImage.state.in_(states), EventImage.id > last)
                    .order_by(EventImage.id)
                    .limit(_ROWS_AT_ONCE)
                    .with_for_update()
                ).all()
                queue_again(session, self._enqueue, ids)
            queued += len(ids)
            if len(ids) < _ROWS_AT_ONCE:
                return queued
            last = ids[-1]


def queue_again(session: Session, enqueue: EnqueueImages, ids: Sequence[int]) -> None:
    """Queue photos, whose rows the transaction holds, for another look."""
    if not ids:
        return
    jobs = enqueue(session, ids)
    session.execute(
        update(EventImage),
        [
            {"id": image_id, "state": ImageState.QUEUED.value, "failure": None, "attempts": 0, "queue_job_id": job}
            for image_id, job in zip(ids, jobs, strict=True)
        ],
    )


def _get_image(session: Session, image_id: int) -> EventImage:
    image = session.get(EventImage, image_id) if 0 < image_id <= MAX_ID else None
    if image is None:
        raise EventImageNotFound(f"There is no photo with the id {image_id}.")
    return image


def _length(file: BinaryIO) -> int:
    length = file.seek(0, 2)
    file.seek(0)
    return length
