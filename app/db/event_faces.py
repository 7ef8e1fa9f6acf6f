"""The faces of one event: searched by the database, or read into memory to be searched there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Float, cast, func, select
from sqlalchemy.orm import Session

from app.db.events import Event, EventFace
from app.db.faces import EMBEDDING_SIZE

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Faces:
    """Some faces of an event, one row each."""

    #: of the faces themselves
    ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    #: (n, 4): left, top, width, height in pixels of the upright original
    boxes: NDArray[np.float32]
    #: (n, 512), unit length
    vectors: Vectors

    def __len__(self) -> int:
        """How many."""
        return len(self.image_ids)

    def take(self, rows: NDArray[np.intp]) -> Faces:
        """Those of these rows."""
        return Faces(self.ids[rows], self.image_ids[rows], self.boxes[rows], self.vectors[rows])


def count(session: Session, event_id: int, model: str) -> int:
    """How many faces of this model the event has."""
    query = select(func.count()).where(EventFace.event_id == event_id, EventFace.model == model)
    return session.scalars(query).one()


def search(session: Session, event_id: int, model: str, probe: Vectors, least: float) -> Faces:
    """The faces whose cosine with the probe is at least ``least``; exact, in no order.

    :param probe: shape (512,), unit length.
    """
    row = EventFace
    # Unit vectors: the inner product is the cosine, and <#> the cheapest way to it.
    similarity = -cast(row.embedding.op("<#>", return_type=Float)(probe.tolist()), Float)
    query = select(row.id, row.image_id, row.x, row.y, row.w, row.h, row.embedding).where(
        row.event_id == event_id, row.model == model, similarity >= least
    )
    found = session.execute(query).all()
    return Faces(
        np.array([face.id for face in found], np.int64),
        np.array([face.image_id for face in found], np.int64),
        np.array([(face.x, face.y, face.w, face.h) for face in found], np.float32).reshape(-1, 4),
        np.array([face.embedding for face in found], np.float32).reshape(-1, EMBEDDING_SIZE),
    )


def changes_of(session: Session, event_id: int) -> int | None:
    """The counter that grows with every face that comes or goes; None if there is no such event."""
    return session.scalar(select(Event.changes).where(Event.id == event_id))


# --- all of them: PostgreSQL's binary COPY, whose rows have one length here and are therefore numpy records

_SIGNATURE_BYTES: Final = 19
_BOX: Final = ("x", "y", "w", "h")
_RECORD: Final = np.dtype(
    [
        ("fields", ">i2"),
        *(("id_length", ">i4"), ("id", ">i8")),
        *(("image_id_length", ">i4"), ("image_id", ">i8")),
        *(item for name in _BOX for item in ((f"{name}_length", ">i4"), (name, ">f8"))),
        *(("vector_length", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("vector", ">f4", EMBEDDING_SIZE)),
    ]
)
#: Unpacked together, so that little is in memory twice.
_ROWS_AT_ONCE: Final = 2000


def read_all(session: Session, event_id: int, model: str) -> Faces:
    """Every face of the event of this model. Within a transaction of one snapshot."""
    sink = _Sink(count(session, event_id, model))
    cursor = session.connection().connection.cursor()
    select_all = "SELECT id, image_id, x, y, w, h, embedding FROM event_faces WHERE event_id = %s AND model = %s"
    statement = cursor.mogrify(f"COPY ({select_all}) TO STDOUT (FORMAT binary)", (int(event_id), model))
    cursor.copy_expert(statement, sink)
    sink.finish()
    return sink.faces


class _Sink:
    """Takes the bytes of COPY as they come."""

    def __init__(self, faces: int) -> None:
        self.faces = Faces(
            np.empty(faces, np.int64),
            np.empty(faces, np.int64),
            np.empty((faces, 4), np.float32),
            np.empty((faces, EMBEDDING_SIZE), np.float32),
        )
        self._waiting = bytearray()
        self._skip = _SIGNATURE_BYTES
        self._at = 0

    def write(self, data: bytes) -> int:
        self._waiting += data
        if len(self._waiting) >= _ROWS_AT_ONCE * _RECORD.itemsize:
            self._unpack()
        return len(data)

    def finish(self) -> None:
        self._unpack()

    def _unpack(self) -> None:
        if self._skip:
            del self._waiting[: self._skip]
            self._skip = 0
        rows = len(self._waiting) // _RECORD.itemsize
        data = np.frombuffer(bytes(self._waiting[: rows * _RECORD.itemsize]), _RECORD)
        there = slice(self._at, self._at + rows)
        self.faces.ids[there] = data["id"]
        self.faces.image_ids[there] = data["image_id"]
        self.faces.vectors[there] = data["vector"]
        for column, name in enumerate(_BOX):
            self.faces.boxes[there, column] = data[name]
        self._at += rows
        del self._waiting[: rows * _RECORD.itemsize]
