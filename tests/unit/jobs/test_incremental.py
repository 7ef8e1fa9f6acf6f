"""Incremental training of one user."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import delete

from app.db import Photo, User, vectors
from app.errors import ModelNotUsable, NoUsablePhotos, UserNotFound
from app.services.training_jobs import error_of
from tests.unit.jobs.world import World


def test_the_first_training_makes_the_gallery_and_pins_the_model(world: World):
    anna = world.user()
    photos = [world.photo(anna, 1), world.photo(anna, 1)]
    job = world.train(anna)
    assert job.state == "succeeded"
    assert world.gallery_photos() == dict.fromkeys(photos, anna)
    assert world.generations() == [("fake@00000000", "live")]
    world.engines.chosen = "other"
    assert world.gallery.active_engine() is world.engine


def test_the_result_says_what_was_done(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.photo(anna, 1)
    nobody = world.photo(anna)
    result = world.train(anna).result
    assert result.pop("processing_time_seconds") >= 0
    assert result.pop("timestamp").endswith("Z")
    assert result == {
        "user_id": anna,
        "faces_processed": 2,
        "embeddings_created": 2,
        "embeddings_total": 2,
        "skipped": [
            {
                "photo_id": nobody,
                "user_id": anna,
                "filename": "photo-3.jpg",
                "code": "no_face_found",
                "message": "No face was found: use a sharp, well-lit photo that shows the whole face, upright and "
                "from the front.",
            }
        ],
    }


def test_only_missing_photos_are_embedded(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    world.photo(anna, 1)
    before = world.engine.embedded
    result = world.train(anna).result
    assert world.engine.embedded - before == 1
    assert (result["embeddings_created"], result["embeddings_total"]) == (1, 2)


def test_nothing_missing_is_a_success_that_creates_nothing(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    job = world.train(anna)
    assert job.state == "succeeded"
    assert (job.result["embeddings_created"], job.result["embeddings_total"]) == (0, 1)


def test_force_embeds_every_photo_again(world: World):
    anna = world.user()
    photos = [world.photo(anna, 1), world.photo(anna, 1)]
    world.train(anna)
    result = world.train(anna, force=True).result
    assert result["embeddings_created"] == 2
    assert set(world.gallery_photos()) == set(photos)


def test_landmarks_of_the_same_detector_are_taken_over(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    assert world.engine.detected == []


def test_landmarks_of_another_detector_are_not_used(world: World):
    anna = world.user()
    world.photo(anna, 1, detector="another")
    world.train(anna)
    assert world.engine.detected == [(224, 224, 3)]


def test_of_several_faces_in_a_crop_the_one_nearest_the_centre_is_taken(world: World):
    anna = world.user()
    world.photo(anna, 3, 4, 5, detector="another")
    world.train(anna)
    with world.sessions() as session:
        found = vectors.best_similarity(session, "fake@00000000", anna, world.probe(3))
    assert found == pytest.approx(1, abs=1e-5)


def test_other_users_are_left_alone(world: World):
    anna, budi = world.user(), world.user("Budi")
    first = world.photo(anna, 1)
    second = world.photo(budi, 2)
    world.train(anna)
    world.train(budi)
    world.train(anna, force=True)
    assert world.gallery_photos() == {first: anna, second: budi}


def test_a_user_without_photos_is_told_at_once(world: World):
    with pytest.raises(NoUsablePhotos):
        world.training.request_incremental(world.user())


def test_an_unknown_user_is_told_at_once(world: World):
    with pytest.raises(UserNotFound):
        world.training.request_incremental(4711)


def test_photos_without_a_face_fail_the_job(world: World):
    anna = world.user()
    world.photo(anna)
    job = world.train(anna)
    assert (job.state, job.error_code) == ("failed", "no_usable_photos")
    assert isinstance(error_of(job), NoUsablePhotos)
    assert world.generations() == []


def test_force_without_any_face_leaves_the_user_as_they_were(world: World):
    anna = world.user()
    photo = world.photo(anna, 1)
    world.train(anna)
    world.storage.put(f"{anna}/photo-1.jpg", b"not a picture")
    assert world.train(anna, force=True).error_code == "no_usable_photos"
    assert set(world.gallery_photos()) == {photo}


def test_a_lost_file_is_skipped(world: World):
    anna = world.user()
    lost, kept = world.photo(anna, 1), world.photo(anna, 1)
    world.storage.delete(f"{anna}/photo-1.jpg")
    result = world.train(anna).result
    assert [(photo["photo_id"], photo["code"]) for photo in result["skipped"]] == [(lost, "photo_file_missing")]
    assert set(world.gallery_photos()) == {kept}


def test_photos_deleted_meanwhile_are_left_out(world: World):
    anna = world.user()
    gone, kept = world.photo(anna, 1), world.photo(anna, 1)

    def delete_one() -> None:
        with world.sessions.begin() as session:
            session.execute(delete(Photo).where(Photo.id == gone))

    world.engine.before_batch = delete_one
    assert world.train(anna).result["embeddings_created"] == 1
    assert set(world.gallery_photos()) == {kept}


def test_a_user_deleted_meanwhile_takes_the_job_along(world: World):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_incremental(anna)

    def delete_user() -> None:
        with world.sessions.begin() as session:
            session.execute(delete(User).where(User.id == anna))

    world.engine.before_batch = delete_user
    world.training.run(job.id)
    assert world.generations() == []


def test_many_photos_are_embedded_in_batches(world: World):
    anna = world.user()
    photos = [world.photo(anna, 1) for _ in range(40)]
    world.train(anna)
    assert set(world.gallery_photos()) == set(photos)
    assert world.engine.embedded == 40


def test_a_pinned_model_that_is_missing_says_what_to_do(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    del world.engines.engines["fake"]
    with pytest.raises(ModelNotUsable, match="flask face download fake"):
        world.gallery.active_engine()
    assert world.train(anna, force=True).error_code == "model_not_usable"


def test_other_weights_under_the_pinned_name_say_what_to_do(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    world.engine.fingerprint = "ffffffff"
    with pytest.raises(ModelNotUsable, match="flask face use fake"):
        world.gallery.active_engine()


def test_another_face_model_in_the_settings_is_told_once(world: World, caplog: pytest.LogCaptureFixture):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    gallery = type(world.gallery)(
        world.sessions, world.engines, world.settings.model_copy(update={"face_model": "/packs/other"})
    )
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            gallery.changed()
            assert gallery.active_engine() is world.engine
    (told,) = [record.message for record in caplog.records]
    assert told == (
        "FACE_MODEL=/packs/other, but everybody is enrolled with fake, which stays in use. "
        "To change: flask face use other"
    )
