"""Small pictures of what a Drive search has found, for the gallery of results.

Nothing of a folder is stored, so each one is fetched from Drive when it is looked at, made small, and forgotten. A page
of this server cannot show Drive's own thumbnails: its policy lets no other host in, and Google would learn who looks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db import DriveFile, DriveFileState, DriveSearch, DriveSearchFile
from app.engines.base import Image
from app.engines.face.gate import Gate
from app.engines.images import THUMB_SIDE, Enough, encode_for_screens, fitted
from app.errors import DriveFileNotReadable, DriveSearchNotFound, GoogleUnavailable
from app.services.google.drive import DriveClient
from app.services.users import MAX_ID

#: How long a request waits for its turn; a gallery asks for many pictures at once.
_PATIENCE_SECONDS: Final = 20.0
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")

#: Decodes a picture with the limits of the settings, and with as many pixels as are needed.
DecodeSmall = Callable[[bytes, Enough], Image]


class DrivePictures:
    """The pictures of a person's searches."""

    def __init__(
        self, sessions: sessionmaker[Session], drive: DriveClient, decode: DecodeSmall, *, threads: int
    ) -> None:
        """:param threads: of the server; while Drive is slow, most of them must be free for everybody else."""
        self._sessions = sessions
        self._drive = drive
        self._decode = decode
        quarter = max(1, threads // 4)
        self._gate = Gate(
            inside=quarter, waiting=quarter, patience_seconds=_PATIENCE_SECONDS, refusal=GoogleUnavailable
        )

    def thumbnail(self, user_id: int, search_id: int, file_id: str) -> bytes:
        """A JPEG of one picture of a search, upright.

        :raises DriveSearchNotFound: this person has no such search.
        :raises DriveFileNotReadable: the picture is none of the search's, or Drive does not hand it out any more.
        :raises GoogleUnavailable: Drive is away, or too many are waiting for it.
        """
        key = self._resource_key(user_id, search_id, file_id)
        with self._gate.enter():
            data = self._drive.download(file_id, key, pause=_do_not_wait)
            image = self._decode(data, Enough(shorter=1, longer=THUMB_SIDE))
            return encode_for_screens(fitted(image, THUMB_SIDE))

    def _resource_key(self, user_id: int, search_id: int, file_id: str) -> str | None:
        if not _ID.fullmatch(file_id):
            raise DriveFileNotReadable
        with self._sessions() as session:
            search = session.get(DriveSearch, search_id) if 0 < search_id <= MAX_ID else None
            if search is None or search.user_id != user_id:
                raise DriveSearchNotFound
            found = session.scalar(
                select(DriveFile)
                .join(DriveSearchFile, DriveSearchFile.file_id == DriveFile.id)
                .where(
                    DriveSearchFile.search_id == search_id,
                    DriveFile.file_id == file_id,
                    DriveFile.state == DriveFileState.ANALYSED,
                )
                .order_by(DriveFile.id.desc())
                .limit(1)
            )
        if found is None:
            raise DriveFileNotReadable
        return found.resource_key


def _do_not_wait(seconds: float) -> None:
    """A request is not kept waiting for Drive to recover: the page asks again."""
    raise GoogleUnavailable(retry_after_seconds=max(1, math.ceil(seconds)))
