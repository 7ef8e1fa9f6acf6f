"""Signing in with Google in the page, and linking a Google account, against a local Google (tests/fake_google.py)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from bench._server import Answer, Server, start
from tests.browser.conftest import ADMIN, OpenPage, make_admin, ready
from tests.browser.test_accessibility import needs_axe, violations
from tests.fake_google import CLIENT_ID, FakeGoogle, Fault

pytestmark = pytest.mark.browser

PASSWORD = "secure123"
#: Google is another site, the only one that these pages may lead to.
BUTTON = "#account-google-start"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle() as server:
        yield server


@pytest.fixture(scope="module")
def google_server(google: FakeGoogle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in token mode that knows the local Google, as an operator enters it."""
    folder: Path = tmp_path_factory.mktemp("browser-google")
    server = start(folder, FACE_MODEL="dlib", ACCESS_MODE="token", PASSWORD_COST="4", **google.environment())
    make_admin(server)
    google.redirect_uris.add(f"http://127.0.0.1:{server.port}/account")
    yield server
    server.stop()


@pytest.fixture
def guest(google: FakeGoogle) -> Iterator[str]:
    """The address of somebody who has a Google account, and nothing here."""
    number = next(_numbers)
    email = f"sari-{number}@gmail.test"
    google.people = {f"subject-{number}": email}
    google.seen.clear()
    yield email
    google.people = {}


@pytest.fixture
def open_google(open_page: OpenPage, google: FakeGoogle, google_server: Server) -> OpenPage:
    """`open_page` on the server that knows Google; the browser may go there, too."""

    def open_one(path: str, **options: Any) -> Page:
        also = google.settings()["google_authorize_url"].removesuffix("authorize")
        return open_page(path, on=google_server, also=(also,), **options)

    return open_one


def call(server: Server, method: str, path: str, body: Any = None, *, token: str | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with closing(server.client()) as client:
        return client.json(method, path, body, **headers)


def admin_token(server: Server) -> str:
    login = {"email": ADMIN[0], "password": ADMIN[1]}
    token: str = call(server, "POST", "/api/auth/login-pass-verify", login).json["data"]["token"]
    return token


def member(server: Server, email: str) -> None:
    """A person who has an account with a password."""
    token = admin_token(server)
    made = call(server, "POST", "/api/users", {"name": "Sari", "email": email, "password": PASSWORD}, token=token)
    assert made.status == 201


def enter(page: Page, email: str) -> None:
    page.locator("#account-form-email").fill(email)
    page.locator("#account-form-password").fill(PASSWORD)
    page.locator("#account-form-password").press("Enter")


def choose(page: Page, text: str) -> None:
    """Click on Google's page, and come back."""
    page.get_by_role("link", name=text).click()
    ready(page)


def stored(page: Page) -> str | None:
    """What the page remembers of a question to Google."""
    return page.evaluate("sessionStorage.getItem('kenali:google')")


@pytest.mark.parametrize(
    ("lang", "button", "welcome"),
    [
        ("en", "Sign in with Google", "Welcome, Sari-{}: you have an account now."),
        ("id", "Masuk dengan Google", "Selamat datang, Sari-{}: sekarang Anda punya akun."),
    ],
)
def test_a_guest_signs_in_and_is_back_at_the_event_they_came_for(
    open_google, google_server, google, guest, lang, button, welcome
):
    body = {"name": "Wisuda SMA 3", "password": "wisuda-2026"}
    event = call(google_server, "POST", "/api/events", body, token=admin_token(google_server)).json["id"]
    page = open_google(f"/events?event={event}", size="phone", lang=lang)
    page.locator("#panel-events").get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert (asked["client_id"], asked["response_type"], asked["hl"]) == (CLIENT_ID, "code", lang)
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3

    choose(page, guest)
    number = guest.partition("@")[0].removeprefix("sari-")
    expect(page.locator(".notice")).to_have_text(welcome.format(number))
    expect(page).to_have_url(re.compile(rf"/events\?event={event}$"))
    expect(page.locator("#events-door-form")).to_be_visible()
    expect(page.locator("#heading-events")).to_have_text("Wisuda SMA 3")
    expect(page.locator("#account-link")).to_contain_text(f"Sari-{number}")
    assert stored(page) is None
    # The code was exchanged once, with what only this window knew.
    (form,) = [seen.form for seen in google.seen if seen.kind == "token"]
    assert form["code_verifier"]
    assert form["redirect_uri"].endswith("/account")

    page.reload()
    ready(page)
    expect(page.locator("#events-door-form")).to_be_visible()


def test_the_code_is_in_the_address_and_the_history_no_more(open_google, guest):
    page = open_google("/account")
    page.locator(BUTTON).click()
    choose(page, guest)
    expect(page.locator("#account-me-email")).to_have_text(guest)
    expect(page.locator("#account-me-method")).to_contain_text("with Google")
    assert page.evaluate("location.href").endswith("/account")
    page.reload()
    ready(page)
    expect(page.locator("#account-me-email")).to_have_text(guest)


def test_who_turns_back_at_google_is_told_so_and_signs_in_otherwise(open_google, google_server, guest):
    member(google_server, guest)
    page = open_google("/account?to=%2Fhistory", lang="id")
    page.locator(BUTTON).click()
    choose(page, "Cancel")
    expect(page.locator("#account-google-problem")).to_contain_text("Anda kembali tanpa memilih akun Google")
    expect(page).to_have_url(re.compile(r"/account\?to=%2Fhistory$"))
    enter(page, guest)
    expect(page).to_have_url(re.compile(r"/history$"))


def test_an_answer_that_nobody_here_asked_for_signs_nobody_in(open_google, google, guest):
    page = open_google("/account")
    page.goto("/account?code=4/0Astolen&state=somebody-elses&scope=openid")
    ready(page)
    expect(page.locator("#account-google-problem")).to_contain_text("belongs to no question of this window")
    assert page.evaluate("location.search") == ""
    assert google.asked("token") == 0

    page.locator(BUTTON).click()
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
    page.goto("/account?code=4/0Astolen&state=guessed")
    ready(page)
    expect(page.locator("#account-google-problem")).to_contain_text("belongs to no question of this window")
    assert google.asked("token") == 0
    assert stored(page) is None


def test_a_code_with_the_nonce_of_another_question_is_refused(open_google, google, guest):
    page = open_google("/account")
    page.locator(BUTTON).click()
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    injected = google.code("subject-of-eve", "eve@gmail.test", nonce="of-another-question")
    page.goto(f"/account?code={injected}&state={state}")
    ready(page)
    expect(page.locator("#account-google-problem")).to_be_visible()
    expect(page.locator("#account-form")).to_be_visible()
    assert google.asked("token") == 1


def test_while_google_is_away_the_way_to_it_stays_open(open_google, google, guest):
    page = open_google("/account?to=%2Fhistory")
    page.locator(BUTTON).click()
    google.fail("token", Fault(503, headers={"Retry-After": "1"}))
    choose(page, guest)
    problem = page.locator("#account-google-problem")
    expect(problem).to_contain_text("Google cannot answer at the moment")
    problem.get_by_role("button", name="Try again", exact=True).click()
    choose(page, guest)
    expect(page).to_have_url(re.compile(r"/history$"))


def test_an_account_is_joined_by_its_address_or_linked_by_its_holder(open_google, google_server, google, guest):
    member(google_server, f"home-{guest}")
    page = open_google("/account", size="phone")
    enter(page, f"home-{guest}")
    binding = page.locator("#account-binding")
    expect(binding).to_contain_text("Sign in without a password")
    page.locator("#account-binding-start").click()
    choose(page, "Cancel")
    expect(binding).to_contain_text("nothing has changed")
    page.locator("#account-binding-start").click()
    choose(page, guest)
    expect(binding).to_contain_text(f"{guest} signs you in since")

    page.locator("#account-sign-out").click()
    page.locator(BUTTON).click()
    choose(page, guest)
    expect(page.locator("#account-me-email")).to_have_text(f"home-{guest}")
    page.locator("#account-binding-stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
    expect(binding).to_contain_text("Sign in without a password")


def test_a_google_account_of_somebody_else_is_not_linked(open_google, google_server, google, guest):
    page = open_google("/account", lang="id")
    page.locator(BUTTON).click()
    choose(page, guest)
    expect(page.locator("#account-me-email")).to_have_text(guest)
    # The only way in is not taken away.
    page.locator("#account-binding-stop").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Lepas tautan").click()
    expect(dialog.locator(".problem")).to_be_visible()
    dialog.get_by_role("button", name="Batal").click()
    page.locator("#account-sign-out").click()

    member(google_server, f"other-{guest}")
    enter(page, f"other-{guest}")
    page.locator("#account-binding-start").click()
    choose(page, guest)
    expect(page.locator("#account-binding-problem .problem")).to_be_visible()
    expect(page.locator("#account-me-email")).to_have_text(f"other-{guest}")


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_button_and_what_follows_have_no_violation(open_google, guest, theme):
    page = open_google("/history", theme=theme, size="phone", reduced_motion="reduce")
    expect(page.locator(".gate .btn-google")).to_be_visible()
    assert violations(page) == []
    page.goto("/account")
    ready(page)
    expect(page.locator(BUTTON)).to_be_visible()
    expect(page.locator("#account-first-google")).to_be_visible()
    assert violations(page) == []
    page.locator(BUTTON).click()
    choose(page, guest)
    expect(page.locator("#account-binding-stop")).to_be_visible()
    page.locator("#notices .btn-close").first.click()
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/account", "/history"])
def test_without_google_there_is_no_button(open_page, token_server, path):
    with_setup = re.compile("/api/auth/google$")
    page = open_page(on=token_server)
    with page.expect_response(with_setup) as told:
        page.goto(path)
    ready(page)
    assert told.value.json()["authorize_url"] is None
    expect(page.locator("[data-google]").first).to_be_attached()
    for button in page.locator("[data-google], .btn-google").all():
        expect(button).to_be_hidden()
