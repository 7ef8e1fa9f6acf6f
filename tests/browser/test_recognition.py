"""The tab Recognition, on the real engine with real faces."""

import io
import re

import pytest
from PIL import ImageFilter
from playwright.sync_api import expect

from tests.browser.gallery import photos
from tests.browser.people import new_email
from tests.browser.test_shell import core, sign_in
from tests.people import Person, five_people
from tests.pictures import GROUP_PHOTO, PORTRAIT, jpeg

pytestmark = pytest.mark.browser


@pytest.fixture
def recognition(open_page, face_server, gallery):
    """Open the tab on the server of the gallery."""

    def open_tab(**options):
        return open_page("/recognition", on=face_server, **options)

    return open_tab


def choose(page, data: bytes, name: str = "somebody.jpg", kind: str = "image/jpeg"):
    page.set_input_files("#recognition-source-file-input", {"name": name, "mimeType": kind, "buffer": data})


def result(page):
    return page.locator("#recognition-result")


def verdict(page):
    return result(page).locator(".verdict")


def rows(page):
    return result(page).locator(".recognition-people li")


def boxes(page):
    return result(page).locator(".face-box")


def probe(person: Person) -> bytes:
    """Not one of the enrolled photos."""
    return person.photo(light=0.9, size=0.8, quality=80)


def test_somebody_known_is_named_with_the_photo_that_matched(recognition, gallery):
    first, second, *_ = five_people()
    user_id, email = gallery.add("Ayu Lestari", *photos(first, 3))
    gallery.add("Budi Santoso", *photos(second, 2))
    page = recognition()
    choose(page, probe(first))
    expect(verdict(page).get_by_role("heading", name="This is Ayu Lestari")).to_be_visible()
    expect(verdict(page)).to_contain_text(re.compile(r"Confidence 9\d(\.\d+)?%"))
    expect(page.locator("#live")).to_contain_text("This is Ayu Lestari")
    expect(boxes(page)).to_have_count(1)
    expect(result(page).locator(".face-good .face-label")).to_have_text("Ayu Lestari")
    picture = result(page).get_by_role("img", name="The picture. 1 face marked: Ayu Lestari")
    expect(picture).to_be_visible()
    expect(rows(page)).to_have_count(2)
    best = rows(page).first
    expect(best).to_contain_text(email)
    expect(best.get_by_role("link", name="Ayu Lestari")).to_have_attribute("href", f"/photos?user={user_id}")
    expect(best.get_by_role("img", name=re.compile(r"Similarity 0\.9\d+; 0\.9\d+ is needed"))).to_be_visible()
    matched = best.get_by_role("img", name="The photo of Ayu Lestari that is most similar")
    expect(matched).to_have_js_property("naturalWidth", 224)
    assert matched.get_attribute("src").startswith(f"/api/photos/{user_id}/")
    expect(result(page)).to_contain_text(re.compile(r"a lead of 0\.\d+ over the second person"))


def test_the_mark_stands_on_the_right_side_of_the_threshold(recognition, gallery):
    first, second, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    gallery.add("Budi Santoso", *photos(second, 2))
    page = recognition()
    choose(page, probe(first))
    expect(rows(page)).to_have_count(2)
    places = [
        [scale.locator(part).bounding_box()["x"] for part in (".scale-mark", ".scale-needed")]
        for scale in rows(page).locator(".scale").all()
    ]
    assert places[0][0] > places[0][1]
    assert places[1][0] < places[1][1]


def test_a_stranger_is_not_known(recognition, gallery):
    first, second, third, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    gallery.add("Budi Santoso", *photos(second, 2))
    page = recognition()
    choose(page, probe(third))
    expect(verdict(page).get_by_role("heading", name="Not known")).to_be_visible()
    expect(verdict(page)).to_contain_text(
        re.compile(r"Most similar: (Ayu Lestari|Budi Santoso), 0\.\d+ of 0\.\d+ needed")
    )
    expect(result(page).locator(".face-bad .face-label")).to_have_text("Not known")
    # The next picture at once.
    choose(page, probe(first))
    expect(verdict(page).get_by_role("heading", name="This is Ayu Lestari")).to_be_visible()


def test_two_people_with_one_face_are_told_to_be_too_close(recognition, gallery):
    first, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    gallery.add("Ayu Twin", *photos(first, 2))
    page = recognition()
    choose(page, probe(first))
    expect(verdict(page).get_by_role("heading", name="Not clear: two people are close")).to_be_visible()
    expect(verdict(page)).to_contain_text("Ayu Twin")


def test_a_blurred_picture_says_what_to_do(recognition, gallery):
    first, _, third, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    buffer = io.BytesIO()
    third.portrait.filter(ImageFilter.GaussianBlur(7)).save(buffer, "JPEG")
    page = recognition()
    choose(page, buffer.getvalue())
    expect(verdict(page).get_by_role("heading", name="Too blurred: come closer and hold still")).to_be_visible()
    expect(result(page)).to_contain_text("The face is blurred: hold the camera still, wipe the lens and let it focus.")


def test_of_several_faces_all_are_marked_and_the_one_that_counted_is_named(recognition, gallery):
    for name, person in zip(("Ayu", "Budi", "Citra", "Dimas", "Eka"), five_people(), strict=True):
        gallery.add(f"{name} Lestari", *photos(person, 1))
    page = recognition()
    choose(page, GROUP_PHOTO.read_bytes())
    expect(result(page)).to_contain_text("There are 5 faces; the largest one counts.")
    expect(boxes(page)).to_have_count(5)
    expect(result(page).locator(".face-label")).to_have_count(1)
    expect(result(page).locator(".face-other")).to_have_count(4)
    expect(result(page).get_by_role("img", name=re.compile("the largest of 5 faces was compared"))).to_be_visible()


def test_without_a_face_or_a_picture_it_says_so(recognition, gallery):
    gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    page = recognition()
    choose(page, jpeg(320, 240))
    expect(verdict(page).get_by_role("heading", name="No face was found")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("No face was found")
    choose(page, b"no picture at all")
    expect(page.locator("#recognition-problem").get_by_role("alert")).to_contain_text("not a JPEG or PNG picture")
    expect(verdict(page)).to_have_count(0)
    choose(page, b"GIF89a", "animated.gif", "image/gif")
    expect(page.locator("#recognition-source")).to_contain_text("animated.gif: This is not a JPEG or PNG picture.")


def test_with_nobody_trained_it_says_what_to_do(recognition, gallery):
    page = recognition()
    hint = page.locator(".recognition-nobody")
    expect(hint).to_contain_text("Nobody is trained yet")
    expect(hint.get_by_role("link", name="Build the database")).to_have_attribute("href", "/build")
    choose(page, probe(five_people()[0]))
    expect(verdict(page).get_by_role("heading", name="Nobody is trained yet")).to_be_visible()
    expect(boxes(page)).to_have_count(1)
    gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    page.get_by_role("link", name="Status", exact=True).first.click()
    page.get_by_role("link", name="Recognition", exact=True).click()
    expect(hint).to_be_hidden()


def test_options_are_tucked_away_and_change_the_answer(recognition, gallery):
    first, second, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    gallery.add("Budi Santoso", *photos(second, 2))
    page = recognition()
    threshold = page.get_by_label("Similarity needed")
    expect(threshold).to_be_hidden()
    page.locator("#recognition-options summary").click()
    again = page.get_by_role("button", name="Compare again")
    expect(again).to_be_disabled()
    choose(page, probe(first))
    expect(rows(page)).to_have_count(2)
    page.get_by_label("People to list").fill("1")
    threshold.fill("0.9999")
    again.click()
    expect(rows(page)).to_have_count(1)
    expect(verdict(page).get_by_role("heading", name="Not known")).to_be_visible()
    expect(rows(page)).to_contain_text("1.000 needed")
    threshold.fill("7")
    again.click()
    expect(page.locator("#recognition-form-threshold-error")).to_contain_text("A number from -1 to 1 is needed")
    expect(threshold).to_be_focused()


def test_the_camera_is_used_and_let_go(recognition, gallery):
    # Chromium's camera shows this person.
    gallery.add("Tom Hanks", PORTRAIT.read_bytes())
    gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    page = recognition()
    page.locator("#recognition-source").get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take a picture").click()
    expect(verdict(page).get_by_role("heading", name="This is Tom Hanks")).to_be_visible()
    track = page.evaluate_handle("document.querySelector('#recognition-source video').srcObject.getVideoTracks()[0]")
    assert track.evaluate("track => track.readyState") == "live"
    page.get_by_role("link", name="Status", exact=True).first.click()
    assert track.evaluate("track => track.readyState") == "ended"


def test_a_busy_server_is_asked_again_after_a_while(recognition, gallery):
    gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    page = recognition()
    words = "Too many pictures are being looked at right now: try again in a moment."
    busy = {"status": 503, "title": "x", "code": "model_busy", "message": words, "detail": words}
    page.route("**/api/face/predict", lambda route: route.fulfill(status=503, json=busy, headers={"Retry-After": "2"}))
    choose(page, probe(five_people()[0]))
    room = page.locator("#recognition-problem")
    expect(room).to_contain_text("Too many pictures are being looked at right now")
    expect(room.get_by_role("button")).to_contain_text(re.compile(r"Try again in \d"))
    page.unroute("**/api/face/predict")
    room.get_by_role("button", name="Try again", exact=True).click()
    expect(verdict(page).get_by_role("heading", name="This is Ayu Lestari")).to_be_visible()


def test_in_token_mode_only_admins_look_people_up(open_page, token_server):
    citra = {"name": "Citra Dewi", "email": new_email("citra"), "password": "secure123"}
    page = open_page("/recognition", on=token_server)
    sign_in(page)
    expect(page.locator("#recognition-source")).to_be_visible()
    page.evaluate(
        "async ([api, session, body]) => { const { post } = await import(api); await post('/api/users', body);"
        " const { signOut } = await import(session); await signOut(); }",
        [core(page, "api.js"), core(page, "session.js"), citra],
    )
    sign_in(page, citra["email"], citra["password"])
    expect(page.get_by_role("heading", name="Only admins look people up")).to_be_visible()
    expect(page.locator("#recognition-source")).to_be_hidden()


def test_it_speaks_indonesian_on_a_phone(recognition, gallery):
    first, second, *_ = five_people()
    gallery.add("Ayu Lestari", *photos(first, 2))
    page = recognition(lang="id", size="phone")
    choose(page, probe(first))
    heading = verdict(page).get_by_role("heading", name="Ini Ayu Lestari")
    expect(heading).to_be_in_viewport(ratio=1)
    expect(rows(page)).to_contain_text(re.compile(r"minimum 0,\d+"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Gambar lain").click()
    expect(page.locator("#recognition-source")).to_be_in_viewport()
    choose(page, probe(second))
    expect(verdict(page).get_by_role("heading", name="Tidak dikenal")).to_be_visible()


def test_a_name_without_blanks_makes_no_page_wider(recognition, gallery):
    person = five_people()[0]
    gallery.add(f"Ayu {'W' * 190}", *photos(person, 3))
    page = recognition(size="phone")
    choose(page, probe(person))
    expect(verdict(page)).to_contain_text("Confidence")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
