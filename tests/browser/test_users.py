"""The tab Users: find, create, change and delete people."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bench._server import Server, start
from tests.browser.conftest import ADMIN, OpenPage, ready
from tests.browser.people import ask, database, give_photos, new_email, somebody
from tests.browser.test_shell import sign_in
from tests.people import five_people
from tests.pictures import jpeg

pytestmark = pytest.mark.browser

CROWD = 10_000
PER_PAGE = 25


def row(page: Page, email: str) -> Locator:
    return page.locator("#users-table-rows tr").filter(has_text=email)


def find(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search users").fill(text)


def fill_in(page: Page, *, name: str | None = None, email: str | None = None, password: str | None = None) -> Locator:
    dialog = page.get_by_role("dialog")
    for label, value in (("Name", name), ("Email", email), ("Password", password)):
        if value is not None:
            dialog.get_by_role("textbox", name=label).fill(value)
    return dialog


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of which tests know everything that is in it. Whoever adds something takes it away again."""
    server = start(tmp_path_factory.mktemp("quiet"), FACE_MODEL="dlib", PASSWORD_COST="4", WARM_MODELS="false")
    yield server
    server.stop()


@pytest.fixture
def crowd(quiet_server: Server) -> Iterator[int]:
    """Ten thousand users; the id of the first."""
    with database(quiet_server) as cursor:
        cursor.execute(
            "INSERT INTO users (name, email)"
            " SELECT 'Person ' || n, 'crowd' || n || '@people.test' FROM generate_series(1, %s) n"
            " ORDER BY n RETURNING id",
            [CROWD],
        )
        first = min(id_ for (id_,) in cursor.fetchall())
    yield first
    with database(quiet_server) as cursor:
        cursor.execute("DELETE FROM users WHERE email LIKE 'crowd%'")


# --- create


def test_a_user_is_created_noted_and_led_to_photos(open_page: OpenPage, server: Server):
    sari = new_email("sari")
    page = open_page("/users")
    page.get_by_role("button", name="Create User").click()
    dialog = fill_in(page, name="Sari Wulandari", email=sari, password="secure123")
    dialog.get_by_role("button", name="Submit").click()
    note = page.locator("#users-created")
    expect(note).to_contain_text("Sari Wulandari was created")
    found = ask(server, "GET", f"/api/users?q={sari}").json
    assert len(found) == 1
    expect(note.locator("strong")).to_have_text(str(found[0]["id"]))
    expect(row(page, sari)).to_have_class(re.compile("users-marked"))
    expect(row(page, sari)).to_contain_text("No photos yet")
    login = {"email": sari, "password": "secure123"}
    assert ask(server, "POST", "/api/auth/login-pass-verify", login).status == 200
    add = note.get_by_role("link", name="Add photos")
    expect(add).to_be_focused()
    add.press("Enter")
    expect(page).to_have_url(re.compile(f"/photos\\?user={found[0]['id']}$"))


def test_a_double_click_creates_one_user(open_page: OpenPage, server: Server):
    dobel = new_email("dobel")
    page = open_page("/users")
    page.get_by_role("button", name="Create User").click()
    dialog = fill_in(page, name="Dobel", email=dobel)
    asked = []
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    dialog.get_by_role("button", name="Submit").dblclick()
    expect(page.locator("#users-created")).to_contain_text("Dobel was created")
    assert len(asked) == 1
    assert len(ask(server, "GET", f"/api/users?q={dobel}").json) == 1


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(open_page: OpenPage, server: Server):
    taken = somebody(server, "Tono")
    page = open_page("/users")
    page.get_by_role("button", name="Create User").click()
    dialog = fill_in(page, name="", email="no address", password="secure")
    submit = dialog.get_by_role("button", name="Submit")
    submit.click()
    name, email, password = (dialog.get_by_role("textbox", name=label) for label in ("Name", "Email", "Password"))
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description("This must not be empty")
    expect(email).to_have_accessible_description("This is not an email address")
    for field, text in ((name, "This must not be empty"), (email, "This is not an email address")):
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(dialog.get_by_text(text, exact=True)).to_be_visible()
    fill_in(page, name="Tono the second", email=new_email("tono"), password="x")
    submit.click()
    expect(dialog.get_by_text("6 to 1024 characters are needed", exact=True)).to_be_visible()
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
    expect(email).not_to_have_attribute("aria-invalid", "true")
    fill_in(page, name="Tono the second", email=taken.email.upper(), password="secure123")
    submit.click()
    expect(email).to_have_accessible_description("Another user has this address")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(password).to_have_value("secure123")
    expect(email).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Create User")).to_be_focused()


def test_the_password_can_be_looked_at(open_page: OpenPage):
    page = open_page("/users")
    page.get_by_role("button", name="Create User").click()
    dialog = fill_in(page, password="hunter22")
    password = dialog.get_by_label("Password (optional)")
    expect(password).to_have_attribute("type", "password")
    dialog.get_by_role("button", name="Show").click()
    expect(password).to_have_attribute("type", "text")
    dialog.get_by_role("button", name="Hide").click()
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_value("hunter22")


def test_the_back_button_closes_what_belongs_to_the_tab(open_page: OpenPage):
    page = open_page("/status")
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("button", name="Create User").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Status", level=2)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_server_that_is_away_while_creating_loses_nothing(open_page: OpenPage, server: Server):
    luring = new_email("luring")
    page = open_page("/users")
    page.get_by_role("button", name="Create User").click()
    dialog = fill_in(page, name="Luring", email=luring)
    page.context.set_offline(True)
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The server does not answer.")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("Luring")
    page.context.set_offline(False)
    expect(page.locator("#offline-banner")).to_be_hidden()
    dialog.get_by_role("button", name="Try again").click()
    expect(page.locator("#users-created")).to_contain_text("Luring was created")
    assert len(ask(server, "GET", f"/api/users?q={luring}").json) == 1


# --- the table


def test_a_row_tells_photos_embeddings_and_whether_training_is_due(open_page: OpenPage, server: Server):
    face, more = five_people()[0].photo(), five_people()[0].photo(light=1.2)
    trained, due, partly, faceless = (somebody(server, name) for name in ("Trina", "Dina", "Parta", "Falah"))
    for user in (trained, partly):
        give_photos(server, user.id, face)
        assert ask(server, "POST", "/api/training/incremental", {"user_id": user.id}).status == 200
    give_photos(server, due.id, face)
    give_photos(server, partly.id, more)
    give_photos(server, faceless.id, jpeg())
    page = open_page("/users?q=people.test")
    for user, photos, embeddings, text in (
        (trained, "1", "1", "Trained"),
        (due, "1", "0", "Training due"),
        (partly, "2", "1", "1 photo to train"),
        (faceless, "1", "0", "No face found"),
    ):
        find(page, user.email)
        line = row(page, user.email)
        expect(line.locator(".users-id")).to_have_text(str(user.id))
        expect(line.locator(".users-photos")).to_have_text(photos)
        expect(line.locator(".users-embeddings")).to_have_text(embeddings)
        expect(line.locator(".users-training")).to_have_text(text)
    find(page, due.email)
    row(page, due.email).get_by_role("link", name="Training due").click()
    expect(page).to_have_url(re.compile(f"/build\\?user={due.id}$"))


def test_search_finds_name_address_and_id_and_stays_in_the_address(open_page: OpenPage, server: Server):
    one, other = somebody(server, "Cari Satu"), somebody(server, "Cari Dua")
    page = open_page("/users")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/users" in request.url else None)
    page.get_by_role("searchbox").press_sequentially("cari dua", delay=20)
    expect(row(page, other.email)).to_be_visible()
    expect(row(page, one.email)).to_have_count(0)
    assert len(asked) < len("cari dua"), "what is typed quickly is one search"
    expect(page).to_have_url(re.compile(r"/users\?q=cari\+dua$"))
    page.reload()
    ready(page)
    expect(page.get_by_role("searchbox")).to_have_value("cari dua")
    expect(row(page, other.email)).to_be_visible()
    find(page, one.email.upper())
    expect(row(page, one.email)).to_be_visible()
    find(page, str(one.id))
    expect(row(page, one.email)).to_be_visible()
    find(page, "nobody is called this")
    expect(page.get_by_role("heading", name="Nobody matches")).to_be_visible()
    page.get_by_role("button", name="Show everybody").click()
    expect(page.locator("#users-table")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/users$"))
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_ten_thousand_users_are_paged_by_the_server(open_page: OpenPage, quiet_server: Server, crowd: int):
    page = open_page("/users", on=quiet_server)
    expect(page.locator("#users-count")).to_have_text("10,000 users")
    rows = page.locator("#users-table-rows tr")
    expect(rows).to_have_count(PER_PAGE)
    pager = page.get_by_role("navigation", name="Pages")
    expect(pager).to_contain_text("1–25 of 10,000")
    pager.get_by_role("button", name="Next page").click()
    expect(pager).to_contain_text("26–50 of 10,000")
    expect(rows.first.locator(".users-id")).to_have_text(str(crowd + PER_PAGE))
    expect(page).to_have_url(re.compile(r"/users\?page=2$"))
    pager.get_by_role("button", name="Last page").click()
    expect(pager).to_contain_text("9,976–10,000 of 10,000")
    expect(row(page, f"crowd{CROWD}@people.test")).to_be_visible()
    expect(pager.get_by_role("button", name="Next page")).to_be_disabled()
    page.reload()
    ready(page)
    expect(pager).to_contain_text("9,976–10,000 of 10,000")
    find(page, "crowd777")
    expect(page.locator("#users-count")).to_have_text("11 users found")
    expect(page).to_have_url(re.compile(r"\?q=crowd777$"))
    # A page that is no more leads to the last one there is; nonsense to the first.
    page.goto("/users?page=99999")
    expect(pager).to_contain_text("9,976–10,000 of 10,000")
    expect(page).to_have_url(re.compile(r"\?page=400$"))
    page.goto("/users?page=-7")
    expect(pager).to_contain_text("1–25 of 10,000")


def test_who_is_new_among_ten_thousand_is_shown_at_once(open_page: OpenPage, quiet_server: Server, crowd: int):
    page = open_page("/users?q=crowd7", on=quiet_server)
    page.get_by_role("button", name="Create User").click()
    fill_in(page, name="Newcomer", email="crowd-newcomer@people.test").get_by_role("button", name="Submit").click()
    expect(row(page, "crowd-newcomer@people.test")).to_be_visible()
    expect(page.locator("#users-table-rows tr")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("10,001–10,001 of 10,001")
    # The last one of its page is deleted: the page before comes up.
    page.get_by_role("button", name="Delete Newcomer").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("9,976–10,000 of 10,000")


def test_an_answer_that_comes_late_does_not_overwrite_a_later_search(open_page: OpenPage, server: Server):
    one, other = somebody(server, "Lambat"), somebody(server, "Cepat")
    page = open_page("/users")
    expect(page.locator("#users-table")).to_be_visible()
    held = []
    page.route(re.compile("/api/users.*lambat"), lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    with page.expect_request(re.compile("/api/users.*lambat")):
        find(page, one.email)
    find(page, other.email)
    expect(row(page, other.email)).to_be_visible()
    for route in held:
        route.continue_()
    page.unroute(re.compile("/api/users.*lambat"))
    find(page, other.email.upper())
    expect(page).to_have_url(re.compile("CEPAT"))
    expect(row(page, other.email)).to_be_visible()
    expect(row(page, one.email)).to_have_count(0)


# --- edit and delete


def test_a_user_is_changed_by_keyboard_alone(open_page: OpenPage, server: Server):
    user = somebody(server, "Ubah Saya")
    page = open_page(f"/users?q={user.email}")
    photos, edit, delete = (
        page.get_by_role(role, name=name)
        for role, name in (
            ("link", "Photos of Ubah Saya"),
            ("button", "Edit Ubah Saya"),
            ("button", "Delete Ubah Saya"),
        )
    )
    expect(photos).to_be_visible()
    photos.focus()
    page.keyboard.press("Tab")
    expect(edit).to_be_focused()
    page.keyboard.press("Tab")
    expect(delete).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    name = page.get_by_role("dialog").get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    expect(name).to_have_value("Ubah Saya")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Sudah Diubah")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, user.email)).to_contain_text("Sudah Diubah")
    expect(page.get_by_role("button", name="Edit Sudah Diubah")).to_be_focused()
    stored = ask(server, "GET", f"/api/users/{user.id}").json
    assert (stored["name"], stored["email"]) == ("Sudah Diubah", user.email)


def test_changing_to_an_address_that_is_taken_is_said_beside_it(open_page: OpenPage, server: Server):
    user, other = somebody(server, "Satu Dua"), somebody(server, "Dua Satu")
    page = open_page(f"/users?q={user.email}")
    page.get_by_role("button", name="Edit Satu Dua").click()
    dialog = fill_in(page, email=other.email)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Another user has this address")).to_be_visible()
    assert ask(server, "GET", f"/api/users/{user.id}").json["email"] == user.email


def test_a_new_password_is_taken_and_an_empty_one_changes_nothing(open_page: OpenPage, server: Server):
    user = somebody(server, "Sandi", password="first-secret")
    page = open_page(f"/users?q={user.email}")

    def works(password):
        login = {"email": user.email, "password": password}
        return ask(server, "POST", "/api/auth/login-pass-verify", login).status == 200

    for password, good in (("", "first-secret"), ("second-secret", "second-secret")):
        page.get_by_role("button", name="Edit Sandi").click()
        dialog = fill_in(page, password=password)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
        assert works(good)
    assert not works("first-secret")


def test_deletion_says_what_goes_and_happens_only_when_confirmed(open_page: OpenPage, server: Server):
    user = somebody(server, "Hapus Saya")
    give_photos(server, user.id, five_people()[1].photo(), five_people()[1].photo(light=1.1))
    assert ask(server, "POST", "/api/training/incremental", {"user_id": user.id}).status == 200
    page = open_page(f"/users?q={user.email}")
    page.get_by_role("button", name="Delete Hapus Saya").click()
    dialog = page.get_by_role("dialog", name="Delete Hapus Saya?")
    for text in (user.email, "2 photos", "2 embeddings", f"dataset/{user.id}", "There is no way back."):
        expect(dialog).to_contain_text(text)
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert ask(server, "GET", f"/api/users/{user.id}").status == 200
    page.get_by_role("button", name="Delete Hapus Saya").click()
    dialog.get_by_role("button", name="Delete").dblclick()
    expect(page.get_by_text("Hapus Saya was deleted.").first).to_be_visible()
    expect(row(page, user.email)).to_have_count(0)
    assert ask(server, "GET", f"/api/users/{user.id}").status == 404
    assert not (server.folder / "dataset" / str(user.id)).exists()


def test_who_was_deleted_by_somebody_else_is_gone_all_the_same(open_page: OpenPage, server: Server):
    user = somebody(server, "Sudah Pergi")
    page = open_page(f"/users?q={user.email}")
    page.get_by_role("button", name="Delete Sudah Pergi").click()
    ask(server, "DELETE", f"/api/users/{user.id}")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Nobody matches")).to_be_visible()


def test_who_was_deleted_by_somebody_else_cannot_be_changed(open_page: OpenPage, server: Server):
    user = somebody(server, "Tiada")
    page = open_page(f"/users?q={user.email}")
    page.get_by_role("button", name="Edit Tiada").click()
    ask(server, "DELETE", f"/api/users/{user.id}")
    dialog = fill_in(page, name="Masih Ada")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text(f"There is no user with the id {user.id}.")


def test_names_are_text_whatever_they_look_like(open_page: OpenPage, server: Server):
    user = somebody(server, '<img src=x onerror=alert(1)> & "O\'Neil" 王小明')
    page = open_page(f"/users?q={user.id}")
    expect(row(page, user.email)).to_contain_text(user.name)
    page.get_by_role("button", name=f"Delete {user.name}").click()
    expect(page.get_by_role("dialog")).to_contain_text(user.name)


# --- states


@pytest.mark.parametrize(
    ("lang", "title", "button"),
    [("en", "No users yet", "Create the first user"), ("id", "Belum ada pengguna", "Tambah pengguna pertama")],
)
def test_an_empty_house_says_what_to_do_first(open_page: OpenPage, quiet_server: Server, lang, title, button):
    page = open_page("/", on=quiet_server, lang=lang)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_an_error_is_told_with_a_way_to_try_again(open_page: OpenPage):
    page = open_page()
    broken = {"status": 503, "title": "x", "code": "database_unavailable", "message": "x", "detail": "x"}
    page.route("**/api/users?*", lambda route: route.fulfill(status=503, json=broken))
    page.goto("/users")
    alert = page.locator("#users-problem").get_by_role("alert")
    expect(alert).to_be_visible()
    expect(page.locator("#users-body [data-state~=loading]")).to_be_hidden()
    page.unroute("**/api/users?*")
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_have_count(0)
    expect(page.locator("#users-body")).to_have_attribute("data-shown", re.compile("filled|empty"))


def test_people_are_shown_when_only_their_training_cannot_be_told(open_page: OpenPage, server: Server):
    user = somebody(server, "Tanpa Status")
    page = open_page()
    broken = {"status": 503, "title": "x", "code": "database_unavailable", "message": "x", "detail": "x"}
    page.route("**/api/training/status*", lambda route: route.fulfill(status=503, json=broken))
    page.goto(f"/users?q={user.email}")
    expect(row(page, user.email)).to_be_visible()
    expect(page.locator("#users-problem").get_by_role("alert")).to_be_visible()


def test_a_server_that_comes_back_fills_the_table_anew(open_page: OpenPage, server: Server):
    user = somebody(server, "Kembali")
    page = open_page("/users")
    expect(page.locator("#users-table")).to_be_visible()
    page.context.set_offline(True)
    find(page, user.email)
    expect(page.locator("#offline-banner")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline-banner")).to_be_hidden()
    expect(row(page, user.email)).to_be_visible()
    expect(page.locator("#users-problem .problem")).to_have_count(0)


def test_on_a_phone_people_are_cards_in_both_languages(open_page: OpenPage, server: Server):
    user = somebody(server, "Telepon Genggam Yang Namanya Panjang")
    for lang, words in (("en", ("Photos", "Edit", "Delete")), ("id", ("Foto", "Ubah", "Hapus"))):
        page = open_page(f"/users?q={user.email}", size="phone", lang=lang, theme="dark")
        line = row(page, user.email)
        expect(line).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        buttons = line.locator(".users-buttons > *")
        expect(buttons).to_have_text(list(words))
        for button in buttons.all():
            box = button.bounding_box()
            assert box["height"] >= 44
            assert box["width"] >= 44
        buttons.last.tap()
        expect(page.get_by_role("dialog")).to_contain_text(user.email)


# --- token mode


def test_an_admin_sees_everybody_and_a_person_themselves_alone(open_page: OpenPage, token_server: Server):
    email = new_email("rina")
    page = open_page("/users", on=token_server)
    sign_in(page)
    page.get_by_role("button", name="Create User").click()
    fill_in(page, name="Rina Biasa", email=email, password="secure123")
    page.get_by_role("dialog").get_by_role("button", name="Submit").click()
    expect(row(page, email)).to_be_visible()
    find(page, ADMIN[0])  # other tests' people may fill the page
    expect(row(page, ADMIN[0])).to_contain_text("Admin")

    page = open_page("/users", on=token_server)
    sign_in(page, email, "secure123")
    expect(row(page, email)).to_be_visible()
    expect(page.locator("#users-table-rows tr")).to_have_count(1)
    expect(page.get_by_text("This is your own account.")).to_be_visible()
    expect(page.get_by_role("button", name="Create User")).to_be_hidden()
    page.get_by_role("button", name="Edit Rina Biasa").click()
    dialog = fill_in(page, name="Rina Baru")
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, email)).to_contain_text("Rina Baru")
    page.get_by_role("button", name="Delete Rina Baru").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This is your own account: you are signed out.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("section:visible").get_by_role("heading", name="Sign in first")).to_be_visible()


def test_the_only_admin_cannot_be_deleted(open_page: OpenPage, token_server: Server):
    page = open_page("/users", on=token_server)
    sign_in(page)
    page.get_by_role("button", name="Delete Ada").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("admin")
    dialog.get_by_role("button", name="Cancel").click()
    expect(row(page, ADMIN[0])).to_be_visible()


def test_a_long_address_is_read_whole_and_pushes_no_button_out_of_the_table(server: Server, open_page: OpenPage):
    mark = new_email("long").split("@")[0]
    address = f"{mark}{'x' * 30}@{'y' * 60}.example.org"
    body = {"name": f"Ayu {mark}", "email": address}
    assert ask(server, "POST", "/api/users", body).status == 201
    for lang, width in (("en", 1280), ("id", 1280), ("id", 1440)):
        page = open_page(lang=lang)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"/users?q={mark}")
        cell = page.locator("#users-table .users-email")
        expect(cell).to_have_text(address)
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
        assert page.locator("#users-table .table-responsive").evaluate("room => room.scrollWidth <= room.clientWidth")


def test_a_name_without_blanks_leaves_the_buttons_of_a_dialog_in_reach(server: Server, open_page: OpenPage):
    user = somebody(server, f"Ayu {'W' * 190}")
    page = open_page(f"/users?q={user.email}", size="phone")
    for button, answer in (("Edit", "Save"), ("Delete", "Delete")):
        row(page, user.email).locator(".users-buttons").get_by_text(button).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name=answer, exact=True)).to_be_visible()
        assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.goto("/photos")
    page.locator("#photos-user-input").fill(user.email)
    option = page.locator("#photos-user-list [role=option]").filter(has_text=user.email)
    expect(option).to_be_visible()
    assert option.evaluate("option => option.scrollWidth <= option.clientWidth")


def test_a_name_without_blanks_that_was_just_given_fits_a_phone(server: Server, open_page: OpenPage):
    page = open_page("/users", size="phone")
    page.get_by_role("button", name="Create User").click()
    fill_in(page, name="W" * 200, email=new_email("ayu")).get_by_role("button", name="Submit").click()
    expect(page.locator("#users-created")).to_contain_text("was created")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
