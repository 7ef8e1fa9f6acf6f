"""The full rebuild and its generations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import delete, text

from app.db import GenerationState, Photo, User, vectors
from app.errors import NoEarlierGallery, RebuildUnderWay, StorageUnavailable
from app.services.training_jobs import MAX_FRUITLESS_ATTEMPTS, error_of
from tests.unit.jobs.world import World


class Death(BaseException):
    """The worker's process ends here."""


def _once(action: Callable[[], None], *, after: int = 0) -> Callable[[], None]:
    """Do something before one batch: the one after so many others."""
    calls = iter(range(1000))
    return lambda: action() if next(calls) == after else None


def _die() -> None:
    raise Death


def test_every_photo_of_everybody_is_in_the_new_gallery(world: World):
    anna, budi = world.user(), world.user("Budi")
    expected = {world.photo(anna, 1): anna, world.photo(anna, 1): anna, world.photo(budi, 2): budi}
    nobody = world.photo(budi)
    result = world.rebuild().result
    assert world.gallery_photos() == expected
    assert (result["num_data"], result["num_classes"], result["total_faces"]) == (4, 2, 3)
    assert [photo["photo_id"] for photo in result["skipped"]] == [nobody]
    assert result["model_path"] == str(world.models_dir / "face_db.npy")
    assert world.generations() == [("fake@00000000", "live")]


def test_the_exported_file_is_read_without_pickle(world: World):
    anna, budi = world.user("Änna Ñandú"), world.user("Budi")
    photos = [world.photo(anna, 1), world.photo(budi, 2)]
    world.rebuild()
    gallery = np.load(world.models_dir / "face_db.npy", allow_pickle=False)
    assert gallery["user_id"].tolist() == [anna, budi]
    assert gallery["name"].tolist() == ["Änna Ñandú", "Budi"]
    assert gallery["photo_id"].tolist() == photos
    assert set(gallery["model"].tolist()) == {"fake@00000000"}
    assert gallery["embedding"].dtype == np.float32
    assert (gallery["embedding"] @ world.probe(2)).tolist() == pytest.approx([0, 1], abs=1e-5)
    assert [path.name for path in world.models_dir.iterdir()] == ["face_db.npy"]


def test_the_same_model_leaves_no_earlier_generation(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    world.rebuild()
    assert world.generations() == [("fake@00000000", "live")]
    with pytest.raises(NoEarlierGallery):
        world.gallery.rollback()


def test_another_model_keeps_the_way_back(world: World):
    anna = world.user()
    photo = world.photo(anna, 1)
    world.train(anna)
    world.rebuild("other")
    assert world.generations() == [("fake@00000000", "retired"), ("other@11111111", "live")]
    assert world.gallery.active_engine() is world.other
    world.gallery.rollback()
    assert world.gallery.active_engine() is world.engine
    assert world.gallery_photos() == {photo: anna}


def test_only_one_way_back_is_kept(world: World):
    anna = world.user()
    world.photo(anna, 1)
    for model in ("fake", "other", "fake", "other"):
        assert world.rebuild(model).state == "succeeded"
    assert world.generations() == [("fake@00000000", "retired"), ("other@11111111", "live")]


def test_a_probe_of_the_former_model_is_still_answered_whole(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.train(anna)
    probe = world.probe(1)
    world.rebuild("other")
    with world.sessions() as session:
        found = vectors.search(session, "fake@00000000", probe, top_k=1)
    assert [person.user_id for person in found.people_found] == [anna]


def test_a_model_can_be_chosen_before_anybody_is_enrolled(world: World):
    assert world.rebuild("other").state == "succeeded"
    assert world.gallery.active_engine() is world.other


def test_nothing_to_build_from_is_told(world: World):
    assert world.rebuild().error_code == "no_usable_photos"
    anna = world.user()
    world.photo(anna)
    assert world.rebuild().error_code == "no_usable_photos"
    assert world.generations() == []


def test_photos_uploaded_meanwhile_are_in_the_new_gallery(world: World):
    anna = world.user()
    world.photo(anna, 1)
    late: list[int] = []
    world.engine.before_batch = _once(lambda: late.append(world.photo(anna, 1)))
    world.rebuild()
    assert late[0] in world.gallery_photos()


def test_users_trained_meanwhile_are_in_the_new_gallery(world: World):
    anna, budi = world.user(), world.user("Budi")
    world.photo(anna, 1)
    world.train(anna)
    world.engine.before_batch = _once(lambda: (world.photo(budi, 2), world.train(budi)))
    world.rebuild()
    assert set(world.gallery_photos().values()) == {anna, budi}


def test_users_and_photos_deleted_meanwhile_are_not(world: World):
    anna, budi = world.user(), world.user("Budi")
    gone, kept = world.photo(anna, 1), world.photo(anna, 1)
    world.photo(budi, 2)

    def delete_some() -> None:
        with world.sessions.begin() as session:
            session.execute(delete(Photo).where(Photo.id == gone))
            session.execute(delete(User).where(User.id == budi))

    world.engine.before_batch = _once(delete_some)
    assert world.rebuild().state == "succeeded"
    assert world.gallery_photos() == {kept: anna}


def test_a_rebuild_whose_worker_died_goes_on_where_it_stopped(world: World):
    anna = world.user()
    photos = [world.photo(anna, 1) for _ in range(200)]
    world.engine.before_batch = _once(_die, after=10)
    job = world.training.request_rebuild()
    with pytest.raises(Death):
        world.training.run(job.id)
    assert world.generations() == [("fake@00000000", "building")]
    done = len(world.gallery_photos(GenerationState.BUILDING))
    assert 0 < done < len(photos)

    embedded = world.engine.embedded
    finished = world.run(job)
    assert finished.state == "succeeded"
    assert finished.attempts == 2
    assert finished.done_before == done
    assert world.engine.embedded - embedded == len(photos) - done
    assert set(world.gallery_photos()) == set(photos)


def test_a_rebuild_that_gets_on_is_never_given_up(world: World):
    anna = world.user()
    photos = [world.photo(anna, 1) for _ in range(8 * 128)]
    job = world.training.request_rebuild()
    for _ in range(MAX_FRUITLESS_ATTEMPTS + 2):
        world.engine.before_batch = _once(_die, after=8)
        with pytest.raises(Death):
            world.training.run(job.id)
    world.engine.before_batch = lambda: None
    assert world.run(job).state == "succeeded"
    assert set(world.gallery_photos()) == set(photos)


def test_a_dead_rebuild_leaves_the_live_gallery_as_it_was(world: World):
    anna, budi = world.user(), world.user("Budi")
    photo = world.photo(anna, 1)
    world.train(anna)
    for _ in range(200):
        world.photo(budi, 2)
    world.engine.before_batch = _once(_die, after=10)
    job = world.training.request_rebuild()
    with pytest.raises(Death):
        world.training.run(job.id)
    assert world.gallery_photos() == {photo: anna}


def test_a_death_between_swap_and_export_only_repeats_the_export(world: World, monkeypatch: pytest.MonkeyPatch):
    anna = world.user()
    world.photo(anna, 1)
    job = world.training.request_rebuild()
    with monkeypatch.context() as patch:
        patch.setattr("app.services.rebuild.export_gallery", lambda *_args: _die())
        with pytest.raises(Death):
            world.training.run(job.id)
    assert world.generations() == [("fake@00000000", "live")]
    embedded = world.engine.embedded
    finished = world.run(job)
    assert finished.state == "succeeded"
    assert finished.result["num_classes"] == 1
    assert world.engine.embedded == embedded
    assert (world.models_dir / "face_db.npy").exists()


def test_a_cancelled_rebuild_leaves_nothing(world: World):
    anna, budi = world.user(), world.user("Budi")
    photo = world.photo(anna, 1)
    world.train(anna)
    for _ in range(64):
        world.photo(budi, 2)
    job = world.training.request_rebuild()
    world.engine.before_batch = _once(lambda: world.training.cancel(job.id))
    finished = world.run(job)
    assert (finished.state, finished.error_code) == ("cancelled", None)
    assert world.generations() == [("fake@00000000", "live")]
    assert world.gallery_photos() == {photo: anna}


def test_a_second_request_gets_the_rebuild_under_way(world: World):
    first = world.training.request_rebuild()
    assert world.training.request_rebuild().id == first.id
    with pytest.raises(RebuildUnderWay):
        world.training.request_rebuild(model="other")


def test_an_export_that_cannot_be_written_is_told_and_the_gallery_is_live(world: World):
    anna = world.user()
    world.photo(anna, 1)
    world.models_dir.write_text("a file where the folder should be")
    error = error_of(world.rebuild())
    assert isinstance(error, StorageUnavailable)
    assert "The gallery was rebuilt" in error.detail
    assert world.gallery_photos() != {}


def test_a_generation_left_by_another_model_is_not_continued(world: World):
    anna = world.user()
    for _ in range(200):
        world.photo(anna, 1)
    world.engine.before_batch = _once(_die, after=10)
    job = world.training.request_rebuild()
    with pytest.raises(Death):
        world.training.run(job.id)
    world.training.cancel(job.id)
    world.training.run(job.id)
    assert world.rebuild("other").state == "succeeded"
    assert world.generations() == [("other@11111111", "live")]


def test_a_large_gallery_gets_an_index_that_answers_alike(world: World, tmp_path):
    large = World(world.sessions, tmp_path, index_from_photos=10)
    users = [large.user(f"Person {number}") for number in range(8)]
    for number, user in enumerate(users):
        large.photo(user, number)
        large.photo(user, number)
    large.rebuild()
    live = large.gallery.live()
    assert (live.indexed, live.index_recall, live.index_probes) == (True, 1.0, 16)
    with large.sessions() as session:
        plan = session.execute(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = :name"), {"name": vectors.index_name(live.id)}
        ).scalar_one()
        assert f"generation = {live.id}" in plan
        found = vectors.search(session, live.model, large.probe(3), top_k=3)
    assert (found.people, found.photos) == (8, 16)
    assert found.people_found[0].user_id == users[3]
    assert found.people_found[0].similarity == pytest.approx(1, abs=1e-5)
    assert len({person.user_id for person in found.people_found}) == 3
    large.rebuild()
    with large.sessions() as session:
        indexes = session.execute(text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'hnsw%'")).scalars().all()
    assert indexes == [vectors.index_name(large.gallery.live().id)]
