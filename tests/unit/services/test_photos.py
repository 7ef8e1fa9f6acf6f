"""PhotoService and UserFolders on real PostgreSQL and real files, with a fake engine."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from app.db import Photo, User
from app.engines.images import decode
from app.errors import (
    ModelBusy,
    NoPhotoAccepted,
    PhotoFileMissing,
    PhotoNotFound,
    StorageFull,
    UnsupportedImage,
    UserNotFound,
)
from app.services.paging import PageRequest
from app.services.photos import NO_FACE_WARNING, PhotoService
from app.services.uploads import Upload
from app.services.user_folders import UserFolders
from app.services.users import UserService
from app.storage import LocalStorage
from tests.fakes import FakeFaceEngine, picture_of
from tests.pictures import encode

READ = partial(decode, max_bytes=20_000_000, max_pixels=50_000_000)


def upload(*people: int, filename: str = "photo1.jpg", **size: int) -> Upload:
    return Upload(filename, encode(picture_of(*people, **size), "JPEG", quality=95))


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "dataset")


@pytest.fixture
def engine_in_use() -> FakeFaceEngine:
    return FakeFaceEngine()


@pytest.fixture
def photos(sessions, storage, engine_in_use) -> PhotoService:
    return PhotoService(sessions, storage, lambda: engine_in_use, READ)


@pytest.fixture
def users(sessions, storage) -> UserService:
    return UserService(sessions, UserFolders(storage), passwords=None)


@pytest.fixture
def anna(users) -> int:
    return users.create("Anna", "anna@example.org").id


def row_count(sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count(Photo.id)))


def test_a_photo_is_stored_as_the_square_around_its_face(photos, storage, anna):
    photo = photos.add(anna, upload(0, width=2000, height=1500, side=200))
    assert (photo.width, photo.height) == (224, 224)
    assert photo.filename == "photo1.jpg"
    assert photo.filepath.startswith(f"dataset/{anna}/photo1-")
    data = storage.read(photo.filepath.removeprefix("dataset/"))
    image = READ(data)
    assert image.shape == (224, 224, 3)
    # 200 of 2000 pixels before, 200 of 320 now
    red = np.ptp(image, axis=2) > 90
    assert red.any(axis=0).sum() == pytest.approx(224 / 1.6, abs=3)
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert photo.size_bytes == len(data)


def test_the_face_is_told_in_pixels_of_the_original(photos, anna):
    face = photos.add(anna, upload(0, width=2000, height=1500, side=200)).face
    assert face["detected"] is True
    assert face["box"]["x"] == pytest.approx(900, abs=2)
    assert face["box"]["w"] == pytest.approx(200, abs=3)
    assert face["quality"]["size_px"] == pytest.approx(200, abs=3)


def test_training_finds_the_face_in_the_stored_picture(photos, sessions, storage, anna):
    photo = photos.add(anna, upload(4))
    with sessions() as session:
        row = session.get(Photo, photo.id)
    again = FakeFaceEngine().detect(READ(storage.read(row.storage_key)))[0]
    assert row.crop_box == pytest.approx(again.box, abs=3)
    assert np.array(row.crop_landmarks) == pytest.approx(again.landmarks, abs=3)
    assert row.detector == "fake-squares"


def test_without_a_face_the_whole_picture_is_stored_and_said_so(photos, sessions, anna):
    photo = photos.add(anna, upload())
    assert photo.face == {"detected": False}
    assert photo.warnings == [NO_FACE_WARNING]
    assert photos.get(anna, photo.id) == photo
    with sessions() as session:
        row = session.get(Photo, photo.id)
    assert (row.face, row.crop_box, row.crop_landmarks, row.detector) == (None, None, None, "fake-squares")


def test_of_several_faces_the_largest_is_enrolled_with_a_warning(photos, storage, anna):
    photo = photos.add(anna, upload(0, 4))
    assert any("2 faces" in warning for warning in photo.warnings)
    image = READ(storage.read(photo.filepath.removeprefix("dataset/")))
    assert image[112, 112].argmax() == 0


def test_what_was_answered_at_the_upload_is_answered_later(photos, anna):
    photo = photos.add(anna, upload(0, 4))
    assert photos.get(anna, photo.id) == photo
    assert photos.list(anna, PageRequest()).items == [photo]


def test_photos_are_listed_in_pages(photos, users, anna):
    ids = [photos.add(anna, upload(1)).id for _ in range(3)]
    ben = users.create("Ben", "ben@example.org").id
    photos.add(ben, upload(2))
    page = photos.list(anna, PageRequest(page=2, per_page=2))
    assert [photo.id for photo in page.items] == ids[2:]
    assert page.total == 3


def test_an_upload_for_nobody_is_refused_before_it_is_decoded(photos, engine_in_use, storage):
    for user_id in (99, 0, -1, 2**63, 10**30):
        with pytest.raises(UserNotFound):
            photos.add(user_id, Upload("a.jpg", b"not even a picture"))
        with pytest.raises(UserNotFound):
            photos.add_many(user_id, [upload(1)])
        with pytest.raises(UserNotFound):
            photos.list(user_id, PageRequest())
    assert engine_in_use.detected == []
    assert list(storage.keys()) == []


def test_the_photo_of_another_is_nobodys(photos, users, anna):
    ben = users.create("Ben", "ben@example.org").id
    photo = photos.add(anna, upload(1))
    for call in (photos.get, photos.file, photos.delete):
        with pytest.raises(PhotoNotFound):
            call(ben, photo.id)
        with pytest.raises(PhotoNotFound):
            call(anna, 2**70)
        with pytest.raises(UserNotFound):
            call(99, photo.id)
    assert photos.get(anna, photo.id) == photo


def test_of_many_files_each_is_taken_or_rejected_by_itself(photos, storage, anna):
    files = [
        upload(1),
        Upload("../notes.txt", b"hello"),
        upload(2, filename="photo1.jpg"),
        upload(3, width=60, height=30),
    ]
    enrolment = photos.add_many(anna, files)
    assert [photo.filename for photo in enrolment.accepted] == ["photo1.jpg", "photo1.jpg"]
    assert [(rejection.filename, rejection.code) for rejection in enrolment.rejected] == [
        ("notes.txt", "unsupported_image"),
        ("photo1.jpg", "image_too_small"),
    ]
    assert len(list(storage.keys())) == 2


def test_when_none_of_the_files_can_be_taken_each_is_told_why(photos, anna):
    with pytest.raises(NoPhotoAccepted) as caught:
        photos.add_many(anna, [Upload("a.txt", b"hello"), Upload("b.txt", b"")])
    assert set(caught.value.errors) == {"a.txt", "b.txt"}
    assert [rejection["filename"] for rejection in caught.value.extra["rejected"]] == ["a.txt", "b.txt"]


def test_when_the_server_cannot_take_any_file_that_is_the_servers_trouble(photos, anna, monkeypatch):
    def full(*_):
        raise StorageFull

    monkeypatch.setattr(LocalStorage, "put", full)
    with pytest.raises(StorageFull):
        photos.add_many(anna, [upload(1), upload(2)])


def test_a_busy_model_rejects_only_the_files_it_was_busy_for(sessions, storage, anna):
    class Busy(FakeFaceEngine):
        def detect(self, image):
            found = super().detect(image)
            if len(self.detected) == 2:
                raise ModelBusy
            return found

    busy = Busy()
    enrolment = PhotoService(sessions, storage, lambda: busy, READ).add_many(anna, [upload(1)] * 3)
    assert len(enrolment.accepted) == 2
    assert [rejection.code for rejection in enrolment.rejected] == ["model_busy"]


def test_a_full_disk_leaves_neither_file_nor_row(photos, storage, sessions, anna, monkeypatch):
    def full(*_):
        raise StorageFull

    monkeypatch.setattr(storage, "put", full)
    with pytest.raises(StorageFull):
        photos.add(anna, upload(1))
    assert row_count(sessions) == 0
    assert list(storage.keys()) == []


def test_an_unreadable_upload_leaves_nothing(photos, storage, sessions, anna):
    with pytest.raises(UnsupportedImage):
        photos.add(anna, Upload("a.jpg", b"\xff\xd8\xffrubbish"))
    assert row_count(sessions) == 0
    assert list(storage.keys()) == []


def test_deleting_a_photo_takes_file_and_row(photos, storage, sessions, anna):
    photo = photos.add(anna, upload(1))
    photos.delete(anna, photo.id)
    assert row_count(sessions) == 0
    assert list(storage.keys()) == []
    with pytest.raises(PhotoNotFound):
        photos.delete(anna, photo.id)


def test_deleting_one_photo_from_two_sides_succeeds_once(photos, anna):
    photo = photos.add(anna, upload(1))
    outcomes = []

    def remove():
        try:
            photos.delete(anna, photo.id)
            outcomes.append("deleted")
        except PhotoNotFound:
            outcomes.append("not found")

    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["deleted", "not found", "not found", "not found"]


def test_a_photo_whose_file_was_taken_away_is_told_and_can_be_deleted(photos, storage, anna):
    photo = photos.add(anna, upload(1))
    storage.path(photo.filepath.removeprefix("dataset/")).unlink()
    with pytest.raises(PhotoFileMissing):
        photos.file(anna, photo.id)
    photos.delete(anna, photo.id)


def test_the_file_of_a_photo_is_what_was_stored(photos, storage, anna):
    photo = photos.add(anna, upload(1))
    assert photos.file(anna, photo.id).data == storage.read(photo.filepath.removeprefix("dataset/"))


def test_a_user_has_a_folder_and_takes_it_along(photos, users, storage, anna):
    assert storage.folders() == [str(anna)]
    photos.add(anna, upload(1))
    users.delete(anna)
    assert storage.folders() == []


def test_a_user_who_is_deleted_while_a_photo_is_looked_at_leaves_nothing(users, sessions, storage, anna):
    class Slow(FakeFaceEngine):
        def detect(self, image):
            users.delete(anna)
            return super().detect(image)

    slow = Slow()
    service = PhotoService(sessions, storage, lambda: slow, READ)
    with pytest.raises(UserNotFound):
        service.add(anna, upload(1))
    assert list(storage.keys()) == []
    assert storage.folders() == []


def test_deleting_a_user_waits_for_the_photo_that_is_just_stored(photos, users, sessions, storage, anna, monkeypatch):
    deleting = threading.Thread(target=users.delete, args=(anna,))
    put = storage.put

    def put_and_delete_user(key, data):
        put(key, data)
        deleting.start()
        deleting.join(0.2)
        assert deleting.is_alive()

    monkeypatch.setattr(storage, "put", put_and_delete_user)
    photos.add(anna, upload(1))
    deleting.join()
    assert list(storage.keys()) == []
    assert storage.folders() == []
    with sessions() as session:
        assert session.scalar(select(func.count(User.id))) == 0
    assert row_count(sessions) == 0
