from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db import (
    Base,
    Bookmark,
    BreedEntry,
    CoughEntry,
    DriveSearch,
    Event,
    EventDownload,
    EventFace,
    EventImage,
    EventVisit,
    FaceEmbedding,
    FaceGeneration,
    GenerationState,
    Identity,
    JobKind,
    LoginSession,
    Photo,
    Selfie,
    SignInFailures,
    TrainingJob,
    User,
)
from app.errors import UserNotFound
from app.services.lockout import account_of
from app.services.privacy import PrivacyService
from app.services.users import UserService
from tests.unit.services.accounts import Clock, add_user


@pytest.fixture
def clock():
    return Clock()


def _furnish(sessions, user, clock):
    """One row in every table that holds something about a person."""
    with sessions.begin() as session:
        generation = session.scalar(select(FaceGeneration))
        if generation is None:
            generation = FaceGeneration(model="dlib", state=GenerationState.LIVE)
            session.add(generation)
        photo = Photo(
            user_id=user.id,
            filename=f"{user.id}.jpg",
            storage_key=f"{user.id}/a.jpg",
            width=224,
            height=224,
            size_bytes=1000,
            sha256="0" * 64,
        )
        session.add(photo)
        session.flush()
        embedding = FaceEmbedding(
            user_id=user.id,
            photo_id=photo.id,
            model="dlib",
            generation=generation.id,
            embedding=[1.0] + [0.0] * 511,
            quality=0.9,
        )
        session.add_all(
            [
                embedding,
                LoginSession(
                    id=uuid.uuid4(),
                    user_id=user.id,
                    method="password",
                    refresh_jti="secret-id",
                    expires_at=clock.now + timedelta(days=1),
                ),
                TrainingJob(kind=JobKind.INCREMENTAL, user_id=user.id, requested_by=user.id),
                BreedEntry(**_asked(user), top=[]),
                CoughEntry(**_asked(user), raw_scores={}, segments=[]),
                SignInFailures(account=account_of(user.email), failures=2, last_failure_at=clock.now),
                *_around_events(session, user),
            ]
        )


def _around_events(session, user):
    event = Event(owner_id=user.id, name="Party", password_hash="x", share_code=f"CODE{user.id}")
    session.add(event)
    session.flush()
    key = f"{user.id}/events/a"
    image = EventImage(
        event_id=event.id, filename="a.jpg", storage_key=key, kind="jpg", sha256="0", width=9, height=9, size_bytes=9
    )
    session.add(image)
    session.flush()
    seen = {"model": "dlib", "embedding": [1.0] + [0.0] * 511, "quality": 0.9}
    return [
        EventFace(event_id=event.id, image_id=image.id, x=0, y=0, w=9, h=9, score=0.9, **seen),
        EventVisit(event_id=event.id, user_id=user.id),
        Bookmark(user_id=user.id, image_id=image.id),
        Selfie(user_id=user.id, storage_key=f"{user.id}/selfie/a.jpg", **seen),
        EventDownload(event_id=event.id, user_id=user.id, image_ids=[image.id], total=1),
        DriveSearch(user_id=user.id, drive_url="https://drive.google.com/drive/folders/a", folder_id="a"),
        Identity(provider="google", subject=str(user.id), user_id=user.id, email=user.email),
    ]


def _asked(user):
    return {
        "user_id": user.id,
        "filename": "x",
        "prediction": "y",
        "confidence": 0.5,
        "processing_time_seconds": 0.1,
        "model": "m",
    }


class NoFolders:
    def make(self, user_id):
        pass

    def remove(self, user_id):
        pass


@pytest.fixture
def privacy(sessions, clock):
    return PrivacyService(sessions, UserService(sessions, NoFolders(), passwords=None).delete, clock=clock)


@pytest.fixture
def john(sessions, clock):
    user = add_user(sessions)
    _furnish(sessions, user, clock)
    return user


@pytest.fixture
def jane(sessions, clock):
    user = add_user(sessions, "jane@email.com", password=None)
    _furnish(sessions, user, clock)
    return user


def test_an_export_holds_everything_of_this_person_and_nothing_of_others(privacy, john, jane, clock):
    for user, has_password in ((john, True), (jane, False)):
        data = privacy.export(user.id)
        assert data.exported_at == clock.now
        assert (data.account.id, data.has_password, data.failed_sign_ins) == (user.id, has_password, 2)
        assert [photo.user_id for photo in data.photos] == [user.id]
        assert [embedding.photo_id for embedding in data.embeddings] == [data.photos[0].id]
        assert [session.user_id for session in data.sessions] == [user.id]
        assert [job.user_id for job in data.jobs] == [user.id]
        assert [entry.user_id for entry in (*data.breed_history, *data.cough_history)] == [user.id] * 2
        assert [event.owner_id for event in data.events] == [user.id]
        around = (data.event_visits, data.bookmarks, data.selfies, data.downloads, data.drive_searches, data.identities)
        assert [[row.user_id for row in rows] for rows in around] == [[user.id]] * len(around)


def test_every_table_about_people_is_in_the_export():
    # A new table with a user's id fails here until the export knows it.
    about_people = {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.column.table.name == "users" for key in table.foreign_keys)
    }
    assert about_people == {
        "photos",
        "face_embeddings",
        "login_sessions",
        "training_jobs",
        "breed_history",
        "cough_history",
        "events",
        "event_visits",
        "bookmarks",
        "selfies",
        "event_downloads",
        "drive_searches",
        "identities",
    }


def test_nothing_is_left_of_a_deleted_person_and_everything_of_others(privacy, sessions, john, jane):
    privacy.delete(john.id)
    with sessions() as session:
        for table in (
            *(User, Photo, FaceEmbedding, LoginSession, TrainingJob, BreedEntry, CoughEntry, SignInFailures),
            *(Event, EventImage, EventFace, EventVisit, Bookmark, Selfie, EventDownload, DriveSearch, Identity),
        ):
            assert session.scalar(select(func.count()).select_from(table)) == 1, table.__tablename__
        assert session.scalar(select(User.id)) == jane.id
        assert session.scalar(select(SignInFailures.account)) == account_of("jane@email.com")


def test_somebody_who_is_gone_is_told(privacy):
    for use in (privacy.export, privacy.delete):
        with pytest.raises(UserNotFound):
            use(1)
