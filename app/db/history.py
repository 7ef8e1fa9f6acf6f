"""What was asked of the breed and cough classifiers, and what they answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Executable,
    Float,
    ForeignKey,
    Index,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from app.db.base import Base, CreatedAt, PrimaryKey
from app.db.locks import holding_off_sweep


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


def recorded_columns(table: Table) -> list[Column[Any]]:
    """Those that the database does not fill in itself."""
    return [column for column in table.c if column.name not in {"id", "created_at"}]


def quick_insert(table: Table) -> Executable:
    """Insert one row and answer its ``id`` and ``created_at``, in one round trip; sweeps wait for the commit.

    The commit is not waited for (``synchronous_commit = off``): the row is visible to everybody at once, and on disk
    within a fraction of a second. A Kenali that is killed loses nothing; if PostgreSQL is, or the power fails, the rows
    of the last 0.6 s may be gone (three times ``wal_writer_delay``). docs/decisions/0058-cost-of-an-answer.md

    :param table: of `BreedEntry` or `CoughEntry`; the parameters are its `recorded_columns`.
    """
    columns = recorded_columns(table)
    # Functions in a row of their own: PostgreSQL computes them, once, before the row is inserted.
    first = select(
        func.set_config("synchronous_commit", "off", True).label("quick"),  # noqa: FBT003 - PostgreSQL's: is it local
        holding_off_sweep().label("held"),
    ).subquery("first")
    values = select(*(bindparam(column.name, type_=column.type) for column in columns)).select_from(first)
    return insert(table).from_select(columns, values).returning(table.c.id, table.c.created_at)
