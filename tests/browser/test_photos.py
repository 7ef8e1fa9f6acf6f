"""The tab Photos: whose, from files or the camera, how good, and away again."""

from __future__ import annotations

import base64
import io
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter
from playwright.sync_api import Locator, Page, expect

from bench._server import Server, start
from tests.browser.conftest import OpenPage, ready
from tests.browser.people import Somebody, ask, database, give_photos, new_email, photos_of, somebody
from tests.browser.test_shell import sign_in
from tests.people import five_people
from tests.pictures import GROUP_PHOTO, PORTRAIT, jpeg

pytestmark = pytest.mark.browser

BUSY = {"status": 503, "title": "x", "code": "model_busy", "message": "The model is busy.", "detail": "x"}

File = dict[str, Any]


def file(name: str, data: bytes, kind: str = "image/jpeg") -> File:
    return {"name": name, "mimeType": kind, "buffer": data}


def choose(page: Page, *files: File) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose Files").click()
    chooser.value.set_files(list(files))


def cards(page: Page) -> Locator:
    return page.locator("#photos-list > li")


def card(page: Page, name: str) -> Locator:
    return cards(page).filter(has_text=name)


def queue(page: Page) -> Locator:
    return page.locator("#photos-queue > li")


def toast(page: Page, text: str) -> Locator:
    return page.locator("#notices").get_by_text(text)


@pytest.fixture
def person(server: Server) -> Somebody:
    return somebody(server, "Foto Model")


# --- whose


def test_the_person_is_found_by_keyboard_and_stays_in_the_address(open_page: OpenPage, server: Server):
    word = f"Pilih{uuid.uuid4().hex[:8]}"  # nobody else's, also when this is repeated
    one, other = somebody(server, f"{word} Satu"), somebody(server, f"{word} Dua")
    give_photos(server, other.id, five_people()[2].photo())
    page = open_page("/photos")
    expect(page.get_by_role("heading", name="Choose a person first")).to_be_visible()
    picker = page.get_by_role("combobox", name="Whose photos?")
    page.get_by_role("button", name="Choose a user").click()
    expect(picker).to_be_focused()
    expect(picker).to_have_attribute("aria-expanded", "true")
    page.keyboard.type(word.lower())
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text(f"ID {one.id} · {one.email}")
    expect(picker).to_have_attribute("aria-activedescendant", options.first.get_attribute("id"))
    page.keyboard.press("ArrowDown")
    expect(picker).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id"))
    page.keyboard.press("Enter")
    expect(picker).to_have_value(f"{word} Dua")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page).to_have_url(re.compile(f"/photos\\?user={other.id}$"))
    expect(cards(page)).to_have_count(1)
    page.reload()
    ready(page)
    expect(picker).to_have_value(f"{word} Dua")
    expect(cards(page)).to_have_count(1)
    picker.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(picker).to_have_value(f"{word} Dua")
    # Somebody who knows the ID types it and Enter, without waiting: first with the focus still there, then by a click.
    for somebodys in (one, other, one):
        page.keyboard.type(str(somebodys.id))
        page.keyboard.press("Enter")
        expect(picker).to_have_value(f"{word} {'Satu' if somebodys is one else 'Dua'}")
        page.locator("#heading-photos").click()  # the field is left
        picker.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    # The tab remembers whom it showed.
    page.get_by_role("link", name="Status", exact=True).first.click()
    page.get_by_role("link", name="Photos", exact=True).click()
    expect(picker).to_have_value(f"{word} Satu")
    expect(page).to_have_url(re.compile(f"/photos\\?user={one.id}$"))


def test_one_of_ten_thousand_is_found(open_page: OpenPage, own_server: Server):
    with database(own_server) as cursor:
        cursor.execute(
            "INSERT INTO users (name, email)"
            " SELECT 'Person ' || n, 'crowd' || n || '@people.test' FROM generate_series(1, 10000) n"
        )
    page = open_page("/photos", on=own_server)
    picker = page.get_by_role("combobox", name="Whose photos?")
    picker.click()
    expect(page.get_by_role("option")).to_have_count(20)
    expect(page.locator(".user-picker-foot").first).to_contain_text("20 of 10,000")
    picker.fill("crowd9876")
    expect(page.get_by_role("option")).to_have_count(1)
    page.get_by_role("option").click()
    expect(page.locator("#photos-who")).to_contain_text("crowd9876@people.test")


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("photos"), FACE_MODEL="dlib", PASSWORD_COST="4", WARM_MODELS="false")
    yield server
    server.stop()


def test_where_nobody_is_the_way_leads_to_the_users(open_page: OpenPage, own_server: Server):
    page = open_page("/photos", on=own_server)
    expect(page.get_by_role("heading", name="No users yet")).to_be_visible()
    page.get_by_role("link", name="Create a user").click()
    expect(page).to_have_url(re.compile("/users$"))
    page = open_page("/photos", on=own_server, lang="id")
    expect(page.get_by_role("heading", name="Belum ada pengguna")).to_be_visible()


@pytest.mark.parametrize("wrong", ["999999999", "abc", "-1", "1/../2"])
def test_an_address_of_nobody_is_told(open_page: OpenPage, wrong):
    page = open_page(f"/photos?user={wrong}")
    expect(page.locator("#photos-problem").get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("combobox", name="Whose photos?")).to_have_value("")


# --- files


def test_good_and_bad_files_are_taken_and_refused_one_by_one(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    choose(
        page,
        file("good.jpg", five_people()[0].photo()),
        file("portrait.png", PORTRAIT.read_bytes(), "image/png"),
        file("wall.jpg", jpeg(640, 480)),
        file("text.jpg", b"this is no picture" * 10),
        file("notes.txt", b"hello", "text/plain"),
        file("empty.jpg", b""),
        file("tiny.png", jpeg(4, 4), "image/png"),
    )
    expect(cards(page)).to_have_count(3)
    expect(card(page, "good.jpg")).to_contain_text("Good")
    expect(card(page, "portrait.png")).to_contain_text("Good")
    expect(card(page, "wall.jpg")).to_contain_text("No face")
    expect(card(page, "wall.jpg")).to_contain_text("Use a sharp, well-lit photo that shows the whole face")
    expect(queue(page)).to_have_count(4)
    expect(queue(page).filter(has_text="text.jpg")).to_contain_text("not a JPEG or PNG picture")
    expect(queue(page).filter(has_text="notes.txt")).to_contain_text("This is not a JPEG or PNG picture.")
    expect(queue(page).filter(has_text="empty.jpg")).to_contain_text("The file is empty.")
    expect(queue(page).filter(has_text="tiny.png")).to_contain_text("small")
    expect(toast(page, "3 photos uploaded. 4 files were not taken.")).to_be_visible()
    expect(page.get_by_text("4 files were not taken", exact=True)).to_be_visible()
    expect(page.get_by_text("Take JPEG or PNG pictures, sharp and well lit")).to_be_visible()
    page.get_by_role("button", name="Remove notes.txt from the list").click()
    expect(queue(page)).to_have_count(3)
    page.get_by_role("button", name="Clear the list").click()
    expect(queue(page)).to_have_count(0)
    expect(page.locator("#photos-queue-summary")).to_be_hidden()
    assert {photo["filename"] for photo in photos_of(server, person.id)} == {"good.jpg", "portrait.png", "wall.jpg"}
    expect(page.locator("#photos-count")).to_have_text("3 photos, 2 of them good")


def test_a_photo_shows_its_face_and_what_to_do_better(open_page: OpenPage, person: Somebody):
    picture = PillowImage.open(PORTRAIT).convert("RGB")
    blurred, dark = io.BytesIO(), io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(2.3)).save(blurred, "JPEG")
    picture.point(lambda value: value * 0.12).save(dark, "JPEG")
    page = open_page(f"/photos?user={person.id}")
    choose(page, file("blurred.jpg", blurred.getvalue()))
    blurry = card(page, "blurred.jpg")
    expect(blurry).to_contain_text("Could be better")
    expect(blurry).to_contain_text("Blurred")
    expect(blurry).to_contain_text("The face is blurred: hold the camera still, wipe the lens and let it focus.")
    choose(page, file("group.jpg", GROUP_PHOTO.read_bytes()))
    expect(card(page, "group.jpg")).to_contain_text("faces; the largest one counts.")
    # The box lies where the face is: in the middle of what is stored.
    inside = blurry.locator(".face-box")
    expect(inside).to_have_count(1)
    whole, box = blurry.locator(".face-picture-img").bounding_box(), inside.bounding_box()
    assert abs((box["x"] + box["width"] / 2) - (whole["x"] + whole["width"] / 2)) < whole["width"] * 0.1
    assert whole["width"] * 0.3 < box["width"] < whole["width"]

    page = open_page(f"/photos?user={person.id}", lang="id")
    expect(card(page, "blurred.jpg")).to_contain_text("Kurang bagus")
    expect(card(page, "blurred.jpg")).to_contain_text("Buram")
    expect(card(page, "blurred.jpg")).to_contain_text("Wajah")
    expect(card(page, "blurred.jpg")).not_to_contain_text("hold the camera still")
    expect(card(page, "group.jpg")).not_to_contain_text("the largest one counts")


def test_files_can_be_dropped_and_pasted(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    transfer = """([data, type, name]) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
        const target = document.querySelector('#photos-drop');
        const event = type === 'paste'
            ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
            : new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
        (type === 'paste' ? document : target).dispatchEvent(event);
    }"""
    for kind, light in (("drop", 1.0), ("paste", 1.1)):
        data = base64.b64encode(five_people()[1].photo(light=light)).decode()
        page.evaluate(transfer, [data, kind, f"{kind}.jpg"])
        expect(card(page, f"{kind}.jpg")).to_contain_text("Good")
    assert len(photos_of(server, person.id)) == 2


def test_two_files_at_a_time_go_up_each_with_its_progress(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    held = []
    page.route("**/api/photos/*/upload", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    choose(page, *(file(f"photo-{n}.jpg", five_people()[n].photo()) for n in range(5)))
    expect(queue(page)).to_have_count(5)
    expect(queue(page).filter(has_text="Waiting")).to_have_count(3)
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    assert len(held) == 2
    expect(page.get_by_text("0 of 5 uploaded")).to_be_visible()
    held.pop().continue_()
    expect(cards(page)).to_have_count(1)
    expect(queue(page).filter(has_text="Waiting")).to_have_count(2)
    expect(page.get_by_text("1 of 5 uploaded")).to_be_visible()
    # What waits is given up; what is held by the test is given up too.
    page.get_by_role("button", name="Cancel the rest").click()
    expect(queue(page)).to_have_count(0)
    expect(toast(page, "1 photo uploaded.")).to_be_visible()
    page.unroute("**/api/photos/*/upload")
    choose(page, file("afterwards.jpg", five_people()[4].photo(light=0.9)))
    expect(card(page, "afterwards.jpg")).to_be_visible()
    assert len(photos_of(server, person.id)) == 2


def test_the_same_file_twice_is_one_photo(open_page: OpenPage, server: Server, person: Somebody, tmp_path):
    path = tmp_path / "same.jpg"
    path.write_bytes(five_people()[3].photo())
    page = open_page(f"/photos?user={person.id}")
    chooser = page.locator("#photos-drop-input")
    chooser.set_input_files(path)
    expect(cards(page)).to_have_count(1)
    chooser.set_input_files(path)
    expect(queue(page)).to_contain_text("This file has been added already.")
    assert len(photos_of(server, person.id)) == 1
    # Once it is deleted, it may come again.
    card(page, "same.jpg").get_by_role("button", name="Delete same.jpg").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(cards(page)).to_have_count(0)
    chooser.set_input_files(path)
    expect(cards(page)).to_have_count(1)


def test_a_busy_server_is_asked_again(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    tries = []

    def busy_once(route):
        tries.append(route.request)
        if len(tries) == 1:
            route.fulfill(status=503, json=BUSY, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route("**/api/photos/*/upload", busy_once)
    choose(page, file("patience.jpg", five_people()[0].photo()))
    expect(card(page, "patience.jpg")).to_be_visible()
    expect(queue(page)).to_have_count(0)
    assert len(tries) == 2
    assert len(photos_of(server, person.id)) == 1


def test_a_server_error_while_uploading_is_told_and_tried_again(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    broken = {"status": 507, "title": "x", "code": "storage_full", "message": "There is no space left.", "detail": "x"}
    page.route("**/api/photos/*/upload", lambda route: route.fulfill(status=507, json=broken))
    choose(page, file("unlucky.jpg", five_people()[0].photo()))
    item = queue(page).filter(has_text="unlucky.jpg")
    expect(item).to_contain_text("There is no space left.")
    expect(toast(page, "1 file was not taken.")).to_be_visible()
    assert photos_of(server, person.id) == []
    page.unroute("**/api/photos/*/upload")
    item.get_by_role("button", name="Try again").click()
    expect(card(page, "unlucky.jpg")).to_be_visible()
    expect(queue(page)).to_have_count(0)


def test_an_upload_waits_for_a_server_that_is_away(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    page.context.set_offline(True)
    choose(page, file("later.jpg", five_people()[2].photo()))
    expect(queue(page)).to_contain_text("The server does not answer: this goes on when it is back.")
    page.context.set_offline(False)
    expect(card(page, "later.jpg")).to_be_visible()
    expect(queue(page)).to_have_count(0)
    assert len(photos_of(server, person.id)) == 1


def test_a_photo_whose_answer_was_lost_is_there_once(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}", allowed="ERR_FAILED")
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    lost = []

    def lose_the_first(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch())  # stored, and nobody is told
        return route.abort()

    page.route("**/api/photos/*/upload", lose_the_first)
    choose(page, file("once.jpg", five_people()[2].photo()))
    expect(card(page, "once.jpg")).to_be_visible()
    expect(queue(page)).to_have_count(0)
    assert [answer.status for answer in lost] == [201]
    assert len(photos_of(server, person.id)) == 1


def test_uploads_go_on_for_their_person_when_another_one_is_looked_at(open_page: OpenPage, server: Server):
    first, second = somebody(server, "Pertama"), somebody(server, "Kedua")
    page = open_page(f"/photos?user={first.id}")
    held = []
    page.route("**/api/photos/*/upload", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    choose(page, file("mine.jpg", five_people()[0].photo()))
    expect(queue(page)).to_contain_text(re.compile("Uploading|Looking for the face"))
    picker = page.get_by_role("combobox", name="Whose photos?")
    picker.fill(second.email)
    page.get_by_role("option", name=re.compile(second.email)).click()
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
    expect(queue(page)).to_contain_text("Pertama:")
    held.pop().continue_()
    expect(toast(page, "1 photo uploaded.")).to_be_visible()
    expect(cards(page)).to_have_count(0)
    assert len(photos_of(server, first.id)) == 1
    assert photos_of(server, second.id) == []


# --- how many, and what next


def test_the_count_is_held_against_the_recommendation_and_leads_to_training(
    open_page: OpenPage, server: Server, person: Somebody
):
    page = open_page(f"/photos?user={person.id}")
    advice = page.locator("#photos-recommendation")
    expect(advice).to_have_text("Add at least five photos of the face.")
    choose(page, *(file(f"one-{n}.jpg", five_people()[0].photo(light=1 + n / 20)) for n in range(4)))
    expect(advice).to_have_text("Add at least 1 more, from another angle.")
    expect(page.get_by_role("img", name="4 good photos; 5 to 10 are recommended")).to_be_visible()
    choose(page, file("one-5.jpg", five_people()[0].photo(light=0.9)))
    expect(advice).to_have_text(re.compile("^On all of them the head is turned the same way"))
    train = page.get_by_role("link", name="Train now")
    expect(page.locator("#photos-training")).to_contain_text("Training due")
    train.click()
    expect(page).to_have_url(re.compile(f"/build\\?user={person.id}$"))
    assert ask(server, "POST", "/api/training/incremental", {"user_id": person.id}).status == 200
    page.go_back()
    expect(page.locator("#photos-training")).to_have_text("Trained")
    choose(page, file("one-more.jpg", five_people()[0].photo(light=0.8)))
    expect(page.locator("#photos-training")).to_contain_text("1 photo to train")


# --- the camera


def test_the_camera_takes_one_picture(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    opener = page.get_by_role("button", name="Open Camera")
    opener.click()
    capture = page.get_by_role("button", name="Take a picture")
    expect(capture).to_be_enabled()
    expect(page.locator("#photos-drop")).to_be_hidden()
    capture.click()
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("Good")
    page.get_by_role("button", name="Close Camera").click()
    expect(page.locator("#photos-drop")).to_be_visible()
    assert page.evaluate("document.querySelector('video').srcObject") is None
    assert photos_of(server, person.id)[0]["face"]["detected"]


def test_a_series_counts_down_says_what_to_do_and_uploads_all(open_page: OpenPage, server: Server, person: Somebody):
    page = open_page(f"/photos?user={person.id}")
    page.get_by_role("button", name="Open Camera").click()
    page.get_by_label("Pictures in a series").select_option("5")
    page.get_by_role("button", name="Take a series").click()
    hint = page.locator(".camera-hint:visible")
    for number, words in enumerate(
        ("look straight into the camera", "turn slightly left", "turn slightly right", "smile", "lift your chin"), 1
    ):
        expect(hint).to_contain_text(f"Picture {number} of 5: {words}")
    expect(cards(page)).to_have_count(5)
    expect(toast(page, "5 photos uploaded.")).to_be_visible()
    assert len(photos_of(server, person.id)) == 5


def test_a_series_that_is_left_keeps_what_was_taken_for_the_same_person(open_page: OpenPage, server: Server):
    first, second = somebody(server, "Seri Satu"), somebody(server, "Seri Dua")
    page = open_page(f"/photos?user={first.id}")
    page.get_by_role("button", name="Open Camera").click()
    page.get_by_role("button", name="Take a series").click()
    expect(page.locator(".camera-hint:visible")).to_contain_text("Picture 2 of 8")
    picker = page.get_by_role("combobox", name="Whose photos?")
    picker.fill(second.email)
    page.get_by_role("option", name=re.compile(second.email)).click()
    expect(page.get_by_role("button", name="Open Camera")).to_be_visible()
    expect(toast(page, "uploaded.")).to_be_visible()
    assert len(photos_of(server, first.id)) >= 1
    assert photos_of(server, second.id) == []


def test_a_camera_that_is_refused_is_told_in_words(open_page: OpenPage, person: Somebody):
    page = open_page()
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    page.goto(f"/photos?user={person.id}")
    page.get_by_role("button", name="Open Camera").click()
    expect(page.locator("#photos-camera").get_by_role("alert")).to_contain_text("camera")
    expect(page.get_by_role("button", name="Choose Files")).to_be_enabled()


# --- a closer look, and away


def test_the_larger_view_has_box_landmarks_and_figures(open_page: OpenPage, server: Server, person: Somebody):
    give_photos(server, person.id, five_people()[0].photo(), jpeg(), five_people()[0].photo(light=1.2))
    page = open_page(f"/photos?user={person.id}")
    page.get_by_role("button", name=re.compile("photo-3.jpg.*show larger")).click()
    dialog = page.get_by_role("dialog", name="photo-3.jpg")
    expect(dialog.locator(".face-box")).to_have_count(1)
    expect(dialog.locator(".face-point")).to_have_count(5)
    quality = photos_of(server, person.id)[2]["face"]["quality"]
    expect(dialog).to_contain_text(f"{quality['size_px']} pixels in the original")
    sharpness = dialog.locator("dl > div").filter(has_text="Sharpness").locator("dd").inner_text()
    assert abs(int(sharpness.removesuffix("%")) - quality["sharpness"] * 100) <= 1
    expect(dialog).to_contain_text(f"dataset/{person.id}/photo-3-")
    dialog.get_by_role("button", name="Next").click()
    expect(page.get_by_role("dialog", name="photo-2.jpg")).to_contain_text("No face was found")
    page.keyboard.press("ArrowRight")
    dialog = page.get_by_role("dialog", name="photo-1.jpg")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("photo-1.jpg.*show larger"))).to_be_focused()


def test_a_photo_is_deleted_when_that_is_confirmed(open_page: OpenPage, server: Server, person: Somebody):
    give_photos(server, person.id, five_people()[0].photo(), five_people()[0].photo(light=1.2))
    page = open_page(f"/photos?user={person.id}")
    page.get_by_role("button", name="Delete photo-1.jpg").click()
    dialog = page.get_by_role("dialog", name="Delete this photo?")
    dialog.get_by_role("button", name="Cancel").click()
    assert len(photos_of(server, person.id)) == 2
    page.get_by_role("button", name="Delete photo-1.jpg").click()
    dialog.get_by_role("button", name="Delete").dblclick()
    expect(cards(page)).to_have_count(1)
    expect(page.locator("#photos-count")).to_have_text("1 photo")
    assert [photo["filename"] for photo in photos_of(server, person.id)] == ["photo-2.jpg"]
    # From the larger view, and when somebody else was faster.
    ask(server, "DELETE", f"/api/photos/{person.id}/{photos_of(server, person.id)[0]['id']}")
    page.get_by_role("button", name=re.compile("photo-2.jpg.*show larger")).click()
    page.get_by_role("dialog", name="photo-2.jpg").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this photo?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()


# --- states, sizes, sessions


def test_an_error_is_told_with_a_way_to_try_again(open_page: OpenPage, server: Server, person: Somebody):
    give_photos(server, person.id, five_people()[0].photo())
    page = open_page()
    broken = {"status": 503, "title": "x", "code": "database_unavailable", "message": "x", "detail": "x"}
    pattern = re.compile(f"/api/photos/{person.id}\\?")
    page.route(pattern, lambda route: route.fulfill(status=503, json=broken))
    page.goto(f"/photos?user={person.id}")
    alert = page.locator("#photos-problem").get_by_role("alert")
    expect(alert).to_be_visible()
    page.unroute(pattern)
    alert.get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(1)
    expect(alert).to_have_count(0)


def test_it_works_on_a_phone_in_indonesian(open_page: OpenPage, server: Server, person: Somebody):
    give_photos(server, person.id, five_people()[0].photo(), jpeg())
    page = open_page(f"/photos?user={person.id}", size="phone", theme="dark", lang="id")
    expect(cards(page)).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    for name in ("Pilih Berkas", "Buka Kamera", "Hapus photo-1.jpg"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert min(box["width"], box["height"]) >= 44, name
    page.locator("#photos-drop-input").set_input_files([file("satu.jpg", five_people()[0].photo(light=1.2))])
    expect(toast(page, "1 foto terunggah.")).to_be_visible()
    page.get_by_role("button", name=re.compile("photo-2.jpg.*perbesar")).tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Tanpa wajah")
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]


def test_a_person_with_a_session_has_their_own_photos(open_page: OpenPage, token_server: Server):
    page = open_page("/photos", on=token_server)
    sign_in(page)
    api = "async ([url, body]) => { const { post } = await import(url); return (await post('/api/users', body)).data; }"
    module = json.loads(page.locator("html").get_attribute("data-config"))["assets"] + "js/core/api.js"
    body = {"name": "Nina Foto", "email": new_email("nina"), "password": "secure123"}
    user = page.evaluate(api, [module, body])

    page = open_page("/photos", on=token_server)
    sign_in(page, body["email"], body["password"])
    expect(page.locator("#photos-who")).to_contain_text("Nina Foto")
    expect(page.get_by_role("combobox")).to_have_count(0)
    choose(page, file("me.jpg", five_people()[0].photo()))
    picture = card(page, "me.jpg").locator("img")
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    expect(card(page, "me.jpg").locator(".face-box")).to_have_count(1)
    page.goto("/photos?user=1")
    ready(page)
    expect(page.locator("#photos-problem").get_by_role("alert")).to_be_visible()
    page.goto(f"/photos?user={user['id']}")
    expect(cards(page)).to_have_count(1)
