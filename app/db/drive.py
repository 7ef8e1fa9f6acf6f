"""Searches of public Google Drive folders: the search, the files that were looked at, the faces on them.

Files are kept for a folder, not for each search: a second search of the same folder, also by somebody else, looks only
at what is new. The faces are those of strangers: a file goes with the last search that it belongs to.
"""

from __future__ import annotations

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
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey
from app.db.faces import EMBEDDING_SIZE


class DriveSearchState(StrEnum):
    """The life of a search, in the contract's words."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class DriveFileState(StrEnum):
    """How far a file is."""

    LISTED = "listed"
    ANALYSED = "analysed"
    #: it cannot be looked at; ``failure`` says why
    SKIPPED = "skipped"


class DriveSearch(Base):
    """One search of one folder for one person."""

    __tablename__ = "drive_searches"
    __table_args__ = (
        CheckConstraint("state in ('processing', 'completed', 'failed')", name="state"),
        Index("ix_drive_searches_user_id_id", "user_id", "id"),
        Index("ix_drive_searches_folder_id", "folder_id"),
    )

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    drive_url: Mapped[str] = mapped_column(String(2000))
    #: Drive's id of the folder.
    folder_id: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), default=DriveSearchState.PROCESSING.value)
    #: the stable word and the sentence of what went wrong.
    error_code: Mapped[str | None] = mapped_column(String(60))
    error: Mapped[str | None] = mapped_column(Text)
    folder_name: Mapped[str | None] = mapped_column(String(1000))
    #: the folders that are known so far, each with how far it is listed: where an interrupted search goes on. None when
    #: all are listed.
    pending: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    #: whether there is more in the folder than is searched.
    truncated: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    #: pictures that were found, and how many of them were looked at, or cannot be.
    listed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    analysed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: whom it looks for: `FaceModelInfo.key` and the selfie's embedding at that time.
    model: Mapped[str | None] = mapped_column(String(100))
    probe: Mapped[list[float] | None] = mapped_column(Vector(EMBEDDING_SIZE))
    #: counted at each start, and the mark by which a run that was taken for dead notices that another one took over.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: attempts in a row that ended without looking at a single picture.
    fruitless_attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DriveFile(Base):
    """One version of one picture in a folder, as one model saw it. The picture itself is not kept."""

    __tablename__ = "drive_files"
    __table_args__ = (
        UniqueConstraint("folder_id", "file_id", "version", "model"),
        CheckConstraint("state in ('listed', 'analysed', 'skipped')", name="state"),
    )

    id: Mapped[PrimaryKey]
    #: the folder that was searched, not the subfolder that the file is in.
    folder_id: Mapped[str] = mapped_column(String(200))
    #: Drive's id of the file.
    file_id: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(1000))
    #: changes with the content: Drive's md5Checksum, else its modifiedTime.
    version: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    #: what old links need to open it.
    resource_key: Mapped[str | None] = mapped_column(String(200))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(20), default=DriveFileState.LISTED.value)
    failure: Mapped[str | None] = mapped_column(String(60))
    #: counted when it is opened, and taken back if Google is to blame: a picture that kills its worker is given up.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: `FaceModelInfo.key` of the model that looks at it.
    model: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[CreatedAt]
    analysed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DriveSearchFile(Base):
    """That a file belongs to a search."""

    __tablename__ = "drive_search_files"
    __table_args__ = (Index("ix_drive_search_files_file_id", "file_id"),)

    search_id: Mapped[int] = mapped_column(ForeignKey("drive_searches.id", ondelete="CASCADE"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("drive_files.id", ondelete="CASCADE"), primary_key=True)


class DriveFace(Base):
    """One face on one file, unit length."""

    __tablename__ = "drive_faces"
    __table_args__ = (
        Index("ix_drive_faces_file_id", "file_id"),
        CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name="unit_length"),
    )

    id: Mapped[PrimaryKey]
    file_id: Mapped[int] = mapped_column(ForeignKey("drive_files.id", ondelete="CASCADE"))
    model: Mapped[str] = mapped_column(String(100))
    #: STORAGE PLAIN, as in face_embeddings.
    embedding: Mapped[list[float]] = mapped_column(Vector(EMBEDDING_SIZE))
    #: left, top, width and height in pixels of the upright picture.
    x: Mapped[float] = mapped_column(Float)
    y: Mapped[float] = mapped_column(Float)
    w: Mapped[float] = mapped_column(Float)
    h: Mapped[float] = mapped_column(Float)
    score: Mapped[float] = mapped_column(Float)
    quality: Mapped[float] = mapped_column(Float)
