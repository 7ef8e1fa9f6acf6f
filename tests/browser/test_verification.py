"""The tab Face Verification: signing in with a face, on the real engine with real faces."""

import re

import pytest
from playwright.sync_api import expect

from bench._server import start
from tests.browser.gallery import photos
from tests.browser.test_shell import core, sign_in
from tests.people import five_people
from tests.pictures import PORTRAIT, jpeg

pytestmark = pytest.mark.browser


@pytest.fixture
def verification(open_page, face_server, gallery):
    """Open the tab on the server of the gallery."""

    def open_tab(query: str = "", **options):
        return open_page(f"/verification{query}", on=face_server, **options)

    return open_tab


def choose(page, data: bytes):
    page.set_input_files(
        "#verification-source-file-input", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": data}
    )


def verify(page, who: str, data: bytes, button: str = "Verify Face"):
    page.locator("#verification-form-email").fill(who)
    choose(page, data)
    page.get_by_role("button", name=button).click()


def verdict(page):
    return page.locator("#verification-result .verdict")


def account(page):
    return page.locator("#account-name")


def test_a_match_signs_in_and_says_so_and_how_to_sign_out(verification, gallery):
    first, second, *_ = five_people()
    _, email = gallery.add("Ayu Lestari", *photos(first, 3))
    gallery.add("Budi Santoso", *photos(second, 2))
    page = verification()
    verify(page, email, first.photo(light=0.9, size=0.8))
    expect(verdict(page).get_by_role("heading", name="Match: this is Ayu Lestari")).to_be_visible()
    expect(verdict(page)).to_contain_text("Login successful: you are signed in as Ayu Lestari now.")
    expect(account(page)).to_have_text("Ayu Lestari")
    scale = page.locator("#verification-scale").get_by_role("img")
    expect(scale).to_have_accessible_name(re.compile(r"Similarity 0\.9\d+; 0\.9\d+ is needed"))
    expect(page.locator("#verification-chosen .face-good .face-label")).to_have_text("Ayu Lestari")
    expect(page.locator("#live")).to_contain_text("Match: this is Ayu Lestari")
    page.get_by_role("button", name="Sign out").click()
    expect(account(page)).to_have_text("Sign in")
    # Whoever comes next sees nothing of it.
    expect(verdict(page)).to_have_count(0)
    expect(page.locator("#verification-chosen")).to_be_hidden()
    expect(page.locator("#verification-preview img")).to_have_count(0)


def test_an_id_is_as_good_as_an_address_and_comes_with_the_link(verification, gallery):
    first, *_ = five_people()
    user_id, _ = gallery.add("Ayu Lestari", *photos(first, 2))
    page = verification(f"?user={user_id}")
    expect(page.get_by_role("textbox", name="Email")).to_have_value(str(user_id))
    choose(page, first.photo(light=0.9))
    page.get_by_role("button", name="Verify Face").dblclick(delay=30)
    expect(account(page)).to_have_text("Ayu Lestari")


def test_another_face_and_an_unknown_address_are_told_alike(verification, gallery):
    first, second, *_ = five_people()
    _, email = gallery.add("Ayu Lestari", *photos(first, 2))
    page = verification()
    for who in (email, "nobody@example.org", "999999"):
        verify(page, who, second.photo())
        expect(verdict(page).get_by_role("heading", name="No match")).to_be_visible()
        expect(verdict(page)).to_contain_text("The face does not match this user: try a sharp photo from the front")
        expect(page.locator("#verification-scale")).to_be_hidden()
        expect(account(page)).to_have_text("Sign in")
        expect(page.locator("#live-urgent")).to_contain_text("No match")
        page.get_by_role("button", name="Try another picture").click()
        expect(page.locator("#verification-source")).to_be_visible()


def test_a_picture_without_a_face_is_told(verification, gallery):
    _, email = gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    page = verification()
    verify(page, email, jpeg(320, 240))
    expect(verdict(page).get_by_role("heading", name="No face was found")).to_be_visible()


def test_who_is_not_trained_is_sent_to_the_build(verification, gallery):
    first, *_ = five_people()
    user_id, email = gallery.add("Ayu Lestari", *photos(first, 1), trained=False)
    page = verification()
    verify(page, email, first.photo())
    expect(verdict(page).get_by_role("heading", name="Not trained yet")).to_be_visible()
    page.get_by_role("link", name="Go to Database Build").click()
    expect(page).to_have_url(re.compile(f"/build\\?user={user_id}$"))
    expect(page.locator("#build-person")).to_contain_text("1 to train")


def test_what_is_missing_is_told_beside_it(verification):
    page = verification()
    page.get_by_role("button", name="Verify Face").click()
    expect(page.locator("#verification-form-email-error")).to_have_text(
        "Say who you are: your email address, or your ID."
    )
    expect(page.locator("#verification-file-error")).to_have_text("Choose a picture of your face, or take one.")
    expect(page.get_by_role("textbox", name="Email")).to_be_focused()


def test_too_many_failures_lock_with_a_countdown(verification, gallery):
    first, second, *_ = five_people()
    _, email = gallery.add("Ayu Lestari", *photos(first, 1))
    for _ in range(5):
        wrong = [("file", "me.jpg", second.photo(size=0.5))]
        assert gallery.client.form("/api/auth/login-face-verify", wrong, {"email": email}).status == 401
    page = verification()
    verify(page, email, first.photo())
    room = page.locator("#verification-problem")
    expect(room).to_contain_text("Too many failed attempts: try again in 15 min.")
    retry = room.get_by_role("button")
    expect(retry).to_be_disabled()
    expect(retry).to_have_text(re.compile(r"Try again in 1\d min \d+ s"))
    before = retry.text_content()
    expect(retry).not_to_have_text(before)  # it counts
    expect(account(page)).to_have_text("Sign in")


def test_the_camera_stops_with_the_picture(verification, gallery):
    _, email = gallery.add("Tom Hanks", PORTRAIT.read_bytes())
    page = verification()
    page.get_by_role("textbox", name="Email").fill(email)
    page.locator("#verification-source").get_by_role("button", name="Camera").click()
    expect(page.get_by_role("button", name="Take a picture")).to_be_enabled()
    track = page.evaluate_handle("document.querySelector('#verification-source video').srcObject.getVideoTracks()[0]")
    page.get_by_role("button", name="Take a picture").click()
    expect(page.locator("#verification-chosen img")).to_be_visible()
    assert track.evaluate("track => track.readyState") == "ended"
    page.get_by_role("button", name="Verify Face").click()
    expect(verdict(page).get_by_role("heading", name="Match: this is Tom Hanks")).to_be_visible()
    # Another picture comes from where the last one came from.
    page.get_by_role("button", name="Another picture").click()
    expect(page.get_by_role("button", name="Take a picture")).to_be_enabled()


def test_who_is_signed_in_stays_so_until_they_want_otherwise(verification, gallery):
    first, *_ = five_people()
    _, ayu = gallery.add("Ayu Lestari", *photos(first, 2))
    _, budi = gallery.add("Budi Santoso", password="secure123")
    page = verification()
    sign_in(page, budi, "secure123")
    expect(page.locator("#verification-account")).to_have_text("You are signed in as Budi Santoso.")
    verify(page, ayu, first.photo(light=0.9))
    expect(verdict(page)).to_contain_text("You stay signed in as Budi Santoso unless you change that.")
    expect(account(page)).to_have_text("Budi Santoso")
    old = page.evaluate("async url => (await import(url)).token()", core(page, "session.js"))
    page.get_by_role("button", name="Sign in as Ayu Lestari instead").click()
    expect(account(page)).to_have_text("Ayu Lestari")
    expect(verdict(page)).to_contain_text("You are signed in as Ayu Lestari now.")
    assert gallery.client.call("GET", "/api/auth/me", Authorization=f"Bearer {old}").status == 401
    # The same person once more: nothing changes.
    page.get_by_role("button", name="Verify Face").click()
    expect(verdict(page)).to_contain_text("You are signed in as Ayu Lestari, as before.")
    page.reload()
    expect(account(page)).to_have_text("Ayu Lestari")


def test_a_session_that_was_offered_and_not_taken_is_ended(verification, gallery):
    first, *_ = five_people()
    _, ayu = gallery.add("Ayu Lestari", *photos(first, 2))
    _, budi = gallery.add("Budi Santoso", password="secure123")
    page = verification()
    sign_in(page, budi, "secure123")
    with page.expect_response("**/api/auth/login-face-verify") as answer:
        verify(page, ayu, first.photo(light=0.9))
    offered = answer.value.json()["data"]["token"]
    expect(page.get_by_role("button", name="Sign in as Ayu Lestari instead")).to_be_visible()
    assert gallery.client.call("GET", "/api/auth/me", Authorization=f"Bearer {offered}").status == 200
    with page.expect_response("**/api/auth/logout"):
        page.get_by_role("link", name="Status", exact=True).first.click()
    assert gallery.client.call("GET", "/api/auth/me", Authorization=f"Bearer {offered}").status == 401
    expect(account(page)).to_have_text("Budi Santoso")


def test_a_server_that_does_not_offer_it_says_so(open_page, tmp_path):
    server = start(tmp_path, FACE_MODEL="dlib", WARM_MODELS="false", FACE_LOGIN="false")
    try:
        page = open_page("/verification", on=server)
        expect(page.get_by_role("heading", name="Signing in with a face is switched off")).to_be_visible()
        expect(page.get_by_role("button", name="Verify Face")).to_be_hidden()
        page.locator("section:visible").get_by_role("link", name="Password Login").click()
        expect(page).to_have_url(re.compile("/account$"))
    finally:
        server.stop()


def test_it_speaks_indonesian_on_a_phone(verification, gallery):
    first, second, *_ = five_people()
    _, email = gallery.add("Ayu Lestari", *photos(first, 2))
    page = verification(lang="id", size="phone")
    verify(page, email, second.photo(), "Verifikasi Wajah")
    expect(verdict(page).get_by_role("heading", name="Tidak cocok")).to_be_in_viewport()
    page.get_by_role("button", name="Coba gambar lain").click()
    verify(page, email, first.photo(light=0.9), "Verifikasi Wajah")
    expect(verdict(page)).to_contain_text("Login berhasil: Anda sekarang masuk sebagai Ayu Lestari.")
    expect(page.get_by_role("button", name="Keluar")).to_be_visible()


def test_a_name_without_blanks_makes_no_page_wider(verification, gallery):
    person = five_people()[0]
    _, email = gallery.add(f"Ayu {'W' * 190}", *photos(person, 3))
    page = verification(size="phone")
    verify(page, email, person.photo(light=0.9, size=0.8))
    expect(verdict(page)).to_contain_text("Login successful")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
