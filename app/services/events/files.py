"""The files of events: three for each photo, under names that nobody can guess, filed under the event's owner.

Written before the row is committed and removed after the row is gone, as all photos are: a crash in between leaves a
file without a row, which the next start removes (`sweep`), and never a row without a file.

``<installation>/<owner>/events/<event>/<random>-<size>.<kind>``. Selfies and downloads of a person lie beside
``events``: whoever is deleted takes one folder along.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import BinaryIO, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import DownloadState, Event, EventDownload, EventImage, Selfie
from app.db.installation import installation_id
from app.db.locks import wait_for_writers
from app.errors import KenaliError, PhotoFileMissing
from app.services.health import PartHealth
from app.storage import Storage, check_writable, is_temporary

logger = logging.getLogger(__name__)

#: In the place of an owner: the installation's own events.
NOBODY: Final = "nobody"
#: Once it was written, a folder without it is not the right one: a volume that is not mounted, say.
MARKER: Final = ".kenali"
_RANDOM_BYTES: Final = 16
_INSTALLATION_DIGITS: Final = 12
_ROWS_AT_ONCE: Final = 1000
#: Keys that are made here; the sweep removes no file of another name.
_OURS: Final = re.compile(
    r"[0-9a-f]{12}/(?:nobody|[1-9][0-9]*)/(?:events/[1-9][0-9]*|selfie|downloads)/"
    r"[0-9a-f]{32}(?:-(?:original|web|thumb))?\.(?:jpg|png|zip)"
)


class Size(StrEnum):
    """What there is of a photo."""

    #: as it was sent, without metadata
    ORIGINAL = "original"
    #: fills a screen
    WEB = "web"
    #: for rows of them
    THUMB = "thumb"


def image_key(image: EventImage, size: Size) -> str:
    """Key of one of the files of a photo."""
    return f"{image.storage_key}-{size}.{image.kind if size is Size.ORIGINAL else 'jpg'}"


class EventFiles:
    """Stores and finds them, and makes files and rows agree again at start."""

    def __init__(self, sessions: sessionmaker[Session], storage: Storage) -> None:
        self.storage = storage
        self._sessions = sessions
        self._installation: str | None = None
        self._last = PartHealth(ok=True, detail="not checked yet")

    # --- keys

    def new_image_key(self, owner_id: int | None, event_id: int) -> str:
        """What the keys of a new photo's files begin with."""
        return f"{self._event_folder(owner_id, event_id)}/{_random()}"

    def new_key(self, user_id: int | None, what: str, kind: str) -> str:
        """A key for something else of a person.

        :param what: ``selfie`` or ``downloads``.
        :param kind: ``jpg`` or ``zip``.
        """
        return f"{self._person(user_id)}/{what}/{_random()}.{kind}"

    # --- bytes

    def put_image(self, image: EventImage, files: Mapping[Size, bytes]) -> None:
        """Store the files of a photo, all or none; inside the transaction of its row, which holds off the sweep."""
        try:
            for size, data in files.items():
                self.storage.put(image_key(image, size), data)
        except BaseException:
            self.remove_images([image])
            raise

    def read_image(self, image: EventImage, size: Size) -> bytes:
        """Bytes of one of its files; PhotoFileMissing if somebody removed it."""
        with self.open_image(image, size) as file:
            return file.read()

    def open_image(self, image: EventImage, size: Size) -> BinaryIO:
        """One of its files, to be read piece by piece and closed; PhotoFileMissing if somebody removed it."""
        try:
            return self.storage.open(image_key(image, size))
        except FileNotFoundError as error:
            raise PhotoFileMissing from error

    def remove_images(self, images: Iterable[EventImage]) -> None:
        """Remove the files of photos whose rows are gone; what resists is left for the next start's sweep."""
        self.remove(image_key(image, size) for image in images for size in Size)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove files whose rows are gone."""
        for key in keys:
            try:
                self.storage.delete(key)
            except OSError:
                logger.exception("%s could not be removed; the next start tries again", key)

    def remove_event(self, owner_id: int | None, event_id: int) -> None:
        """Remove every file of an event that was deleted."""
        self._remove_folder(self._event_folder(owner_id, event_id))

    def remove_person(self, user_id: int) -> None:
        """Remove every file of a person who was deleted: their events, selfie, downloads."""
        self._remove_folder(self._person(user_id))

    def files_of_guests(self, session: Session, user_id: int) -> Callable[[], None]:
        """What to call after the transaction that deletes a person: removes guests' downloads of their events.

        Those are filed under the guests.
        """
        query = (
            select(EventDownload.storage_key)
            .join(Event, Event.id == EventDownload.event_id)
            .where(Event.owner_id == user_id, EventDownload.storage_key.is_not(None))
        )
        keys = [key for key in session.scalars(query) if key is not None]
        return lambda: self.remove(keys)

    def _remove_folder(self, folder: str) -> None:
        try:
            self.storage.delete_prefix(folder)
        except OSError:
            logger.exception("%s could not be removed; the next start tries again", folder)

    # --- at start

    def ping(self) -> PartHealth:
        """What the sweep of this start found."""
        return self._last

    def sweep(self) -> None:
        """Remove files without a row and photos without a file, unless the folder may not be the right one.

        Waits for uploads that other processes are just storing.
        """
        self.storage.expect(None)
        try:
            home = self._home()
            with self._sessions.begin() as session:
                wait_for_writers(session)
                self._last = self._sweep(session, home)
                if self._last.ok:
                    check_writable(self.storage, home)
        except (OSError, KenaliError):
            # The server is of use without it.
            logger.exception("The events' files in %s could not be checked", self.storage.name)
            self._last = PartHealth(ok=False, detail="The folder cannot be read or written: the log says why.")
            return
        if self._last.ok:
            self.storage.expect(f"{home}/{MARKER}")
        else:
            logger.error("The events' files were not checked: %s", self._last.detail)

    def _sweep(self, session: Session, home: str) -> PartHealth:
        images = session.scalars(select(EventImage)).all()
        rows = {image_key(image, size): image for image in images for size in Size}
        others = set(session.scalars(select(Selfie.storage_key)))
        row = EventDownload
        downloads = session.execute(
            select(row.id, row.state, row.storage_key).where(row.storage_key.is_not(None))
        ).all()
        others |= {download.storage_key for download in downloads}
        found = set(self.storage.keys(home))
        if f"{home}/{MARKER}" not in found:
            if rows and not any(key in found for key in rows):
                return PartHealth(
                    ok=False,
                    detail=f"None of the events' {len(images)} photos is in {self.storage.name}: is its volume "
                    "mounted, and EVENTS_DIR right? If they are lost, make an empty file "
                    f"{self.storage.name}/{home}/{MARKER} and start again.",
                )
            self.storage.put(f"{home}/{MARKER}", b"")
        missing = {image.id: image for image in images if image_key(image, Size.ORIGINAL) not in found}
        known = {key for key, image in rows.items() if image.id not in missing} | others
        stray = [key for key in found if is_temporary(key) or (_OURS.fullmatch(key) and key not in known)]
        for key in stray:
            self.storage.delete(key)
        # A ZIP file that is lost can be made again: it is not promised any more.
        lost = [
            download.id
            for download in downloads
            if download.state == DownloadState.READY and download.storage_key not in found
        ]
        session.execute(delete(EventDownload).where(EventDownload.id.in_(lost)))
        ids = list(missing)
        for at in range(0, len(ids), _ROWS_AT_ONCE):
            session.execute(delete(EventImage).where(EventImage.id.in_(ids[at : at + _ROWS_AT_ONCE])))
        if stray or missing:
            logger.warning("Repaired after an interruption: %d files, %d photos of events", len(stray), len(missing))
        return PartHealth(
            ok=True,
            detail="files and database agree",
            facts={"files_removed": len(stray), "photos_removed": len(missing)},
        )

    # --- where

    def _event_folder(self, owner_id: int | None, event_id: int) -> str:
        return f"{self._person(owner_id)}/events/{event_id}"

    def _person(self, user_id: int | None) -> str:
        return f"{self._home()}/{NOBODY if user_id is None else user_id}"

    def _home(self) -> str:
        """Several installations may share a folder."""
        if self._installation is None:
            with self._sessions.begin() as session:
                self._installation = installation_id(session).hex[:_INSTALLATION_DIGITS]
        return self._installation


def _random() -> str:
    return secrets.token_hex(_RANDOM_BYTES)
