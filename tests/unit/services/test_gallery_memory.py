"""The copy of the gallery in memory is never outdated, and answers as the database does."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sqlalchemy import delete, event, select, text, update

from app.db import FaceEmbedding, FaceGeneration, GenerationState, Photo, User, vectors
from app.db.gallery_version import find_version
from app.db.vectors import NewEmbedding
from app.errors import DatabaseUnavailable
from app.services.gallery_memory import GalleryMemory

MODEL = "fake@00000000"


def unit(rng, count=1):
    found = rng.normal(size=(count, 512)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def generation(sessions, rng):
    """Twenty people with one to three photos."""
    with sessions.begin() as session:
        live = FaceGeneration(model=MODEL, state=GenerationState.LIVE.value)
        session.add(live)
        people = [User(name=f"Person {n}", email=f"p{n}@example.org") for n in range(20)]
        session.add_all(people)
        session.flush()
        for n, person in enumerate(people):
            add_photos(session, live.id, person.id, unit(rng, 1 + n % 3))
        return live.id


def add_photos(session, generation, user_id, found):
    rows = []
    for vector in found:
        photo = Photo(
            user_id=user_id,
            filename="x",
            storage_key=vector.tobytes().hex()[:60],
            width=1,
            height=1,
            size_bytes=1,
            sha256="0",
        )
        session.add(photo)
        session.flush()
        rows.append(NewEmbedding(user_id, photo.id, vector, 1.0))
    vectors.insert(session, generation, MODEL, rows)


@pytest.fixture
def memory(engine, sessions, generation, rng):
    """With a current copy, made by its first search."""
    memory = GalleryMemory(engine, sessions)
    renew(memory)
    return memory


def renew(memory):
    memory.search(MODEL, memory.version(MODEL), np.eye(1, 512, dtype=np.float32)[0], top_k=1)
    for thread in threading.enumerate():
        if thread.name == "gallery-copy":
            thread.join()


def search(memory, probe, top_k=5):
    return memory.search(MODEL, memory.version(MODEL), probe, top_k=top_k)


def copy_is_used(memory):
    return memory._copy is not None and memory._copy.version == memory.version(MODEL)


@pytest.mark.parametrize("top_k", [1, 2, 5, 20, 100])
def test_the_copy_answers_as_the_database_does(sessions, memory, rng, top_k):
    assert copy_is_used(memory)
    for probe in unit(rng, 10):
        from_memory = search(memory, probe, top_k)
        with sessions() as session:
            from_database = vectors.search(session, MODEL, probe, top_k=top_k)
        assert (from_memory.people, from_memory.photos) == (from_database.people, from_database.photos) == (20, 39)
        for ours, theirs in zip(from_memory.people_found, from_database.people_found, strict=True):
            assert (ours.user_id, ours.name, ours.email, ours.photo_id) == (
                theirs.user_id,
                theirs.name,
                theirs.email,
                theirs.photo_id,
            )
            assert ours.similarity == pytest.approx(theirs.similarity, abs=1e-5)


def test_whoever_is_added_is_found_by_the_next_search(sessions, memory, generation, rng):
    probe = unit(rng)[0]
    with sessions.begin() as session:
        person = User(name="New", email="new@example.org")
        session.add(person)
        session.flush()
        add_photos(session, generation, person.id, probe[None])
        assert search(memory, probe).people == 20  # not committed: not there yet
    assert not copy_is_used(memory)
    assert search(memory, probe).people_found[0].name == "New"
    renew(memory)
    assert copy_is_used(memory)
    assert search(memory, probe).people_found[0].name == "New"


CHANGES = {
    "a user goes": lambda session: session.execute(delete(User).where(User.email == "p3@example.org")),
    "a photo goes": lambda session: session.execute(
        delete(Photo).where(Photo.id == select(Photo.id).limit(1).scalar_subquery())
    ),
    "an embedding goes": lambda session: session.execute(
        delete(FaceEmbedding).where(FaceEmbedding.id == select(FaceEmbedding.id).limit(1).scalar_subquery())
    ),
    "a name changes": lambda session: session.execute(
        update(User).where(User.email == "p3@example.org").values(name="Renamed")
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_by_anybody_makes_the_copy_outdated(sessions, memory, change):
    with sessions.begin() as session:
        change(session)
    assert not copy_is_used(memory)


def test_what_does_not_concern_the_gallery_leaves_the_copy_alone(sessions, memory):
    with sessions.begin() as session:
        session.execute(update(User).values(password_hash="x"))
        session.add(User(name="Nobody", email="nobody@example.org"))
    assert copy_is_used(memory)


def test_a_change_that_is_rolled_back_is_none(sessions, memory):
    with sessions() as session:
        session.execute(delete(FaceEmbedding))
        session.rollback()
    assert copy_is_used(memory)


def test_a_gallery_that_is_too_large_stays_in_the_database(engine, sessions, generation, rng):
    memory = GalleryMemory(engine, sessions, most_photos=38)
    renew(memory)
    assert memory._copy is None
    assert search(memory, unit(rng)[0]).people == 20


def test_before_the_first_enrolment_nobody_is_found(engine, sessions, rng):
    memory = GalleryMemory(engine, sessions)
    assert memory.version(MODEL) is None
    assert search(memory, unit(rng)[0]).people_found == []


def test_the_version_counts_each_change_once_committed(sessions, generation):
    def changes():
        with sessions() as session:
            return find_version(session, MODEL).changes

    before = changes()
    with sessions.begin() as session:
        session.execute(delete(User).where(User.email.in_(["p1@example.org", "p2@example.org"])))
    assert changes() > before


def test_a_lost_connection_is_told_and_the_next_question_gets_a_new_one(engine, sessions, generation):
    memory = GalleryMemory(engine, sessions)
    assert memory.version(MODEL) is not None
    with engine.connect() as other:
        idle = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        cut = event_once(engine, lambda: other.execute(text(f"{idle} AND pid <> pg_backend_pid()")))
        with pytest.raises(DatabaseUnavailable):
            memory.version(MODEL)
        assert cut == [True]
    assert memory.version(MODEL) is not None


def event_once(engine, action):
    """Do something right after the next connection left the pool, when nobody checks it any more."""
    done = []

    def act(*_):
        if not done:
            done.append(True)
            action()

    event.listen(engine, "checkout", act, once=True)
    return done
