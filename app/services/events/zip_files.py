"""Making and removing the ZIP files of downloads, in the background.

A file is written beside its place and put there when it is whole; its row says ``ready`` after that. Each attempt
writes under a key of its own, which its row knows before anything is written: a killed worker leaves no file that
nobody knows of, and one that was only thought to be dead removes what it wrote.

JPEGs do not shrink: photos are stored as they are. One photo at a time is in memory.
"""

from __future__ import annotations

import logging
import shutil
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.db import DownloadState, EventDownload, EventImage, utc_now
from app.db.connect import database_went_away
from app.errors import (
    DownloadTooLarge,
    EventImageNotFound,
    EventNotFound,
    JobFailed,
    KenaliError,
    PhotoFileMissing,
    StorageFull,
    StorageUnavailable,
    WorkerDied,
)
from app.services.events.access import get_event
from app.services.events.downloads import SPARE_BYTES, EnqueueDownload
from app.services.events.files import EventFiles, Size
from app.services.training_jobs import JobInterrupted, ShouldStop
from app.storage import Sink, TooManyBytes

logger = logging.getLogger(__name__)

#: A download whose worker died, or whose folder could not be written to, this often is given up.
MAX_ATTEMPTS: Final = 5
#: How often the progress is told, and a download that was deleted is noticed.
TELL_SECONDS: Final = 1.0
#: Photos whose rows are read at a time.
_ROWS_AT_ONCE: Final = 200
_COPY_BYTES: Final = 1 << 20
#: Longest stem of a name, in bytes: every file system takes it with a number and an extension.
_MAX_STEM_BYTES: Final = 180
_FILE_MODE: Final = 0o644
#: ZIP knows no earlier time.
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
#: What Windows takes for a device, whatever the extension.
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
_REFUSED: Final = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
_EXTENSIONS: Final = {"jpg": frozenset({".jpg", ".jpeg"}), "png": frozenset({".png"})}

#: One of a photo's files, to be closed; PhotoFileMissing or EventImageNotFound if it is gone.
OpenImage = Callable[[EventImage, Size], BinaryIO]


class _TakenOver(Exception):
    """Another worker makes this download now, or it was deleted."""


class DownloadRunner:
    """Makes downloads, and removes those that have expired."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        files: EventFiles,
        open_image: OpenImage,
        enqueue: EnqueueDownload,
        *,
        max_bytes: int,
        life: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """
        :param max_bytes: of one download.
        :param life: how long a finished one is kept.
        """
        self._sessions = sessions
        self._files = files
        self._open_image = open_image
        self._enqueue = enqueue
        self._max_bytes = max_bytes
        self._life = life
        self._clock = clock

    def run(self, download_id: int, should_stop: ShouldStop = lambda: False) -> None:
        """Make one. Called by the worker, again if an earlier attempt died.

        Raises JobInterrupted when it should stop, StorageUnavailable while the folder cannot be written to, and the
        driver's errors when the database goes away: the queue tries again. Every other failure is written into the row.
        """
        download = self._begin(download_id)
        if download is None:
            return
        try:
            while not self._make(download, should_stop):
                logger.info("A photo of download %d was deleted meanwhile: it is made without it", download_id)
        except JobInterrupted:
            self._give_back(download)
            raise
        except _TakenOver:
            logger.info("Download %d was deleted, or is made elsewhere", download_id)
        except Exception as error:
            passing = isinstance(error, StorageUnavailable) and download.attempts < MAX_ATTEMPTS
            if passing or database_went_away(error):
                raise
            if not isinstance(error, KenaliError | TooManyBytes):
                logger.exception("Download %d failed", download_id)
            self._fail(download, _told(error))

    def requeue(self) -> int:
        """Put downloads back into the queue that it does not know any more; how many. Called now and then."""
        lost = select(EventDownload).where(
            EventDownload.state.in_([DownloadState.QUEUED, DownloadState.RUNNING]),
            text(
                "NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS queued "
                "WHERE queued.id = event_downloads.queue_job_id AND queued.status IN ('todo', 'doing'))"
            ),
        )
        with self._sessions.begin() as session:
            found = session.scalars(lost.with_for_update(skip_locked=True)).all()
            for download in found:
                download.queue_job_id = self._enqueue(session, download.id)
        return len(found)

    def clean(self) -> int:
        """Remove what has expired; how many. Called now and then."""
        with self._sessions.begin() as session:
            keys = session.scalars(
                delete(EventDownload)
                .where(EventDownload.expires_at <= self._clock())
                .returning(EventDownload.storage_key)
            ).all()
        self._files.remove(key for key in keys if key is not None)
        return len(keys)

    # --- one attempt

    def _begin(self, download_id: int) -> EventDownload | None:
        """The download, with this attempt's mark and key; None if there is nothing (more) to do."""
        with self._sessions.begin() as session:
            download = session.get(EventDownload, download_id, with_for_update=True)
            if download is None or download.state not in {DownloadState.QUEUED, DownloadState.RUNNING}:
                return None
            before = download.storage_key
            download.attempts += 1
            download.state = DownloadState.RUNNING.value
            download.done = 0
            download.storage_key = self._files.new_key(download.user_id, "downloads", "zip")
            session.flush()
            session.refresh(download)
        if before is not None:
            self._files.remove([before])
        if download.attempts > MAX_ATTEMPTS:
            self._fail(download, WorkerDied())
            return None
        return download

    def _make(self, download: EventDownload, should_stop: ShouldStop) -> bool:
        """Write the file and say that it is ready; False if a photo in it was deleted in the meantime."""
        key = _key(download)
        with self._sessions() as session:
            images = _images(session, download)
        self._check_room(images, Size(download.size))
        try:
            with self._files.storage.writing(key, max_bytes=self._max_bytes) as sink:
                inside = self._write(download, images, sink, should_stop)
                written = sink.tell()
            if self._finish(download, inside, written):
                return True
        except BaseException:
            self._files.remove([key])
            raise
        self._files.remove([key])
        return False

    def _check_room(self, images: Sequence[EventImage], size: Size) -> None:
        free = self._files.storage.free_bytes()
        needed = sum(image.size_bytes for image in images) if size is Size.ORIGINAL else 0
        if free is not None and free < needed + SPARE_BYTES:
            raise StorageFull

    def _write(
        self, download: EventDownload, images: Sequence[EventImage], sink: Sink, should_stop: ShouldStop
    ) -> list[int]:
        """Write every photo that is there; the ids of them."""
        size = Size(download.size)
        window = _Window(sink)
        inside: list[int] = []
        told = time.monotonic()
        # It seeks back inside of the last entry only, to fill in what it did not know before.
        with zipfile.ZipFile(cast("IO[bytes]", window), "w", zipfile.ZIP_STORED) as archive:
            for image, name in zip(images, entry_names(images, size), strict=True):
                if should_stop():
                    raise JobInterrupted
                try:
                    file = self._open_image(image, size)
                except (PhotoFileMissing, EventImageNotFound, EventNotFound):
                    continue
                with file, archive.open(_entry(name, image), "w") as entry:
                    shutil.copyfileobj(file, entry, _COPY_BYTES)
                window.pass_on()
                inside.append(image.id)
                if time.monotonic() - told >= TELL_SECONDS:
                    self._tell(download, done=len(inside))
                    told = time.monotonic()
        window.pass_on()
        return inside

    def _finish(self, download: EventDownload, inside: Sequence[int], written: int) -> bool:
        """Say that it is ready, unless a photo in it is not there any more."""
        if not inside:
            raise EventImageNotFound
        now = self._clock()
        with self._sessions.begin() as session:
            if download.event_id is not None:
                # Whoever deletes a photo holds the event: either we see that it is gone, or they see that we are ready.
                try:
                    get_event(session, download.event_id, for_update=True)
                except EventNotFound:
                    raise _TakenOver from None
            there = session.scalar(select(func.count()).where(EventImage.id.in_(inside)))
            if there != len(inside):
                return False
            self._hold(
                session,
                download,
                state=DownloadState.READY.value,
                image_ids=list(inside),
                bytes=written,
                done=len(inside),
                left_out=download.total - len(inside),
                finished_at=now,
                expires_at=now + self._life,
            )
        return True

    def _fail(self, download: EventDownload, error: KenaliError) -> None:
        logger.warning("Download %d: %s", download.id, error.detail)
        self._files.remove([_key(download)])
        now = self._clock()
        try:
            with self._sessions.begin() as session:
                self._hold(
                    session,
                    download,
                    state=DownloadState.FAILED.value,
                    failure=error.code,
                    storage_key=None,
                    finished_at=now,
                    expires_at=now + self._life,
                )
        except _TakenOver:
            logger.info("Download %d was deleted, or is made elsewhere", download.id)

    def _give_back(self, download: EventDownload) -> None:
        """The worker stops: this attempt was no failure."""
        with self._sessions.begin() as session:
            session.execute(
                update(EventDownload)
                .where(EventDownload.id == download.id, EventDownload.attempts == download.attempts)
                .values(attempts=EventDownload.attempts - 1, state=DownloadState.QUEUED.value, done=0)
            )

    def _tell(self, download: EventDownload, **values: Any) -> None:
        with self._sessions.begin() as session:
            self._hold(session, download, **values)

    def _hold(self, session: Session, download: EventDownload, **values: Any) -> None:
        """Write to the row; _TakenOver unless this attempt still owns it."""
        held = session.scalar(
            update(EventDownload)
            .where(
                EventDownload.id == download.id,
                EventDownload.attempts == download.attempts,
                EventDownload.state == DownloadState.RUNNING,
            )
            .values(**values)
            .returning(EventDownload.id)
        )
        if held is None:
            raise _TakenOver


def _told(error: Exception) -> KenaliError:
    """What its owner is told."""
    if isinstance(error, TooManyBytes):
        return DownloadTooLarge()
    return error if isinstance(error, KenaliError) else JobFailed()


def _key(download: EventDownload) -> str:
    if download.storage_key is None:  # `_begin` has given it one
        raise RuntimeError("a download without a key")
    return download.storage_key


def _images(session: Session, download: EventDownload) -> list[EventImage]:
    """The photos that are still there, in the order that was asked for."""
    found: dict[int, EventImage] = {}
    for at in range(0, len(download.image_ids), _ROWS_AT_ONCE):
        part = download.image_ids[at : at + _ROWS_AT_ONCE]
        found.update((image.id, image) for image in session.scalars(select(EventImage).where(EventImage.id.in_(part))))
    return [found[image_id] for image_id in download.image_ids if image_id in found]


def _entry(name: str, image: EventImage) -> zipfile.ZipInfo:
    came = image.created_at.timetuple()[:6]
    entry = zipfile.ZipInfo(name, max(came, _EARLIEST))
    entry.external_attr = _FILE_MODE << 16
    entry.file_size = image.size_bytes
    return entry


def entry_names(images: Iterable[EventImage], size: Size) -> list[str]:
    """What photos are called inside the ZIP file: the clients' names, each once, fit for every file system."""
    taken: set[str] = set()
    names = []
    for image in images:
        stem, extension = _fit_name(image.filename, image.kind if size is Size.ORIGINAL else "jpg")
        name, number = f"{stem}{extension}", 1
        # Some file systems take Foto.jpg and foto.JPG for one, or two ways to write an accent.
        while (alike := unicodedata.normalize("NFKC", name).casefold()) in taken:
            number += 1
            name = f"{stem} ({number}){extension}"
        taken.add(alike)
        names.append(name)
    return names


def _fit_name(filename: str, kind: str) -> tuple[str, str]:
    """Stem and extension; no path, nothing that means something to a file system."""
    shown = "".join("_" if unicodedata.category(letter)[0] == "C" else letter for letter in filename)
    path = PurePosixPath(shown.translate(_REFUSED).strip(". ") or "photo")
    stem, extension = path.stem, path.suffix
    if extension.lower() not in _EXTENSIONS[kind]:
        if extension.lower() not in frozenset().union(*_EXTENSIONS.values()):
            stem = path.name  # no extension at all: "Budi v1.2"
        extension = f".{kind}"
    stem = stem.encode()[:_MAX_STEM_BYTES].decode("utf-8", "ignore").rstrip(". ") or "photo"
    if stem.split(".")[0].lower() in _DEVICES:
        stem = f"_{stem}"
    return stem, extension


class _Window:
    """What `zipfile` needs of a file, over a `Sink`, which cannot seek: the last entry waits here until it is whole.

    So each entry begins with its checksum and length, which programs want that read an archive from its beginning.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting = bytearray()
        #: where in ``_waiting`` the next byte goes
        self._at = 0

    def write(self, data: bytes) -> int:
        end = self._at + len(data)
        self._waiting[self._at : end] = data
        self._at = end
        return len(data)

    def tell(self) -> int:
        return self._sink.tell() + self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset - self._sink.tell()
        if whence != 0 or not 0 <= at <= len(self._waiting):
            raise OSError("what was passed on cannot be changed")
        self._at = at
        return offset

    def seekable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing: `pass_on` does it."""

    def pass_on(self) -> None:
        """The entry is whole."""
        self._sink.write(bytes(self._waiting))
        self._waiting.clear()
        self._at = 0
