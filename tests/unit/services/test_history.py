"""Both histories: a row and its picture are there together or not at all."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import event, func, select, text

from app.db import BreedEntry, CoughEntry, locks
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
    def full(*_, **__):
        raise StorageFull

    monkeypatch.setattr(storage, "put", full)
    with pytest.raises(StorageFull):
        history.record(breed(), JPG)
    assert history.list(PageRequest()).total == 0


@pytest.fixture
def watch(sessions):
    """Listen to an event of the database's engine, until the test ends."""
    engine, watched = sessions.kw["bind"], []

    def listen(name, listener):
        event.listen(engine, name, listener)
        watched.append((engine, name, listener))

    yield listen
    for each in watched:
        event.remove(*each)


def test_the_commit_of_an_entry_is_not_waited_for_and_the_next_one_is(history, sessions, watch):
    show, at_commit = text("SHOW synchronous_commit"), []
    history.record(breed(), JPG)  # the installation's id is known from now on
    watch("commit", lambda connection: at_commit.append(connection.scalar(show)))
    with sessions() as session:
        session.execute(text("SET synchronous_commit = on"))  # the tests' own database does without
        session.commit()
    entry = history.record(breed(), JPG)
    with sessions() as session:  # whichever connection of the pool that is
        assert session.get(BreedEntry, entry.id).top == []
        session.execute(text("SET synchronous_commit = on"))
        session.commit()
    assert at_commit == ["on", "off", "on"]
    with sessions() as session:
        session.execute(text("RESET synchronous_commit"))


def test_a_row_is_written_in_one_statement(history, watch):
    history.record(breed(), JPG)
    statements = []
    watch("before_cursor_execute", lambda *args: statements.append(args[2]))
    history.record(breed(), JPG)
    assert len(statements) == 1
    assert "INSERT INTO breed_history" in statements[0]


def test_no_sweep_looks_at_a_picture_whose_row_is_not_committed(history, pictures, storage, sessions, monkeypatch):
    put, free = storage.put, []

    def looked_at(*args, **options):
        put(*args, **options)
        with sessions() as another:
            free.append(another.scalar(select(func.pg_try_advisory_xact_lock(locks._PHOTO_FILES))))

    monkeypatch.setattr(storage, "put", looked_at)
    history.record(breed(), JPG)
    assert free == [False]
    assert pictures.sweep() == 0


@pytest.mark.parametrize("loss", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_an_entry_whose_picture_a_power_cut_took_stays_and_its_picture_is_told_to_be_gone(
    history, pictures, storage, loss
):
    entry = history.record(breed(), JPG)
    loss(storage.path(entry.picture_key))
    with pytest.raises(HistoryEntryNotFound):
        pictures.read(entry.picture_key)
    pictures.sweep()
    assert [each.id for each in history.list(PageRequest()).items] == [entry.id]
    history.delete(entry.id)


def test_no_picture_is_waited_for_on_its_way_to_the_disk(history, monkeypatch):
    history.record(breed(), JPG)  # makes the folder, which is flushed
    flushed = []
    monkeypatch.setattr("os.fsync", flushed.append)
    history.delete(history.record(breed(), JPG).id)
    assert flushed == []


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
    assert history.list(PageRequest(), whose=user_id).total == 0
    with pytest.raises(HistoryEntryNotFound):
        history.get(user_id)


def test_entries_of_people_do_not_make_room_for_guests(sessions, pictures):
    person = add_user(sessions)
    history = History(sessions, pictures, BreedEntry, guests_kept=1)
    mine = history.record(breed(person.id), JPG)
    for _ in range(3):
        last = history.record(breed(), JPG)
    assert [entry.id for entry in history.list(PageRequest()).items] == [last.id, mine.id]


def test_deleting_many_goes_block_by_block_and_leaves_what_came_in_meanwhile(history, pictures, monkeypatch):
    monkeypatch.setattr("app.services.history._ROWS_AT_ONCE", 2)
    entries = [history.record(breed(), JPG) for _ in range(5)]
    late, remove = [], pictures.remove

    def meanwhile(key):
        if not late:
            late.append(history.record(breed(), JPG))
            history.delete(entries[4].id)  # somebody else is quicker with this one
        remove(key)

    monkeypatch.setattr(pictures, "remove", meanwhile)
    assert history.delete_many(whose="guest") == 4
    assert [entry.id for entry in history.list(PageRequest()).items] == [late[0].id]
    assert pictures.read(late[0].picture_key) == b"jpeg"


@pytest.mark.parametrize("whose", [-1, 0, 2**63])
def test_deleting_what_nobody_has_deletes_nothing(history, whose):
    history.record(breed())
    assert history.delete_many(whose=whose) == 0
    assert history.delete_many(whose=None, ids=[whose]) == 0
    assert history.delete_many(whose=None, ids=[]) == 0


def test_guests_are_counted_once_in_a_while(sessions, pictures):
    history = History(sessions, pictures, BreedEntry, guests_kept=200)
    for _ in range(201):
        history.record(breed())
    assert history.list(PageRequest()).total == 201, "counted at every second entry: one in a hundred of those kept"
    history.record(breed())
    assert history.list(PageRequest()).total == 200


def test_an_entry_is_found_by_its_picture(history, pictures):
    entry = history.record(breed(), JPG)
    assert history.with_picture(entry.picture_key).id == entry.id
    for key in (pictures.new_key(None, "jpg"), "../x", ""):
        with pytest.raises(HistoryEntryNotFound):
            history.with_picture(key)


def test_a_csv_of_many_rows_comes_in_blocks(history):
    for number in range(3):
        history.record(breed(filename=f"{number}.jpg"))
    lines = "".join(history.csv({"id": lambda entry: entry.id, "name": lambda entry: entry.filename})).splitlines()
    assert lines == ["id,name", "3,2.jpg", "2,1.jpg", "1,0.jpg"]


@pytest.mark.parametrize(("share", "text"), [(0.97309, "97.31%"), (1.0, "100.00%"), (0.0, "0.00%")])
def test_confidence_is_written_as_in_the_sources(share, text):
    assert percent(share) == text


def test_a_folder_that_nothing_can_be_stored_in_shows_in_the_health(pictures, storage):
    storage.root.write_bytes(b"a file in the folder's place: root may write whatever is read-only")
    pictures.sweep()
    assert not pictures.ping().ok
    storage.root.unlink()
    pictures.sweep()
    assert pictures.ping().ok
    assert list(storage.keys()) == []
