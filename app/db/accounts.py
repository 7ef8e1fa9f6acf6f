"""Signing in: sessions, failed attempts, API keys."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, DateTime, ForeignKey, Integer, String, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, PrimaryKey


class LoginSession(Base):
    """One sign-in. Its refresh token changes at each use; an old one coming back ends the session."""

    __tablename__ = "login_sessions"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    #: ``password``, ``face`` or ``google``.
    method: Mapped[str] = mapped_column(String(20))
    #: jti of the only refresh token that is good now.
    refresh_jti: Mapped[str] = mapped_column(String(64))
    #: jti of the refresh token before it: for a moment after the change it is forgiven (a request sent twice).
    previous_jti: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[CreatedAt]
    refreshed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInFailures(Base):
    """Failed sign-ins of one account, password and face together."""

    __tablename__ = "sign_in_failures"

    #: sha256 of the lower-case email, so that unknown addresses count alike and are not stored.
    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_failure_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ApiKey(Base):
    """A key for a program. Only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(100))
    #: first characters, to recognise it by.
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
