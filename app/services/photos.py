"""Photos: enrol pictures of a person, list, show and delete them.

A file is written before its row is committed and removed after its row is: a crash in between leaves a file without a
row, which the next start removes (`app.services.sweep`), and never a row without a file.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import Photo, User
from app.db.locks import hold_off_sweep
from app.engines.base import FaceEngine, Image
from app.engines.face.quality import assess
from app.engines.images import STORED_SIZE, encode_jpeg, face_crop, resize_whole
from app.errors import IdempotencyKeyReused, KenaliError, NoPhotoAccepted, PhotoFileMissing, PhotoNotFound, UserNotFound
from app.services.face_report import advice, face_report
from app.services.paging import Page, PageRequest, fetch_page
from app.services.photo_names import clean_filename, storage_key
from app.services.uploads import Upload
from app.services.users import MAX_ID, get_user
from app.storage import Storage

logger = logging.getLogger(__name__)

NO_FACE_WARNING: Final = (
    "No face was found: this photo does not help to recognise anybody. "
    "Use a sharp, well-lit photo that shows the whole face, upright and from the front."
)
#: From here on, an error is the server's trouble and not the file's.
_SERVER_TROUBLE: Final = 500

Decode = Callable[[bytes], Image]


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """One photo, as the API shows it."""

    id: int
    user_id: int
    #: the client's name, cleaned.
    filename: str
    #: name of the dataset folder and the key in it.
    filepath: str
    width: int
    height: int
    size_bytes: int
    #: of the stored JPEG.
    sha256: str
    created_at: datetime
    #: see `app.services.face_report`; ``{"detected": False}`` without a face.
    face: dict[str, Any]
    #: what to do better, in sentences.
    warnings: list[str]
    #: box and landmarks of that face in the stored picture; None without a face.
    stored_face: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file that was not taken, and why."""

    filename: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What became of several files."""

    accepted: list[StoredPhoto]
    rejected: list[Rejection]


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo with its JPEG."""

    photo: StoredPhoto
    data: bytes


@dataclass(frozen=True, slots=True)
class _Picture:
    """What of a photo is stored, before it is."""

    jpeg: bytes
    face: dict[str, Any] | None
    landmarks: list[list[float]] | None
    box: list[float] | None
    detector: str | None


@dataclass(frozen=True, slots=True)
class _Name:
    """What a client calls an upload, and of which file."""

    key: str
    sha256: str


class PhotoService:
    """Use cases of the namespace ``photos``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        storage: Storage,
        active_engine: Callable[[], FaceEngine],
        decode: Decode,
    ) -> None:
        """
        :param active_engine: the engine of the live gallery; it finds the face.
        :param decode: an upload's bytes to pixels, or an error that says what is wrong with them.
        """
        self._sessions = sessions
        self._storage = storage
        self._active_engine = active_engine
        self._decode = decode

    def add(self, user_id: int, upload: Upload, idempotency_key: str | None = None) -> StoredPhoto:
        """Enrol one photo. UserNotFound before anything is decoded; UnsupportedImage, ImageTooLarge, ImageTooSmall.

        :param idempotency_key: what the client calls this upload. Whoever got no answer may send it again: if it was
            stored, that photo is the answer, and it is not stored twice. IdempotencyKeyReused if it called another
            file so: that one would be lost otherwise, and nobody told.
        """
        self._check_user(user_id)
        if idempotency_key is None:
            return self._add(user_id, upload)
        name = _Name(idempotency_key, hashlib.sha256(upload.data).hexdigest())
        stored = self._stored_as(user_id, name)
        if stored is not None:
            return stored
        try:
            return self._add(user_id, upload, name)
        except IntegrityError:
            # The first attempt was still at work.
            stored = self._stored_as(user_id, name)
            if stored is None:
                raise
            return stored

    def add_many(self, user_id: int, uploads: Iterable[Upload]) -> Enrolment:
        """Enrol what can be enrolled; NoPhotoAccepted if that is nothing."""
        self._check_user(user_id)
        accepted: list[StoredPhoto] = []
        rejected: list[Rejection] = []
        errors: list[KenaliError] = []
        for upload in uploads:
            try:
                accepted.append(self._add(user_id, upload))
            except UserNotFound:  # deleted meanwhile
                raise
            except KenaliError as error:
                errors.append(error)
                rejected.append(Rejection(clean_filename(upload.filename), error.code, error.detail))
        if accepted:
            return Enrolment(accepted, rejected)
        if errors and all(error.status >= _SERVER_TROUBLE for error in errors):
            raise errors[0]
        raise NoPhotoAccepted(
            errors={rejection.filename: rejection.message for rejection in rejected},
            extra={"rejected": [asdict(rejection) for rejection in rejected]},
        )

    def list(self, user_id: int, wanted: PageRequest) -> Page[StoredPhoto]:
        """A user's photos in the order they came."""
        with self._sessions() as session:
            get_user(session, user_id)
            query = select(Photo).where(Photo.user_id == user_id).order_by(Photo.id)
            return fetch_page(session, query, wanted).map(self._shown)

    def get(self, user_id: int, photo_id: int) -> StoredPhoto:
        """One photo of this user; PhotoNotFound if it is nobody's or another's."""
        with self._sessions() as session:
            return self._shown(_get_photo(session, user_id, photo_id))

    def file(self, user_id: int, photo_id: int) -> PhotoFile:
        """The stored JPEG. PhotoFileMissing if somebody removed it from the folder."""
        with self._sessions() as session:
            row = _get_photo(session, user_id, photo_id)
        try:
            return PhotoFile(self._shown(row), self._storage.read(row.storage_key))
        except FileNotFoundError as error:
            raise PhotoFileMissing from error

    def delete(self, user_id: int, photo_id: int) -> None:
        """Remove row, embeddings and file."""
        with self._sessions.begin() as session:
            row = _get_photo(session, user_id, photo_id, for_deletion=True)
            session.delete(row)
        try:
            self._storage.delete(row.storage_key)
        except OSError:
            logger.exception("%s could not be removed; the next start tries again", row.storage_key)

    def _check_user(self, user_id: int) -> None:
        with self._sessions() as session:
            get_user(session, user_id)

    def _stored_as(self, user_id: int, name: _Name) -> StoredPhoto | None:
        query = select(Photo).where(Photo.user_id == user_id, Photo.idempotency_key == name.key)
        with self._sessions() as session:
            row = session.scalar(query)
            if row is None:
                return None
            if row.upload_sha256 != name.sha256:
                raise IdempotencyKeyReused
            return self._shown(row)

    def _add(self, user_id: int, upload: Upload, name: _Name | None = None) -> StoredPhoto:
        picture = self._prepare(upload.data)
        filename = clean_filename(upload.filename)
        key = storage_key(user_id, filename)
        row = Photo(
            user_id=user_id,
            filename=filename,
            storage_key=key,
            width=STORED_SIZE,
            height=STORED_SIZE,
            size_bytes=len(picture.jpeg),
            sha256=hashlib.sha256(picture.jpeg).hexdigest(),
            face=picture.face,
            crop_landmarks=picture.landmarks,
            crop_box=picture.box,
            detector=picture.detector,
            idempotency_key=name.key if name else None,
            upload_sha256=name.sha256 if name else None,
        )
        with self._sessions.begin() as session:
            hold_off_sweep(session)
            _hold_user(session, user_id)
            session.add(row)
            session.flush()
            # Last before the commit: whatever failed until here has left no file. If the commit itself fails, nobody
            # can know whether the row is there; the next sweep will.
            self._storage.put(key, picture.jpeg)
        return self._shown(row)

    def _prepare(self, data: bytes) -> _Picture:
        """Find the face in the original and cut out what is stored."""
        image = self._decode(data)
        engine = self._active_engine()
        faces = engine.detect(image)
        if not faces:
            # The detector is remembered: training need not look again for what it has not found.
            return _Picture(encode_jpeg(resize_whole(image)), None, None, None, engine.info.detector)
        quality = assess(image, faces[0])
        crop = face_crop(image, faces[0])
        return _Picture(
            jpeg=encode_jpeg(crop.image),
            face={**face_report(faces[0], quality), "warnings": advice(faces, quality)},
            landmarks=[[round(float(x), 2), round(float(y), 2)] for x, y in crop.landmarks],
            box=[round(edge, 2) for edge in crop.box],
            detector=engine.info.detector,
        )

    def _shown(self, row: Photo) -> StoredPhoto:
        face: dict[str, Any] = dict(row.face) if row.face else {"detected": False, "warnings": [NO_FACE_WARNING]}
        warnings: list[str] = face.pop("warnings", [])
        return StoredPhoto(
            id=row.id,
            user_id=row.user_id,
            filename=row.filename,
            filepath=f"{self._storage.name}/{row.storage_key}",
            width=row.width,
            height=row.height,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            created_at=row.created_at,
            face=face,
            warnings=warnings,
            stored_face=_stored_face(row),
        )


def _stored_face(row: Photo) -> dict[str, Any] | None:
    if row.crop_box is None or row.crop_landmarks is None:
        return None
    left, top, right, bottom = row.crop_box
    return {
        "box": {"x": round(left), "y": round(top), "w": round(right - left), "h": round(bottom - top)},
        "landmarks": [[round(x, 1), round(y, 1)] for x, y in row.crop_landmarks],
    }


def _hold_user(session: Session, user_id: int) -> None:
    """Keep the user from being deleted until the end of this transaction; UserNotFound if that has happened."""
    held = select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
    if session.scalar(held) is None:
        raise UserNotFound(f"There is no user with the id {user_id}.")


def _get_photo(session: Session, user_id: int, photo_id: int, *, for_deletion: bool = False) -> Photo:
    get_user(session, user_id)
    # Locked for deletion: of two requests that delete the same photo, the second finds none.
    row = session.get(Photo, photo_id, with_for_update=for_deletion) if 0 < photo_id <= MAX_ID else None
    if row is None or row.user_id != user_id:
        raise PhotoNotFound(f"User {user_id} has no photo with the id {photo_id}.")
    return row
