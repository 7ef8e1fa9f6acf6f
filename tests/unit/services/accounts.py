"""People and a clock for tests of signing in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from app.db import Role, User
from app.services.passwords import Passwords

KEY = b"k" * 32
#: bcrypt's smallest cost, so that tests are quick
PASSWORDS = Passwords(cost=4)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 22, 10, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def add_user(
    sessions: sessionmaker[Session],
    email: str = "john@email.com",
    *,
    password: str | None = "secure123",  # noqa: S107
    role: Role = Role.USER,
) -> User:
    user = User(name="John Doe", email=email, password_hash=PASSWORDS.hash(password) if password else None, role=role)
    with sessions.begin() as session:
        session.add(user)
    return user
