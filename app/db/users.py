"""People: those who are recognised and those who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, DateTime, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey


class Role(StrEnum):
    """What a person may do in token mode."""

    USER = "user"
    ADMIN = "admin"


class User(Base):
    """One person. Photos, embeddings, sessions and keys go with the row."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        CheckConstraint("role in ('user', 'admin')", name="role"),
    )

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    #: the person wrote the address there without a proof; an admin, who makes the accounts, did not.
    email_by_holder: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    #: bcrypt; None for a person who never signs in with a password.
    password_hash: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20), server_default=Role.USER.value, default=Role.USER.value)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
