"""Training jobs: what clients see of a job. Procrastinate's own tables only say that it is queued."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey


class JobKind(StrEnum):
    """What a training job does."""

    INCREMENTAL = "incremental"
    REBUILD = "rebuild"


class JobState(StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class TrainingJob(Base):
    """One incremental training or full rebuild."""

    __tablename__ = "training_jobs"
    __table_args__ = (
        CheckConstraint("kind in ('incremental', 'rebuild')", name="kind"),
        CheckConstraint("state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
        Index("ix_training_jobs_created_at", "created_at"),
        # One rebuild at a time; who asks for a second one is shown the first.
        Index(
            "uq_training_jobs_active_rebuild",
            "kind",
            unique=True,
            postgresql_where=text("kind = 'rebuild' and state in ('queued', 'running')"),
        ),
    )

    id: Mapped[PrimaryKey]
    kind: Mapped[str] = mapped_column(String(20))
    #: whom an incremental job trains; None for a rebuild.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    #: who asked; None for a caller without an account.
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    force: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    #: model that a rebuild switches to; None keeps the pinned one.
    model: Mapped[str | None] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(20), default=JobState.QUEUED.value)
    done: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: of ``done``, what an earlier attempt or an earlier job had done already; says nothing about the speed.
    done_before: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total: Mapped[int | None] = mapped_column(Integer)
    #: counted at each start, and the mark by which a run that was taken for dead notices that another one took over.
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: attempts that ended without storing anything; a job that kills its worker each time is given up by this.
    fruitless_attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    #: the stable word and the sentence of what went wrong.
    error_code: Mapped[str | None] = mapped_column(String(60))
    error: Mapped[str | None] = mapped_column(Text)
    #: the ``data`` member of the training response.
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    queue_job_id: Mapped[int | None] = mapped_column(BigInteger)
