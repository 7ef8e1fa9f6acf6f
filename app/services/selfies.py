"""The selfie of a person: one clear face, by which photos of them are found.

The row carries the embedding under the face model in use, the storage a copy of the picture that fits a screen and has
no metadata. After a change of model the kept picture is looked at again when it is needed next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import EventVisit, Selfie
from app.db.locks import hold_off_sweep
from app.engines.base import Embeddings, Face, FaceEngine, Image
from app.engines.face.quality import FaceQuality, assess
from app.engines.images import WEB_SIDE, encode_for_screens, fitted
from app.errors import (
    FaceNotClear,
    KenaliError,
    NoFaceFound,
    PhotoFileMissing,
    SelfieInUse,
    SelfieNotFound,
    SeveralFaces,
)
from app.services.events.files import EventFiles
from app.services.face_report import RIVAL_AREA, advice
from app.services.gallery import Gallery
from app.services.users import get_user

logger = logging.getLogger(__name__)

Decode = Callable[[bytes], Image]
Judge = Callable[[Image, Face], FaceQuality]

_FOLDER: Final = "selfie"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture of one person shows."""

    picture: Image
    face: Face
    quality: FaceQuality
    #: (512,), unit length
    embedding: Embeddings
    #: what to do better, in sentences
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredSelfie:
    """A selfie that was just stored."""

    selfie: Selfie
    seen: Seen


class Selfies:
    """Stores, shows, renews and removes them."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        files: EventFiles,
        decode: Decode,
        *,
        judge: Judge = assess,
    ) -> None:
        """
        :param decode: a file's bytes to upright pixels, or an error that says what is wrong with them.
        :param judge: how well a face can be seen.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._files = files
        self._decode = decode
        self._judge = judge

    def look(self, engine: FaceEngine, data: bytes, field: str = "file") -> Seen:
        """The one clear face of a picture; nothing is stored.

        :param field: of the form, for the error.
        :raises NoFaceFound: there is none.
        :raises SeveralFaces: another one is nearly as large.
        :raises FaceNotClear: it cannot be seen well enough; the message says what to do.
        """
        picture = self._decode(data)
        faces = engine.detect(picture)
        if not faces:
            raise NoFaceFound(errors={field: "no face was found in this picture"})
        if any(other.area >= RIVAL_AREA * faces[0].area for other in faces[1:]):
            raise SeveralFaces(errors={field: f"{len(faces)} faces were found in this picture"})
        quality = self._judge(picture, faces[0])
        warnings = advice(faces, quality)
        if not quality.ok:
            raise FaceNotClear(" ".join(advice(faces[:1], quality)), errors={field: ", ".join(quality.reasons)})
        return Seen(picture, faces[0], quality, engine.embed(picture, faces[:1])[0], warnings)

    def store(self, user_id: int, data: bytes) -> StoredSelfie:
        """Keep this picture instead of an earlier one; that one stays at UserNotFound, and at what `look` raises."""
        engine = self._gallery.active_engine()
        seen = self.look(engine, data)
        jpeg = encode_for_screens(fitted(seen.picture, WEB_SIDE))
        key = self._files.new_key(user_id, _FOLDER, "jpg")
        row = {
            "storage_key": key,
            "model": engine.info.key,
            "embedding": seen.embedding.tolist(),
            "quality": seen.quality.score,
        }
        with self._sessions.begin() as session:
            hold_off_sweep(session)
            # Held, so that of two at once the later one knows which file it replaces.
            get_user(session, user_id, for_update=True)
            earlier = session.scalar(select(Selfie.storage_key).where(Selfie.user_id == user_id))
            selfie = session.scalars(
                insert(Selfie)
                .values(user_id=user_id, **row)
                .on_conflict_do_update(index_elements=[Selfie.user_id], set_={**row, "created_at": func.now()})
                .returning(Selfie)
            ).one()
            # Last before the commit: whatever failed until here has left no file.
            self._files.storage.put(key, jpeg)
        if earlier is not None:
            self._files.remove([earlier])
        return StoredSelfie(selfie, seen)

    def get(self, user_id: int) -> Selfie:
        """The row of the person's selfie; SelfieNotFound."""
        with self._sessions() as session:
            selfie = session.get(Selfie, user_id)
        if selfie is None:
            raise SelfieNotFound
        return selfie

    def open(self, user_id: int) -> tuple[Selfie, BinaryIO]:
        """The row and the picture, which whoever gets it closes; SelfieNotFound, PhotoFileMissing."""
        selfie = self.get(user_id)
        try:
            return selfie, self._files.storage.open(selfie.storage_key)
        except FileNotFoundError as error:
            raise PhotoFileMissing from error

    def delete(self, user_id: int) -> None:
        """Remove row and picture. SelfieNotFound; SelfieInUse while the person is hidden from an event by it."""
        with self._sessions.begin() as session:
            get_user(session, user_id, for_update=True)  # as in `store`, and as whoever hides from an event does
            selfie = session.get(Selfie, user_id)
            if selfie is None:
                raise SelfieNotFound
            if session.scalar(select(exists().where(EventVisit.user_id == user_id, EventVisit.hidden))):
                raise SelfieInUse
            session.delete(selfie)
        self._files.remove([selfie.storage_key])

    # --- for searches

    def find(self, user_id: int, model: str) -> Embeddings | None:
        """The embedding of a person's selfie under the face model in use; None if there is none to be had.

        :param model: `FaceModelInfo.key` of that model.
        """
        with self._sessions() as session:
            selfie = session.get(Selfie, user_id)
        if selfie is None:
            return None
        if selfie.model == model:
            return _vector(selfie)
        return self._look_again(selfie, model)

    def _look_again(self, selfie: Selfie, model: str) -> Embeddings | None:
        """After a change of model."""
        engine = self._gallery.active_engine()
        if engine.info.key != model:
            return None
        try:
            with self._files.storage.open(selfie.storage_key) as file:
                picture = self._decode(file.read())
        except (FileNotFoundError, KenaliError):
            logger.exception("The selfie of user %d cannot be read for %s", selfie.user_id, model)
            return None
        faces = engine.detect(picture)
        if not faces:
            logger.warning("%s finds no face on the selfie of user %d", model, selfie.user_id)
            return None
        embedding: Embeddings = engine.embed(picture, faces[:1])[0]
        with self._sessions.begin() as session:
            # Unless it was replaced meanwhile: the key is that of the picture that was looked at.
            session.execute(
                update(Selfie)
                .where(Selfie.user_id == selfie.user_id, Selfie.storage_key == selfie.storage_key)
                .values(model=model, embedding=embedding.tolist(), quality=self._judge(picture, faces[0]).score)
            )
        return embedding


def _vector(selfie: Selfie) -> Embeddings:
    return np.asarray(selfie.embedding, dtype=np.float32)
