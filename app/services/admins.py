"""Admins: the first one, further ones, and that there always is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db import Role, User
from app.errors import InvalidInput, UserNotFound
from app.services.access import keep_an_admin
from app.services.users import find_user_by_email

#: name, address, password -> the new user (`UserService.create`).
CreateUser = Callable[[str, str, str | None], User]


class AdminService:
    """Makes and lists admins, for the command line."""

    def __init__(self, sessions: sessionmaker[Session], create_user: CreateUser) -> None:
        self._sessions = sessions
        self._create_user = create_user

    def create(self, name: str, email: str, password: str) -> User:
        """A new user who is an admin; EmailTaken if the address is in use."""
        if not password:  # other users may do without
            raise InvalidInput(errors={"password": "an admin needs one to sign in"})
        return self.promote(self._create_user(name, email, password).email)

    def list(self) -> Sequence[User]:
        """All admins by id."""
        with self._sessions() as session:
            return session.scalars(select(User).where(User.role == Role.ADMIN).order_by(User.id)).all()

    def promote(self, email: str) -> User:
        """Make a user an admin, from the next call on."""
        with self._sessions.begin() as session:
            user = _get(session, email)
            user.role = Role.ADMIN
        return user

    def demote(self, email: str, *, force: bool = False) -> User:
        """Make an admin an ordinary user, from the next call on; LastAdmin for the last one, unless forced."""
        with self._sessions.begin() as session:
            user = _get(session, email)
            if not force:
                keep_an_admin(session, without=user.id)
            user.role = Role.USER
        return user


def _get(session: Session, email: str) -> User:
    user = find_user_by_email(session, email.strip())
    if user is None:
        raise UserNotFound(f"There is no user with the address {email}.")
    return user
