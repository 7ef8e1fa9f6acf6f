"""Who may see an event, who may change it, and the addresses of its pictures.

Whoever made an event, admins, and programs with a key for events may do everything with it. Everybody else opens it
with its password and gets a token, good for two hours, for this event and this person alone. An ``<img>`` sends no
token: the addresses of pictures are signed for one person, one picture and about an hour.

Both carry the generation of the event's password: a new password ends them all at once.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import jwt
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, EventDownload, EventImage, EventVisit, Role, User, utc_now
from app.errors import (
    DownloadNotFound,
    EventAccessRequired,
    EventImageNotFound,
    EventNotFound,
    EventTokenExpired,
    EventTokenInvalid,
    MediaLinkExpired,
    MediaLinkInvalid,
    NotAuthenticated,
    NotPermitted,
    WrongEventPassword,
)
from app.services.access import EVERYTHING, Caller, Via
from app.services.events.files import Size
from app.services.lockout import Lockout, counter_of
from app.services.passwords import Passwords
from app.services.users import MAX_ID, get_user

TOKEN_LIFE: Final = timedelta(hours=2)
#: An address is good for at least this long...
LINK_SECONDS: Final = 3600
#: ...and ends at a multiple of this, so that a page that is loaded again finds its pictures in the browser's cache.
LINK_STEP_SECONDS: Final = 900

#: Of API keys. Whether one of them suffices to change something is the guard's to say; the addresses of pictures, which
#: anybody may ask for, are not behind it.
_SCOPES: Final = frozenset({EVERYTHING, "events", "events:read"})
#: Wrong passwords of all people for one event, as a multiple of those that lock one of them out.
_CROWD: Final = 20
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "kenali"
_AUDIENCE: Final = "kenali:event"
#: In the place of a person: programs, and whoever calls without signing in in local mode.
_NOBODY: Final = 0


@dataclass(frozen=True, slots=True)
class EventCaller:
    """Who calls, and the event token they show."""

    caller: Caller
    #: the header X-Event-Token
    token: str | None = None

    @property
    def person(self) -> int | None:
        """Id of the person; None for programs and for nobody in particular."""
        return self.caller.user_id

    def manages(self, event: Event) -> bool:
        """Whether the caller may change this event: its owner, admins, programs, everybody on a trusted machine."""
        who = self.caller
        if who.trusted or who.role is Role.ADMIN or (who.via is Via.API_KEY and bool(who.scopes & _SCOPES)):
            return True
        return who.user_id is not None and who.user_id == event.owner_id

    @property
    def manages_all(self) -> bool:
        """Whether the caller may change every event, being nobody in particular."""
        return self.person is None and (self.caller.trusted or self.caller.via is Via.API_KEY)


@dataclass(frozen=True, slots=True)
class EventToken:
    """What opens an event for a person."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """The signature of a picture's address."""

    person: int
    #: seconds since 1970
    expires: int
    signature: str


class EventAccess:
    """Opens events and checks what is shown."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        passwords: Passwords,
        lockout: Lockout,
        key: bytes,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """:param key: 32 bytes of which nothing else is signed with."""
        self._sessions = sessions
        self._passwords = passwords
        self._lockout = lockout
        self._crowd = lockout.with_limit(lockout.limit * _CROWD)
        self._once = lockout.with_limit(1)
        self._token_key = hmac.digest(key, b"token", hashlib.sha256)
        self._link_key = hmac.digest(key, b"link", hashlib.sha256)
        self._clock = clock

    # --- opening

    def open(self, event_id: int, person: int, password: str) -> EventToken:
        """The token for whoever knows the password; the visit is recorded.

        EventNotFound; WrongEventPassword; AccountLocked after too many wrong ones of this person for this event. After
        too many of all people together, those who never opened it have one attempt each: many accounts guess no
        faster than that.
        """
        with self._sessions() as session:
            event = get_event(session, event_id)
            known = session.get(EventVisit, (event_id, person)) is not None
        everybody = counter_of(f"event:{event_id}")
        own, lockout = counter_of(f"event:{event_id}:{person}"), self._lockout
        if not known and self._crowd.is_locked(everybody):
            # Whoever has an account may still try once: nobody can keep guests out by guessing.
            own, lockout = counter_of(f"event:{event_id}:{person}:once"), self._once
        with lockout.attempt(own) as attempt:
            if not self._passwords.verify(password, event.password_hash):
                attempt.failed()
                self._crowd.count_failure(everybody)
                raise WrongEventPassword
            attempt.succeeded()
        self._record_visit(event_id, person)
        return self._issue(event, person)

    def _record_visit(self, event_id: int, person: int) -> None:
        row = EventVisit
        now = self._clock()
        visit = insert(row).values(event_id=event_id, user_id=person, last_opened_at=now)
        visit = visit.on_conflict_do_update(
            index_elements=[row.event_id, row.user_id],
            set_={"previous_opened_at": row.last_opened_at, "last_opened_at": now},
        )
        with self._sessions.begin() as session:
            # First, as whoever deletes an account does, and with it events: else the two would wait for each other. An
            # account that went a moment ago is nobody's.
            get_user(session, person, for_update=True)
            get_event(session, event_id, hold=True)
            session.execute(visit)

    def _issue(self, event: Event, person: int) -> EventToken:
        now = self._clock().replace(microsecond=0)
        expires_at = now + TOKEN_LIFE
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(person),
            "event": event.id,
            "generation": event.access_generation,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return EventToken(jwt.encode(claims, self._token_key, algorithm=_ALGORITHM), expires_at)

    # --- checking

    def sees(self, who: EventCaller, event: Event) -> bool:
        """Whether the caller may see the pictures of this event."""
        try:
            self.check(who, event)
        except (EventAccessRequired, EventTokenInvalid, EventTokenExpired):
            return False
        return True

    def check(self, who: EventCaller, event: Event) -> None:
        """Return if the caller may see the pictures of this event.

        EventAccessRequired without a token, EventTokenInvalid or EventTokenExpired for one that is not good.
        """
        if who.manages(event):
            return
        if not who.token:
            raise EventAccessRequired
        try:
            claims = jwt.decode(
                who.token,
                self._token_key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                # The time is compared below, with the clock of this service.
                options={
                    "require": ["iss", "aud", "sub", "exp", "event", "generation"],
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            person, expires = int(claims["sub"]), int(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, AttributeError):
            raise EventTokenInvalid from None
        shown = (person, claims["event"], claims["generation"])
        if shown != (who.person, event.id, event.access_generation):
            raise EventTokenInvalid
        if expires <= self._clock().timestamp():
            raise EventTokenExpired

    def get_visible(self, session: Session, who: EventCaller, event_id: int, *, hold: bool = False) -> Event:
        """The event, if the caller may see its pictures; EventNotFound, or what `check` raises."""
        event = get_event(session, event_id, hold=hold)
        self.check(who, event)
        return event

    def get_managed(self, session: Session, who: EventCaller, event_id: int, *, hold: bool = False) -> Event:
        """The event, if the caller may change it; EventNotFound, NotPermitted."""
        event = get_event(session, event_id, hold=hold)
        if not who.manages(event):
            raise NotPermitted("Only the owner of the event or an admin may do this.")
        return event

    # --- pictures

    def link(self, image_id: int, size: Size, who: EventCaller, event: Event) -> Link:
        """The signature with which this caller, who may see the event, gets this picture for about an hour."""
        person, expires = who.person or _NOBODY, self._link_end()
        return Link(person, expires, self._sign(f"{image_id}/{size}", person, expires, event.access_generation))

    def download_link(self, download: EventDownload, event: Event) -> Link:
        """The signature with which whoever asked for this download gets it for about an hour."""
        person, expires = download.user_id or _NOBODY, self._link_end()
        return Link(person, expires, self._sign(f"download/{download.id}", person, expires, event.access_generation))

    def _link_end(self) -> int:
        """When an address that is made now ends: seconds since 1970."""
        steps = math.ceil((self._clock().timestamp() + LINK_SECONDS) / LINK_STEP_SECONDS)
        return steps * LINK_STEP_SECONDS

    def find_image(self, who: EventCaller, image_id: int, size: Size, link: Link | None) -> EventImage:
        """The photo, for a signed address or for a caller who may see its event.

        MediaLinkInvalid or MediaLinkExpired for an address that is not good, whether or not there is such a photo.
        Without one: NotAuthenticated; EventImageNotFound; what `check` raises.
        """
        if link is None and who.caller.via is Via.NOTHING:
            raise NotAuthenticated
        with self._sessions() as session:
            image = session.get(EventImage, image_id) if 0 < image_id <= MAX_ID else None
            event = session.get(Event, image.event_id) if image else None
            if link is not None:
                if image is None or event is None or not self._is_good(session, link, f"{image_id}/{size}", event):
                    raise MediaLinkInvalid
                self._check_end(link)
                return image
            if image is None or event is None:
                raise EventImageNotFound
            self.check(who, event)
            return image

    def find_download(
        self, who: EventCaller, event_id: int, download_id: int, link: Link | None
    ) -> tuple[EventDownload, Event]:
        """A ZIP file's row, for its signed address or for whoever asked for it and may still see its event.

        Errors as in `find_image`; DownloadNotFound for those of others.
        """
        if link is None and who.caller.via is Via.NOTHING:
            raise NotAuthenticated
        with self._sessions() as session:
            if link is None:
                event = self.get_visible(session, who, event_id)
                return get_download(session, who.person, event_id, download_id), event
            download = session.get(EventDownload, download_id) if 0 < download_id <= MAX_ID else None
            theirs = session.get(Event, event_id) if 0 < event_id <= MAX_ID else None
            if (
                download is None
                or theirs is None
                or download.event_id != event_id
                or (download.user_id or _NOBODY) != link.person
                or not self._is_good(session, link, f"download/{download_id}", theirs)
            ):
                raise MediaLinkInvalid("The address of this download is not valid any more: load the page again.")
            self._check_end(link)
            return download, theirs

    def _check_end(self, link: Link) -> None:
        if link.expires <= self._clock().timestamp():
            raise MediaLinkExpired

    def _is_good(self, session: Session, link: Link, what: str, event: Event) -> bool:
        expected = self._sign(what, link.person, link.expires, event.access_generation)
        if not hmac.compare_digest(expected.encode(), link.signature.encode("utf-8", "surrogatepass")):
            return False
        # Whoever has left takes nothing along.
        return link.person == _NOBODY or session.get(User, link.person) is not None

    def _sign(self, what: str, person: int, expires: int, generation: int) -> str:
        """:param what: ``7/web`` is a picture, ``download/7`` a ZIP file."""
        text = f"{what}/{person}/{expires}/{generation}"
        return hmac.digest(self._link_key, text.encode(), hashlib.sha256).hex()


def get_download(session: Session, person: int | None, event_id: int, download_id: int) -> EventDownload:
    """A download that this person (None: nobody in particular) asked for in this event; DownloadNotFound otherwise."""
    download = session.get(EventDownload, download_id) if 0 < download_id <= MAX_ID else None
    if download is None or (download.event_id, download.user_id) != (event_id, person):
        raise DownloadNotFound
    return download


def get_event(session: Session, event_id: int, *, hold: bool = False, for_update: bool = False) -> Event:
    """The event with this id; EventNotFound otherwise.

    :param hold: it is not deleted until the end of the transaction.
    :param for_update: nobody else changes it either.
    """
    lock = {"read": True, "key_share": True} if hold and not for_update else None
    event = session.get(Event, event_id, with_for_update=for_update or lock) if 0 < event_id <= MAX_ID else None
    if event is None:
        raise EventNotFound(f"There is no event with the id {event_id}.")
    return event
