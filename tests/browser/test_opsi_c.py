"""The whole way of "Opsi C: Via Web Interface", walked by somebody who has never seen a terminal; in both languages."""

from io import BytesIO

import pytest
from PIL import Image as PillowImage
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.gallery import photos
from tests.browser.people import new_email
from tests.people import Person, five_people
from tests.pictures import PORTRAIT

pytestmark = pytest.mark.browser

Words = dict[str, str]
File = dict[str, object]

WORDS: dict[str, Words] = {
    "en": {
        "users": "Users",
        "create": "Create User",
        "name": "Name",
        "password": "Password",
        "submit": "Submit",
        "created": "Tom Hanks was created",
        "photos": "Photos",
        "add": "Add photos",
        "choose": "Choose Files",
        "camera": "Open Camera",
        "take": "Take a picture",
        "series": "Take a series",
        "listed": "Photos ({count})",
        "build": "Database Build",
        "incremental": "Incremental (1-3s)",
        "user": "User",
        "build this": "Build Embeddings for This User",
        "built": "Embeddings built for Tom Hanks",
        "verification": "Face Verification",
        "verify": "Verify Face",
        "logged in": "Login successful: you are signed in as Tom Hanks now.",
        "full": "Full Rebuild (10-30s)",
        "rebuild": "Rebuild All Users Now",
        "rebuilt": "Face database built successfully",
        "recognition": "Recognition",
        "this is": "This is Tom Hanks",
    },
    "id": {
        "users": "Pengguna",
        "create": "Tambah Pengguna",
        "name": "Nama",
        "password": "Kata sandi",
        "submit": "Kirim",
        "created": "Tom Hanks telah ditambahkan",
        "photos": "Foto",
        "add": "Tambah foto",
        "choose": "Pilih Berkas",
        "camera": "Buka Kamera",
        "take": "Ambil gambar",
        "series": "Ambil beberapa gambar",
        "listed": "Foto ({count})",
        "build": "Bangun Basis Data",
        "incremental": "Inkremental (1-3 dtk)",
        "user": "Pengguna",
        "build this": "Bangun Embedding Pengguna Ini",
        "built": "Embedding untuk Tom Hanks berhasil dibangun",
        "verification": "Verifikasi Wajah",
        "verify": "Verifikasi Wajah",
        "logged in": "Login berhasil: Anda sekarang masuk sebagai Tom Hanks.",
        "full": "Bangun Ulang Penuh (10-30 dtk)",
        "rebuild": "Bangun Ulang Semua Pengguna Sekarang",
        "rebuilt": "Basis data wajah berhasil dibangun",
        "recognition": "Pengenalan",
        "this is": "Ini Tom Hanks",
    },
}
#: By files; by single pictures of the camera; by its series, which has five at least.
FILES, SINGLE, SERIES = 4, 1, 5


def tom() -> Person:
    """Who is before Chromium's camera, too."""
    return Person(PillowImage.open(PORTRAIT).convert("RGB"))


def jpeg_file(name: str, data: bytes) -> File:
    assert PillowImage.open(BytesIO(data)).format == "JPEG"
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def tab(page: Page, name: str) -> None:
    page.locator("#tabs").get_by_role("link", name=name).click()


def create_user(page: Page, words: Words, email: str) -> str:
    """Tab "Users": Create User, name, email and password, Submit; the ID is noted."""
    expect(page.get_by_role("heading", name=words["users"], exact=True, level=2)).to_be_visible()
    page.get_by_role("button", name=words["create"]).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name=words["name"]).fill("Tom Hanks")
    dialog.get_by_role("textbox", name="Email").fill(email)
    dialog.get_by_role("textbox", name=words["password"]).fill("pass1234")
    dialog.get_by_role("button", name=words["submit"]).click()
    note = page.locator("#users-created")
    expect(note).to_contain_text(words["created"])
    return note.locator("strong").inner_text()


def add_photos(page: Page, words: Words) -> None:
    """Tab "Photos": Choose Files, Open Camera."""
    page.locator("#users-created").get_by_role("link", name=words["add"]).click()
    expect(page.locator("#photos-user-input")).to_have_value("Tom Hanks")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=words["choose"]).click()
    chooser.value.set_files([jpeg_file(f"{n}.jpg", data) for n, data in enumerate(photos(tom(), FILES), 1)])
    listed = page.locator("#photos-list-title")
    expect(listed).to_have_text(words["listed"].format(count=FILES))
    page.get_by_role("button", name=words["camera"]).click()
    page.get_by_role("button", name=words["take"]).click()
    expect(listed).to_have_text(words["listed"].format(count=FILES + SINGLE))
    page.locator("#photos-series-count").select_option(str(SERIES))
    page.get_by_role("button", name=words["series"]).click()
    expect(listed).to_have_text(words["listed"].format(count=FILES + SINGLE + SERIES), timeout=3 * PATIENCE_MS)
    expect(page.locator("#photos-list img").first).to_have_js_property("naturalWidth", 224)


def build_one(page: Page, words: Words, user_id: str) -> None:
    """Tab "Database Build": Incremental, the ID, Build Embeddings for This User."""
    tab(page, words["build"])
    expect(page.get_by_role("radio", name=words["incremental"])).to_be_checked()
    page.get_by_role("combobox", name=words["user"]).fill(user_id)
    page.get_by_role("button", name=words["build this"]).click()
    job = page.locator(".build-job")
    expect(job).to_contain_text(words["built"], timeout=2 * PATIENCE_MS)
    expect(job.locator("dd").first).to_have_text(str(FILES + SINGLE + SERIES))


def rebuild(page: Page, words: Words, photos_in_all: int) -> None:
    """The other way: Full Rebuild, Rebuild All Users Now."""
    tab(page, words["build"])
    page.get_by_role("radio", name=words["full"]).check()
    page.get_by_role("button", name=words["rebuild"]).click()
    job = page.locator(".build-job")
    expect(job).to_contain_text(words["rebuilt"], timeout=2 * PATIENCE_MS)
    expect(job.locator("dd").first).to_have_text(str(photos_in_all))
    expect(job).to_contain_text("num_classes")


def verify(page: Page, words: Words, email: str, probe: File) -> None:
    """Tab "Face Verification": email, a test photo, Verify Face: login berhasil."""
    tab(page, words["verification"])
    page.locator("#verification-form-email").fill(email)
    page.set_input_files("#verification-source-file-input", probe)
    page.locator("#verification-form").get_by_role("button", name=words["verify"]).click()
    expect(page.locator("#verification-verdict")).to_contain_text(words["logged in"])
    expect(page.locator("#account-name")).to_have_text("Tom Hanks")


def recognise(page: Page, words: Words, probe: File) -> None:
    """Tab "Recognition": who is this?"""
    tab(page, words["recognition"])
    page.set_input_files("#recognition-source-file-input", probe)
    expect(page.locator("#recognition-verdict")).to_contain_text(words["this is"])
    expect(page.locator(".recognition-people li")).to_have_count(3)


@pytest.mark.parametrize("lang", ["en", "id"])
def test_from_the_first_user_to_being_recognised(open_page, face_server, gallery, lang):
    words = WORDS[lang]
    for name, person in zip(("Ayu Lestari", "Budi Santoso"), five_people(), strict=False):
        gallery.add(name, *photos(person, 2), trained=False)
    probe = jpeg_file("test.jpg", tom().photo(light=0.92, size=0.9, quality=85))
    page = open_page("/", on=face_server, lang=lang)
    email = new_email("tom")
    user_id = create_user(page, words, email)
    assert user_id.isdecimal()
    add_photos(page, words)
    build_one(page, words, user_id)
    verify(page, words, email, probe)
    rebuild(page, words, FILES + SINGLE + SERIES + 4)
    recognise(page, words, probe)
