"""Embeddings and their generations.

A generation is one complete gallery made with one model. Exactly one is live; a full rebuild fills another one beside
it and swaps them in one transaction, so that a search never sees half of either.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey

EMBEDDING_SIZE = 512


class GenerationState(StrEnum):
    """The life of a generation."""

    BUILDING = "building"
    LIVE = "live"
    RETIRED = "retired"


class FaceGeneration(Base):
    """One complete gallery, made with one model."""

    __tablename__ = "face_generations"
    __table_args__ = (
        CheckConstraint("state in ('building', 'live', 'retired')", name="state"),
        # One gallery answers; another may be under construction.
        Index("uq_face_generations_live", "state", unique=True, postgresql_where=text("state = 'live'")),
        Index("uq_face_generations_building", "state", unique=True, postgresql_where=text("state = 'building'")),
    )

    id: Mapped[PrimaryKey]
    model: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[CreatedAt]
    activated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    #: whether an HNSW index over this generation answers searches; small galleries are searched exactly.
    indexed: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    #: share of probes whose best match the index finds, measured after it was built; None without an index.
    index_recall: Mapped[float | None] = mapped_column(Float)
    index_probes: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: counted by triggers: embeddings that came or went, names and addresses that changed (app.db.gallery_version).
    changes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class FaceEmbedding(Base):
    """One embedding of one photo, unit length."""

    __tablename__ = "face_embeddings"
    __table_args__ = (
        UniqueConstraint("generation", "photo_id"),
        Index("ix_face_embeddings_generation_user_id", "generation", "user_id"),
        Index("ix_face_embeddings_user_id", "user_id"),
        Index("ix_face_embeddings_photo_id", "photo_id"),
        CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name="unit_length"),
    )

    id: Mapped[PrimaryKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    model: Mapped[str] = mapped_column(String(100))
    generation: Mapped[int] = mapped_column(ForeignKey("face_generations.id", ondelete="CASCADE"))
    #: The migration sets STORAGE PLAIN: the row is just over PostgreSQL's TOAST limit, and a vector kept out of line
    #: would cost one more look-up for each comparison of an exact search.
    embedding: Mapped[list[float]] = mapped_column(Vector(EMBEDDING_SIZE))
    #: 0 to 1, how well the face could be seen.
    quality: Mapped[float] = mapped_column(Float)
    created_at: Mapped[CreatedAt]
