"""Searches of Drive folders, as the person who asked sees them.

Of a folder only names, ids and faces are kept, never a picture. The faces are those of strangers: they stay as long as
a search needs them, and go with the last one that does (`remove_orphans`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Float, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveFace, DriveFile, DriveFileState, DriveSearch, DriveSearchFile, DriveSearchState
from app.engines.base import Embeddings, Image
from app.engines.face.calibration import calibration_for
from app.errors import (
    DriveSearchNotFound,
    GoogleNotConfigured,
    NoFaceFound,
    NoSelfie,
    TooManySearches,
)
from app.services.face_bands import Band, Bands, bands_for
from app.services.gallery import Gallery, split_key
from app.services.google.drive_url import file_url, parse_drive_url
from app.services.paging import Page, PageRequest, fetch_page
from app.services.users import MAX_ID, get_user

#: Searches of one person that may be under way at the same time.
MAX_RUNNING: Final = 3
_TRY_AGAIN_SECONDS: Final = 30
#: First half of the advisory locks' keys ("driv" in ASCII); the second is of the folder's id.
_FOLDER_LOCK: Final = 0x64726976

#: (person, `FaceModelInfo.key`) -> the embedding of their stored selfie under that model, or None.
SelfieLookup = Callable[[int, str], Embeddings | None]
#: Decodes and checks a picture, with the limits of the settings.
Decode = Callable[[bytes], Image]
#: Puts a search into the queue, in the transaction of the session; answers the queue's id of it.
EnqueueSearch = Callable[[Session, DriveSearch], int]


@dataclass(frozen=True, slots=True)
class DriveMatch:
    """A picture with a face that is, or may be, the person's."""

    file_id: str
    name: str
    link: str
    width: int
    height: int
    #: the face: left, top, width and height in pixels of the upright picture.
    x: float
    y: float
    w: float
    h: float
    similarity: float
    band: Band


class DriveSearches:
    """Use cases of ``/api/drive-search``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        decode: Decode,
        selfie: SelfieLookup,
        enqueue: EnqueueSearch,
        *,
        configured: bool,
    ) -> None:
        """:param configured: whether there is a key for Drive."""
        self._sessions = sessions
        self._gallery = gallery
        self._decode = decode
        self._selfie = selfie
        self._enqueue = enqueue
        self.configured = configured

    def create(self, user_id: int, drive_url: str, selfie: bytes | None = None) -> DriveSearch:
        """A queued search for a person in a folder.

        :param selfie: a picture of the person; without one, the stored selfie is taken.
        :raises GoogleNotConfigured: there is no key.
        :raises InvalidDriveUrl: this is no link of a folder.
        :raises NoSelfie: there is no stored one; NoFaceFound if the one that was sent shows no face.
        :raises TooManySearches: others of this person are still under way.
        """
        if not self.configured:
            raise GoogleNotConfigured
        folder = parse_drive_url(drive_url)
        engine = self._gallery.active_engine()
        if selfie is None:
            probe = self._selfie(user_id, engine.info.key)
            if probe is None:
                raise NoSelfie
        else:
            picture = self._decode(selfie)
            faces = engine.detect(picture)
            if not faces:
                raise NoFaceFound(errors={"file": "no face was found in this picture"})
            probe = engine.embed(picture, faces[:1])[0]
        with self._sessions.begin() as session:
            # Held, so that two requests at once count each other.
            get_user(session, user_id, for_update=True)
            running = select(func.count()).where(
                DriveSearch.user_id == user_id, DriveSearch.state == DriveSearchState.PROCESSING
            )
            if session.scalars(running).one() >= MAX_RUNNING:
                raise TooManySearches(retry_after_seconds=_TRY_AGAIN_SECONDS)
            search = DriveSearch(
                user_id=user_id,
                drive_url=drive_url.strip(),
                folder_id=folder.id,
                model=engine.info.key,
                probe=probe.tolist(),
                pending=[{"id": folder.id, "key": folder.resource_key, "depth": 0, "token": None, "done": False}],
            )
            session.add(search)
            session.flush()
            search.queue_job_id = self._enqueue(session, search)
            session.flush()
            session.refresh(search)
        return search

    def list(self, user_id: int, wanted: PageRequest) -> Page[DriveSearch]:
        """A person's searches, newest first."""
        query = select(DriveSearch).where(DriveSearch.user_id == user_id).order_by(DriveSearch.id.desc())
        with self._sessions() as session:
            return fetch_page(session, query, wanted)

    def get(self, user_id: int, search_id: int, wanted: PageRequest) -> tuple[DriveSearch, Page[DriveMatch]]:
        """One search of a person with what it has found so far, best first; DriveSearchNotFound otherwise."""
        with self._sessions() as session:
            search = _find(session, user_id, search_id)
            return search, _matches(session, search, wanted)

    def skipped(self, search_id: int) -> dict[str, int]:
        """How many pictures of a search were left out, by the stable word of why."""
        query = (
            select(DriveFile.failure, func.count())
            .join(DriveSearchFile, DriveSearchFile.file_id == DriveFile.id)
            .where(DriveSearchFile.search_id == search_id, DriveFile.state == DriveFileState.SKIPPED)
            .group_by(DriveFile.failure)
            .order_by(DriveFile.failure)
        )
        with self._sessions() as session:
            return {failure: count for failure, count in session.execute(query) if failure is not None}

    def delete(self, user_id: int, search_id: int) -> None:
        """Delete a search with its results; one that is under way ends. DriveSearchNotFound if there is none."""
        with self._sessions.begin() as session:
            search = _find(session, user_id, search_id)
            hold_folder(session, search.folder_id)
            if session.scalar(delete(DriveSearch).where(DriveSearch.id == search_id).returning(DriveSearch.id)) is None:
                raise DriveSearchNotFound
            _remove_orphans(session, search.folder_id)

    def remove_person(self, _user_id: int) -> None:
        """After a person was deleted, whose searches went along: delete what no other search needs."""
        self.remove_orphans()

    def remove_orphans(self) -> int:
        """Delete the pictures that no search needs any more; how many there were."""
        linked = select(DriveSearchFile.file_id).where(DriveSearchFile.file_id == DriveFile.id).exists()
        with self._sessions() as session:
            folders = session.scalars(select(DriveFile.folder_id).where(~linked).distinct()).all()
        removed = 0
        for folder_id in folders:
            with self._sessions.begin() as session:
                hold_folder(session, folder_id)
                removed += _remove_orphans(session, folder_id)
        return removed


def hold_folder(session: Session, folder_id: str) -> None:
    """Until the end of the transaction nobody else links files of this folder to a search, or removes some."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(:folder))"), {"lock": _FOLDER_LOCK, "folder": folder_id}
    )


def _find(session: Session, user_id: int, search_id: int) -> DriveSearch:
    search = session.get(DriveSearch, search_id) if 0 < search_id <= MAX_ID else None
    if search is None or search.user_id != user_id:
        raise DriveSearchNotFound
    return search


def _remove_orphans(session: Session, folder_id: str) -> int:
    linked = select(DriveSearchFile.file_id).where(DriveSearchFile.file_id == DriveFile.id).exists()
    gone = delete(DriveFile).where(DriveFile.folder_id == folder_id, ~linked).returning(DriveFile.id)
    return len(session.scalars(gone).all())


def _matches(session: Session, search: DriveSearch, wanted: PageRequest) -> Page[DriveMatch]:
    if search.probe is None or search.model is None:
        return Page([], 0)
    of_search = (
        select(DriveFace.id)
        .join(DriveSearchFile, DriveSearchFile.file_id == DriveFace.file_id)
        .where(DriveSearchFile.search_id == search.id)
    )
    faces = session.scalars(select(func.count()).select_from(of_search.subquery())).one()
    bands = bands_for(calibration_for(split_key(search.model)[0]), faces)
    # Unit vectors: the inner product is the cosine, and <#> the cheapest way to it.
    similarity = -cast(DriveFace.embedding.op("<#>", return_type=Float)(search.probe), Float)
    best = (
        select(
            DriveFile.id,
            DriveFile.file_id,
            DriveFile.resource_key,
            DriveFile.name,
            DriveFile.width,
            DriveFile.height,
            DriveFace.x,
            DriveFace.y,
            DriveFace.w,
            DriveFace.h,
            similarity.label("similarity"),
        )
        .join(DriveSearchFile, DriveSearchFile.file_id == DriveFile.id)
        .join(DriveFace, DriveFace.file_id == DriveFile.id)
        .where(DriveSearchFile.search_id == search.id, similarity >= bands.maybe)
        # The best face of each picture.
        .ext(distinct_on(DriveFile.id))
        .order_by(DriveFile.id, similarity.desc())
        .subquery()
    )
    total = session.scalars(select(func.count()).select_from(best)).one()
    rows = session.execute(
        select(best).order_by(best.c.similarity.desc(), best.c.id).limit(wanted.per_page).offset(wanted.offset)
    )
    return Page([_match(row, bands) for row in rows], total)


def _match(row: Any, bands: Bands) -> DriveMatch:
    return DriveMatch(
        file_id=row.file_id,
        name=row.name,
        link=file_url(row.file_id, row.resource_key),
        width=row.width,
        height=row.height,
        x=row.x,
        y=row.y,
        w=row.w,
        h=row.h,
        similarity=round(row.similarity, 4),
        band=bands.of(row.similarity),
    )
