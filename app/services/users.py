"""Users: create, read, change, delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import LoginSession, User
from app.errors import EmailTaken, UserNotFound
from app.services.access import keep_an_admin
from app.services.lockout import forget_failures
from app.services.paging import Page, PageRequest, fetch_page
from app.services.passwords import Passwords

#: PostgreSQL's bigint: an id beyond it is nobody's, and would be an error in SQL.
MAX_ID = 2**63 - 1
_DIGITS = re.compile(r"[0-9]{1,19}")


class UserFolders(Protocol):
    """Where a user's photos live."""

    def make(self, user_id: int) -> None:
        """Make the user's folder."""

    def remove(self, user_id: int) -> None:
        """Remove the user's folder with everything in it."""


class UserService:
    """Use cases of the namespace ``users``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        folders: UserFolders,
        passwords: Passwords,
        *,
        leaving: Callable[[Session, int], Callable[[], None]] = lambda *_: lambda: None,
    ) -> None:
        """
        :param leaving: is told who is deleted, in the transaction that does it; what it answers is called after the
            commit.
        """
        self._leaving = leaving
        self._sessions = sessions
        self._folders = folders
        self._passwords = passwords

    def create(self, name: str, email: str, password: str | None = None) -> User:
        """A new user with an empty folder; EmailTaken if the address is in use."""
        password_hash = self._passwords.hash(password) if password else None
        user = User(name=name, email=email, password_hash=password_hash)
        with self._sessions.begin() as session:
            self.add(session, user)
        return user

    def add(self, session: Session, user: User) -> None:
        """Add a new user to a transaction, with an empty folder; EmailTaken if the address is in use."""
        session.add(user)
        _flush(session)
        # Before the commit: a user without a folder never shows. The next start removes a failed commit's folder.
        self._folders.make(user.id)

    def list(self, wanted: PageRequest, search: str = "") -> Page[User]:
        """Users by id; with ``search``, those whose name or address contains it, or whose id it is."""
        query = select(User).order_by(User.id)
        if "\0" in search:  # PostgreSQL's text cannot hold it: no name does
            return Page([], 0)
        if search:
            # autoescape: a % or _ of the search is a letter like any other
            fits = [
                func.lower(User.name).contains(search.lower(), autoescape=True),
                func.lower(User.email).contains(search.lower(), autoescape=True),
            ]
            if _DIGITS.fullmatch(search) and int(search) <= MAX_ID:
                fits.append(User.id == int(search))
            query = query.where(or_(*fits))
        with self._sessions() as session:
            return fetch_page(session, query, wanted)

    def get(self, user_id: int) -> User:
        """One user; UserNotFound otherwise."""
        with self._sessions() as session:
            return get_user(session, user_id)

    def update(
        self,
        user_id: int,
        *,
        name: str | None = None,
        email: str | None = None,
        password: str | None = None,
        by_holder: bool = False,
    ) -> User:
        """Change what is given. A new password ends every session and the lockout of the user.

        :param by_holder: the person does it, and no admin: a new address of theirs proves nothing.
        """
        password_hash = self._passwords.hash(password) if password else None
        with self._sessions.begin() as session:
            user = get_user(session, user_id, for_update=True)
            if name is not None:
                user.name = name
            if email is not None:
                if not by_holder or email.lower() != user.email.lower():
                    user.email_by_holder = by_holder
                user.email = email
            if password_hash is not None:
                user.password_hash = password_hash
            _flush(session)
            if password_hash is not None:
                # Whoever knew the old password, or took a token, is out.
                session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
                # What was guessed was the old one: who is given a new one must not have to wait with it.
                forget_failures(session, user.email)
            session.refresh(user)
        return user

    def delete(self, user_id: int) -> None:
        """Remove the user with photos, embeddings, tokens, failed sign-ins and folder; LastAdmin for the only admin."""
        with self._sessions.begin() as session:
            keep_an_admin(session, without=user_id)
            user = get_user(session, user_id, for_update=True)
            afterwards = self._leaving(session, user_id)
            session.delete(user)
            forget_failures(session, user.email)
        # After the commit: if the process dies in between, the next start removes the folder of a user who is gone.
        self._folders.remove(user_id)
        afterwards()


def get_user(session: Session, user_id: int, *, for_update: bool = False) -> User:
    """The user with this id; UserNotFound otherwise.

    :param for_update: hold the row until the end of the transaction: nobody changes or deletes it meanwhile.
    """
    user = session.get(User, user_id, with_for_update=for_update or None) if 0 < user_id <= MAX_ID else None
    if user is None:
        raise UserNotFound(f"There is no user with the id {user_id}.")
    return user


def find_user_by_email(session: Session, email: str, *, for_update: bool = False) -> User | None:
    """The user with this address in whatever case, or None.

    :param for_update: hold the row until the end of the transaction.
    """
    # Lower case by the same rules on both sides: Python's differ for some letters (a final sigma, a dotted I).
    query = select(User).where(func.lower(User.email) == func.lower(email))
    return session.scalar(query.with_for_update() if for_update else query)


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if "uq_users_email_lower" in str(error.orig):
            raise EmailTaken(errors={"email": "another user has this address"}) from None
        raise
