"""What was asked of the breed and cough classifiers, and what they answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from app.db.base import Base, CreatedAt, PrimaryKey


class HistoryEntry:
    """The columns that both histories have. A person's entries go with the person."""

    __tablename__: str

    id: Mapped[PrimaryKey]
    #: None for a guest.
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    #: the client's name, cleaned; only for people to read.
    filename: Mapped[str] = mapped_column(String(255))
    #: key of the picture in the history's storage, or None; unique.
    picture_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    #: the most probable class, as the answer named it.
    prediction: Mapped[str] = mapped_column(String(200))
    #: its probability, 0 to 1.
    confidence: Mapped[float] = mapped_column(Float)
    processing_time_seconds: Mapped[float] = mapped_column(Float)
    #: name and fingerprint of the model that answered.
    model: Mapped[str] = mapped_column(String(200))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        """Both are listed newest first, all of it or one person's; probabilities are probabilities."""
        table = cls.__tablename__
        return (
            Index(f"ix_{table}_user_id_id", "user_id", "id"),
            CheckConstraint("confidence >= 0 and confidence <= 1", name="confidence"),
        )


class BreedEntry(HistoryEntry, Base):
    """One picture that was classified."""

    __tablename__ = "breed_history"

    #: None if the model has no way to tell.
    is_dog: Mapped[bool | None] = mapped_column(Boolean)
    #: ``[{"breed": …, "confidence": 0…1}]``, the most probable first.
    top: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class CoughEntry(HistoryEntry, Base):
    """One recording that was classified. The sound itself is not kept; the picture is its spectrogram."""

    __tablename__ = "cough_history"

    #: class -> probability, 0 to 1.
    raw_scores: Mapped[dict[str, float]] = mapped_column(JSONB)
    #: ``[{"start": seconds, "end": seconds, "score": 0…1}]``.
    segments: Mapped[list[dict[str, float]]] = mapped_column(JSONB)
