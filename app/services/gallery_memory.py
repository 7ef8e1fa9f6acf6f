"""The gallery in memory: an exact search without a database scan (docs/decisions/0035-gallery-in-memory.md).

Each search asks the database for the version of the gallery (one row by index) and uses the copy only if it is of that
version. If it is not, the database searches, and the copy is renewed in the background: a search is never answered from
an outdated gallery, and never waits for a copy.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from app.db import User, vectors
from app.db.gallery_version import GalleryVersion, find_version, peek_version
from app.db.vectors import PersonFound, SearchResult, Vector

logger = logging.getLogger(__name__)

#: Larger galleries are left to the database: 20 000 photos are 40 MB and 2 ms.
MOST_PHOTOS = 20_000


@dataclass(frozen=True, slots=True)
class _Copy:
    """One state of one gallery."""

    version: GalleryVersion
    model: str
    #: shape (photos, 512), those of one person together
    vectors: NDArray[np.float32]
    photo_ids: NDArray[np.int64]
    #: where each person's photos begin, and whose they are
    starts: NDArray[np.int64]
    people: list[tuple[int, str, str]]

    def search(self, probe: Vector, top_k: int) -> SearchResult:
        if not self.people:
            return SearchResult(0, 0, [])
        similarities = self.vectors @ probe
        best = np.maximum.reduceat(similarities, self.starts)
        wanted = min(top_k, len(best))
        places = np.argpartition(-best, wanted - 1)[:wanted]
        found = []
        for place in places[np.argsort(-best[places], kind="stable")].tolist():
            start = self.starts[place]
            end = self.starts[place + 1] if place + 1 < len(self.starts) else len(similarities)
            row = start + int(np.argmax(similarities[start:end]))
            user_id, name, email = self.people[place]
            found.append(PersonFound(user_id, name, email, int(self.photo_ids[row]), float(similarities[row])))
        return SearchResult(len(self.people), len(similarities), found)


class GalleryMemory:
    """Searches the copy if it is current, else the database. One instance serves the process."""

    def __init__(self, engine: Engine, sessions: sessionmaker[Session], *, most_photos: int = MOST_PHOTOS) -> None:
        self._engine = engine
        self._sessions = sessions
        self._most_photos = most_photos
        self._copy: _Copy | None = None
        # One renewal at a time: the next search asks again if the gallery changed meanwhile.
        self._renewing = threading.Lock()

    def version(self, model: str) -> GalleryVersion | None:
        """The version to search: ask when the request begins, so that all that was committed before it counts."""
        return peek_version(self._engine, model)

    def search(self, model: str, version: GalleryVersion | None, probe: Vector, *, top_k: int) -> SearchResult:
        """The people whose best photo is most similar to the probe.

        :param model: `FaceModelInfo.key` of the engine that made the probe.
        :param probe: shape (512,), unit length.
        """
        copy = self._copy
        if copy is not None and copy.version == version and copy.model == model:
            return copy.search(probe, top_k)
        with self._sessions() as session:
            result = vectors.search(session, model, probe, top_k=top_k)
        if version is not None and not version.indexed and result.photos <= self._most_photos:
            self._renew_in_background(model)
        return result

    def _renew_in_background(self, model: str) -> None:
        if self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew, args=(model,), name="gallery-copy", daemon=True).start()

    def _renew(self, model: str) -> None:
        try:
            self._copy = self._load(model)
        except Exception:  # the database answers searches meanwhile
            logger.exception("The gallery could not be copied into memory")
        finally:
            self._renewing.release()

    def _load(self, model: str) -> _Copy | None:
        with self._sessions.begin() as session:
            # One snapshot for version, vectors and names.
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            version = find_version(session, model)
            if version is None:
                return None
            user_ids, photo_ids, matrix = vectors.read_all(session, version.generation)
            ids, starts = np.unique(user_ids, return_index=True)
            names = {
                row.id: (row.id, row.name, row.email)
                for row in session.execute(select(User.id, User.name, User.email).where(User.id.in_(ids.tolist())))
            }
        people = [names[user_id] for user_id in ids.tolist()]
        return _Copy(version, model, np.ascontiguousarray(matrix), photo_ids, starts, people)
