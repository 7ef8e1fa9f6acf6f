"""The tab Events for whoever makes one: its home, create, upload, progress, share, statistics, change, delete."""

from __future__ import annotations

import itertools
import re
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from bench._server import Server
from tests.browser.conftest import OpenPage, ready
from tests.browser.event_guests import close_photo
from tests.browser.event_pictures import group_picture, landscape
from tests.browser.people import ask, database, new_email, somebody
from tests.browser.test_shell import core, sign_in
from tests.pictures import jpeg

pytestmark = pytest.mark.browser

PASSWORD = "BudiAni2026"
UPLOADS = "**/api/events/*/images"
_numbers = itertools.count(1)

WORDS = {
    "en": {
        "added": "2 photos added · 1 was here already · 2 files were not taken",
        "duplicate": "Was here already.",
        "looked": "2 photos have been looked at · 3 faces found",
        "take": "Take a selfie and find all photos that you are on:",
        "photos": "2 photos",
        "deleted": "is deleted",
        "missing": "Give the event a name.",
    },
    "id": {
        "added": "2 foto ditambahkan · 1 sudah ada · 2 berkas tidak diterima",
        "duplicate": "Sudah ada di sini.",
        "looked": "2 foto sudah diperiksa · 3 wajah ditemukan",
        "take": "Ambil swafoto dan temukan semua foto Anda:",
        "photos": "2 foto",
        "deleted": "dihapus",
        "missing": "Beri nama acara ini.",
    },
}

File = dict[str, Any]


def file(name: str, data: bytes) -> File:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def new_name(name: str = "Pesta") -> str:
    """Of an event that no other test has."""
    return f"{name} {next(_numbers)}-{id(_numbers) % 9973}"


def make_event(server: Server, name: str, *photos: bytes) -> int:
    """An event of the installation, with photos; its id."""
    event_id: int = ask(server, "POST", "/api/events", {"name": name, "password": PASSWORD}).json["id"]
    if photos:
        with closing(server.client()) as client:
            files = [("files", f"photo-{number}.jpg", data) for number, data in enumerate(photos, 1)]
            client.form(f"/api/events/{event_id}/images", files)
    return event_id


def total(server: Server, event_id: int) -> int:
    found: int = ask(server, "GET", f"/api/events/{event_id}").json["total"]
    return found


def manage(event_id: int, part: str = "") -> str:
    return f"/events?event={event_id}&show=manage" + (f"&part={part}" if part else "")


def choose(page: Page, *files: File) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("#events-drop-choose").click()
    chooser.value.set_files(list(files))


def many(count: int) -> list[File]:
    """Small pictures, each another file."""
    return [file(f"many-{number}.jpg", jpeg(64 + number, 64)) for number in range(count)]


def is_upload(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/images")


def photos(page: Page) -> Locator:
    return page.locator("#events-photos-list > li")


def result(page: Page) -> Locator:
    return page.locator("#events-upload-result")


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_whole_way_of_an_organiser_on_a_phone(open_page: OpenPage, server: Server, lang: str) -> None:
    words, name = WORDS[lang], new_name("Pernikahan")
    page = open_page("/events", size="phone", lang=lang)
    password = create(page, name, words)
    upload_five(page, words)
    look_at_the_share(page, password, words)

    page.locator("[data-part=statistics]").click()
    figures = page.locator("#events-statistics-figures")
    expect(figures.locator(".events-figure").nth(0)).to_have_text("2")
    expect(figures.locator(".events-figure").nth(1)).to_have_text("3")

    page.locator("[data-part=settings]").click()
    page.locator("#events-edit-form-name").fill(f"{name} baru")
    page.locator("#events-edit-form [type=submit]").click()
    expect(page.locator("#heading-events")).to_have_text(f"{name} baru")

    page.locator("[data-part=photos]").click()
    page.locator("#events-photos-choose").click()
    photos(page).first.locator("button").click()
    page.locator(".events-choice-actions button").first.click()
    page.locator("dialog [data-answer=ok]").click()
    expect(photos(page)).to_have_count(1)

    page.locator("[data-part=settings]").click()
    page.locator("#events-delete").click()
    page.locator("dialog [data-answer=ok]").click()
    expect(page.locator("#notices")).to_contain_text(words["deleted"])
    expect(page.locator("#events-home")).to_be_visible()
    expect(page.locator(".events-card").filter(has_text=name)).to_have_count(0)


def create(page: Page, name: str, words: dict[str, str]) -> str:
    """Make an event; its password. A form that is not complete says so first, in the visitor's language."""
    page.locator("a[href='/events?show=new']:visible").first.click()
    form = page.locator("#events-new-form")
    field = page.locator("#events-new-form-password")
    form.locator("[type=submit]").click()
    expect(page.locator("#events-new-form-name-error")).to_have_text(words["missing"])
    page.locator("#events-new-form-name").fill(name)
    page.locator("#events-new-form-date").fill("2026-01-22")
    form.locator("[data-password-suggest]").click()
    password = field.input_value()
    assert re.fullmatch(r"[a-z]{4}-[a-z]{4}-\d\d", password)
    expect(field).to_have_attribute("type", "text")
    page.locator("#events-new-form-password-show").click()
    expect(field).to_have_attribute("type", "password")
    form.locator("[type=submit]").click()
    expect(page.locator("#heading-events")).to_have_text(name)
    expect(page).to_have_url(re.compile(r"/events\?event=\d+&show=manage"))
    return password


def upload_five(page: Page, words: dict[str, str]) -> None:
    """Five files, of which two are new photos."""
    twins = group_picture(0, 1)
    choose(
        page,
        file("twins.jpg", twins),
        file("alone.jpg", group_picture(2)),
        file("again.jpg", twins),
        file("broken.jpg", b"no picture" * 50),
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x"},
    )
    expect(result(page)).to_have_text(words["added"])
    outcomes = page.locator("#events-upload-list")
    expect(outcomes.locator("li")).to_have_count(3)
    expect(outcomes.locator("li").filter(has_text="again.jpg")).to_contain_text(words["duplicate"])
    expect(outcomes).not_to_contain_text("alone.jpg")
    expect(photos(page)).to_have_count(2)
    expect(page.locator("#events-index-words")).to_have_text(words["looked"])


def look_at_the_share(page: Page, password: str, words: dict[str, str]) -> None:
    """The link, without the password; the text with it only if that is wanted; the QR code as two kinds of file."""
    page.locator("[data-part=share]").click()
    link = page.locator("#events-share-link").input_value()
    text = page.locator("#events-share-text")
    assert password not in link
    expect(page.locator("#events-share-password")).to_have_text(password)
    assert link in text.input_value()
    assert words["take"] in text.input_value()
    assert password not in text.input_value()
    page.locator("#events-share-with").check()
    expect(text).to_have_value(re.compile(password))
    assert password in (page.locator("#events-share-whatsapp").get_attribute("href") or "")
    qr = page.locator("#events-share-qr")
    expect(qr).to_have_attribute("src", re.compile("^blob:"))
    assert qr.evaluate("async (img) => { await img.decode(); return img.naturalWidth; }") > 0
    for kind, start in (("svg", b"<"), ("png", b"\x89PNG")):
        with page.expect_download() as saved:
            page.locator(f"[data-qr={kind}]").click()
        assert saved.value.suggested_filename.endswith(f"-qr.{kind}")
        assert saved.value.path().read_bytes().startswith(start)


# --- uploading


def test_hundreds_of_photos_go_in_batches_with_one_bar(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id))
    sent: list[int] = []
    page.on("request", lambda request: sent.append(1) if is_upload(request) else None)
    choose(page, *many(45))
    expect(result(page)).to_have_text("45 photos added")
    assert len(sent) == 5
    assert total(server, event_id) == 45
    expect(page.locator("#events-upload-outcomes")).to_be_hidden()
    expect(page.locator("#events-photos-title")).to_have_text("45 photos")


def test_a_folder_is_taken_with_what_is_below_it(open_page: OpenPage, server: Server, tmp_path: Any) -> None:
    event_id = make_event(server, new_name())
    (tmp_path / "day one").mkdir()
    (tmp_path / "day one" / "a.jpg").write_bytes(jpeg(70, 70))
    (tmp_path / "b.JPG").write_bytes(jpeg(71, 70))
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    page = open_page(manage(event_id))
    page.locator("#events-drop-folder").set_input_files(tmp_path)
    expect(result(page)).to_have_text("2 photos added")


def test_a_folder_that_is_dropped_is_taken_with_what_is_below_it(
    open_page: OpenPage, server: Server, tmp_path: Any
) -> None:
    event_id = make_event(server, new_name())
    (tmp_path / "day" / "evening").mkdir(parents=True)
    (tmp_path / "day" / "a.jpg").write_bytes(jpeg(72, 70))
    (tmp_path / "day" / "evening" / "b.jpg").write_bytes(jpeg(73, 70))
    page = open_page(manage(event_id))
    box = page.locator("#events-drop-choose").bounding_box()
    assert box is not None
    mouse = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(tmp_path / "day")], "dragOperationsMask": 1}
        mouse.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"], "y": box["y"] - 20, "data": data})
    expect(result(page)).to_have_text("2 photos added")


def test_a_lost_connection_is_waited_for(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id), allowed="ERR_")
    lost = []

    def lose_the_first(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(1)
            return route.abort("connectionreset")
        return route.continue_()

    page.route(UPLOADS, lose_the_first)
    choose(page, *many(3))
    expect(result(page)).to_have_text("3 photos added")
    assert lost
    assert total(server, event_id) == 3


def test_an_answer_that_got_lost_makes_no_photo_twice(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id), allowed="ERR_")
    lost = []

    def take_and_lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            return route.abort("connectionreset")
        return route.continue_()

    page.route(UPLOADS, take_and_lose)
    choose(page, *many(3))
    expect(result(page)).to_have_text("No new photo · 3 were here already")
    assert lost == [201]
    expect(photos(page)).to_have_count(3)


def test_a_batch_that_failed_is_sent_again_on_demand(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id))
    page.route(
        UPLOADS,
        lambda route: (
            route.fulfill(status=507, json={"code": "storage_full", "message": "x"})
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    choose(page, *many(2))
    expect(page.locator("#events-upload-title")).to_have_text("Not everything has arrived")
    expect(result(page)).to_contain_text("2 files are still to be sent")
    page.unroute(UPLOADS)
    page.locator("#events-upload-again").click()
    expect(result(page)).to_have_text("2 photos added")
    assert total(server, event_id) == 2


def test_a_request_that_is_too_large_is_cut_up(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id))
    answers: list[int] = []

    def only_one_file(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        answers.append((route.request.post_data_buffer or b"").count(b"filename="))
        if answers[-1] > 1:
            return route.fulfill(status=413, json={"code": "request_too_large", "message": "x"})
        return route.continue_()

    page.route(UPLOADS, only_one_file)
    choose(page, *many(3))
    expect(result(page)).to_have_text("3 photos added")
    assert answers == [3, 1, 1, 1]


def test_leaving_the_page_while_it_uploads_asks_first_and_stopping_ends_it(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id))
    held: list[Route] = []
    page.route(UPLOADS, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    choose(page, *many(2))
    expect(page.locator("#events-upload-progress")).to_contain_text("0 of 2 photos")
    page.close(run_before_unload=True)
    expect(page.locator("#events-upload-title")).to_have_text("Photos are being uploaded")
    assert asked == ["beforeunload"]
    # Another tab of Kenali does not end it, and is not told that it would.
    page.locator("[data-tab-link=status]").first.click()
    expect(page.locator("#panel-status")).to_be_visible()
    page.go_back()
    expect(page.locator("#events-upload-title")).to_have_text("Photos are being uploaded")
    page.locator("#events-upload-stop").click()
    expect(page.locator("#events-upload-run")).to_be_hidden()
    for route in held:
        route.abort()
    page.unroute(UPLOADS)
    page.reload()
    ready(page)
    choose(page, *many(2))
    expect(result(page)).to_have_text("2 photos added")


# --- progress


def test_progress_goes_on_after_a_reload(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name(), *(group_picture(0, 1, light=1 + number / 50) for number in range(4)))
    page = open_page(manage(event_id), size="phone")
    page.reload()
    ready(page)
    expect(page.locator("#events-index-words")).to_have_text("4 photos have been looked at · 8 faces found")
    expect(page.locator("#events-index-progress")).to_be_hidden()


def test_failed_photos_say_why_and_are_tried_again(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name(), landscape(1))
    page = open_page(manage(event_id))
    expect(page.locator("#events-index-words")).to_contain_text("1 photo has been looked at")
    with database(server) as cursor:
        cursor.execute(
            "update event_images set state = 'failed', failure = 'photo_file_missing' where event_id = %s", [event_id]
        )
    page.reload()
    ready(page)
    expect(page.locator("#events-index-failed-words")).to_have_text("1 photo could not be looked at.")
    page.locator("#events-index-why").click()
    expect(page.locator("#events-index-list")).to_contain_text("The file is gone from the server's disk.")
    page.locator("#events-index-again").click()
    expect(page.locator("#events-index-failed")).to_be_hidden()
    expect(page.locator("#events-index-words")).to_have_text("1 photo has been looked at · 0 faces found")


# --- photos


def test_a_photo_is_deleted_from_its_large_view(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name(), landscape(2), landscape(3))
    page = open_page(manage(event_id))
    photos(page).first.locator("button").click()
    page.locator(".events-light-tool.is-danger").click()
    page.locator("dialog.dialog [data-answer=ok]").click()
    expect(page.locator(".events-light-count")).to_have_text("1 of 1")
    close_photo(page)
    expect(photos(page)).to_have_count(1)
    assert total(server, event_id) == 1


def test_photos_are_ordered_by_name(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name(), landscape(4), landscape(5))
    page = open_page(manage(event_id))
    expect(photos(page).first.locator("button")).to_have_attribute("aria-label", re.compile("photo-2"))
    page.locator("#events-photos-order").select_option("file_name-asc")
    expect(photos(page).first.locator("button")).to_have_attribute("aria-label", re.compile("photo-1"))


# --- share, statistics, settings


def test_a_new_password_is_shown_once_more(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id, "settings"))
    page.locator("#events-edit-form-password").fill("short")
    page.locator("#events-edit-form [type=submit]").click()
    expect(page.locator("#events-edit-form-password-error")).to_contain_text("At least 6")
    page.locator("#events-edit-form-password").fill("another-one-22")
    page.locator("#events-edit-form [type=submit]").click()
    expect(page.locator("#notices")).to_contain_text("new password")
    page.locator("[data-part=share]").click()
    expect(page.locator("#events-share-password")).to_have_text("another-one-22")
    page.reload()
    ready(page)
    expect(page.locator("#events-share-link")).to_be_visible()
    expect(page.locator("#events-share-known")).to_be_hidden()


def test_what_the_api_refuses_stands_at_its_field(open_page: OpenPage, server: Server) -> None:
    page = open_page("/events?show=new")
    page.locator("#events-new-form-name").fill("x")
    page.locator("#events-new-form-password").fill(PASSWORD)
    page.route(
        "**/api/events",
        lambda route: route.fulfill(
            status=400, json={"code": "invalid_input", "message": "x", "errors": {"date": "a date is needed"}}
        ),
    )
    page.locator("#events-new-form [type=submit]").click()
    expect(page.locator("#events-new-form-date-error")).to_have_text("A date is needed")


def test_a_field_that_is_missing_is_not_behind_the_bars(open_page: OpenPage) -> None:
    page = open_page("/events?show=new", size="phone", lang="id")
    page.locator("#events-new-form [type=submit]").click()
    name = page.locator("#events-new-form-name")
    expect(name).to_be_focused()
    bars = page.locator("#tabs").bounding_box()
    field = name.bounding_box()
    assert bars is not None
    assert field is not None
    assert field["y"] >= bars["y"] + bars["height"]


def test_pictures_of_an_iphone_get_advice(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id))
    choose(page, {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": b"x"}, *many(1))
    expect(result(page)).to_have_text("1 photo added · 1 file was not taken")
    expect(page.locator("#events-upload-list")).to_contain_text("save it as JPEG")


def test_copying_says_that_it_is_done(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name())
    page = open_page(manage(event_id, "share"), permissions=["clipboard-read", "clipboard-write"])
    page.locator("#events-share-copy").click()
    expect(page.locator("#events-share-copy")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#events-share-link").input_value()


def test_people_who_are_being_counted_come_later(open_page: OpenPage, server: Server) -> None:
    event_id = make_event(server, new_name(), landscape(6))
    computing = {
        **dict.fromkeys(("indexed", "failed", "without_faces", "faces", "size_bytes", "visitors", "hidden"), 0),
        "photos": 1,
        "people": None,
        "people_exact": False,
        "most_photographed": [],
        "computed_at": None,
        "state": "computing",
    }
    page = open_page(manage(event_id))
    page.route("**/api/events/*/statistics", lambda route: route.fulfill(json=computing), times=1)
    page.locator("[data-part=statistics]").click()
    expect(page.locator("#events-statistics-figures")).to_contain_text("counting …")
    expect(page.locator(".events-figure").nth(2)).to_have_text("0")


# --- whose event


def test_an_event_that_is_gone_says_so(open_page: OpenPage) -> None:
    page = open_page(manage(987654), size="phone", lang="id")
    expect(page.locator("#events-organiser")).to_contain_text("Acara ini tidak")


def test_only_the_owner_manages_an_event(open_page: OpenPage, token_server: Server) -> None:
    page = open_page("/account", on=token_server)
    sign_in(page)
    page.locator("[data-tab-link=events]").first.click()
    page.locator("a[href='/events?show=new']:visible").first.click()
    name = new_name("Wisuda")
    page.locator("#events-new-form-name").fill(name)
    page.locator("#events-new-form-password").fill(PASSWORD)
    page.locator("#events-new-form [type=submit]").click()
    expect(page.locator("#heading-events")).to_have_text(name)
    choose(page, *many(1))
    expect(result(page)).to_have_text("1 photo added")
    expect(photos(page).locator("img.is-loaded")).to_have_count(1)
    address = page.evaluate("location.pathname + location.search")
    email = new_email("guest")
    token = page.evaluate("async (url) => (await import(url)).token()", core(page, "session.js"))
    with closing(token_server.client()) as client:
        body = {"name": "Tamu", "email": email, "password": "secure123"}
        assert client.json("POST", "/api/users", body, Authorization=f"Bearer {token}").status == 201

    guest = open_page("/account", on=token_server)
    guest.locator("#account-form-email").fill(email)
    guest.locator("#account-form-password").fill("secure123")
    guest.locator("#account-form-start").click()
    guest.locator("#account-me").wait_for()
    guest.goto(address)
    ready(guest)
    expect(guest.get_by_text("Only the owner manages this event")).to_be_visible()
    guest.goto(f"/events?q={name}")
    card = guest.locator(".events-card").filter(has_text=name)
    expect(card).to_contain_text("Needs its password")
    expect(guest.locator("a[href='/events?show=new']:visible")).to_have_count(0)


# --- home


def test_events_are_found_by_name_page_by_page(open_page: OpenPage, server: Server) -> None:
    name = new_name("Turnamen")
    for number in range(13):
        make_event(server, f"{name} #{number:02}")
    page = open_page("/events", size="phone")
    page.locator("#events-home-q").fill(name.upper())
    page.locator("#events-home-q").press("Enter")
    cards = page.locator("#events-home-results-list > li")
    expect(cards).to_have_count(12)
    expect(page.locator("#events-home-lists")).to_be_hidden()
    page.locator("#events-home-results-pager [aria-label='Next page']").click()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("#00")
    page.reload()
    ready(page)
    expect(cards).to_have_count(1)
    page.locator("#events-home-q").fill("no event is called like this")
    page.locator("#events-home-find").click()
    expect(page.get_by_text("No event has this in its name")).to_be_visible()
    page.locator("#events-home-clear").click()
    expect(page.locator("#events-home-lists")).to_be_visible()
    expect(page).to_have_url(re.compile("/events$"))


def test_enter_counts_also_while_the_script_of_the_search_is_on_its_way(open_page: OpenPage, server: Server) -> None:
    name = new_name("Reuni")
    make_event(server, name)
    page = open_page(size="phone")
    on_their_way = []
    page.route("**/events/home.js", lambda route: on_their_way.append(route))  # noqa: PLW0108 - Playwright counts its parameters
    with page.expect_request("**/events/home.js"):
        page.goto("/events")
    page.locator("#events-home-q").fill(name)
    page.locator("#events-home-q").press("Enter")
    for route in on_their_way:
        route.continue_()
    expect(page.locator("#events-home-results-list > li")).to_have_count(1)
    expect(page.locator("#events-home-q")).to_have_value(name)


def test_a_list_that_cannot_be_loaded_can_be_asked_for_again(open_page: OpenPage, server: Server) -> None:
    make_event(server, new_name())
    page = open_page()
    page.route("**/api/events/my-events?*", lambda route: route.fulfill(status=500, body="{}"), times=1)
    page.goto("/events")
    ready(page)
    page.locator("#events-home-mine-problem").get_by_role("button", name="Try again").click()
    expect(page.locator("#events-home-mine-list > li").first).to_be_visible()


def test_a_card_tells_what_waits_and_leads_to_the_photos(open_page: OpenPage, server: Server) -> None:
    name = new_name("Reuni")
    event_id = make_event(server, name, landscape(7), group_picture(3))
    page = open_page("/events")
    card = page.locator(f".events-card[data-event='{event_id}']")
    expect(card).to_contain_text("2 photos")
    expect(card.locator(".events-card-preview img")).to_have_count(2)
    card.get_by_role("link").click()
    expect(page.locator("#heading-events")).to_have_text(name)
    expect(photos(page)).to_have_count(2)


def test_somebody_keeps_no_list_of_what_another_opened(open_page: OpenPage, server: Server) -> None:
    person = somebody(server, "Rina Tamu", password="secure123")
    name = new_name("Buka")
    event_id = make_event(server, name, landscape(8))
    page = open_page("/account")
    page.locator("#account-form-email").fill(person.email)
    page.locator("#account-form-password").fill("secure123")
    page.locator("#account-form-start").click()
    page.locator("#account-me").wait_for()
    opened = page.evaluate(
        """async ([id, password, api, tokens]) => {
            const { post } = await import(api);
            const { keepToken } = await import(tokens);
            const { data } = await post(`/api/events/${id}/access`, { password });
            keepToken(id, data.event_access_token, data.expires_at);
            return data.token_type;
        }""",
        [event_id, PASSWORD, core(page, "api.js"), core(page, "event_tokens.js")],
    )
    assert opened == "bearer"
    page.locator("[data-tab-link=events]").first.click()
    recent = page.locator("#events-home-recent-list > li")
    expect(recent).to_have_count(1)
    expect(recent).to_contain_text(name)
    expect(recent).to_contain_text("1 photo")
    expect(page.locator("#events-home-kept")).to_be_visible()
    page.locator("#account-link").click()
    page.locator("#account-sign-out").click()
    page.locator("[data-tab-link=events]").first.click()
    expect(page.locator("#events-home-recent")).to_be_hidden()
    assert page.evaluate("sessionStorage.getItem('kenali:event-tokens')") is None
