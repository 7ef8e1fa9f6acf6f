"""Both histories: a row and its picture are there together or not at all."""

from __future__ import annotations

import threading

import pytest

from app.db import BreedEntry, CoughEntry
from app.errors import HistoryEntryNotFound, StorageFull, UserNotFound
from app.services.history import History, Picture, Pictures, percent
from app.services.paging import PageRequest
from app.storage import LocalStorage
from tests.unit.services.accounts import add_user


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "history_images")


@pytest.fixture
def pictures(sessions, storage):
    return Pictures(sessions, storage)


@pytest.fixture
def history(sessions, pictures):
    return History(sessions, pictures, BreedEntry, guests_kept=100)


def breed(user_id=None, **changes):
    fields = {"filename": "a.jpg", "prediction": "pug", "confidence": 0.5, "processing_time_seconds": 0.1, "model": "m"}
    return BreedEntry(user_id=user_id, top=[], **{**fields, **changes})


def cough(user_id=None):
    fields = {"filename": "a", "prediction": "cough", "confidence": 1.0, "processing_time_seconds": 0.1, "model": "m"}
    return CoughEntry(user_id=user_id, raw_scores={}, segments=[], **fields)


JPG = Picture(b"jpeg", "jpg")


def test_what_is_recorded_comes_back_with_its_picture(history, pictures):
    entry = history.record(breed(), JPG)
    assert history.get(entry.id).picture_key == entry.picture_key
    assert pictures.read(entry.picture_key) == b"jpeg"
    assert entry.created_at.tzinfo is not None


def test_names_of_pictures_are_never_the_same_twice(pictures):
    assert len({pictures.new_key(None, "png") for _ in range(1000)}) == 1000


def test_a_full_disk_leaves_no_row(history, storage, monkeypatch):
    def full(*_):
        raise StorageFull

    monkeypatch.setattr(storage, "put", full)
    with pytest.raises(StorageFull):
        history.record(breed(), JPG)
    assert history.list(PageRequest()).total == 0


def test_an_entry_of_somebody_deleted_meanwhile_leaves_no_file(history, storage):
    with pytest.raises(UserNotFound):
        history.record(breed(user_id=99), JPG)
    assert list(storage.keys()) == []


def test_a_probability_beyond_one_is_no_entry(history, storage):
    with pytest.raises(Exception, match="ck_breed_history_confidence"):
        history.record(breed(confidence=1.5), JPG)
    assert list(storage.keys()) == []


def test_the_two_histories_do_not_meet(history, sessions, pictures):
    coughs = History(sessions, pictures, CoughEntry, guests_kept=100)
    history.record(breed(), JPG)
    coughs.record(cough(), Picture(b"png", "png"))
    assert (history.list(PageRequest()).total, coughs.list(PageRequest()).total) == (1, 1)
    assert pictures.sweep() == 0, "the pictures of both are known"


def test_of_two_who_delete_the_same_entry_one_finds_none(history):
    entry = history.record(breed(), JPG)
    barrier, outcomes = threading.Barrier(2), []

    def delete():
        barrier.wait()
        try:
            history.delete(entry.id)
            outcomes.append("deleted")
        except HistoryEntryNotFound:
            outcomes.append("none")

    threads = [threading.Thread(target=delete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["deleted", "none"]


def test_only_the_owner_finds_an_entry(history, sessions):
    owner, other = add_user(sessions), add_user(sessions, "jane@email.com")
    entry = history.record(breed(owner.id), JPG)
    for use in (history.get, history.delete):
        with pytest.raises(HistoryEntryNotFound):
            use(entry.id, owner_id=other.id)
    assert history.get(entry.id, owner_id=owner.id).id == entry.id


@pytest.mark.parametrize("user_id", [-1, 0, 2**63, 10**30])
def test_ids_that_nobody_has_find_nothing(history, user_id):
    history.record(breed())
    assert history.list(PageRequest(), user_id=user_id).total == 0
    with pytest.raises(HistoryEntryNotFound):
        history.get(user_id)


def test_entries_of_people_do_not_make_room_for_guests(sessions, pictures):
    person = add_user(sessions)
    history = History(sessions, pictures, BreedEntry, guests_kept=1)
    mine = history.record(breed(person.id), JPG)
    for _ in range(3):
        last = history.record(breed(), JPG)
    assert [entry.id for entry in history.list(PageRequest()).items] == [last.id, mine.id]


def test_a_csv_of_many_rows_comes_in_blocks(history):
    for number in range(3):
        history.record(breed(filename=f"{number}.jpg"))
    lines = "".join(history.csv({"id": lambda entry: entry.id, "name": lambda entry: entry.filename})).splitlines()
    assert lines == ["id,name", "3,2.jpg", "2,1.jpg", "1,0.jpg"]


@pytest.mark.parametrize(("share", "text"), [(0.97309, "97.31%"), (1.0, "100.00%"), (0.0, "0.00%")])
def test_confidence_is_written_as_in_the_sources(share, text):
    assert percent(share) == text
