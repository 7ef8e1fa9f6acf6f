"""Stored photos: a row and a 224x224 JPEG each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey


class Photo(Base):
    """One stored photo of one user."""

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_user_id_id", "user_id", "id"), UniqueConstraint("user_id", "idempotency_key"))

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: the client's name, cleaned; only for people to read.
    filename: Mapped[str] = mapped_column(String(255))
    #: key in the storage, ``<user_id>/<stem>-<random>.jpg``; unique.
    storage_key: Mapped[str] = mapped_column(String(400), unique=True)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(Integer)
    #: of the stored JPEG.
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[CreatedAt]
    #: what the detector saw in the original, as the API shows it; None if there was no face.
    face: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    #: five [x, y] in the stored picture, or None.
    crop_landmarks: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    #: left, top, right, bottom in the stored picture, or None.
    crop_box: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True))
    #: detector that looked at the original (FaceModelInfo.detector), or None; without landmarks it saw no face.
    detector: Mapped[str | None] = mapped_column(String(100))
    #: what the client named the upload; sent again under this name, it is the same photo.
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    #: of the file as it was sent, where the upload was named: another file under that name is a mistake.
    upload_sha256: Mapped[str | None] = mapped_column(String(64))
