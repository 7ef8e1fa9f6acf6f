"""The start-up sweep on real PostgreSQL and real files."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, event, func, select, text

from app.db import Photo, User
from app.engines.images import decode
from app.errors import StorageUnavailable
from app.services.paging import PageRequest
from app.services.photos import PhotoService
from app.services.sweep import MARKER, Sweep, SweepReport
from app.services.uploads import Upload
from app.storage import LocalStorage
from tests.fakes import FakeFaceEngine, picture_of
from tests.pictures import encode

READ = partial(decode, max_bytes=20_000_000, max_pixels=50_000_000)
STRAY = "1/stray-0123456789ab.jpg"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "dataset")


@pytest.fixture
def sweep(sessions, storage) -> Sweep:
    return Sweep(sessions, storage)


@pytest.fixture
def photos(sessions, storage) -> PhotoService:
    engine = FakeFaceEngine()
    return PhotoService(sessions, storage, lambda: engine, READ)


@pytest.fixture
def anna(sessions) -> int:
    with sessions.begin() as session:
        user = User(name="Anna", email="anna@example.org")
        session.add(user)
    return user.id


@pytest.fixture
def photo_key(photos, anna, storage, sweep) -> str:
    """A folder that has been swept once, with one photo in it."""
    sweep.run()
    photo = photos.add(anna, Upload("a.jpg", encode(picture_of(1), "JPEG")))
    return photo.filepath.removeprefix("dataset/")


def row_count(sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count(Photo.id)))


def test_where_all_is_well_nothing_changes(sweep, storage, sessions, photo_key):
    assert sweep.run() == SweepReport()
    assert photo_key in set(storage.keys())
    assert row_count(sessions) == 1


def test_a_file_without_a_row_goes(sweep, storage, photo_key):
    storage.put(STRAY, b"x")
    assert sweep.run() == SweepReport(files_removed=1)
    assert set(storage.keys()) == {MARKER, photo_key}


def test_a_half_written_file_goes(sweep, storage, photo_key):
    (storage.root / "1" / ".tmp-0123456789abcdef").write_bytes(b"half")
    assert sweep.run() == SweepReport(leftovers_removed=1)
    assert set(storage.keys()) == {MARKER, photo_key}


def test_a_row_without_a_file_goes(sweep, storage, sessions, photos, anna, photo_key):
    photos.add(anna, Upload("b.jpg", encode(picture_of(1), "JPEG")))
    storage.delete(photo_key)
    assert sweep.run() == SweepReport(rows_removed=1)
    assert row_count(sessions) == 1


def test_the_folder_of_a_user_who_is_gone_goes(sweep, storage, sessions, anna, photo_key):
    with sessions.begin() as session:
        session.execute(delete(User).where(User.id == anna))
    assert sweep.run() == SweepReport(files_removed=1, folders_removed=1)
    assert storage.folders() == []


def test_a_missing_folder_is_made(sweep, storage, anna):
    assert sweep.run() == SweepReport(folders_made=1)
    assert storage.folders() == [str(anna)]


def test_files_of_other_names_are_never_touched(sweep, storage, photo_key):
    others = ["1/holiday.jpg", "readme.txt", "77/notes.txt", "backup/a-0123456789ab.jpg", "01/a-0123456789ab.jpg"]
    for key in others:
        storage.put(key, b"mine")
    sweep.run()
    assert set(storage.keys()) == {MARKER, photo_key, *others}


def test_a_volume_that_is_not_mounted_costs_no_row(sweep, storage, sessions, photo_key):
    storage.root.rename(storage.root.with_name("elsewhere"))
    storage.root.mkdir()
    report = sweep.run()
    assert "mounted" in report.refused
    assert row_count(sessions) == 1
    assert storage.folders() == []


def test_a_missing_folder_costs_no_row_either(sweep, storage, sessions, photo_key):
    storage.root.rename(storage.root.with_name("elsewhere"))
    assert sweep.run().refused
    assert row_count(sessions) == 1


def test_with_the_volume_back_all_is_well(sweep, storage, photo_key):
    storage.root.rename(storage.root.with_name("elsewhere"))
    sweep.run()
    storage.root.with_name("elsewhere").rename(storage.root)
    assert sweep.run() == SweepReport()


def test_the_folder_of_another_database_keeps_its_files(sweep, storage, sessions, photo_key):
    storage.put(MARKER, b"another\n")
    storage.put(STRAY, b"x")
    report = sweep.run()
    assert "another database" in report.refused
    assert STRAY in set(storage.keys())


def test_a_new_database_keeps_the_photos_of_an_old_folder(sweep, storage, sessions, anna, photo_key):
    with sessions.begin() as session:
        session.execute(text("TRUNCATE users, installation CASCADE"))
    assert "another database" in sweep.run().refused
    storage.delete(MARKER)
    assert "knows none" in sweep.run().refused
    assert photo_key in set(storage.keys())


def test_a_folder_that_lost_its_marker_is_known_by_its_photos(sweep, storage, photo_key):
    storage.delete(MARKER)
    assert sweep.run() == SweepReport()
    assert MARKER in set(storage.keys())


def test_the_remedy_that_is_told_works(sweep, storage, sessions, photo_key):
    storage.delete(photo_key)
    storage.delete(MARKER)
    refused = sweep.run().refused
    line = refused.split("write the line ")[1].split(" into ")[0]
    storage.put(MARKER, f"{line}\n".encode())
    assert sweep.run() == SweepReport(rows_removed=1)
    assert row_count(sessions) == 0


def test_a_file_whose_commit_is_under_way_is_waited_for(sweep, storage, photos, anna, photo_key, monkeypatch):
    reports = []
    sweeping = threading.Thread(target=lambda: reports.append(sweep.run()))
    put = storage.put

    def put_while_sweeping(key, data):
        monkeypatch.setattr(storage, "put", put)  # the sweep tries whether it can store something, too
        put(key, data)
        sweeping.start()
        sweeping.join(0.2)
        assert sweeping.is_alive()

    monkeypatch.setattr(storage, "put", put_while_sweeping)
    photo = photos.add(anna, Upload("b.jpg", encode(picture_of(1), "JPEG")))
    sweeping.join()
    assert reports == [SweepReport()]
    assert photo.filepath.removeprefix("dataset/") in set(storage.keys())


def test_a_crash_between_file_and_commit_is_repaired(sweep, storage, sessions, photos, anna, photo_key):
    def die(_session):
        raise SystemExit

    event.listen(sessions.class_, "before_commit", die)
    try:
        with pytest.raises(SystemExit):
            photos.add(anna, Upload("b.jpg", encode(picture_of(1), "JPEG")))
    finally:
        event.remove(sessions.class_, "before_commit", die)
    assert len(set(storage.keys())) == 3
    assert row_count(sessions) == 1
    assert sweep.run() == SweepReport(files_removed=1)
    assert set(storage.keys()) == {MARKER, photo_key}


def test_a_crash_between_a_deleted_row_and_its_file_is_repaired(sweep, storage, photos, anna, photo_key, monkeypatch):
    def die(_key):
        raise SystemExit

    photo = photos.list(anna, PageRequest()).items[0]
    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", die)
        with pytest.raises(SystemExit):
            photos.delete(anna, photo.id)
    assert photo_key in set(storage.keys())
    assert sweep.run() == SweepReport(files_removed=1)


def test_an_unreadable_folder_does_not_stop_the_start(sweep, storage, photo_key, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(storage, "keys", refuse)
    assert sweep.run().refused


def test_a_folder_that_can_only_be_read_shows_in_the_health(sweep, storage, sessions, photo_key, monkeypatch):
    assert sweep.run().refused is None

    def refuse(*_, **__):
        raise StorageUnavailable

    with monkeypatch.context() as read_only:
        read_only.setattr(storage, "put", refuse)
        assert sweep.run().refused
        assert not sweep.ping().ok
    assert sweep.run().refused is None
    assert set(storage.keys()) == {photo_key, MARKER}
