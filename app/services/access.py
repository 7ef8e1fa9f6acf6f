"""Who calls, and whether they may.

People show a token (`app.services.tokens`), programs an API key. In local mode nobody has to show anything: the server
answers only to its own machine, and whoever calls may do everything except act as a person without that person's token.
A credential that *is* shown must be good, in both modes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.config import AccessMode
from app.db import ApiKey, Role, User, utc_now
from app.errors import (
    ApiKeyNotFound,
    InvalidInput,
    LastAdmin,
    NotAuthenticated,
    NotPermitted,
    TokenExpired,
    TokenInvalid,
)
from app.services.tokens import TokenService

#: Namespaces that an API key can be made for.
NAMESPACES = ("users", "photos", "training", "face", "breed", "cough", "events", "auth", "operations")
EVERYTHING = "*"
_READ = ":read"

#: The row of a busy key is not written at each call.
LAST_USED_EVERY = timedelta(minutes=1)

_API_KEY = re.compile(r"knl_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_BEARER = "bearer "


class Need(StrEnum):
    """What a call asks of its caller."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    #: the person whom the call is about, or an admin
    OWNER = "owner"
    ADMIN = "admin"
    #: a person with that person's own token, in local mode too
    PERSON = "person"


class Via(StrEnum):
    """How a caller is known."""

    LOCAL = "local"
    JWT = "jwt"
    API_KEY = "api_key"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call."""

    via: Via
    #: None for programs and for nobody in particular.
    user_id: int | None = None
    role: Role | None = None
    #: of an API key
    scopes: frozenset[str] = frozenset()
    #: of a token
    session_id: uuid.UUID | None = None
    #: local mode: being on this machine is enough.
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made: the only moment at which it can be read."""

    id: int
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    key: str = field(repr=False)


def permits(caller: Caller, need: Need, *, scope: str, writes: bool = True, owner_id: int | None = None) -> None:
    """Return if the caller may; NotAuthenticated if a credential is missing, NotPermitted if it does not suffice.

    :param scope: namespace of the call, for API keys.
    :param writes: whether the call changes something; a ``:read`` scope does not cover it.
    :param owner_id: whom the call is about; None is nobody.
    """
    if need is Need.PUBLIC:
        return
    if need is Need.PERSON:
        _permit_person(caller, owner_id)
    elif caller.trusted or caller.role is Role.ADMIN:
        return
    elif caller.via is Via.API_KEY:
        if not _covers(caller.scopes, scope, writes=writes):
            wanted = scope if writes else scope + _READ
            raise NotPermitted(f"This API key has no scope for it: {wanted} is needed.")
    elif caller.user_id is None:
        raise NotAuthenticated
    elif need is Need.ADMIN:
        raise NotPermitted("Only an admin may do this.")
    elif need is Need.OWNER and owner_id != caller.user_id:
        raise NotPermitted("Only this person or an admin may do this.")


def _permit_person(caller: Caller, owner_id: int | None) -> None:
    if caller.user_id is None:
        if caller.via is Via.API_KEY:
            raise NotPermitted("This needs a person's own token; an API key is no person.")
        raise NotAuthenticated("This is about you: sign in first, also in local mode.")
    if owner_id is not None and owner_id != caller.user_id:
        raise NotPermitted("Only this person may do this.")


def _covers(scopes: frozenset[str], scope: str, *, writes: bool) -> bool:
    return bool(scopes & {EVERYTHING, scope}) or (not writes and scope + _READ in scopes)


def keep_an_admin(session: Session, *, without: int) -> None:
    """LastAdmin if nobody else would be left; call it in the transaction that demotes or deletes this user.

    The rows are locked: of two admins who demote each other in the same moment, one stays.
    """
    admins = session.scalars(select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()).all()
    if list(admins) == [without]:
        raise LastAdmin


class AccessService:
    """Finds out who calls."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        tokens: TokenService,
        *,
        mode: AccessMode,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._local = mode is AccessMode.LOCAL
        self._clock = clock

    def anonymous(self) -> Caller:
        """A caller who shows nothing."""
        return Caller(Via.LOCAL, trusted=True) if self._local else Caller(Via.NOTHING)

    def resolve(self, authorization: str | None, api_key: str | None) -> Caller:
        """The caller behind the headers ``Authorization`` and ``X-API-Key``.

        A person's token counts before a key. TokenExpired or TokenInvalid if what is shown is not good.
        """
        if authorization:
            shown = authorization.strip()
            if not shown.lower().startswith(_BEARER):
                raise TokenInvalid('The Authorization header must be "Bearer <token>".')
            token = shown[len(_BEARER) :].strip()
            return self._by_key(token) if token.startswith("knl_") else self._by_token(token)
        if api_key:
            return self._by_key(api_key.strip())
        return self.anonymous()

    def _by_token(self, token: str) -> Caller:
        holder = self._tokens.check(token)
        return Caller(
            Via.JWT, user_id=holder.user_id, role=holder.role, session_id=holder.session_id, trusted=self._local
        )

    def _by_key(self, key: str) -> Caller:
        parts = _API_KEY.fullmatch(key)
        if parts is None:
            raise TokenInvalid("This is not an API key of this server.")
        now = self._clock()
        with self._sessions.begin() as session:
            row = session.scalar(select(ApiKey).where(ApiKey.prefix == parts[1]))
            if row is None or not hmac.compare_digest(row.key_hash, _hash(key)):
                raise TokenInvalid("This is not an API key of this server.")
            if row.expires_at is not None and row.expires_at <= now:
                raise TokenExpired("This API key has expired.")
            stale = now - LAST_USED_EVERY
            if row.last_used_at is None or row.last_used_at < stale:
                # The condition is repeated for another process that was faster.
                session.execute(
                    update(ApiKey)
                    .where(ApiKey.id == row.id, or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < stale))
                    .values(last_used_at=now)
                )
            scopes = frozenset(row.scopes)
        return Caller(Via.API_KEY, scopes=scopes, trusted=self._local)


class ApiKeyService:
    """Makes, lists and revokes API keys."""

    def __init__(self, sessions: sessionmaker[Session], *, clock: Callable[[], datetime] = utc_now) -> None:
        self._sessions = sessions
        self._clock = clock

    def create(self, name: str, scopes: Sequence[str], *, life: timedelta | None = None) -> NewApiKey:
        """A new key; InvalidInput for an unknown scope. Without ``life`` it is good until it is revoked."""
        known = {EVERYTHING, *NAMESPACES, *(namespace + _READ for namespace in NAMESPACES)}
        unknown = sorted(set(scopes) - known)
        if unknown or not scopes:
            said = f"unknown: {', '.join(unknown)}" if unknown else "at least one is needed"
            raise InvalidInput(errors={"scopes": f"{said}; there are {', '.join(sorted(known))}"})
        if not name.strip() or len(name) > ApiKey.name.type.length:
            raise InvalidInput(errors={"name": f"1 to {ApiKey.name.type.length} characters are needed"})
        now = self._clock()
        prefix = secrets.token_hex(4)
        key = f"knl_{prefix}_{secrets.token_urlsafe(32)}"
        row = ApiKey(
            name=name.strip(),
            prefix=prefix,
            # 256 random bits need no slow hash: nobody guesses them.
            key_hash=_hash(key),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + life if life else None,
        )
        with self._sessions.begin() as session:
            session.add(row)
        return NewApiKey(row.id, row.name, tuple(row.scopes), row.expires_at, key)

    def list(self) -> Sequence[ApiKey]:
        """All keys, oldest first; none of them can be read any more."""
        with self._sessions() as session:
            return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()

    def revoke(self, prefix: str) -> ApiKey:
        """Delete the key with this prefix (with or without ``knl_``), at once; ApiKeyNotFound otherwise."""
        with self._sessions.begin() as session:
            row = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix.removeprefix("knl_")))
            if row is None:
                raise ApiKeyNotFound
            session.delete(row)
        return row


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
