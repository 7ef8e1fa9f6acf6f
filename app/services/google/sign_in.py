"""Signing in with a Google account.

A Google account is known by its subject, never by its address. The first time, it is joined to the account here that
has the same address, if Google verified that address; from then on the subject alone decides, whatever becomes of the
address. docs/decisions/0070-google-accounts.md says why each of the refusals below is there.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.db import Identity, User
from app.engines.face.gate import Gate
from app.errors import (
    AddressNotConfirmed,
    EmailTaken,
    GoogleAccountConflict,
    GoogleEmailUnverified,
    GoogleTokenRejected,
    GoogleUnavailable,
    LastWayIn,
    SignUpClosed,
    UserNotFound,
)
from app.services.google.failures import FailureLimit
from app.services.google.identity import GoogleIdentities, GooglePerson
from app.services.tokens import TokenService
from app.services.users import find_user_by_email, get_user

logger = logging.getLogger(__name__)

PROVIDER: Final = "google"

#: Asks Google whose code or token it is (`app.services.google.identity.credential`).
Credential = Callable[[GoogleIdentities], GooglePerson]
#: Adds a new person to a transaction (`UserService.add`).
AddUser = Callable[[Session, User], None]

_MAX_EMAIL: Final = 254
_MAX_NAME: Final = 200
#: Somebody else may make the same account in the same moment; then it is found the next time.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class GoogleSignedIn:
    """A person who signed in with Google."""

    user_id: int
    is_new_user: bool
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    #: of the access token
    expires_at: datetime
    refresh_expires_at: datetime


class GoogleSignIn:
    """Use cases of ``/api/auth/google``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        google: GoogleIdentities,
        tokens: TokenService,
        add_user: AddUser,
        *,
        sign_up: bool,
        threads: int,
        failures: FailureLimit | None = None,
    ) -> None:
        """
        :param sign_up: whether people who have no account here get one.
        :param threads: of the server; while Google is slow, most of them must be free for everybody else.
        """
        self._sessions = sessions
        self._google = google
        self._tokens = tokens
        self._add_user = add_user
        self._sign_up = sign_up
        self._failures = failures or FailureLimit()
        quarter = max(1, threads // 4)
        self._gate = Gate(inside=quarter, waiting=quarter, patience_seconds=5.0, refusal=GoogleUnavailable)

    @property
    def client_id(self) -> str | None:
        """The id to ask Google with; None if Google sign-in is not set up."""
        return self._google.client_id

    @property
    def authorize_url(self) -> str | None:
        """Google's page for people who sign in in a browser; None if they cannot."""
        return self._google.authorize_url

    @property
    def sign_up(self) -> bool:
        """Whether people who have no account here get one."""
        return self._sign_up

    def identity(self, user_id: int) -> Identity | None:
        """The Google account that a person is bound to."""
        with self._sessions() as session:
            return _identity_of(session, user_id)

    def sign_in(self, credential: Credential, *, address: str) -> GoogleSignedIn:
        """Sign in, with a new account if there is none.

        :param address: of the client; too many failures from one have to wait.
        """
        person = self._ask(credential, address)
        user_id, is_new = self._account_of(person)
        try:
            pair = self._tokens.open(user_id, "google")
        except UserNotFound:  # deleted in this moment
            raise GoogleTokenRejected from None
        return GoogleSignedIn(
            user_id, is_new, pair.access_token, pair.refresh_token, pair.expires_at, pair.refresh_expires_at
        )

    def link(self, user_id: int, credential: Credential, *, address: str) -> Identity:
        """Bind a Google account to the person who is signed in, whatever its address.

        GoogleAccountConflict if it is somebody else's, or if this person is bound to another one.
        """
        person = self._ask(credential, address)
        with self._sessions.begin() as session:
            user = get_user(session, user_id, for_update=True)
            identity = session.get(Identity, (PROVIDER, person.subject))
            if identity is None:
                if _identity_of(session, user_id) is not None:
                    raise GoogleAccountConflict("Another Google account is linked already: unlink it first.")
                identity = Identity(
                    provider=PROVIDER, subject=person.subject, user_id=user_id, email=_told_address(person)
                )
                session.add(identity)
            elif identity.user_id != user_id:
                raise GoogleAccountConflict("This Google account is bound to another account here.")
            identity.email = _told_address(person)
            if person.email_verified and _same_address(session, user, identity.email):
                user.email_by_holder = False
            try:
                session.flush()
            except IntegrityError:
                raise GoogleAccountConflict("This Google account is bound to another account here.") from None
            session.refresh(identity)
        return identity

    def unlink(self, user_id: int) -> None:
        """Forget the person's Google account; LastWayIn if there is no password to sign in with."""
        with self._sessions.begin() as session:
            user = get_user(session, user_id, for_update=True)
            if user.password_hash is None and _identity_of(session, user_id) is not None:
                raise LastWayIn
            session.execute(delete(Identity).where(Identity.user_id == user_id, Identity.provider == PROVIDER))

    def _ask(self, credential: Credential, address: str) -> GooglePerson:
        self._failures.check(address)
        try:
            with self._gate.enter():
                return credential(self._google)
        except GoogleTokenRejected:
            self._failures.count(address)
            raise

    def _account_of(self, person: GooglePerson) -> tuple[int, bool]:
        """The person's account, and whether it was made just now."""
        for _ in range(_TRIES):
            try:
                with self._sessions.begin() as session:
                    known = session.get(Identity, (PROVIDER, person.subject))
                    if known is not None:
                        known.email = _told_address(person) or known.email
                        return known.user_id, False
                    return self._join(session, person)
            except (IntegrityError, EmailTaken):
                continue  # made or joined in this moment by another request
        raise GoogleUnavailable("Too many sign-ins with this account at the same time.", retry_after_seconds=1)

    def _join(self, session: Session, person: GooglePerson) -> tuple[int, bool]:
        email = _usable_address(person)
        user = find_user_by_email(session, email, for_update=True)
        is_new = user is None
        if user is None:
            if not self._sign_up:
                raise SignUpClosed
            user = User(name=_name(person.name, email), email=email)
            self._add_user(session, user)
        else:
            bound = _identity_of(session, user.id)
            if bound is not None and bound.subject == person.subject:  # by another request, a moment ago
                return user.id, False
            if bound is not None:
                raise GoogleAccountConflict
            if user.email_by_holder:
                raise AddressNotConfirmed(
                    "An account here has this address, but its holder wrote it there without a proof. If it is yours, "
                    "sign in to it as usual and link your Google account; otherwise tell an admin."
                )
        session.add(Identity(provider=PROVIDER, subject=person.subject, user_id=user.id, email=email))
        session.flush()
        logger.info("User %d is bound to a Google account", user.id)
        return user.id, is_new


def _identity_of(session: Session, user_id: int) -> Identity | None:
    return session.scalar(select(Identity).where(Identity.user_id == user_id, Identity.provider == PROVIDER))


def _same_address(session: Session, user: User, email: str) -> bool:
    found = find_user_by_email(session, email)
    return found is not None and found.id == user.id


def _told_address(person: GooglePerson) -> str:
    """The address as a note, empty if it cannot be one."""
    email = unicodedata.normalize("NFC", (person.email or "").strip())
    return email if _is_address(email) else ""


def _usable_address(person: GooglePerson) -> str:
    """An address that an account may be found by, or made with; GoogleEmailUnverified otherwise."""
    email = _told_address(person)
    if not email:
        raise GoogleEmailUnverified("Google tells no email address: ask it for the scope email.")
    if not person.email_verified:
        raise GoogleEmailUnverified
    return email


def _is_address(email: str) -> bool:
    """The same that registration takes: something on both sides of one @, and all of it can be seen."""
    local, at, domain = email.partition("@")
    return (
        bool(local and at and domain)
        and "@" not in domain
        and len(email) <= _MAX_EMAIL
        and email.isprintable()
        and not any(letter.isspace() for letter in email)
    )


def _name(told: str, email: str) -> str:
    """A name without controls; what stands before the @ if Google tells none."""
    shown = "".join(letter for letter in unicodedata.normalize("NFC", told) if letter.isprintable()).strip()
    return (shown or email.partition("@")[0])[:_MAX_NAME]
