"""The Events tab's Drive view, against a local Drive (tests/fake_google.py), with real faces."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from bench._server import Server, multipart, start
from tests.browser.conftest import OpenPage, ready
from tests.browser.event_pictures import ME, group_picture, landscape
from tests.browser.people import Somebody, somebody
from tests.browser.test_accessibility import needs_axe, violations
from tests.fake_google import FakeGoogle, drive_error

pytestmark = pytest.mark.browser

PASSWORD = "secure123"
MAX_FILES = 6

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle() as server:
        yield server


@pytest.fixture(scope="module")
def drive_server(google: FakeGoogle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in local mode that knows the local Drive."""
    folder: Path = tmp_path_factory.mktemp("browser-drive")
    settings = {**google.environment(), "GOOGLE_DRIVE_MAX_FILES": str(MAX_FILES)}
    server = start(folder, FACE_MODEL="dlib", PASSWORD_COST="4", **settings)
    yield server
    server.stop()


@dataclass
class Folder:
    """A folder of the local Drive."""

    id: str
    google: FakeGoogle

    @property
    def url(self) -> str:
        """As people paste it."""
        return f"https://drive.google.com/drive/folders/{self.id}?usp=sharing"

    def put(self, name: str, data: bytes, **more: Any) -> None:
        """A picture."""
        self.google.picture(f"{self.id}-{name}", self.id, data, **more)


@pytest.fixture
def folder(google: FakeGoogle) -> Folder:
    """A new folder, public and empty."""
    return Folder(google.folder(f"wedding-folder-{next(_numbers)}"), google)


@pytest.fixture
def guest(drive_server: Server) -> Somebody:
    return somebody(drive_server, "Sari Dewi", password=PASSWORD)


def token_of(server: Server, person: Somebody) -> str:
    body = {"email": person.email, "password": PASSWORD}
    with closing(server.client()) as client:
        token: str = client.json("POST", "/api/auth/login-pass-verify", body).json["data"]["token"]
    return token


def give_selfie(server: Server, person: Somebody) -> None:
    """Store a selfie: the portrait that the browser's camera shows."""
    body, content_type = multipart({}, [("file", "me.jpg", group_picture(ME))])
    bearer = f"Bearer {token_of(server, person)}"
    with closing(server.client()) as client:
        answer = client.call("POST", "/api/users/me/selfie", body, Content_Type=content_type, Authorization=bearer)
    assert answer.status == 201, answer.body


@pytest.fixture
def open_drive(open_page: OpenPage, drive_server: Server, guest: Somebody) -> Callable[..., Page]:
    """The view, after the guest has signed in."""

    def open_one(**options: Any) -> Page:
        page = open_page("/events?show=drive", on=drive_server, **options)
        page.locator("#events-drive-sign-in").click()
        page.locator("#account-form-email").fill(guest.email)
        page.locator("#account-form-password").fill(PASSWORD)
        page.locator("#account-form-password").press("Enter")
        expect(page).to_have_url(re.compile(r"/events\?show=drive$"))
        expect(page.locator("#events-drive-form")).to_be_visible()
        return page

    return open_one


def search(page: Page, url: str) -> None:
    page.locator("#events-drive-drive_url").fill(url)
    page.locator("#events-drive-start").click()


def tiles(page: Page) -> Locator:
    return page.locator(".events-drive-tile")


@pytest.mark.parametrize(
    ("lang", "first", "found", "finished"),
    [
        ("en", "First a picture of you", "You were found on 2 photos.", "Complete"),
        ("id", "Pertama, gambar diri Anda", "Anda ditemukan di 2 foto.", "Selesai"),
    ],
)
def test_a_guest_finds_themselves_in_a_folder(open_drive, folder, lang, first, found, finished):
    folder.put("alone", group_picture(ME))
    folder.put("with-others", group_picture(0, ME, 2))
    folder.put("others", group_picture(1, 3))
    folder.put("meadow", landscape())
    folder.put("clip", b"GIF89a", mime="image/gif")
    page = open_drive(lang=lang, size="phone")
    # Nobody can be looked for without a picture: the camera shows the guest.
    expect(page.locator("#events-drive-me-title")).to_have_text(first)
    expect(page.locator("#events-drive-start")).to_be_disabled()
    source = page.locator("#events-drive-source")
    source.locator('[data-source="camera"]').click()
    source.locator('[data-camera="capture"]').click()
    expect(page.locator("#events-drive-selfie")).to_be_visible()
    expect(source).to_be_hidden()

    search(page, folder.url)
    expect(page.locator("#events-drive-tag")).to_have_text(finished)
    expect(page).to_have_url(re.compile(r"/events\?show=drive&search=\d+$"))
    expect(page.locator("#events-drive-message")).to_contain_text(found)
    expect(page.locator("#heading-events")).to_have_text(folder.id)
    expect(page.locator("#events-drive-skipped")).to_contain_text("1")
    expect(tiles(page)).to_have_count(2)
    for tile in tiles(page).all():
        expect(tile.locator("img.is-loaded")).to_be_attached()
        expect(tile.locator("a")).to_have_attribute("href", re.compile(r"^https://drive\.google\.com/file/d/wedding"))
        expect(tile.locator("a")).to_have_attribute("rel", "noopener noreferrer")

    page.reload()
    ready(page)
    expect(tiles(page)).to_have_count(2)
    page.go_back()
    expect(page.locator(".events-drive-row")).to_have_count(1)
    expect(page.locator(".events-drive-row .tag")).to_have_text(finished)
    expect(page.locator("#events-drive-drive_url")).to_have_value("")


def test_a_search_tells_how_far_it_is_and_shows_what_it_has_found(open_drive, drive_server, guest, google, folder):
    give_selfie(drive_server, guest)
    folder.put("1-mine", group_picture(ME))
    folder.put("2-mine", group_picture(ME, 1))
    folder.put("3-other", group_picture(2))
    held = threading.Event()

    def content() -> bytes:
        held.wait(60)
        return group_picture(ME, 4)

    google.picture(f"{folder.id}-4-held", folder.id, content, md5="held", size=1000)
    page = open_drive()
    search(page, folder.url)
    expect(page.locator("#events-drive-progress .progress-text")).to_have_text("3 of 4 photos")
    expect(page.locator("#events-drive-tag")).to_have_text("Under way")
    expect(tiles(page)).to_have_count(2)
    expect(page.locator("#events-drive-message")).to_contain_text("You may leave this page")
    held.set()
    expect(page.locator("#events-drive-message")).to_have_text("4 photos were looked at. You were found on 3 photos.")
    expect(page.locator("#events-drive-progress")).to_be_hidden()
    expect(tiles(page)).to_have_count(3)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "Paste the link of the folder."),
        ("https://photos.app.goo.gl/abc", "only folders of Google Drive"),
        ("https://drive.google.com/file/d/1AbCdEfGhIjKl/view", "share the folder that it is in"),
        ("https://example.com/drive/folders/1AbCdEfGhIjKl", "is needed"),
        ("nonsense", "is needed"),
    ],
)
def test_a_link_that_is_none_of_a_folder_is_told_at_the_field(open_drive, drive_server, guest, link, words):
    give_selfie(drive_server, guest)
    page = open_drive()
    search(page, link)
    expect(page.locator("#events-drive-drive_url-error")).to_contain_text(words)
    expect(page.locator("#events-drive-drive_url")).to_be_focused()
    expect(page.locator("#events-drive-drive_url")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("lang", "advice", "again"),
    [("en", "Anyone with the link", "Search again"), ("id", "Siapa saja yang memiliki link", "Cari lagi")],
)
def test_a_folder_that_is_not_public_is_told_with_what_to_do(
    open_drive, drive_server, guest, google, folder, lang, advice, again
):
    give_selfie(drive_server, guest)
    google.items[folder.id].public = False
    folder.put("mine", group_picture(ME))
    page = open_drive(lang=lang)
    search(page, folder.url)
    expect(page.locator("#events-drive-failed-advice")).to_contain_text(advice)
    google.items[folder.id].public = True
    page.locator("#events-drive-again").filter(has_text=again).click()
    expect(page.locator("#events-drive-failed")).to_be_hidden()
    expect(tiles(page)).to_have_count(1)


def test_what_is_too_much_for_today_keeps_what_was_found(open_drive, drive_server, guest, google, folder):
    give_selfie(drive_server, guest)
    folder.put("1-mine", group_picture(ME))
    folder.put("2-mine", group_picture(ME, 3))
    refused = drive_error(403, "dailyLimitExceeded")
    google.chaos = lambda kind, what: refused if kind == "media" and what.endswith("2-mine") else None
    page = open_drive()
    search(page, folder.url)
    expect(page.locator("#events-drive-tag")).to_have_text("Not finished")
    expect(page.locator("#events-drive-failed-advice")).to_contain_text("Search again tomorrow")
    expect(tiles(page)).to_have_count(1)
    google.chaos = lambda _kind, _what: None


def test_a_folder_with_more_than_is_searched_says_so(open_drive, drive_server, guest, folder):
    give_selfie(drive_server, guest)
    for number in range(MAX_FILES + 1):
        folder.put(f"meadow-{number}", landscape(number))
    page = open_drive()
    search(page, folder.url)
    expect(page.locator("#events-drive-tag")).to_have_text("Complete")
    expect(page.locator("#events-drive-truncated")).to_be_visible()
    expect(page.locator("#events-drive-nothing")).to_contain_text("You were not found in this folder")
    expect(page.locator("#events-drive-skipped")).to_be_hidden()


def test_a_search_is_deleted_after_a_question(open_drive, drive_server, guest, folder):
    give_selfie(drive_server, guest)
    folder.put("mine", group_picture(ME))
    page = open_drive()
    search(page, folder.url)
    expect(tiles(page)).to_have_count(1)
    address = page.url
    page.locator("#events-drive-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(tiles(page)).to_have_count(1)
    page.locator("#events-drive-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#events-drive-mine")).to_contain_text("No search yet")
    page.goto(address)
    ready(page)
    expect(page.locator("#events-drive")).to_contain_text("This search does not exist (any more)")


def test_somebody_elses_search_does_not_exist(open_drive, drive_server, guest, folder):
    other = somebody(drive_server, "Wayan", password=PASSWORD)
    give_selfie(drive_server, other)
    bearer = f"Bearer {token_of(drive_server, other)}"
    with closing(drive_server.client()) as client:
        made = client.json("POST", "/api/drive-search", {"drive_url": folder.url}, Authorization=bearer)
    page = open_drive()
    page.goto(f"/events?show=drive&search={made.json['search_id']}")
    ready(page)
    expect(page.locator("#events-drive")).to_contain_text("This search does not exist (any more)")


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_view_has_no_violation_and_no_sideways_scrolling(open_drive, drive_server, guest, folder, theme):
    def check() -> None:
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")

    folder.put("with-a-long-name-that-does-not-fit-on-a-phone", group_picture(ME))
    folder.put("with-others", group_picture(0, ME))
    page = open_drive(theme=theme, lang="id", size="phone", reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator("#events-drive-source")).to_be_visible()
    check()
    give_selfie(drive_server, guest)
    page.reload()
    ready(page)
    search(page, folder.url)
    expect(page.locator("img.is-loaded")).to_have_count(2)
    check()
    page.go_back()
    expect(page.locator(".events-drive-row .tag-good")).to_be_visible()
    check()


def test_a_server_without_a_key_says_that_folders_cannot_be_searched(open_page):
    page = open_page("/events?show=drive", lang="id")
    expect(page.locator("#events-drive-closed")).to_contain_text("Folder Drive tidak bisa dicari di sini")
    expect(page.locator("#events-drive-form")).to_be_hidden()
