"""Tokens of people who signed in: a short access token for calls, a long refresh token for the next pair.

Both are JWTs (HS256, nothing else is accepted) that name a row of ``login_sessions``. Each call looks that row up, by
primary key, so that a sign-out, a deleted account or a changed role counts from the next call on.

A refresh token is good once. The row remembers the id of the good one and of the one before. Whoever presents an
older one has a copy that somebody used already: the session ends for both (RFC 9700, section 4.14.2). One exception:
the one before is forgiven for `REUSE_GRACE` after the change and gets the *same* successor again, because browsers send
requests twice, two tabs wake up together, and answers get lost on the way. A thief gains nothing lasting by it: as soon
as one of the two holders of that successor uses it, the other one's copy ends the session.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import LoginSession, Role, User, utc_now
from app.errors import TokenExpired, TokenInvalid, UserNotFound

ALGORITHM = "HS256"
ISSUER = "kenali"
#: One audience for each use: a refresh token is no access token.
ACCESS = "kenali:access"
REFRESH = "kenali:refresh"

#: Clocks of several machines that share a database differ by less.
LEEWAY = timedelta(seconds=5)
#: Longer than a request sent again after a lost answer, shorter than a thief needs to notice.
REUSE_GRACE = timedelta(seconds=10)
#: A revoked session is kept this long, to tell what happened.
KEEP_REVOKED = timedelta(days=1)

SignInMethod = Literal["password", "face", "google"]


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets at a sign-in and at each refresh."""

    user_id: int
    session_id: uuid.UUID
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    #: of the access token
    expires_at: datetime
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a good access token."""

    user_id: int
    session_id: uuid.UUID
    #: as the database has it now, not as it was when the token was made.
    role: Role


class TokenService:
    """Opens, renews, checks and ends sessions."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        key: bytes,
        *,
        access_life: timedelta,
        refresh_life: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """:param key: at least 32 bytes, from `InstanceSecret.key`."""
        self._sessions = sessions
        self._key = key
        self._access_life = access_life
        self._refresh_life = refresh_life
        self._clock = clock

    def open(self, user_id: int, method: SignInMethod) -> TokenPair:
        """A new session; UserNotFound if the user is gone meanwhile."""
        now = self._now()
        row = LoginSession(
            id=uuid.uuid4(),
            user_id=user_id,
            method=method,
            refresh_jti=_new_id(),
            created_at=now,
            refreshed_at=now,
            expires_at=now + self._refresh_life,
        )
        try:
            with self._sessions.begin() as session:
                session.add(row)
                session.execute(delete(LoginSession).where(LoginSession.user_id == user_id, *_over(now)))
        except IntegrityError:
            raise UserNotFound from None
        return self._pair(row, now)

    def refresh(self, refresh_token: str) -> TokenPair:
        """The next pair; TokenExpired, or TokenInvalid if it was used before, was revoked or is none of ours."""
        now = self._now()
        claims = self._read(refresh_token, REFRESH)
        with self._sessions.begin() as session:
            # The lock puts two refreshes at once into a row: the second one finds the first one's change.
            row = session.get(LoginSession, claims.session_id, with_for_update=True)
            if row is None or row.revoked_at is not None or row.user_id != claims.user_id:
                raise TokenInvalid
            if row.expires_at + LEEWAY <= now:
                raise TokenExpired
            stolen = False
            if hmac.compare_digest(row.refresh_jti, claims.token_id):
                row.previous_jti = row.refresh_jti
                row.refresh_jti = _new_id()
                row.refreshed_at = now
                row.expires_at = now + self._refresh_life
            elif row.previous_jti != claims.token_id or now - row.refreshed_at > REUSE_GRACE:
                row.revoked_at = now
                stolen = True
        if stolen:  # raised only now: the revocation has to be committed
            raise TokenInvalid("This refresh token was used before. Somebody may have a copy: sign in again.")
        return self._pair(row, now)

    def check(self, access_token: str) -> Holder:
        """Who holds this token; TokenExpired or TokenInvalid."""
        claims = self._read(access_token, ACCESS)
        with self._sessions() as session:
            found = session.execute(
                select(LoginSession.user_id, LoginSession.revoked_at, LoginSession.expires_at, User.role)
                .join(User, User.id == LoginSession.user_id)
                .where(LoginSession.id == claims.session_id)
            ).one_or_none()
        if found is None or found.revoked_at is not None or found.user_id != claims.user_id:
            raise TokenInvalid
        if found.expires_at + LEEWAY <= self._now():
            raise TokenExpired
        return Holder(claims.user_id, claims.session_id, Role(found.role))

    def revoke(self, session_id: uuid.UUID) -> None:
        """End one session, at once."""
        self._revoke(LoginSession.id == session_id)

    def revoke_all(self, user_id: int, *, but: uuid.UUID | None = None) -> None:
        """End every session of a user, at once; ``but`` spares the one that the call comes from."""
        self._revoke(LoginSession.user_id == user_id, *([LoginSession.id != but] if but else []))

    def clean(self) -> int:
        """Delete sessions that are over; how many. For the start of the server."""
        with self._sessions.begin() as session:
            gone = session.scalars(delete(LoginSession).where(*_over(self._now())).returning(LoginSession.id))
            return len(gone.all())

    def _revoke(self, *which: Any) -> None:
        with self._sessions.begin() as session:
            session.execute(
                update(LoginSession).where(*which, LoginSession.revoked_at.is_(None)).values(revoked_at=self._now())
            )

    def _now(self) -> datetime:
        """The time in whole seconds, as JWTs count it."""
        return self._clock().replace(microsecond=0)

    def _pair(self, row: LoginSession, now: datetime) -> TokenPair:
        expires_at = now + self._access_life
        return TokenPair(
            user_id=row.user_id,
            session_id=row.id,
            access_token=self._sign(ACCESS, row, _new_id(), now, expires_at),
            refresh_token=self._sign(REFRESH, row, row.refresh_jti, row.refreshed_at, row.expires_at),
            expires_at=expires_at,
            refresh_expires_at=row.expires_at,
        )

    def _sign(self, audience: str, row: LoginSession, token_id: str, issued: datetime, expires: datetime) -> str:
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": str(row.user_id),
            "sid": row.id.hex,
            "jti": token_id,
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def _read(self, token: str, audience: str) -> _Claims:
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=audience,
                # The times are compared below, with the clock of this service.
                options={
                    "require": ["iss", "aud", "sub", "sid", "jti", "iat", "exp"],
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            claims = _Claims(
                user_id=int(payload["sub"]),
                session_id=uuid.UUID(payload["sid"]),
                token_id=str(payload["jti"]),
                expires_at=datetime.fromtimestamp(int(payload["exp"]), UTC),
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, AttributeError):
            # Why it is not good helps only those who forge one.
            raise TokenInvalid from None
        if claims.expires_at + LEEWAY <= self._clock():
            raise TokenExpired
        return claims


@dataclass(frozen=True, slots=True)
class _Claims:
    user_id: int
    session_id: uuid.UUID
    token_id: str
    expires_at: datetime


def _new_id() -> str:
    return secrets.token_urlsafe(24)


def _over(now: datetime) -> tuple[Any, ...]:
    return (or_(LoginSession.expires_at < now - LEEWAY, LoginSession.revoked_at < now - KEEP_REVOKED),)
