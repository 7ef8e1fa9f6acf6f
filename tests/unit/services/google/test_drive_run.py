"""Searches of Drive folders: a real database, a local Drive over real HTTP, fake faces."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import delete, func, select

from app.db import DriveFace, DriveFile, DriveSearch, DriveSearchFile, User
from app.engines.images import decode, encode_jpeg
from app.errors import DriveSearchNotFound, GoogleUnavailable, NoFaceFound, NoSelfie, TooManySearches
from app.services.google import drive_listing, drive_looking, drive_run
from app.services.google.drive import DriveClient
from app.services.google.drive_run import DriveSearchRunner
from app.services.google.drive_searches import DriveSearches
from app.services.google.http import Limits
from app.services.paging import PageRequest
from app.services.training_jobs import JobInterrupted
from tests.fake_google import API_KEY, CUT, FakeGoogle, Fault, drive_error
from tests.fakes import picture_of
from tests.unit.jobs.world import World

FOLDER = "folder-of-the-wedding"
URL = f"https://drive.google.com/drive/folders/{FOLDER}?usp=sharing"
#: Nobody waits for a silent server here; a loaded machine may take its time.
LIMITS = Limits(connect_seconds=10, silence_seconds=10, total_seconds=30, max_bytes=16_000_000)
ALL = PageRequest()


def photo(*people: int, quality: int = 90) -> bytes:
    return encode_jpeg(picture_of(*people), quality)


class Drive:
    """Searches in a world of their own."""

    def __init__(self, world: World, google: FakeGoogle) -> None:
        self.world = world
        self.google = google
        self.client = DriveClient(
            f"{google.url}/drive/v3", API_KEY, max_file_bytes=1_000_000, list_limits=LIMITS, first_pause_seconds=0.001
        )
        self.selfies: dict[int, int] = {}
        self.searches = DriveSearches(
            world.sessions, world.gallery, self.decode, self._selfie, world.queue.enqueue_drive_search, configured=True
        )
        self.runner = self.make_runner()

    def make_runner(self, **changed) -> DriveSearchRunner:
        options = {"max_files": 1000, "max_file_bytes": 1_000_000, **changed}
        return DriveSearchRunner(
            self.world.sessions,
            self.world.gallery,
            self.client,
            self.decode,
            self.world.queue.enqueue_drive_search,
            **options,
        )

    @staticmethod
    def decode(data):
        return decode(data, max_bytes=1_000_000, max_pixels=1_000_000)

    def _selfie(self, user_id, model):
        assert model == "fake@00000000"
        return self.world.probe(self.selfies[user_id]) if user_id in self.selfies else None

    def person(self, name: str, looks: int) -> int:
        user_id = self.world.user(name)
        self.selfies[user_id] = looks
        return user_id

    def start(self, user_id: int, url: str = URL) -> int:
        return self.searches.create(user_id, url).id

    def run(self, user_id: int, url: str = URL) -> DriveSearch:
        search_id = self.start(user_id, url)
        self.runner.run(search_id)
        return self.row(search_id)

    def row(self, search_id: int) -> DriveSearch | None:
        with self.world.sessions() as session:
            return session.get(DriveSearch, search_id)

    def found(self, search: DriveSearch) -> list[str]:
        return [match.file_id for match in self.searches.get(search.user_id, search.id, ALL)[1].items]

    def states(self) -> dict[str, tuple[str, str | None]]:
        with self.world.sessions() as session:
            return {file.file_id: (file.state, file.failure) for file in session.scalars(select(DriveFile))}

    def count(self, table) -> int:
        with self.world.sessions() as session:
            return session.scalars(select(func.count()).select_from(table)).one()


@pytest.fixture
def world(sessions, tmp_path) -> World:
    return World(sessions, tmp_path)


@pytest.fixture
def drive(world, google):
    google.folder(FOLDER)
    made = Drive(world, google)
    yield made
    made.client.close()


@pytest.fixture
def anna(drive) -> int:
    return drive.person("Anna", 1)


# --- what is found


def test_pictures_with_the_person_are_found_best_first_with_the_face(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.picture("picture-0002", FOLDER, photo(2, 3))
    google.picture("picture-0003", FOLDER, photo(4, 1, 5))
    google.picture("picture-0004", FOLDER, photo())
    search = drive.run(anna)
    assert (search.state, search.error, search.listed, search.analysed) == ("completed", None, 4, 4)
    assert search.folder_name == FOLDER
    assert sorted(drive.found(search)) == ["picture-0001", "picture-0003"]
    matches = drive.searches.get(anna, search.id, ALL)[1]
    assert matches.total == 2
    centre = next(match for match in matches.items if match.file_id == "picture-0001")
    assert (centre.width, centre.height, centre.band, centre.similarity) == (400, 300, "sure", 1.0)
    assert (centre.x + centre.w / 2, centre.y + centre.h / 2) == pytest.approx((200, 150), abs=3)
    assert centre.link == "https://drive.google.com/file/d/picture-0001/view"
    aside = next(match for match in matches.items if match.file_id == "picture-0003")
    assert aside.x + aside.w / 2 == pytest.approx(400 / 6, abs=3)


def test_each_picture_is_told_once_with_its_best_face(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1, 1, 1))
    search = drive.run(anna)
    assert drive.found(search) == ["picture-0001"]
    assert drive.count(DriveFace) == 3


def test_results_come_in_pages(drive, google, anna):
    for number in range(7):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    search = drive.run(anna)
    pages = [drive.searches.get(anna, search.id, PageRequest(page, 3))[1] for page in (1, 2, 3, 4)]
    assert [len(page.items) for page in pages] == [3, 3, 1, 0]
    assert {page.total for page in pages} == {7}
    assert len({match.file_id for page in pages for match in page.items}) == 7


# --- the folder


def test_subfolders_are_searched_and_cycles_end(drive, google, anna):
    google.folder("sub-folder-1", FOLDER)
    google.folder("sub-folder-2", "sub-folder-1")
    google.picture("picture-0001", "sub-folder-2", photo(1))
    google.picture("picture-0002", "elsewhere", photo(1))
    google.shortcut("shortcut-up", "sub-folder-2", FOLDER)
    google.shortcut("shortcut-picture", FOLDER, "picture-0002")
    google.shortcut("shortcut-twice", "sub-folder-1", "picture-0001")
    google.shortcut("shortcut-nowhere", FOLDER, "missing-item")
    search = drive.run(anna)
    assert (search.state, search.truncated) == ("completed", False)
    assert sorted(drive.found(search)) == ["picture-0001", "picture-0002"]
    assert google.downloads == {"picture-0001": 1, "picture-0002": 1}


def test_a_private_subfolder_is_left_out(drive, google, anna):
    google.folder("sub-folder-1", FOLDER)
    google.picture("picture-0001", FOLDER, photo(1))
    lists = []

    def chaos(kind, what):
        lists.extend([what] if kind == "list" else [])
        return drive_error(404, "notFound") if kind == "list" and len(lists) == 2 else None

    google.chaos = chaos
    search = drive.run(anna)
    assert (search.state, drive.found(search)) == ("completed", ["picture-0001"])


def test_too_deep_and_too_many_is_said(drive, google, anna, monkeypatch):
    monkeypatch.setattr(drive_listing, "MAX_DEPTH", 1)
    google.folder("sub-folder-1", FOLDER)
    google.folder("sub-folder-2", "sub-folder-1")
    google.picture("picture-0001", "sub-folder-1", photo(1))
    google.picture("picture-0002", "sub-folder-2", photo(1))
    search = drive.run(anna)
    assert (search.state, search.truncated, drive.found(search)) == ("completed", True, ["picture-0001"])


def test_no_more_pictures_are_taken_than_the_setting_says(drive, google, anna):
    for number in range(12):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    google.page_size = 5
    drive.runner = drive.make_runner(max_files=8)
    search = drive.run(anna)
    assert (search.state, search.truncated, search.listed, search.analysed) == ("completed", True, 8, 8)


def test_exactly_as_many_as_the_setting_says_is_not_too_many(drive, google, anna):
    for number in range(8):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    drive.runner = drive.make_runner(max_files=8)
    search = drive.run(anna)
    assert (search.truncated, search.listed) == (False, 8)


def test_a_private_folder_fails_with_a_clear_word(drive, google, anna):
    google.items[FOLDER].public = False
    search = drive.run(anna)
    assert (search.state, search.error_code) == ("failed", "drive_folder_not_found")
    assert "public" in search.error


def test_a_link_to_a_file_fails_with_a_clear_word(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    search = drive.run(anna, "https://drive.google.com/drive/folders/picture-0001")
    assert (search.state, search.error_code) == ("failed", "drive_folder_not_found")
    assert "file" in search.error


def test_an_empty_folder_is_completed(drive, anna):
    search = drive.run(anna)
    assert (search.state, search.listed, drive.found(search)) == ("completed", 0, [])


def test_what_is_no_usable_picture_is_left_out_with_a_reason(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.picture("picture-heic", FOLDER, b"HEIC", mime="image/heic")
    google.picture("picture-text", FOLDER, b"no picture at all")
    google.picture("picture-large", FOLDER, photo(1), size=50_000_000)
    google.picture("picture-liar", FOLDER, b"x" * 1_100_000, size=5)
    google.picture("picture-small", FOLDER, encode_jpeg(picture_of(width=20, height=20), 90))
    google.picture("picture-taken", FOLDER, photo(1))
    google.chaos = lambda _kind, what: drive_error(403, "cannotDownloadFile") if what == "picture-taken" else None
    search = drive.run(anna)
    assert (search.state, search.listed, search.analysed) == ("completed", 7, 7)
    assert drive.found(search) == ["picture-0001"]
    assert drive.states() == {
        "picture-0001": ("analysed", None),
        "picture-heic": ("skipped", "unsupported_image"),
        "picture-text": ("skipped", "unsupported_image"),
        "picture-large": ("skipped", "image_too_large"),
        "picture-liar": ("skipped", "image_too_large"),
        "picture-small": ("skipped", "image_too_small"),
        "picture-taken": ("skipped", "drive_file_not_readable"),
    }
    assert {"picture-heic", "picture-large"} & google.downloads.keys() == set()


def test_a_picture_that_breaks_the_code_is_left_out_and_the_next_search_tries_it_again(drive, google, anna, caplog):
    for number in range(3):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    breaks = iter([False, True])

    def break_once() -> None:
        if next(breaks, False):
            raise ZeroDivisionError

    drive.world.engine.before_batch = break_once
    search = drive.run(anna)
    assert (search.state, drive.found(search)) == ("completed", ["picture-0000", "picture-0002"])
    assert drive.states()["picture-0001"] == ("skipped", "job_failed")
    assert "ZeroDivisionError" in caplog.text
    assert len(drive.found(drive.run(anna))) == 3


def test_code_that_breaks_on_everything_fails_the_search(drive, google, anna):
    for number in range(5):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    drive.world.engine.before_batch = lambda: 1 // 0
    search = drive.run(anna)
    assert (search.state, search.error_code) == ("failed", "job_failed")
    assert sum(google.downloads.values()) == drive_looking.MAX_SURPRISES


# --- again


def test_a_second_search_looks_only_at_what_is_new_also_for_somebody_else(drive, google, anna):
    budi = drive.person("Budi", 2)
    google.picture("picture-0001", FOLDER, photo(1, 2))
    google.picture("picture-0002", FOLDER, photo(3))
    first = drive.run(anna)
    google.picture("picture-0003", FOLDER, photo(2))
    google.picture("picture-0002", FOLDER, photo(2, 1))  # changed: another checksum
    second = drive.run(budi)
    assert sorted(drive.found(second)) == ["picture-0001", "picture-0002", "picture-0003"]
    assert google.downloads == {"picture-0001": 1, "picture-0002": 2, "picture-0003": 1}
    # What the first search saw stays as it was.
    assert drive.found(drive.row(first.id)) == ["picture-0001"]
    third = drive.run(anna)
    assert sum(google.downloads.values()) == 4
    assert sorted(drive.found(third)) == ["picture-0001", "picture-0002"]


def test_a_renamed_picture_is_not_looked_at_again(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    drive.run(anna)
    google.items["picture-0001"].name = "Anna laughs.jpg"
    search = drive.run(anna)
    assert google.downloads == {"picture-0001": 1}
    assert drive.searches.get(anna, search.id, ALL)[1].items[0].name == "Anna laughs.jpg"


def test_a_change_of_model_in_the_middle_of_a_search_is_told(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    search_id = drive.start(anna)
    drive.world.engines.chosen = "other"
    drive.runner.run(search_id)
    assert (drive.row(search_id).state, drive.row(search_id).error_code) == ("failed", "model_not_usable")


def test_after_a_change_of_model_everything_is_looked_at_again(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    first = drive.run(anna)
    drive.world.engines.chosen = "other"
    second = drive.searches.create(anna, URL, photo(1))
    drive.runner.run(second.id)
    assert (second.model, google.downloads) == ("other@11111111", {"picture-0001": 2})
    assert drive.found(first) == drive.found(drive.row(second.id)) == ["picture-0001"]


def test_what_is_known_of_a_folder_goes_with_the_last_search_of_it(drive, google, anna):
    budi = drive.person("Budi", 2)
    google.picture("picture-0001", FOLDER, photo(1, 2))
    first = drive.run(anna)
    google.items.pop("picture-0001")
    google.picture("picture-0002", FOLDER, photo(2))
    second = drive.run(budi)
    drive.searches.delete(anna, first.id)
    assert drive.states().keys() == {"picture-0002"}
    assert drive.found(second) == ["picture-0002"]
    drive.searches.delete(budi, second.id)
    assert [drive.count(table) for table in (DriveSearch, DriveSearchFile, DriveFile, DriveFace)] == [0, 0, 0, 0]


def test_a_deleted_person_takes_searches_and_what_only_they_needed_along(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    drive.run(anna)
    with drive.world.sessions.begin() as session:
        session.execute(delete(User).where(User.id == anna))
    drive.searches.remove_person(anna)
    assert [drive.count(table) for table in (DriveSearch, DriveFile, DriveFace)] == [0, 0, 0]


def test_somebody_elses_search_is_none(drive, anna):
    budi = drive.person("Budi", 2)
    search = drive.run(anna)
    for user_id, search_id in ((budi, search.id), (anna, 4711), (anna, 0), (anna, 2**70)):
        with pytest.raises(DriveSearchNotFound):
            drive.searches.get(user_id, search_id, ALL)
        with pytest.raises(DriveSearchNotFound):
            drive.searches.delete(user_id, search_id)


def test_a_search_needs_a_face(drive):
    nobody = drive.world.user("Nobody")
    with pytest.raises(NoSelfie):
        drive.searches.create(nobody, URL)
    with pytest.raises(NoFaceFound):
        drive.searches.create(nobody, URL, photo())
    search = drive.searches.create(nobody, URL, photo(3))
    assert search.model == "fake@00000000"


def test_a_person_runs_a_few_searches_at_a_time(drive, anna):
    running = [drive.start(anna) for _ in range(3)]
    with pytest.raises(TooManySearches):
        drive.start(anna)
    drive.searches.delete(anna, running[0])
    drive.start(anna)


# --- interrupted


class Killed(BaseException):
    """The process ends here."""


def test_a_killed_search_goes_on_where_it_was_and_looks_at_everything_once(drive, google, anna):
    rng = random.Random(7)
    google.page_size = 9
    for number in range(30):
        google.picture(f"picture-{number:04}", FOLDER, photo(1 if number % 3 == 0 else 2))
    search_id = drive.start(anna)
    kills = 0
    while drive.row(search_id).state == "processing":
        end = rng.randrange(2, 20)
        asked = len(google.seen)

        def stop(end=asked + end):
            if len(google.seen) >= end:
                raise Killed
            return False

        try:
            drive.runner.run(search_id, stop)
        except Killed:
            kills += 1
    assert kills >= 3
    search = drive.row(search_id)
    assert (search.state, search.listed, search.analysed) == ("completed", 30, 30)
    assert len(drive.found(search)) == 10
    assert drive.count(DriveFace) == 30
    assert set(google.downloads.values()) == {1}


def test_a_picture_looked_at_when_the_process_dies_is_looked_at_again(drive, google, anna):
    for number in range(4):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    search_id = drive.start(anna)
    drive.world.engine.before_batch = lambda: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        drive.runner.run(search_id)
    assert drive.row(search_id).analysed == 0
    drive.world.engine.before_batch = lambda: None
    drive.runner.run(search_id)
    assert len(drive.found(drive.row(search_id))) == 4
    assert drive.count(DriveFace) == 4


def test_a_picture_that_kills_every_worker_is_given_up(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.picture("picture-evil", FOLDER, photo(3))
    search_id = drive.start(anna)
    deaths = 0
    while drive.row(search_id).state == "processing" and deaths < 20:
        before = google.downloads["picture-evil"]
        drive.world.engine.before_batch = lambda before=before: (
            (_ for _ in ()).throw(Killed) if google.downloads["picture-evil"] > before else None
        )
        try:
            drive.runner.run(search_id)
        except Killed:
            deaths += 1
    assert deaths == drive_looking.MAX_FILE_ATTEMPTS
    assert drive.row(search_id).state == "completed"
    assert drive.states() == {"picture-0001": ("analysed", None), "picture-evil": ("skipped", "worker_died")}


def test_a_stopping_worker_gives_the_search_back(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    search_id = drive.start(anna)
    for _ in range(20):  # more often than a search may fail
        with pytest.raises(JobInterrupted):
            drive.runner.run(search_id, lambda: True)
    drive.runner.run(search_id)
    assert drive.row(search_id).state == "completed"


def test_a_large_folder_does_not_keep_small_ones_waiting(drive, google, anna):
    for number in range(5):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    drive.runner = drive.make_runner(turn_seconds=-1)
    search_id = drive.start(anna)
    first_job = drive.row(search_id).queue_job_id
    drive.runner.run(search_id)
    assert drive.row(search_id).state == "processing"
    assert drive.row(search_id).queue_job_id > first_job
    drive.make_runner().run(search_id)
    assert drive.row(search_id).state == "completed"


def test_a_deleted_search_ends(drive, google, anna):
    for number in range(5):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    search_id = drive.start(anna)
    drive.world.engine.before_batch = lambda: (
        drive.searches.delete(anna, search_id) if drive.row(search_id) is not None else None
    )
    drive.runner.run(search_id)
    assert drive.row(search_id) is None
    assert sum(google.downloads.values()) == 1
    assert [drive.count(table) for table in (DriveFile, DriveFace)] == [0, 0]


def test_a_run_that_was_taken_for_dead_writes_nothing(drive, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    search_id = drive.start(anna)

    def taken_over():
        drive.world.engine.before_batch = lambda: None
        drive.runner.run(search_id)

    drive.world.engine.before_batch = taken_over
    drive.runner.run(search_id)
    assert (drive.row(search_id).state, drive.row(search_id).analysed) == ("completed", 1)
    assert drive.count(DriveFace) == 1


def test_a_search_that_the_queue_lost_is_queued_again(drive, anna):
    search_id = drive.start(anna)
    assert drive.runner.requeue() == 0
    with drive.world.sessions.begin() as session:
        session.get(DriveSearch, search_id).queue_job_id = 4711
    assert drive.runner.requeue() == 1
    assert drive.runner.requeue() == 0


# --- Google makes trouble


def test_everything_is_looked_at_once_though_one_request_in_three_goes_wrong(drive, google, anna):
    rng = random.Random(11)
    google.page_size = 20
    for number in range(60):
        google.picture(f"picture-{number:04}", FOLDER, photo(number % 12))
    trouble = [
        Fault(500),
        Fault(429),
        drive_error(403, "userRateLimitExceeded"),
        CUT,
        Fault(503, b"<html>"),
    ]
    google.chaos = lambda *_: rng.choice(trouble) if rng.random() < 0.33 else None
    search_id = drive.start(anna)
    while drive.row(search_id).state == "processing":
        try:
            drive.runner.run(search_id)
        except GoogleUnavailable:
            continue  # the queue tries again
    search = drive.row(search_id)
    assert (search.state, search.listed, search.analysed) == ("completed", 60, 60)
    assert set(drive.states().values()) == {("analysed", None)}
    assert len(drive.found(search)) == 5
    assert google.downloads == {f"picture-{number:04}": 1 for number in range(60)}


def test_pictures_that_google_never_gives_do_not_keep_the_others(drive, google, anna):
    for number in range(12):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    broken = {f"picture-{number:04}" for number in (0, 1, 2, 3, 7)}
    google.chaos = lambda kind, what: Fault(500) if kind == "media" and what in broken else None
    search = drive.run(anna)
    assert (search.state, search.analysed) == ("completed", 12)
    assert len(drive.found(search)) == 7
    assert {name for name, state in drive.states().items() if state == ("skipped", "google_unavailable")} == broken
    # The next search tries them again.
    google.chaos = lambda *_: None
    assert len(drive.found(drive.run(anna))) == 12


def test_while_google_is_away_the_search_waits_and_no_picture_is_given_up(drive, google, anna):
    for number in range(6):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    search_id = drive.start(anna)
    google.chaos = lambda kind, _: Fault(500) if kind == "media" or google.asked("media") else None
    for _ in range(4):
        with pytest.raises(GoogleUnavailable):
            drive.runner.run(search_id)
    assert set(drive.states().values()) == {("listed", None)}
    google.chaos = lambda *_: None
    drive.runner.run(search_id)
    assert len(drive.found(drive.row(search_id))) == 6


def test_google_that_stays_away_fails_the_search_in_the_end(drive, google, anna):
    google.chaos = lambda *_: Fault(503)
    search_id = drive.start(anna)
    for _ in range(drive_run.MAX_FRUITLESS_ATTEMPTS - 1):
        with pytest.raises(GoogleUnavailable):
            drive.runner.run(search_id)
    drive.runner.run(search_id)
    assert (drive.row(search_id).state, drive.row(search_id).error_code) == ("failed", "google_unavailable")


def test_a_used_up_quota_fails_the_search_and_the_next_one_goes_on_there(drive, google, anna):
    for number in range(4):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    google.chaos = lambda kind, what: (
        drive_error(403, "dailyLimitExceeded") if kind == "media" and what == "picture-0002" else None
    )
    search = drive.run(anna)
    assert (search.state, search.error_code, search.analysed) == ("failed", "drive_quota_exceeded", 2)
    google.chaos = lambda *_: None
    assert len(drive.found(drive.run(anna))) == 4
    assert set(google.downloads.values()) == {1}


def test_a_forgotten_page_starts_the_folder_again(drive, google, anna):
    google.page_size = 4
    for number in range(10):
        google.picture(f"picture-{number:04}", FOLDER, photo(1))
    seen = []

    def chaos(kind, what):
        if kind == "list":
            seen.append(what)
            return drive_error(400, "invalid") if len(seen) == 2 else None
        return None

    google.chaos = chaos
    search = drive.run(anna)
    assert seen == ["", "page-4", "", "page-4", "page-8"]
    assert (search.listed, len(drive.found(search))) == (10, 10)


def test_a_list_without_an_end_ends(drive, google, anna, monkeypatch):
    monkeypatch.setattr(drive_listing, "MAX_PAGES", 5)
    google.picture("picture-0001", FOLDER, photo(1))
    page = b'{"files": [], "nextPageToken": "page-0"}'
    google.fail("list", *[Fault(200, page)] * 50)
    search = drive.run(anna)
    assert search.state == "completed"
    assert google.asked("list") == 5
