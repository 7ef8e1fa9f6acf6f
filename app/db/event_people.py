"""What a person keeps around events: bookmarks, the selfie, downloads, other sign-ins."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey
from app.db.faces import EMBEDDING_SIZE


class DownloadState(StrEnum):
    """The life of a ZIP file."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class Bookmark(Base):
    """A photo that a person keeps a note of."""

    __tablename__ = "bookmarks"
    __table_args__ = (Index("ix_bookmarks_image_id", "image_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("event_images.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[CreatedAt]


class Selfie(Base):
    """The picture by which a person finds photos of themselves; one each."""

    __tablename__ = "selfies"
    __table_args__ = (CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name="unit_length"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    storage_key: Mapped[str] = mapped_column(String(200), unique=True)
    #: `FaceModelInfo.key`; after a change of model the selfie is looked at again.
    model: Mapped[str] = mapped_column(String(100))
    embedding: Mapped[list[float]] = mapped_column(Vector(EMBEDDING_SIZE))
    #: 0 to 1, how well the face can be seen.
    quality: Mapped[float] = mapped_column(Float)
    created_at: Mapped[CreatedAt]


class EventDownload(Base):
    """A ZIP file of some photos, made in the background and kept for a while."""

    __tablename__ = "event_downloads"
    __table_args__ = (
        CheckConstraint("state in ('queued', 'running', 'ready', 'failed')", name="state"),
        Index("ix_event_downloads_user_id", "user_id"),
        Index("ix_event_downloads_event_id", "event_id"),
        Index("ix_event_downloads_expires_at", "expires_at"),
    )

    id: Mapped[PrimaryKey]
    #: None: photos of several events.
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    #: None: a caller without an account.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: what is to be in it.
    image_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    #: ``original`` or ``web``: which of a photo's files.
    size: Mapped[str] = mapped_column(String(10), default="original", server_default="original")
    state: Mapped[str] = mapped_column(String(20), default=DownloadState.QUEUED.value)
    failure: Mapped[str | None] = mapped_column(String(60))
    #: of the attempt under way, and of the file once it is ready: it is whole or not there.
    storage_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    #: photos
    done: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total: Mapped[int] = mapped_column(Integer)
    #: photos that were asked for and are not in it: deleted, or lost.
    left_out: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: counted at each start, and the mark by which a run that was taken for dead notices that another one took over.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Identity(Base):
    """An account elsewhere that signs a person in here."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("user_id", "provider"),)

    #: ``google``
    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    #: the provider's own id of the account: addresses change hands, this does not.
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: as the provider told it the last time.
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[CreatedAt]
