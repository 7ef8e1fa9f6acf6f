"""Events: who invited, the photos of it, the faces on them, and who opened it.

Whoever writes about an event holds its row first (at least FOR KEY SHARE), then the photo's: deleting an event takes
its locks in that order.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - a column below is called date
from datetime import datetime
from enum import StrEnum
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey
from app.db.faces import EMBEDDING_SIZE


class ImageState(StrEnum):
    """How far the photo of an event is."""

    #: to be looked at for faces, for the first time or again
    QUEUED = "queued"
    INDEXED = "indexed"
    #: it cannot be looked at; ``failure`` says why
    FAILED = "failed"


class Event(Base):
    """One event, behind a password. Its photos, faces and visits go with the row."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_owner_id", "owner_id"),)

    id: Mapped[PrimaryKey]
    #: None: the installation's own, made by an API key or, in local mode, without signing in.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    date: Mapped[Date | None]
    #: bcrypt
    password_hash: Mapped[str] = mapped_column(String(200))
    #: random, of letters that nobody confuses; what a link and a QR code carry.
    share_code: Mapped[str] = mapped_column(String(20), unique=True)
    #: grows with each new password: tokens and media URLs of an older one are good no more.
    access_generation: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    #: counted by triggers: faces that came or went. Two equal numbers are the same faces.
    changes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class EventImage(Base):
    """One photo of an event: three files (original, web, thumb) under one key."""

    __tablename__ = "event_images"
    __table_args__ = (
        UniqueConstraint("event_id", "sha256"),
        CheckConstraint("state in ('queued', 'indexed', 'failed')", name="state"),
        CheckConstraint("(state = 'failed') = (failure is not null)", name="failure"),
        Index("ix_event_images_event_id_created_at", "event_id", "created_at", "id"),
        # What the worker looks for now and then: photos that nobody works on.
        Index("ix_event_images_queued", "id", postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[PrimaryKey]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    #: the client's name, cleaned; only for people to read.
    filename: Mapped[str] = mapped_column(String(255))
    #: what the keys of its files begin with; random.
    storage_key: Mapped[str] = mapped_column(String(200), unique=True)
    #: ``jpg`` or ``png``: the kind of the original.
    kind: Mapped[str] = mapped_column(String(4))
    #: of the file as it was sent: how a duplicate is known.
    sha256: Mapped[str] = mapped_column(String(64))
    #: of the original, upright.
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    #: of the stored original.
    size_bytes: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20), default=ImageState.QUEUED.value)
    #: code of the error, for a failed one.
    failure: Mapped[str | None] = mapped_column(String(60))
    #: how many faces were found; 0 until then.
    faces: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: `FaceModelInfo.key` of the model that looked at it last.
    model: Mapped[str | None] = mapped_column(String(100))
    #: counted at each start, and the mark by which a run that was taken for dead notices that another one took over.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    indexed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class EventFace(Base):
    """One face on one photo, unit length. Exactly those of the photo's last complete look are there."""

    __tablename__ = "event_faces"
    __table_args__ = (
        Index("ix_event_faces_event_id_model", "event_id", "model"),
        Index("ix_event_faces_image_id", "image_id"),
        CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name="unit_length"),
    )

    id: Mapped[PrimaryKey]
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("event_images.id", ondelete="CASCADE"))
    #: `FaceModelInfo.key`: two models never meet in one comparison.
    model: Mapped[str] = mapped_column(String(100))
    #: STORAGE PLAIN, as in face_embeddings.
    embedding: Mapped[list[float]] = mapped_column(Vector(EMBEDDING_SIZE))
    #: left, top, width and height in pixels of the upright original.
    x: Mapped[float] = mapped_column(Float)
    y: Mapped[float] = mapped_column(Float)
    w: Mapped[float] = mapped_column(Float)
    h: Mapped[float] = mapped_column(Float)
    #: the detector's confidence, 0 to 1.
    score: Mapped[float] = mapped_column(Float)
    #: 0 to 1, how well the face can be seen.
    quality: Mapped[float] = mapped_column(Float)


class EventVisit(Base):
    """That a person has opened an event."""

    __tablename__ = "event_visits"
    __table_args__ = (Index("ix_event_visits_user_id_last_opened_at", "user_id", "last_opened_at"),)

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    last_opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    #: the time before; None at the first visit. What came since then is new to this person.
    previous_opened_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    #: "hide me": this person's face is not to be found here any more.
    hidden: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")


class EventStatistics(Base):
    """How many people the faces of an event are, as counted the last time; good for one state of the faces."""

    __tablename__ = "event_statistics"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    #: of the faces that were counted; None until then.
    model: Mapped[str | None] = mapped_column(String(100))
    #: `Event.changes` of that moment.
    changes: Mapped[int | None] = mapped_column(BigInteger)
    people: Mapped[int | None] = mapped_column(Integer)
    #: ``[{"photos": 12, "faces": [ids of some faces, the best first]}]``, the largest group first.
    groups: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    computed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    #: counted at each start.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
