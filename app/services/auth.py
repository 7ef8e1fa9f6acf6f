"""Signing in and out."""

from __future__ import annotations

import contextlib
import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from app.db import LoginSession, User
from app.errors import (
    FaceLoginDisabled,
    FaceNotMatched,
    InvalidCredentials,
    InvalidInput,
    NotEnrolled,
    TokenInvalid,
    UserNotFound,
)
from app.services.lockout import Lockout, account_of
from app.services.passwords import Passwords
from app.services.tokens import TokenPair, TokenService
from app.services.users import MAX_ID, find_user_by_email

#: Asked about in the place of an account that does not exist, so that the answer takes the same work. Ids start at 1.
NOBODY = 0


class FaceVerdict(Protocol):
    """What a comparison of a picture with one person's enrolled faces says."""

    @property
    def match(self) -> bool:
        """Whether it is this person."""

    @property
    def similarity(self) -> float:
        """Cosine, -1 to 1."""

    @property
    def confidence(self) -> float:
        """0 to 100."""


class FaceVerifier(Protocol):
    """Compares a picture with the enrolled faces of one person."""

    def verify(self, user_id: int, data: bytes) -> FaceVerdict:
        """The verdict; NotEnrolled if the person has no faces, NoFaceFound if the picture has none."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who signed in."""

    user_id: int
    name: str
    email: str
    token: str = field(repr=False)
    #: of ``token``
    expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class FaceSignedIn(SignedIn):
    """A person who signed in with a face."""

    similarity: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Account:
    """The signed-in person, and since when."""

    user_id: int
    name: str
    email: str
    role: str
    created_at: datetime
    method: str
    signed_in_at: datetime
    #: when the session ends unless it is refreshed
    expires_at: datetime


class AuthService:
    """Use cases of the namespace ``auth``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        tokens: TokenService,
        passwords: Passwords,
        lockout: Lockout,
        verifier: FaceVerifier,
        *,
        face_login: bool,
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._passwords = passwords
        self._lockout = lockout
        self._verifier = verifier
        self._face_login = face_login

    def login_password(self, email: str, password: str) -> SignedIn:
        """Sign in with a password; InvalidCredentials alike for a wrong one and an unknown address."""
        email = _as_stored(email)
        user = self._find(email)
        # By the address as it is stored: however it is written, it is one counter.
        with self._lockout.attempt(account_of(user.email if user else email)) as attempt:
            right = self._passwords.verify(password, user.password_hash if user else None)
            if user is None or not right:
                attempt.failed()
                raise InvalidCredentials
            attempt.succeeded()
        self._renew_hash(user, password)
        try:
            pair = self._tokens.open(user.id, "password")
        except UserNotFound:  # deleted in this moment
            raise InvalidCredentials from None
        return SignedIn(user.id, user.name, user.email, *_told(pair))

    def login_face(self, data: bytes, *, user_id: int | None = None, email: str | None = None) -> FaceSignedIn:
        """Sign in with a face, as the person with this id or, without one, this address.

        FaceNotMatched alike for another face and for an unknown person. A picture without a face is no guess: it tells
        an attacker nothing, so it does not count as a failed attempt; nor does one that cannot be read.
        """
        if not self._face_login:
            raise FaceLoginDisabled
        if user_id is None and not (email or "").strip():
            raise InvalidInput(errors={"user_id": "user_id or email is needed", "email": "user_id or email is needed"})
        user = self._find_by_id(user_id) if user_id is not None else self._find(_as_stored(email or ""))
        # One counter for a person, whichever way named; an id that nobody has gets one of its own.
        address = user.email if user else (f"id {user_id}" if user_id is not None else email or "")
        with self._lockout.attempt(account_of(address)) as attempt:
            try:
                verdict = self._verifier.verify(user.id if user else NOBODY, data)
            except NotEnrolled:
                if user is not None:
                    raise
                verdict = None
            if user is None or verdict is None or not verdict.match:
                attempt.failed()
                # How close it was would tell an attacker whether the next picture is better.
                raise FaceNotMatched(extra={"match": False, "data": {"match": False}})
            attempt.succeeded()
        try:
            pair = self._tokens.open(user.id, "face")
        except UserNotFound:  # deleted in this moment
            raise FaceNotMatched(extra={"match": False, "data": {"match": False}}) from None
        return FaceSignedIn(
            user.id,
            user.name,
            user.email,
            *_told(pair),
            similarity=verdict.similarity,
            confidence=verdict.confidence,
        )

    def refresh(self, refresh_token: str) -> SignedIn:
        """The next pair of tokens; the one that was shown is used up."""
        pair = self._tokens.refresh(refresh_token)
        user = self._find_by_id(pair.user_id)
        if user is None:  # deleted in this moment
            raise TokenInvalid
        return SignedIn(user.id, user.name, user.email, *_told(pair))

    def logout(self, user_id: int, session_id: uuid.UUID, *, everywhere: bool = False) -> None:
        """End this session, or all sessions of the person."""
        if everywhere:
            self._tokens.revoke_all(user_id)
        else:
            self._tokens.revoke(session_id)

    def me(self, session_id: uuid.UUID) -> Account:
        """The person of a session; TokenInvalid if it ended in this moment."""
        with self._sessions() as session:
            row = session.get(LoginSession, session_id)
            user = session.get(User, row.user_id) if row else None
        if row is None or user is None:
            raise TokenInvalid
        return Account(
            user_id=user.id,
            name=user.name,
            email=user.email,
            role=user.role,
            created_at=user.created_at,
            method=row.method,
            signed_in_at=row.created_at,
            expires_at=row.expires_at,
        )

    def _find(self, email: str) -> User | None:
        # PostgreSQL's text holds neither NUL nor half a surrogate pair: no stored address does.
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in email):
            return None
        with self._sessions() as session:
            return find_user_by_email(session, email)

    def _find_by_id(self, user_id: int) -> User | None:
        if not 0 < user_id <= MAX_ID:
            return None
        with self._sessions() as session:
            return session.get(User, user_id)

    def _renew_hash(self, user: User, password: str) -> None:
        """Hash again with the cost that is set now, while the password is at hand."""
        old = user.password_hash
        if old is None or not self._passwords.needs_rehash(old):
            return
        with contextlib.suppress(InvalidInput):  # a password from before today's rules stays as it is
            new = self._passwords.hash(password)
            with self._sessions.begin() as session:
                unchanged = (User.id == user.id, User.password_hash == old)
                session.execute(update(User).where(*unchanged).values(password_hash=new))


def _as_stored(email: str) -> str:
    """An address in the form of Unicode that registration gives it."""
    return unicodedata.normalize("NFC", email.strip())


def _told(pair: TokenPair) -> tuple[str, datetime, str, datetime]:
    return pair.access_token, pair.expires_at, pair.refresh_token, pair.refresh_expires_at
