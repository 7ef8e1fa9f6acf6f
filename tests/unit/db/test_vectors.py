"""Searching and storing embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import insert as insert_rows
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.db import FaceEmbedding, FaceGeneration, Photo, User, vectors
from app.db.vectors import NewEmbedding

MODEL = "m@1"
Vectors = np.ndarray


def _unit(rng: np.random.Generator, count: int) -> Vectors:
    raw = rng.normal(size=(count, 512)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


class Gallery:
    """One live generation with random people."""

    def __init__(self, session: Session, photos_per_person: Sequence[int], *, seed: int = 1) -> None:
        self.session = session
        rng = np.random.default_rng(seed)
        count = sum(photos_per_person)
        self.users = np.repeat(np.arange(1, len(photos_per_person) + 1), photos_per_person)
        self.vectors = _unit(rng, count)
        self.rng = rng
        session.execute(insert_rows(FaceGeneration), [{"model": MODEL, "state": "live"}])
        if not count:
            return
        people = [{"name": f"P{user}", "email": f"p{user}@x.org"} for user in range(1, len(photos_per_person) + 1)]
        session.execute(insert_rows(User), people)
        session.execute(
            insert_rows(Photo),
            [
                {
                    "user_id": int(user),
                    "filename": "f",
                    "storage_key": str(number),
                    "width": 224,
                    "height": 224,
                    "size_bytes": 1,
                    "sha256": "x",
                }
                for number, user in enumerate(self.users)
            ],
        )
        vectors.insert(
            session,
            1,
            MODEL,
            [
                NewEmbedding(int(user), number + 1, vector, 0.5)
                for number, (user, vector) in enumerate(zip(self.users, self.vectors, strict=True))
            ],
        )

    def near(self, photo: int) -> Vectors:
        """A probe that resembles a photo (counted from 0)."""
        probe = self.vectors[photo] + 0.02 * self.rng.normal(size=512).astype(np.float32)
        return (probe / np.linalg.norm(probe)).astype(np.float32)

    def expected(self, probe: Vectors) -> list[tuple[int, int, float]]:
        """User, photo id and similarity of each person's best photo, best first, by NumPy."""
        similarities = self.vectors.astype(np.float64) @ probe.astype(np.float64)
        best = {}
        for number in np.argsort(similarities):
            best[int(self.users[number])] = (int(self.users[number]), int(number) + 1, float(similarities[number]))
        return sorted(best.values(), key=lambda person: -person[2])


@pytest.fixture
def session(sessions: sessionmaker[Session]):
    with sessions() as session:
        yield session


@pytest.mark.parametrize("top_k", [1, 5, 100])
def test_people_are_found_best_first_by_their_best_photo(session: Session, top_k: int):
    gallery = Gallery(session, [1, 2, 3, 4, 5] * 8)
    probe = gallery.near(17)
    found = vectors.search(session, MODEL, probe, top_k=top_k)
    assert (found.people, found.photos) == (40, 120)
    expected = gallery.expected(probe)[:top_k]
    assert [(person.user_id, person.photo_id) for person in found.people_found] == [row[:2] for row in expected]
    assert [person.similarity for person in found.people_found] == pytest.approx([row[2] for row in expected], abs=2e-6)
    assert found.people_found[0].name == f"P{expected[0][0]}"


def test_a_person_with_very_many_photos_hides_nobody(session: Session):
    gallery = Gallery(session, [300, 1, 1])
    probe = gallery.vectors[:300].mean(axis=0)
    probe = (probe / np.linalg.norm(probe)).astype(np.float32)
    found = vectors.search(session, MODEL, probe, top_k=3)
    assert [person.user_id for person in found.people_found] == [row[0] for row in gallery.expected(probe)]


def test_an_empty_gallery_knows_nobody(session: Session):
    gallery = Gallery(session, [])
    found = vectors.search(session, MODEL, _unit(gallery.rng, 1)[0], top_k=5)
    assert (found.people, found.photos, found.people_found) == (0, 0, [])


def test_a_gallery_of_another_model_is_not_searched(session: Session):
    gallery = Gallery(session, [1, 1])
    probe = gallery.near(0)
    assert vectors.search(session, "other@2", probe, top_k=5).people == 0
    assert vectors.best_similarity(session, "other@2", 1, probe) is None
    assert not vectors.is_enrolled(session, "other@2", 1)


def test_a_generation_under_construction_is_not_searched(session: Session):
    gallery = Gallery(session, [1])
    session.execute(text("UPDATE face_generations SET state = 'building'"))
    assert vectors.search(session, MODEL, gallery.near(0), top_k=5).people == 0


def test_one_user_is_compared_by_the_best_photo(session: Session):
    gallery = Gallery(session, [3, 3])
    probe = gallery.near(4)
    similarities = gallery.vectors[:3] @ probe
    assert vectors.best_similarity(session, MODEL, 1, probe) == pytest.approx(float(similarities.max()), abs=2e-6)
    assert vectors.best_similarity(session, MODEL, 99, probe) is None
    assert vectors.is_enrolled(session, MODEL, 2)
    assert not vectors.is_enrolled(session, MODEL, 99)


def test_what_is_read_is_what_was_stored(session: Session):
    gallery = Gallery(session, [2, 1])
    users, photos, stored = vectors.read_all(session, 1)
    assert users.tolist() == [1, 1, 2]
    assert photos.tolist() == [1, 2, 3]
    assert np.array_equal(stored, gallery.vectors)
    assert session.scalars(select(FaceEmbedding.quality)).all() == [0.5] * 3


def test_reading_an_empty_generation_gives_empty_arrays(session: Session):
    users, photos, stored = vectors.read_all(session, 99)
    assert (users.shape, photos.shape, stored.shape) == ((0,), (0,), (0, 512))


def test_a_vector_that_is_not_of_unit_length_is_refused(session: Session):
    gallery = Gallery(session, [1])
    vectors.delete_user(session, 1, 1)
    with pytest.raises(Exception, match="unit_length"):
        vectors.insert(session, 1, MODEL, [NewEmbedding(1, 1, gallery.vectors[0] * 2, 1)])


def test_a_photo_has_one_embedding_in_a_generation(session: Session):
    gallery = Gallery(session, [1])
    with pytest.raises(Exception, match="uq_face_embeddings_generation_photo_id"):
        vectors.insert(session, 1, MODEL, [NewEmbedding(1, 1, gallery.vectors[0], 1)])


def test_users_and_photos_are_deleted_from_one_generation(session: Session):
    Gallery(session, [2, 2])
    vectors.delete_user(session, 1, 1)
    vectors.delete_photos(session, 1, [3])
    assert session.scalars(select(FaceEmbedding.photo_id)).all() == [4]


def test_only_what_is_missing_is_copied(session: Session):
    gallery = Gallery(session, [2, 1])
    session.execute(insert_rows(FaceGeneration), [{"model": MODEL, "state": "building"}])
    vectors.insert(session, 2, MODEL, [NewEmbedding(1, 1, gallery.vectors[0], 1)])
    assert vectors.copy_missing(session, source=1, target=2) == 2
    assert vectors.gallery_size(session, 2) == (2, 3)


def test_a_model_name_is_a_value_and_not_sql(session: Session):
    gallery = Gallery(session, [1])
    assert vectors.search(session, "'; DROP TABLE users; --", gallery.near(0), top_k=1).people == 0
