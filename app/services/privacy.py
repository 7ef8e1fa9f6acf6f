"""What belongs to a person: all of it to read, and all of it to delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, sessionmaker

from app.db import (
    Bookmark,
    BreedEntry,
    CoughEntry,
    DriveSearch,
    Event,
    EventDownload,
    EventVisit,
    FaceEmbedding,
    Identity,
    LoginSession,
    Photo,
    Selfie,
    SignInFailures,
    TrainingJob,
    User,
    utc_now,
)
from app.services.lockout import account_of
from app.services.users import get_user


@dataclass(frozen=True, slots=True)
class EmbeddingNote:
    """One embedding, without its numbers: they are of use only inside the model that made them."""

    id: int
    photo_id: int
    model: str
    generation: int
    quality: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Everything that is kept about one person."""

    exported_at: datetime
    account: User
    has_password: bool
    photos: Sequence[Photo]
    embeddings: Sequence[EmbeddingNote]
    sessions: Sequence[LoginSession]
    jobs: Sequence[TrainingJob]
    breed_history: Sequence[BreedEntry]
    cough_history: Sequence[CoughEntry]
    #: events that this person made
    events: Sequence[Event]
    #: events that this person opened
    event_visits: Sequence[EventVisit]
    bookmarks: Sequence[Bookmark]
    selfies: Sequence[Selfie]
    downloads: Sequence[EventDownload]
    drive_searches: Sequence[DriveSearch]
    #: accounts elsewhere that sign this person in
    identities: Sequence[Identity]
    #: failed sign-ins that still count
    failed_sign_ins: int


class PrivacyService:
    """Use cases of ``/api/me``."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        delete_user: Callable[[int], None],
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """:param delete_user: deletes a user with rows and files (`UserService.delete`)."""
        self._sessions = sessions
        self._delete_user = delete_user
        self._clock = clock

    def export(self, user_id: int) -> PersonalData:
        """Everything that belongs to this person, of one moment; UserNotFound if there is none."""
        with self._sessions() as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            account = get_user(session, user_id)
            failures = session.get(SignInFailures, account_of(account.email))
            return PersonalData(
                exported_at=self._clock(),
                account=account,
                has_password=account.password_hash is not None,
                photos=session.scalars(select(Photo).where(Photo.user_id == user_id).order_by(Photo.id)).all(),
                embeddings=_embeddings(session, user_id),
                sessions=session.scalars(
                    select(LoginSession).where(LoginSession.user_id == user_id).order_by(LoginSession.created_at)
                ).all(),
                jobs=session.scalars(
                    select(TrainingJob)
                    .where(or_(TrainingJob.user_id == user_id, TrainingJob.requested_by == user_id))
                    .order_by(TrainingJob.id)
                ).all(),
                breed_history=session.scalars(
                    select(BreedEntry).where(BreedEntry.user_id == user_id).order_by(BreedEntry.id)
                ).all(),
                cough_history=session.scalars(
                    select(CoughEntry).where(CoughEntry.user_id == user_id).order_by(CoughEntry.id)
                ).all(),
                events=session.scalars(select(Event).where(Event.owner_id == user_id).order_by(Event.id)).all(),
                event_visits=session.scalars(
                    select(EventVisit).where(EventVisit.user_id == user_id).order_by(EventVisit.event_id)
                ).all(),
                bookmarks=session.scalars(
                    select(Bookmark).where(Bookmark.user_id == user_id).order_by(Bookmark.image_id)
                ).all(),
                selfies=session.scalars(select(Selfie).where(Selfie.user_id == user_id)).all(),
                downloads=session.scalars(
                    select(EventDownload).where(EventDownload.user_id == user_id).order_by(EventDownload.id)
                ).all(),
                drive_searches=session.scalars(
                    select(DriveSearch).where(DriveSearch.user_id == user_id).order_by(DriveSearch.id)
                ).all(),
                identities=session.scalars(
                    select(Identity).where(Identity.user_id == user_id).order_by(Identity.provider)
                ).all(),
                failed_sign_ins=failures.failures if failures else 0,
            )

    def delete(self, user_id: int) -> None:
        """Delete the account and everything of it: rows, files, counters of failed sign-ins."""
        self._delete_user(user_id)


def _embeddings(session: Session, user_id: int) -> list[EmbeddingNote]:
    row = FaceEmbedding
    columns = (row.id, row.photo_id, row.model, row.generation, row.quality, row.created_at)
    found = session.execute(select(*columns).where(row.user_id == user_id).order_by(row.id))
    return [EmbeddingNote(*values) for values in found]
