"""The Drive client, over real HTTP."""

from __future__ import annotations

import json
import logging

import pytest

from app.errors import (
    DriveFileNotReadable,
    DriveFolderNotFound,
    DriveQuotaExceeded,
    GoogleNotConfigured,
    GoogleUnavailable,
    ImageTooLarge,
)
from app.services.google.drive import ATTEMPTS, DriveClient, PageTokenRefused
from app.services.google.http import Limits
from tests.fake_google import API_KEY, CUT, SILENCE, Fault, Item, drive_error

LIMITS = Limits(connect_seconds=5, silence_seconds=1.0, total_seconds=20, max_bytes=16_000_000)
FOLDER_ID = "folder-of-the-wedding"


class Pauses(list):
    """Remembers how long it was asked to wait, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def make_client(google):
    made = []

    def make(**changed):
        options = {"key": API_KEY, "max_file_bytes": 10_000, "list_limits": LIMITS, **changed}
        made.append(DriveClient(f"{google.url}/drive/v3", options.pop("key"), **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def drive(make_client):
    return make_client()


def pictures(google, number, folder=FOLDER_ID, **more):
    return [google.picture(f"picture-{n:04}", folder, b"JPEG %d" % n, **more) for n in range(number)]


def everything(drive, pauses, folder=FOLDER_ID):
    items, token = [], None
    while True:
        page = drive.children(folder, None, token, pause=pauses)
        items += page.items
        token = page.next_token
        if token is None:
            return items


def test_every_page_of_a_folder_is_read(google, drive, pauses):
    google.folder(FOLDER_ID)
    ids = pictures(google, 25)
    google.folder("sub-folder-1", FOLDER_ID)
    google.put(Item("text-file-01", "notes", "text/plain", FOLDER_ID))
    google.page_size = 10
    items = everything(drive, pauses)
    assert [item.id for item in items] == [*ids, "sub-folder-1"]
    assert google.asked("list") == 3
    assert pauses == []


def test_an_item_says_what_it_is(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"JPEG", md5="abc", resource_key="0-k")
    google.picture("picture-0002", FOLDER_ID, b"JPEG 2", md5=None, modified="2026-01-02T00:00:00.000Z")
    google.shortcut("shortcut-01", FOLDER_ID, "picture-0009")
    first, second, shortcut = everything(drive, pauses)
    assert (first.mime, first.version, first.size_bytes, first.resource_key) == ("image/jpeg", "abc", 4, "0-k")
    assert (second.version, second.is_image, second.is_folder) == ("2026-01-02T00:00:00.000Z", True, False)
    assert shortcut.target_id == "picture-0009"


def test_a_file_arrives_whole(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, bytes(range(256)) * 30)
    assert drive.download("picture-0001", None, pause=pauses) == bytes(range(256)) * 30


def test_a_resource_key_goes_along(google, drive, pauses):
    google.folder(FOLDER_ID, resource_key="0-key")
    with pytest.raises(DriveFolderNotFound):
        drive.item(FOLDER_ID, None, pause=pauses)
    assert drive.item(FOLDER_ID, "0-key", pause=pauses).is_folder
    assert drive.children(FOLDER_ID, "0-key", None, pause=pauses).items == []


def test_a_private_or_missing_folder_is_told_as_such(google, drive, pauses):
    google.folder("folder-private", public=False)
    for folder in ("folder-private", "folder-missing"):
        with pytest.raises(DriveFolderNotFound):
            drive.item(folder, None, pause=pauses)
        with pytest.raises(DriveFolderNotFound):
            drive.children(folder, None, None, pause=pauses)
    with pytest.raises(DriveFileNotReadable):
        drive.download("picture-gone", None, pause=pauses)
    assert pauses == []


@pytest.mark.parametrize("hostile", ["../../etc", "a b", "x' in parents or 'y", "", "a/b?c", "ä"])
def test_an_id_is_nothing_but_an_id(google, drive, pauses, hostile):
    for ask in (drive.item, drive.download):
        with pytest.raises(DriveFolderNotFound):
            ask(hostile, None, pause=pauses)
    with pytest.raises(DriveFolderNotFound):
        drive.children(hostile, None, None, pause=pauses)
    assert google.seen == []


PASSING = {
    "429": Fault(429),
    "500": Fault(500),
    "503 with a page": Fault(503, b"<html>"),
    "403 too fast": drive_error(403, "userRateLimitExceeded"),
    "403 too fast for all": drive_error(403, "rateLimitExceeded"),
    "cut off": CUT,
    "silent": SILENCE,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("kind", ["list", "media", "get"])
def test_what_passes_is_tried_again(google, drive, pauses, kind, fault):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"JPEG " * 100)
    google.fail(kind, fault, fault)
    if kind == "list":
        assert len(everything(drive, pauses)) == 1
    elif kind == "media":
        assert drive.download("picture-0001", None, pause=pauses) == b"JPEG " * 100
    else:
        assert drive.item(FOLDER_ID, None, pause=pauses).is_folder
    assert google.asked(kind) == 3
    assert 0.5 <= pauses[0] <= 1.0
    assert 1.0 <= pauses[1] <= 2.0


def test_pauses_grow_by_chance_and_come_to_an_end(google, make_client, pauses):
    google.folder(FOLDER_ID)
    google.chaos = lambda *_: Fault(500)
    with pytest.raises(GoogleUnavailable):
        make_client(first_pause_seconds=10).item(FOLDER_ID, None, pause=pauses)
    assert google.asked("get") == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert max(pauses) <= 32
    assert pauses[1] > pauses[0]
    assert len(set(pauses)) == len(pauses)


def test_google_says_how_long_to_wait(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.fail("get", Fault(429, headers={"Retry-After": "20"}))
    drive.item(FOLDER_ID, None, pause=pauses)
    assert pauses == [20]


def test_who_is_told_to_wait_for_long_comes_back_later(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.fail("get", Fault(503, headers={"Retry-After": "900"}))
    with pytest.raises(GoogleUnavailable) as told:
        drive.item(FOLDER_ID, None, pause=pauses)
    assert told.value.retry_after_seconds == 900
    assert (google.asked("get"), pauses) == (1, [])


def test_a_pause_may_end_the_call(google, drive):
    google.folder(FOLDER_ID)
    google.fail("get", Fault(500))

    def stop(_seconds):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        drive.item(FOLDER_ID, None, pause=stop)
    assert google.asked("get") == 1


@pytest.mark.parametrize("reason", ["dailyLimitExceeded", "quotaExceeded", "downloadQuotaExceeded"])
def test_a_used_up_quota_is_not_waited_for(google, drive, pauses, reason):
    google.folder(FOLDER_ID)
    google.fail("list", drive_error(403, reason))
    with pytest.raises(DriveQuotaExceeded):
        drive.children(FOLDER_ID, None, None, pause=pauses)
    assert pauses == []


def test_a_key_that_google_does_not_take_is_ours_to_mend(google, make_client, drive, pauses):
    google.folder(FOLDER_ID)
    with pytest.raises(GoogleNotConfigured):
        make_client(key="wrong").item(FOLDER_ID, None, pause=pauses)
    google.fail("get", drive_error(403, "accessNotConfigured"))
    with pytest.raises(GoogleNotConfigured):
        drive.item(FOLDER_ID, None, pause=pauses)
    asked = len(google.seen)
    with pytest.raises(GoogleNotConfigured):
        make_client(key="").item(FOLDER_ID, None, pause=pauses)
    assert len(google.seen) == asked


def test_a_file_that_may_not_be_downloaded_is_told_as_such(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"JPEG")
    google.fail("media", drive_error(403, "cannotDownloadAbusiveFile"))
    with pytest.raises(DriveFileNotReadable):
        drive.download("picture-0001", None, pause=pauses)


@pytest.mark.parametrize("size", [10_001, 5_000_000])
def test_a_file_larger_than_allowed_is_not_read_to_its_end(google, drive, pauses, size):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"x" * size, size=5)
    with pytest.raises(ImageTooLarge):
        drive.download("picture-0001", None, pause=pauses)
    assert google.asked("media") == 1


def test_a_redirect_is_not_followed(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.chaos = lambda kind, _: (
        Fault(302, headers={"Location": f"{google.url}/elsewhere"}) if kind == "get" else None
    )
    with pytest.raises(GoogleUnavailable):
        drive.item(FOLDER_ID, None, pause=pauses)
    assert google.asked("elsewhere") == 0


def test_a_page_that_drive_forgot_is_told_as_such(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.fail("list", drive_error(400, "invalid"))
    with pytest.raises(PageTokenRefused):
        drive.children(FOLDER_ID, None, "page-1000", pause=pauses)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": None},
        {"files": "x"},
        [],
        {"files": [None, 5, "x", [], {}, {"id": 5}, {"id": "../x"}, {"id": ""}]},
        {"files": [{"id": "picture-0001", "size": "1e9", "mimeType": 5, "name": None, "shortcutDetails": "x"}]},
        {"files": [], "nextPageToken": 5},
    ],
    ids=str,
)
def test_strange_answers_do_no_harm(google, drive, pauses, body):
    google.fail("list", Fault(200, json.dumps(body).encode()))
    try:
        page = drive.children(FOLDER_ID, None, None, pause=pauses)
    except GoogleUnavailable:
        return
    assert [item.id for item in page.items] in ([], ["picture-0001"])
    assert page.next_token is None


@pytest.mark.parametrize("checksum", ["a\0b", "\ud800"])
def test_a_checksum_that_no_table_can_hold_does_not_end_the_search(google, drive, pauses, checksum):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"x", md5=checksum)
    [item] = everything(drive, pauses)
    assert item.version.isprintable()


def test_a_name_is_made_printable(google, drive, pauses):
    google.folder(FOLDER_ID)
    google.picture("picture-0001", FOLDER_ID, b"x")
    google.items["picture-0001"].name = "\u202egpj.exe\x00\n" + "x" * 5000
    [item] = everything(drive, pauses)
    assert item.name.isprintable()
    assert len(item.name) == 1000


def test_the_key_is_in_no_address_and_in_no_log(google, drive, pauses, caplog):
    caplog.set_level(logging.DEBUG)
    google.folder(FOLDER_ID)
    google.fail("list", CUT, Fault(500))
    everything(drive, pauses)
    assert API_KEY not in caplog.text
    assert not any(API_KEY in seen.path for seen in google.seen)
    assert all(seen.headers["x-goog-api-key"] == API_KEY for seen in google.seen)
