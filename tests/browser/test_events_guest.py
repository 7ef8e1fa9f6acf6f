"""The guest's way through an event, most of it on a phone: open, find oneself, look, keep, save, hide."""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import closing
from http import HTTPStatus

import pytest
from PIL import Image as PillowImage
from playwright.sync_api import Locator, Page, expect

from bench._server import multipart
from tests.browser.conftest import until
from tests.browser.event_guests import (
    GUEST_PASSWORD,
    PASSWORD,
    close_photo,
    guest,
    headers_of,
    party,
    selfie,
)
from tests.browser.event_pictures import ME
from tests.browser.event_pictures import group_picture as photo
from tests.browser.test_accessibility import needs_axe, violations
from tests.browser.test_shell import sign_in
from tests.pictures import jpeg

pytestmark = pytest.mark.browser

WORDS = {
    "en": {
        "wrong": "This is not the password of the event",
        "found": "You are on 3 photos",
        "kept": "3 photos kept",
        "ready": "Your ZIP file is ready",
        "selfie first": "Store a selfie first",
        "hidden": "You are hidden",
    },
    "id": {
        "wrong": "Ini bukan kata sandi acara",
        "found": "Anda ada pada 3 foto",
        "kept": "3 foto disimpan",
        "ready": "Berkas ZIP Anda sudah siap",
        "selfie first": "Simpan swafoto dahulu",
        "hidden": "Anda tersembunyi",
    },
}


@pytest.fixture(scope="module")
def wedding(token_server):
    """Three photos with the camera's person, two without; nobody changes it."""
    return party(
        token_server,
        photo(ME, 0),
        photo(1, 2, ME),
        photo(ME, light=0.9),
        photo(0, 1),
        photo(3, 4),
    )


@pytest.fixture(scope="module")
def open_house(server):
    """The same in local mode."""
    return party(server, photo(ME, 0), photo(1, 2), token=False)


@pytest.fixture
def inside(open_page, token_server):
    """Opens an event as a new guest: ``inside(wedding)`` answers page and guest."""

    def enter(event, *, who=None, query="", size="phone", **options):
        who = who or guest(token_server)
        page = open_page("/", on=token_server, size=size, **options)
        sign_in(page, who.email, who.password)
        page.goto(f"/events?event={event.id}{query}")
        unlock(page)
        return page, who

    return enter


def unlock(page: Page, password: str = PASSWORD) -> None:
    page.locator("#events-door-password").fill(password)
    page.locator("#events-door-open").click()
    expect(page.locator(".events-open")).to_be_visible()


def take_selfie(page: Page) -> None:
    page.locator("#events-selfie-camera-open").click()
    page.locator('#events-selfie [data-camera="capture"]').click()


def choose_selfie(page: Page, *files: bytes) -> None:
    expect(page.locator("#events-selfie-ways")).to_be_visible()
    payload = [{"name": f"me-{n}.jpg", "mimeType": "image/jpeg", "buffer": data} for n, data in enumerate(files)]
    page.set_input_files("#events-selfie-file-input", payload)


def found(page: Page) -> Locator:
    return page.locator("#events-found-sure li")


def shown(cell: Locator) -> None:
    """The picture itself is there."""
    img = cell.locator("img")
    expect(img).to_have_class(re.compile("is-loaded"))
    assert img.evaluate("img => img.naturalWidth") > 0


def dialog(page: Page) -> Locator:
    return page.locator("dialog.dialog[open]")


def light(page: Page) -> Locator:
    return page.locator("dialog.events-light[open]")


def store_selfie(server, who) -> None:
    with closing(server.client()) as client:
        body, content_type = multipart({}, [("file", "me.jpg", selfie())])
        headers = headers_of(server, who.email, who.password)
        answer = client.call("POST", "/api/users/me/selfie", body, Content_Type=content_type, **headers)
        assert answer.status == HTTPStatus.CREATED, answer.body


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_whole_way_of_a_guest(open_page, token_server, wedding, lang):
    words = WORDS[lang]
    who = guest(token_server)
    page = open_page(wedding.link, on=token_server, size="phone", lang=lang)
    sign_in_and_come_back(page, who, wedding)
    pass_the_door(page, words)
    find_by_the_camera(page, words)
    look_at_one_and_keep_it(page, lang)
    keep_all_three(page, words)
    save_all_three(page, words)
    look_at_the_kept_ones(page)
    hide_and_show_again(page, wedding, words)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def sign_in_and_come_back(page, who, event):
    page.locator("#panel-events .gate a").click()
    page.locator("#account-form-email").fill(who.email)
    page.locator("#account-form-password").fill(GUEST_PASSWORD)
    page.locator("#account-form-start").click()
    expect(page).to_have_url(re.compile(rf"/events\?event={event.id}$"))
    expect(page.locator("#heading-events")).to_have_text("Budi & Ani")


def pass_the_door(page, words):
    page.locator("#events-door-password").fill("budiani2026")
    page.locator("#events-door-open").click()
    expect(page.locator("#events-door-password-error")).to_contain_text(words["wrong"])
    expect(page.locator("#events-door-password")).to_be_focused()
    unlock(page)
    expect(page.locator("#events-guest-total")).to_have_text("5")


def find_by_the_camera(page, words):
    take_selfie(page)
    expect(page.locator("#events-found-title")).to_have_text(words["found"])
    expect(found(page)).to_have_count(3)
    for cell in found(page).all():
        shown(cell)
        expect(cell.locator(".face-box")).to_have_count(1)


def look_at_one_and_keep_it(page, lang):
    found(page).first.locator("button").click()
    expect(light(page).locator(".events-light-count")).to_have_text("1 of 3" if lang == "en" else "1 dari 3")
    expect(light(page).locator(".events-light-faces .face-box")).to_be_visible()
    keep = light(page).locator(".events-light-tools button").nth(1)
    keep.click()
    expect(keep).to_have_attribute("aria-pressed", "true")
    close_photo(page)
    expect(found(page).first.locator("button")).to_be_focused()
    expect(found(page).first.locator(".events-cell-kept")).to_be_visible()


def choose_all_found(page):
    """The two buttons of what can be done with them."""
    page.locator("#events-found-choose").click()
    page.locator(".events-choice-row button").last.click()
    expect(found(page).locator('[aria-pressed="true"]')).to_have_count(3)
    return page.locator(".events-choice-actions button")


def keep_all_three(page, words):
    choose_all_found(page).first.click()
    expect(page.locator("#notices")).to_contain_text(words["kept"])
    expect(page.locator("#events-found-sure .events-cell-kept")).to_have_count(3)


def save_all_three(page, words):
    choose_all_found(page).last.click()
    dialog(page).locator('input[value="web"]').check()
    with page.expect_download() as saved:
        dialog(page).locator('[data-answer="ok"]').click()
    assert saved.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        for name in archive.namelist():
            assert PillowImage.open(io.BytesIO(archive.read(name))).format == "JPEG"
    expect(page.locator(".events-zip-title")).to_have_text(words["ready"])
    expect(page.locator(".events-choice")).to_have_count(0)
    page.locator(".events-zip-close").click()
    expect(page.locator(".events-zip")).to_have_count(0)


def look_at_the_kept_ones(page):
    page.locator("#events-actions a").first.click()
    expect(page).to_have_url(re.compile("show=kept"))
    expect(page.locator(".events-kept-group li")).to_have_count(3)
    shown(page.locator(".events-kept-group li").first)
    page.go_back()
    expect(found(page)).to_have_count(3)


def hide_and_show_again(page, event, words):
    switch = page.locator("#events-hide-switch")
    switch.click()
    expect(page.locator("#events-hide-problem")).to_contain_text(words["selfie first"])
    expect(switch).not_to_be_checked()
    page.locator("#events-selfie-keep").click()
    expect(page.locator("#events-selfie-delete")).to_be_visible()
    switch.click()
    dialog(page).locator('[data-answer="ok"]').click()
    expect(switch).to_be_checked()
    expect(page.locator("#events-hide-text")).to_contain_text(words["hidden"])
    assert event.call("GET", "").json["hidden_people"] == 1
    switch.click()
    expect(switch).not_to_be_checked()
    expect(page.locator("#events-hide-text")).not_to_contain_text(words["hidden"])
    assert event.call("GET", "").json["hidden_people"] == 0


def test_the_mark_is_around_the_face_on_every_screen(inside, wedding):
    page, _ = inside(wedding)
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(3)
    # On the photo of three the camera's person is the third.
    with PillowImage.open(io.BytesIO(photo(1, 2, ME))) as picture:
        width, height = picture.size
    marks = {cell: face_of(cell) for cell in found(page).all()}
    (cell,) = [cell for cell, (x, *_) in marks.items() if x > width / 2]
    x, y, w, h = marks[cell]
    assert width * 2 / 3 - w / 4 <= x < x + w <= width
    assert 0 <= y < y + h <= height
    # In the square that is cut out, too.
    outer, inner = cell.bounding_box(), cell.locator(".face-box").bounding_box()
    assert outer["x"] - 1 <= inner["x"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1


def face_of(cell: Locator) -> list[float]:
    script = "box => [box.x, box.y, box.width, box.height].map((part) => part.baseVal.value)"
    return cell.locator(".face-box").evaluate(script)


def test_too_many_wrong_passwords_lock_the_door_with_a_countdown(open_page, token_server, wedding):
    who = guest(token_server)
    page = open_page("/", on=token_server, size="phone")
    sign_in(page, who.email, who.password)
    page.goto(f"/events?event={wedding.id}")
    with closing(token_server.client()) as client:
        headers = headers_of(token_server, who.email, who.password)
        for _ in range(5):
            client.json("POST", f"/api/events/{wedding.id}/access", {"password": "wrong"}, **headers)
    page.locator("#events-door-password").fill(PASSWORD)
    page.locator("#events-door-open").click()
    again = page.locator("#events-door-problem button")
    expect(again).to_be_disabled()
    expect(again).to_contain_text(re.compile(r"Try again in \d+ min"))


def test_a_password_that_changes_midway_is_asked_for_where_the_guest_is(inside, token_server):
    event = party(token_server, photo(ME, 0), photo(1, 2))
    page, _ = inside(event, query="&photos=all")
    cells = page.locator("#events-all-list li")
    expect(cells).to_have_count(2)
    cells.nth(1).locator("button").click()
    name = light(page).locator(".events-light-name").inner_text()
    assert event.call("PUT", "", {"password": "Changed2026"}).status == HTTPStatus.OK
    light(page).locator(".events-light-tools button").nth(1).click()
    expect(dialog(page)).to_contain_text("The password of this event has been changed")
    dialog(page).locator("input").fill(PASSWORD)
    dialog(page).locator('[data-answer="ok"]').click()
    expect(dialog(page).locator(".problem")).to_contain_text("This is not the password of the event")
    dialog(page).locator("input").fill("Changed2026")
    dialog(page).locator('[data-answer="ok"]').click()
    expect(dialog(page)).to_have_count(0)
    expect(light(page).locator(".events-light-name")).to_have_text(name)
    expect(light(page).locator(".events-light-tools button").nth(1)).to_have_attribute("aria-pressed", "true")
    close_photo(page)
    expect(cells.nth(1).locator(".events-cell-kept")).to_be_visible()


def test_who_does_not_know_the_new_password_stands_at_the_door_and_comes_back(inside, token_server):
    event = party(token_server, photo(ME, 0))
    page, _ = inside(event)
    assert event.call("PUT", "", {"password": "Changed2026"}).status == HTTPStatus.OK
    choose_selfie(page, selfie())
    dialog(page).locator('[data-answer="cancel"]').click()
    expect(page.locator("#events-door-reason")).to_contain_text("has been changed")
    unlock(page, "Changed2026")
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(1)


def test_a_token_that_has_expired_is_told_as_such(inside, wedding):
    page, _ = inside(wedding)
    body = {"status": 403, "code": "event_token_expired", "message": "", "detail": "", "title": "", "type": ""}

    page.route(
        "**/find-my-face*",
        lambda route: route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(body)),
        times=1,
    )
    choose_selfie(page, selfie())
    expect(dialog(page)).to_contain_text("Two hours are over")
    dialog(page).locator("input").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(found(page)).to_have_count(3)


def test_who_is_on_no_photo_gets_advice(inside, token_server):
    event = party(token_server, photo(0, 1), photo(2))
    page, _ = inside(event)

    def two_of_three(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "total": 3})

    choose_selfie(page, selfie())
    expect(page.locator("#events-found .empty-title")).to_be_visible()
    expect(page.locator("#events-found-unlooked")).to_be_hidden()
    page.route(f"**/api/events/{event.id}", two_of_three)
    page.reload()
    choose_selfie(page, selfie())
    expect(page.locator("#events-found-unlooked")).to_contain_text("2 of 3 photos")
    page.locator("#events-found-again").click()
    expect(page.locator("#events-selfie-ways")).to_be_visible()
    page.locator("#events-selfie-back").click()
    page.locator("#events-found-all").click()
    expect(page.locator("#events-all-list li")).to_have_count(2)
    expect(page).to_have_url(re.compile("photos=all"))
    page.unroute_all(behavior="wait")


def test_pictures_that_are_no_selfies_are_refused_with_a_reason(inside, wedding):
    page, _ = inside(wedding)
    choose_selfie(page, jpeg(640, 480))
    problem = page.locator("#events-selfie-problem")
    expect(problem).to_contain_text("No face was found")
    choose_selfie(page, photo(0, 1))
    expect(problem).to_contain_text("several faces")
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(3)
    expect(problem).to_be_empty()
    # Somebody else's picture beside mine: refused, and what was found stays.
    page.locator("#events-selfie-add").click()
    choose_selfie(page, photo(0))
    expect(problem).to_contain_text("one person")
    expect(found(page)).to_have_count(3)


def test_three_pictures_are_put_together_and_one_can_be_left_out(inside, wedding):
    page, _ = inside(wedding)
    choose_selfie(page, selfie(), selfie(0.9), selfie(1.1), selfie(1.05))
    expect(page.locator("#notices")).to_contain_text("3 pictures are enough")
    tray = page.locator("#events-selfie-tray li")
    expect(found(page)).to_have_count(3)
    expect(tray).to_have_count(3)
    expect(page.locator("#events-selfie-add")).to_be_hidden()
    page.get_by_role("button", name="Leave out picture 2").click()
    expect(tray).to_have_count(2)
    expect(page.locator("#events-selfie-add")).to_be_visible()
    expect(found(page)).to_have_count(3)


def test_a_series_of_the_camera_is_three_pictures(inside, wedding):
    page, _ = inside(wedding)
    page.locator("#events-selfie-camera-open").click()
    page.locator('#events-selfie [data-camera="series"]').click()
    expect(page.locator("#events-selfie-tray li")).to_have_count(3)
    expect(found(page)).to_have_count(3)
    expect(page.locator("#events-selfie-camera")).to_be_hidden()


def test_a_stored_selfie_finds_at_once_and_can_be_replaced_and_deleted(inside, token_server, wedding):
    who = guest(token_server)
    store_selfie(token_server, who)
    page, _ = inside(wedding, who=who)
    expect(found(page)).to_have_count(3)
    expect(page.locator("#events-selfie-title")).to_have_text("By your stored selfie")
    picture = page.locator("#events-selfie-tray img")
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("img => img.naturalWidth") > 0
    page.locator("#events-selfie-replace").click()
    choose_selfie(page, photo(0))
    expect(page.locator("#notices")).to_contain_text("Your selfie is kept.")
    expect(found(page)).to_have_count(2)  # of the other person
    page.locator("#events-selfie-delete").click()
    dialog(page).locator('[data-answer="ok"]').click()
    expect(page.locator("#events-selfie-ways")).to_be_visible()
    expect(found(page)).to_have_count(0)
    with closing(token_server.client()) as client:
        headers = headers_of(token_server, who.email, who.password)
        assert client.call("GET", "/api/users/me/selfie", **headers).status == HTTPStatus.NOT_FOUND


def test_what_is_sure_comes_first_and_the_rest_is_to_be_looked_at(inside, wedding):
    page, _ = inside(wedding)

    def doubtful(route):
        answer = route.fetch()
        items = answer.json()
        items[-1]["band"] = "maybe"
        items[0]["new_since_last_visit"] = True
        route.fulfill(response=answer, json=items)

    page.route("**/find-my-face*", doubtful)
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(2)
    expect(page.locator("#events-found-title")).to_have_text("You are on 2 photos")
    expect(page.locator("#events-found-facts")).to_have_text("1 more may show you · 1 new since your last visit")
    expect(page.locator("#events-found-maybe-section")).to_contain_text("look for yourself")
    expect(page.locator("#events-found-maybe li")).to_have_count(1)
    expect(page.locator("#events-found-maybe .face-warn")).to_have_count(1)
    expect(found(page).first.locator(".events-cell-new")).to_have_text("New")
    # The large view goes through both.
    page.locator("#events-found-maybe button").click()
    expect(light(page).locator(".events-light-count")).to_have_text("3 of 3")
    page.keyboard.press("Home")
    expect(light(page).locator(".events-light-count")).to_have_text("1 of 3")


def test_the_large_view_by_keys_fingers_and_the_back_button(inside, wedding):
    page, _ = inside(wedding, query="&photos=all")
    cells = page.locator("#events-all-list li")
    expect(cells).to_have_count(5)
    cells.first.locator("button").click()
    view = light(page)
    count = view.locator(".events-light-count")
    expect(view.get_by_role("button", name="Mark the face")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(count).to_have_text("2 of 5")
    page.keyboard.press("End")
    expect(count).to_have_text("5 of 5")
    expect(view.locator(".is-next")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(count).to_have_text("5 of 5")
    # Focus goes round inside.
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('main')")
    drag(page, 300, 400, 80, 410)  # to the left, at the end: nothing
    expect(count).to_have_text("5 of 5")
    drag(page, 80, 400, 300, 410)
    expect(count).to_have_text("4 of 5")
    frame = view.locator(".events-light-frame")
    page.mouse.dblclick(195, 400)
    expect(frame).to_have_attribute("style", re.compile(r"scale\(2\.5\)"))
    page.mouse.dblclick(195, 400)
    expect(frame).to_have_attribute("style", re.compile(r"scale\(1\)"))
    page.go_back()
    expect(view).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"event={wedding.id}&photos=all"))
    expect(cells.nth(3).locator("button")).to_be_focused()
    # Pulled down, it closes as well, and leaves no step in the history.
    cells.first.locator("button").click()
    before = page.evaluate("history.length")
    drag(page, 195, 300, 200, 560)
    expect(view).to_have_count(0)
    assert page.evaluate("history.length") == before
    expect(cells.first.locator("button")).to_be_focused()


def drag(page: Page, x: int, y: int, to_x: int, to_y: int) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=6)
    page.mouse.up()


def test_one_photo_is_saved_as_it_was_uploaded(inside, wedding):
    page, _ = inside(wedding, query="&photos=all")
    page.locator("#events-all-list button").first.click()
    name = light(page).locator(".events-light-name").inner_text()
    with page.expect_download() as saved:
        light(page).get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == name
    with PillowImage.open(saved.value.path()) as picture:
        assert picture.tobytes() == PillowImage.open(io.BytesIO(photo(3, 4))).tobytes()


def test_a_phone_hands_a_photo_to_its_other_apps(inside, wedding):
    page, _ = inside(wedding)
    page.add_init_script("""
        navigator.canShare = ({ files }) => files.length === 1 && files[0].type === "image/jpeg";
        navigator.share = async ({ files }) => {
            const picture = await createImageBitmap(files[0]);
            window.shared = [files[0].name, picture.width];
        };
    """)
    page.goto(f"/events?event={wedding.id}&photos=all")
    page.locator("#events-all-list button").first.click()
    name = light(page).locator(".events-light-name").inner_text()
    light(page).get_by_role("button", name="Share").click()
    until(page, "window.shared !== undefined")
    with PillowImage.open(io.BytesIO(photo(3, 4))) as picture:
        assert page.evaluate("window.shared") == [name, picture.width]


def test_many_photos_come_as_one_scrolls_and_all_can_be_chosen(inside, token_server):
    event = party(token_server)
    event.upload([jpeg(96 + number, 64) for number in range(70)], look=False)
    page, _ = inside(event, query="&photos=all")
    cells = page.locator("#events-all-list li")
    expect(page.locator("#events-all-title")).to_have_text("70 photos")
    expect(cells).to_have_count(60)
    # Their places are there before the pictures are.
    height = page.locator("#events-all-list").evaluate("list => list.offsetHeight")
    page.locator("#events-all-choose").click()
    page.get_by_role("button", name="Choose all").click()
    expect(page.locator(".events-choice-count")).to_have_text("70 photos chosen")
    expect(cells).to_have_count(70)
    expect(page.locator("#events-all-more")).to_be_hidden()
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator(".events-choice-count")).to_have_text("Tap the photos")
    page.get_by_role("button", name="End choosing").click()
    assert page.locator("#events-all-list").evaluate("list => list.offsetHeight") > height
    cells.nth(2).locator("button").click()
    expect(light(page).locator(".events-light-count")).to_have_text("3 of 70")
    close_photo(page)
    expect(cells.nth(2).locator("button")).to_be_focused()
    page.reload()
    expect(cells).to_have_count(60)
    page.locator("#events-all-more").scroll_into_view_if_needed()
    expect(cells).to_have_count(70)


def test_pictures_whose_addresses_have_ended_are_listed_again(inside, token_server):
    event = party(token_server)
    event.upload([jpeg(200, 160), jpeg(210, 160)], look=False)
    lists = []
    page, _ = inside(event)
    page.on("request", lambda request: lists.append(request.url) if "/images?" in request.url else None)
    # Before the list is asked for again every picture is refused, as one with an old signature is.
    page.route(
        re.compile("/api/images/.*signature"),
        lambda route: route.continue_() if len(lists) > 1 else route.fulfill(status=403, body=""),
    )
    page.locator('[data-way="all"]').click()
    cells = page.locator("#events-all-list li")
    expect(cells).to_have_count(2)
    for cell in cells.all():
        shown(cell)
    assert len(lists) == 2


def test_kept_photos_of_a_closed_event_are_counted_and_lead_to_its_door(inside, open_page, token_server, wedding):
    other = party(token_server, photo(3, light=0.95), name="Graduation")
    page, who = inside(wedding, query="&photos=all")
    page.locator("#events-all-choose").click()
    page.get_by_role("button", name="Choose all").click()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".events-choice")).to_have_count(0)
    page.goto(f"/events?event={other.id}&photos=all")
    unlock(page)
    page.locator("#events-all-list button").click()
    light(page).get_by_role("button", name="Keep").click()
    expect(light(page).get_by_role("button", name="Kept")).to_be_visible()

    # Another window has opened none of them.
    fresh = open_page("/", on=token_server, size="phone")
    sign_in(fresh, who.email, who.password)
    fresh.goto("/events?show=kept")
    groups = fresh.locator(".events-kept-group")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("To see this photo, open the event again")
    expect(groups.nth(1)).to_contain_text("To see these 5 photos, open the event again")
    groups.nth(1).get_by_role("link", name="Open the event").click()
    unlock(fresh)
    fresh.goto("/events?show=kept")
    cells = groups.nth(1).locator("li")
    expect(cells).to_have_count(5)
    shown(cells.first)
    groups.nth(1).get_by_role("button", name="Choose").first.click()
    cells.nth(0).locator("button").click()
    cells.nth(1).locator("button").click()
    fresh.get_by_role("button", name="Remove").click()
    dialog(fresh).locator('[data-answer="ok"]').click()
    expect(cells).to_have_count(3)
    # Let go in the large view: it is gone from here once that is closed.
    cells.first.locator("button").click()
    light(fresh).get_by_role("button", name="Kept").click()
    expect(light(fresh).get_by_role("button", name="Keep")).to_be_visible()
    close_photo(fresh)
    expect(cells).to_have_count(2)
    expect(groups.nth(1)).to_contain_text("2 photos")


def test_a_link_to_nowhere_says_so(open_page, server):
    for query in ("event=999999999", "event=abc"):
        page = open_page(f"/events?{query}", size="phone")
        expect(page.locator("#events-guest").get_by_text("This event does not exist (any more)")).to_be_visible()


def test_a_kiosk_needs_no_account_and_forgets_the_guest_before(open_page, open_house):
    page = open_page(f"/events?event={open_house.id}", size="phone")
    expect(page.locator("#events-guest-stranger")).to_contain_text("You are not signed in")
    expect(page.locator("#events-hide")).to_be_hidden()
    take_selfie(page)
    expect(found(page)).to_have_count(1)
    expect(page.locator("#events-selfie-offer")).to_be_hidden()
    found(page).locator("button").click()
    expect(light(page).get_by_role("button", name="Download")).to_be_visible()
    expect(light(page).get_by_role("button", name="Keep")).to_have_count(0)
    close_photo(page)
    page.locator("#events-found-choose").click()
    expect(page.locator(".events-choice").get_by_role("button", name="Download")).to_be_visible()
    expect(page.locator(".events-choice").get_by_role("button", name="Keep")).to_have_count(0)
    page.get_by_role("button", name="End choosing").click()
    page.locator("#events-selfie-restart").click()
    expect(found(page)).to_have_count(0)
    expect(page.locator("#events-selfie-tray li")).to_have_count(0)
    expect(page.locator("#events-selfie-ways")).to_be_visible()
    page.goto("/events?show=kept")
    expect(page.get_by_role("heading", name="Sign in to keep photos")).to_be_visible()


def test_signing_out_leaves_nothing_of_the_guest_on_the_page(inside, wedding):
    page, _ = inside(wedding)
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(3)
    page.evaluate(
        "async (url) => (await import(url)).signOut()",
        page.evaluate("document.querySelector('link[rel=modulepreload][href$=\"core/session.js\"]').href"),
    )
    expect(page.locator("#panel-events .gate")).to_be_visible()
    other = guest(wedding.server)
    sign_in(page, other.email, other.password)
    expect(page.locator("#events-door-form")).to_be_visible()
    expect(found(page)).to_have_count(0)
    assert page.locator("#events-selfie-tray li").count() == 0


def test_an_answer_that_does_not_come_can_be_asked_for_again(inside, wedding):
    page, _ = inside(wedding, allowed="503")
    body = {"status": 503, "code": "model_busy", "message": "Busy", "detail": "Busy", "title": "", "type": ""}
    page.route(
        "**/find-my-face*",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(body)),
    )
    choose_selfie(page, selfie())
    again = page.locator("#events-found-problem").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/find-my-face*")
    again.click()
    expect(found(page)).to_have_count(3)


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_of_a_guest_has_a_violation(open_page, token_server, wedding, theme):
    who = guest(token_server)
    page = open_page("/", on=token_server, size="phone", theme=theme, lang="id", reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, who.email, who.password)
    page.goto(f"/events?event={wedding.id}")
    expect(page.locator("#events-door-form")).to_be_visible()
    until(page, "document.getAnimations().length === 0")

    def check(view: str) -> None:
        page.wait_for_load_state("networkidle")
        assert violations(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view

    check("door")
    unlock(page)
    check("selfie")
    page.locator("#events-selfie-camera-open").click()
    expect(page.locator('#events-selfie [data-camera="capture"]')).to_be_enabled()
    check("camera")
    page.locator("#events-selfie-camera-close").click()
    choose_selfie(page, selfie())
    expect(found(page)).to_have_count(3)
    check("found")
    found(page).first.locator("button").click()
    expect(light(page)).to_be_visible()
    check("large")
    light(page).locator(".events-light-tools button").nth(1).click()
    expect(light(page).locator(".events-light-tools button").nth(1)).to_have_attribute("aria-pressed", "true")
    close_photo(page)
    page.locator("#events-found-choose").click()
    found(page).first.locator("button").click()
    check("choosing")
    page.locator('[data-way="all"]').click()
    expect(page.locator("#events-all-list li")).to_have_count(5)
    check("all")
    page.goto("/events?show=kept")
    expect(page.locator(".events-kept-group li")).to_have_count(1)
    check("kept")
