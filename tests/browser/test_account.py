"""The tab Password Login: in, who I am, out; everything kept about me, and its end."""

from __future__ import annotations

import itertools
import json
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from app.services.lockout import account_of
from app.services.secrets import instance_secret
from app.services.tokens import ACCESS, ALGORITHM
from bench._server import Answer, Server
from tests.browser.conftest import ADMIN, OpenPage, ready
from tests.browser.people import Somebody, database, somebody
from tests.people import five_people

pytestmark = pytest.mark.browser

PASSWORD = "secure123"
LOCKOUT_FAILURES = 5

_numbers = itertools.count(1)


def call(server: Server, method: str, path: str, body: Any = None, *, token: str | None = None) -> Answer:
    """One call of the API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with closing(server.client()) as client:
        return client.json(method, path, body, **headers)


def log_in(server: Server, email: str, password: str = PASSWORD) -> Answer:
    return call(server, "POST", "/api/auth/login-pass-verify", {"email": email, "password": password})


def member(server: Server, name: str = "Made Wirawan") -> Somebody:
    """A person of the server in token mode, whom nobody else has."""
    token = log_in(server, *ADMIN).json["data"]["token"]
    email = f"{name.split(maxsplit=1)[0].lower()}-{next(_numbers)}@account.test"
    body = {"name": name, "email": email, "password": PASSWORD}
    return Somebody(call(server, "POST", "/api/users", body, token=token).json["id"], name, email)


def enter(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fill in the form, and Enter."""
    page.locator("#account-form-email").fill(email)
    page.locator("#account-form-password").fill(password)
    page.locator("#account-form-password").press("Enter")


def signed_in(open_page: OpenPage, server: Server, person: Somebody, **options: Any) -> Page:
    """The tab, after this person has signed in there."""
    page = open_page("/account", on=server, **options)
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    return page


def name_of(page: Page) -> Locator:
    return page.locator("#account-me-name")


def form_of(page: Page) -> Locator:
    return page.locator("#account-form")


def note(page: Page) -> Locator:
    return page.locator("#account-note")


def tokens_of(page: Page) -> list[str]:
    """The access tokens that the page shows the server from now on."""
    seen: list[str] = []

    def look(request: Any) -> None:
        shown = request.headers.get("authorization", "")
        if shown:
            seen.append(shown.removeprefix("Bearer "))

    page.on("request", look)
    return seen


# --- in


def test_signing_in_tells_who_one_is_how_and_until_when(open_page: OpenPage, token_server: Server):
    person = member(token_server, "Komang Ayu")
    page = open_page("/account", on=token_server)
    expect(form_of(page)).to_be_visible()
    enter(page, f"  {person.email.upper()} ")
    expect(name_of(page)).to_have_text("Komang Ayu")
    expect(name_of(page)).to_be_focused()
    expect(form_of(page)).to_be_hidden()
    expect(page.locator("#account-me-email")).to_have_text(person.email)
    expect(page.locator("#account-me-role")).to_have_text("User")
    expect(page.locator("#account-me-id")).to_have_text(str(person.id))
    expect(page.locator("#account-me-method")).to_contain_text("with the password, ")
    expect(page.locator("#account-me-until")).to_have_text(re.compile(r"20\d\d"))
    expect(page.locator("#account-me-created")).to_have_text(re.compile(r"20\d\d"))
    expect(page.locator("#account-name")).to_have_text("Komang Ayu")
    assert page.locator("#account-form-password").input_value() == ""
    assert page.locator("#account-link-photos").get_attribute("href") == f"/photos?user={person.id}"


def test_an_admin_is_called_one(open_page: OpenPage, token_server: Server):
    page = open_page("/account", on=token_server)
    enter(page, *ADMIN)
    expect(page.locator("#account-me-role")).to_have_text("Admin")


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "Wrong email or password."), ("id", "Email atau kata sandi salah.")]
)
def test_a_wrong_password_and_an_unknown_address_are_told_alike(open_page: OpenPage, token_server: Server, lang, words):
    person = member(token_server)
    page = open_page("/account", on=token_server, lang=lang)
    for email in (person.email, f"nobody-{person.id}@account.test"):
        enter(page, email, "not this one")
        expect(form_of(page).get_by_role("alert").filter(has_text=words)).to_be_visible()
        expect(page.locator("#account-form-password")).to_be_focused()
        expect(page.locator("#account-form-email")).to_have_value(email)
        page.locator("#account-form-email").fill("")
        expect(form_of(page).locator(".problem")).to_have_count(0)
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)


def test_what_is_missing_is_said_beside_the_field_and_nothing_is_sent(open_page: OpenPage, token_server: Server):
    page = open_page("/account", on=token_server)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/auth/" in request.url else None)
    page.locator("#account-form-start").click()
    email, password = page.locator("#account-form-email"), page.locator("#account-form-password")
    expect(email).to_have_accessible_description("Enter your email address.")
    expect(password).to_have_accessible_description("Enter your password.")
    expect(email).to_be_focused()
    email.fill("somebody@account.test")
    expect(email).not_to_have_attribute("aria-invalid", "true")
    email.press("Enter")
    expect(password).to_be_focused()
    assert asked == []


def test_what_the_api_does_not_take_is_told(open_page: OpenPage, token_server: Server):
    page = open_page("/account", on=token_server)
    page.locator("#account-form-email").evaluate("input => input.removeAttribute('maxlength')")
    enter(page, f"{'a' * 300}@account.test")
    expect(page.locator("#account-form-email")).to_be_focused()
    expect(page.locator("#account-form-email-error")).not_to_be_empty()


def test_a_double_click_signs_in_once(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "login-pass" in request.url else None)
    page.locator("#account-form-email").fill(person.email)
    page.locator("#account-form-password").fill(PASSWORD)
    page.locator("#account-form-start").dblclick()
    expect(name_of(page)).to_have_text(person.name)
    assert len(asked) == 1


def test_the_password_can_be_looked_at_and_is_covered_again(open_page: OpenPage, token_server: Server):
    page = open_page("/account", on=token_server)
    password = page.locator("#account-form-password")
    password.fill("hunter22")
    page.get_by_role("button", name="Show").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("link", name="Breed", exact=True).click()
    page.get_by_role("link", name="Password Login", exact=True).click()
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_value("hunter22")


def test_after_too_many_failures_the_time_left_is_counted_down(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    for _ in range(LOCKOUT_FAILURES):
        assert log_in(token_server, person.email, "not this one").status == 401
    page = open_page(on=token_server)
    page.clock.install()
    page.goto("/account")
    ready(page)
    enter(page, person.email)
    box = page.locator("#account-locked")
    start = page.locator("#account-form-start")
    left = page.get_by_role("timer")
    expect(box).to_contain_text(f"Too many failed attempts: {person.email} is locked for a while.")
    expect(left).to_have_text(re.compile(r"^1[45] min \d+ s$"))
    expect(start).to_be_disabled()
    page.clock.fast_forward("05:00")
    expect(left).to_have_text(re.compile(r"^(9|10) min \d+ s$"))
    # It is that address alone.
    page.locator("#account-form-email").fill("another@account.test")
    expect(box).to_be_hidden()
    expect(start).to_be_enabled()
    page.locator("#account-form-email").fill(person.email.upper())
    expect(box).to_be_visible()
    expect(start).to_be_disabled()
    page.clock.fast_forward("10:30")
    expect(box).to_be_hidden()
    expect(start).to_be_enabled()
    with database(token_server) as cursor:  # the server's clock went on at its own pace
        cursor.execute("DELETE FROM sign_in_failures WHERE account = %s", [account_of(person.email)])
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)


def test_a_server_that_is_away_loses_nothing_that_was_typed(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server, allowed="ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    enter(page, person.email)
    expect(form_of(page).locator(".problem")).to_contain_text("The server does not answer.")
    page.context.set_offline(False)
    expect(page.locator("#offline-banner")).to_be_hidden()
    form_of(page).get_by_role("button", name="Try again").click()
    expect(name_of(page)).to_have_text(person.name)


# --- back to where one came from


def test_who_was_sent_here_by_another_tab_goes_back_to_it(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page(f"/photos?user={person.id}", on=token_server)
    page.locator("section:visible").get_by_role("link", name="Go to sign-in").click()
    expect(page.locator("#account-wanted")).to_have_text("After that, Photos opens.")
    enter(page, person.email)
    expect(page).to_have_url(re.compile(rf"/photos\?user={person.id}$"))
    expect(page.locator("#heading-photos")).to_be_focused()
    expect(page.locator("#notices")).to_contain_text(f"You are signed in as {person.name}.")
    page.go_back()
    expect(page).to_have_url(re.compile("/account$"))
    expect(name_of(page)).to_be_visible()


def test_the_sign_in_of_the_top_bar_leads_back_too(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/users", on=token_server)
    page.locator("#account-link").click()
    page.reload()
    ready(page)
    enter(page, person.email)
    expect(page).to_have_url(re.compile("/users$"))
    page.locator("#account-link").click()
    expect(page).to_have_url(re.compile("/account$"))


@pytest.mark.parametrize(
    "to", ["//evil.example/users", "https://evil.example/users", "javascript:alert(1)", "/nowhere", "/account", "/\\x"]
)
def test_nothing_but_a_tab_is_gone_back_to(open_page: OpenPage, token_server: Server, to: str):
    person = member(token_server)
    page = open_page(on=token_server)
    page.goto(f"/account?to={to}")
    ready(page)
    expect(form_of(page)).to_be_visible()
    expect(page.locator("#account-wanted")).to_be_hidden()
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    expect(page).to_have_url(re.compile(rf":{token_server.port}/account$"))


# --- the session


def expired(server: Server, token: str) -> str:
    """The same token as it was an hour ago."""
    key = instance_secret(server.folder / "instance").key("tokens")
    claims = jwt.decode(token, key, algorithms=[ALGORITHM], audience=ACCESS)
    now = int(time.time())
    return jwt.encode({**claims, "iat": now - 3600, "exp": now - 600}, key, algorithm=ALGORITHM)


def test_an_expired_access_token_is_renewed_without_a_word(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url.rpartition("/")[2], answer.status)))

    def make_old(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["data"]["token"] = expired(token_server, body["data"]["token"])
        route.fulfill(response=answer, json=body)

    page.route("**/api/auth/login-pass-verify", make_old)
    enter(page, person.email)
    expect(page.locator("#account-me-method")).to_contain_text("with the password, ")
    expect(page.locator("#account-me-created")).to_have_text(re.compile(r"20\d\d"))
    assert ("me", 401) in answers, "the server refused the old token"
    assert answers.count(("refresh", 200)) == 1
    assert answers[-1] == ("me", 200)
    expect(page.locator("section:visible .problem")).to_have_count(0)


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page(on=token_server)
    page.clock.install()
    page.goto("/account")
    ready(page)
    enter(page, person.email)
    expect(page.locator("#account-me-created")).to_have_text(re.compile(r"20\d\d"))
    page.wait_for_load_state("networkidle")
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url.rpartition("/auth/")[2], answer.status)))
    page.clock.fast_forward("14:45")
    page.get_by_role("link", name="Face Verification", exact=True).first.click()
    with page.expect_response("**/api/auth/me"):
        page.get_by_role("link", name="Password Login", exact=True).click()
    expect(name_of(page)).to_have_text(person.name)
    assert [one for one in answers if one[0] in {"refresh", "me"}] == [("refresh", 200), ("me", 200)]


def test_the_session_survives_reloads(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = signed_in(open_page, token_server, person)
    for _ in range(3):
        page.reload()
        ready(page)
        expect(name_of(page)).to_have_text(person.name)
        expect(page.locator("#account-me-method")).to_contain_text("with the password")


def test_signing_out_ends_the_session_on_the_server(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    tokens = tokens_of(page)
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    assert call(token_server, "GET", "/api/auth/me", token=tokens[-1]).status == 200
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(form_of(page)).to_be_visible()
    expect(page.locator("#heading-account")).to_be_focused()
    expect(page.locator("#account-name")).to_have_text("Sign in")
    expect(page.locator("#notices")).to_contain_text("You are signed out.")
    expect(note(page)).to_be_hidden()
    assert call(token_server, "GET", "/api/auth/me", token=tokens[-1]).status == 401
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    ready(page)
    expect(form_of(page)).to_be_visible()


def test_signing_out_while_the_server_is_away_does_not_pretend(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = signed_in(open_page, token_server, person, allowed="ERR_INTERNET_DISCONNECTED")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.locator("#account-problem")).to_contain_text("The server does not answer.")
    expect(name_of(page)).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline-banner")).to_be_hidden()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(form_of(page)).to_be_visible()


def test_signing_out_everywhere_ends_the_other_devices_and_they_are_told(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    here = signed_in(open_page, token_server, person)
    there = signed_in(open_page, token_server, person)
    elsewhere = signed_in(open_page, token_server, person)
    elsewhere.get_by_role("link", name="Photos", exact=True).click()
    app = log_in(token_server, person.email).json["data"]["token"]
    here.get_by_role("button", name="Sign out everywhere").click()
    dialog = here.get_by_role("dialog")
    expect(dialog).to_contain_text("Every window, phone and app")
    dialog.get_by_role("button", name="Cancel").click()
    expect(name_of(here)).to_be_visible()
    here.get_by_role("button", name="Sign out everywhere").click()
    dialog.get_by_role("button", name="Sign out everywhere").click()
    expect(form_of(here)).to_be_visible()
    expect(here.locator("#notices")).to_contain_text("You are signed out everywhere.")
    assert call(token_server, "GET", "/api/auth/me", token=app).status == 401
    # One device asks the server again, one is loaded anew, one is on another tab.
    there.get_by_role("link", name="Breed", exact=True).click()
    there.get_by_role("link", name="Password Login", exact=True).click()
    expect(note(there)).to_contain_text("Your session has ended")
    expect(form_of(there)).to_be_visible()
    enter(there, person.email)
    expect(name_of(there)).to_have_text(person.name)
    expect(note(there)).to_be_hidden()
    elsewhere.reload()
    ready(elsewhere)
    expect(elsewhere.locator("#notices")).to_contain_text("Your session has ended: sign in again.")
    expect(elsewhere.locator("section:visible").get_by_role("heading", name="Sign in first")).to_be_visible()


def test_two_windows_share_a_session_and_its_end(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = signed_in(open_page, token_server, person)
    with page.expect_popup() as opened:
        page.evaluate("window.open('/account')")  # a browser copies sessionStorage into it
    other = opened.value
    ready(other)
    expect(name_of(other)).to_have_text(person.name)
    for window in (page, other, page):
        window.reload()
        ready(window)
        expect(name_of(window)).to_have_text(person.name)
    other.get_by_role("button", name="Sign out", exact=True).click()
    expect(form_of(other)).to_be_visible()
    expect(form_of(page)).to_be_visible()
    expect(note(page)).to_have_text("You signed out in another window.")


def test_a_name_changed_elsewhere_is_shown_everywhere(open_page: OpenPage, token_server: Server):
    person = member(token_server, "Nama Lama")
    page = signed_in(open_page, token_server, person)
    token = log_in(token_server, *ADMIN).json["data"]["token"]
    assert call(token_server, "PUT", f"/api/users/{person.id}", {"name": "Nama Baru"}, token=token).status == 200
    page.get_by_role("link", name="Breed", exact=True).click()
    page.get_by_role("link", name="Password Login", exact=True).click()
    expect(name_of(page)).to_have_text("Nama Baru")
    expect(page.locator("#account-name")).to_have_text("Nama Baru")


def test_what_the_server_cannot_say_right_now_is_asked_again(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    problem = {"status": 503, "title": "x", "code": "database_unavailable", "message": "x", "detail": "x"}
    page.route("**/api/auth/me", lambda route: route.fulfill(status=503, json=problem))
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    room = page.locator("#account-problem")
    again = room.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    expect(page.locator("#account-me-created")).to_have_text("–")
    page.unroute("**/api/auth/me")
    again.click()
    expect(page.locator("#account-me-created")).to_have_text(re.compile(r"20\d\d"))
    expect(room.locator(".problem")).to_have_count(0)


# --- what is kept about me


def test_everything_that_is_kept_comes_as_one_file(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    tokens = tokens_of(page)
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    photo(token_server, person, tokens[-1])
    with page.expect_download() as started:
        page.get_by_role("button", name="Export my data").click()
    assert started.value.suggested_filename == "kenali-export.json"
    text = Path(started.value.path()).read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["account"]["email"] == person.email
    assert [one["filename"] for one in data["photos"]] == ["me.jpg"]
    assert len(data["sessions"]) == 1
    assert "$2b$" not in text
    expect(page.locator("#notices")).to_contain_text("Your data is saved as kenali-export.json.")


def photo(server: Server, person: Somebody, token: str) -> None:
    data = five_people()[0].photo()
    boundary = "kenali-test"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="me.jpg"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode()
        + data
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Content_Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {token}"}
    with closing(server.client()) as client:
        assert client.call("POST", f"/api/photos/{person.id}/upload", body, **headers).status == 201


def test_an_account_is_deleted_only_by_typing_its_address(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = open_page("/account", on=token_server)
    tokens = tokens_of(page)
    enter(page, person.email)
    expect(name_of(page)).to_have_text(person.name)
    photo(token_server, person, tokens[-1])
    folder = token_server.folder / "dataset" / str(person.id)
    assert list(folder.glob("*.jpg"))
    page.get_by_role("button", name="Delete my account").click()
    dialog = page.get_by_role("dialog")
    typed = dialog.get_by_role("textbox")
    expect(typed).to_be_focused()
    for wrong in ("", "somebody@account.test"):
        typed.fill(wrong)
        dialog.get_by_role("button", name="Delete for good").click()
        expect(typed).to_have_accessible_description(f"This is not {person.email}.")
        expect(typed).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    assert log_in(token_server, person.email).status == 200
    page.get_by_role("button", name="Delete my account").click()
    typed.fill(f" {person.email.upper()} ")
    typed.press("Enter")
    expect(note(page)).to_contain_text("Your account is deleted")
    expect(form_of(page)).to_be_visible()
    expect(page.locator("#heading-account")).to_be_focused()
    assert log_in(token_server, person.email).status == 401
    assert call(token_server, "GET", "/api/auth/me", token=tokens[-1]).status == 401
    assert not folder.exists()
    page.reload()
    ready(page)
    expect(form_of(page)).to_be_visible()
    expect(note(page)).to_be_hidden()


@pytest.mark.parametrize(("lang", "words"), [("en", "You are the last admin"), ("id", "Anda admin terakhir")])
def test_the_last_admin_is_told_what_to_do_first(open_page: OpenPage, token_server: Server, lang: str, words: str):
    page = open_page("/account", on=token_server, lang=lang)
    enter(page, *ADMIN)
    expect(page.locator("#account-me")).to_be_visible()
    page.locator("#account-delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(ADMIN[0])
    dialog.get_by_role("textbox").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text(words)
    expect(dialog.get_by_role("alert")).to_contain_text("flask admin promote")
    dialog.locator("[data-answer=cancel]").click()
    expect(page.locator("#account-me")).to_be_visible()
    assert log_in(token_server, *ADMIN).status == 200


def test_a_session_that_ended_meanwhile_closes_the_question(open_page: OpenPage, token_server: Server):
    person = member(token_server)
    page = signed_in(open_page, token_server, person)
    page.get_by_role("button", name="Delete my account").click()
    token = log_in(token_server, person.email).json["data"]["token"]
    assert call(token_server, "POST", "/api/auth/logout", {"everywhere": True}, token=token).status == 200
    page.get_by_role("dialog").get_by_role("textbox").fill(person.email)
    page.get_by_role("dialog").get_by_role("textbox").press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(note(page)).to_contain_text("Your session has ended")
    assert log_in(token_server, person.email).status == 200, "nothing was deleted"


# --- both modes


def test_local_mode_says_that_signing_in_is_not_needed_and_what_it_is_for(open_page: OpenPage, server: Server):
    person = somebody(server, "Lokal Saja", PASSWORD)
    page = open_page("/account")
    expect(page.locator("#account-local")).to_contain_text("This server runs in local mode")
    expect(page.locator("#account-first")).to_be_hidden()
    expect(page.locator("#account-face")).to_be_visible()
    enter(page, person.email)
    expect(name_of(page)).to_have_text("Lokal Saja")
    page.get_by_role("button", name="Delete my account").click()
    page.get_by_role("dialog").get_by_role("textbox").fill(person.email)
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(note(page)).to_contain_text("Your account is deleted")


def test_token_mode_says_how_the_first_admin_is_made(open_page: OpenPage, token_server: Server):
    page = open_page("/account", on=token_server)
    expect(page.locator("#account-local")).to_be_hidden()
    page.get_by_text("There is no admin yet").click()
    expect(page.get_by_text("flask admin create")).to_be_visible()
    page.locator("#account-face").get_by_role("link", name="Face Verification").click()
    expect(page.locator("#heading-verification")).to_be_focused()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Sign in", "Sign out", "Export my data", "Delete my account")),
        ("id", ("Masuk", "Keluar", "Ekspor data saya", "Hapus akun saya")),
    ],
)
def test_on_a_phone_everything_fits_in_both_languages(open_page: OpenPage, token_server: Server, lang: str, words):
    person = member(token_server, "Seseorang Dengan Nama Yang Panjang Sekali")
    page = open_page("/account", on=token_server, size="phone", theme="dark", lang=lang)
    sign_in, sign_out, export, delete = (page.get_by_role("button", name=name, exact=True) for name in words)
    page.locator("#account-form-email").fill(person.email)
    page.locator("#account-form-password").fill(PASSWORD)
    assert sign_in.bounding_box()["height"] >= 44
    sign_in.tap()
    expect(name_of(page)).to_have_text(person.name)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    for button in (sign_out, export, delete):
        assert button.bounding_box()["height"] >= 44
    sign_out.tap()
    expect(form_of(page)).to_be_visible()
