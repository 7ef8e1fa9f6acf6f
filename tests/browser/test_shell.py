"""What every tab stands in: addresses, languages, colours, sign-in, a server that is away, a first visit's size."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.web.tabs import TABS
from bench._server import start
from tests.browser.conftest import ADMIN, PATIENCE_MS, ready

pytestmark = pytest.mark.browser

FIRST_LOAD_BYTES = 300_000


def heading(page: Page, text: str):
    return page.get_by_role("heading", name=text, exact=True, level=2)


def core(page: Page, module: str) -> str:
    """Address of a core module, for scripts that a test runs in the page."""
    return page.evaluate(
        "name => JSON.parse(document.documentElement.dataset.config).assets + 'js/core/' + name", module
    )


def sign_in(page: Page, email: str = ADMIN[0], password: str = ADMIN[1]) -> None:
    page.evaluate(
        "async ([url, email, password]) => { const { signIn } = await import(url); await signIn(email, password); }",
        [core(page, "session.js"), email, password],
    )


def test_each_tab_is_a_click_away_with_its_address_title_and_focus(open_page):
    page = open_page("/")
    for tab in TABS:
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name=str(tab.title), exact=True)
        link.click()
        expect(page).to_have_url(re.compile(f"{tab.path}$"))
        expect(page).to_have_title(f"{tab.title} · Kenali")
        expect(link).to_have_attribute("aria-current", "page")
        expect(heading(page, str(tab.title))).to_be_visible()
        expect(heading(page, str(tab.title))).to_be_focused()
        assert page.locator("section[data-panel]:visible").count() == 1


def test_the_plain_address_is_the_first_tab(open_page):
    expect(heading(open_page("/"), str(TABS[0].title))).to_be_visible()


def test_back_forward_and_reload_stay_on_the_tab(open_page):
    page = open_page("/users")
    page.get_by_role("link", name="Photos", exact=True).click()
    page.get_by_role("link", name="Breed", exact=True).click()
    expect(heading(page, "Breed")).to_be_visible()
    page.go_back()
    expect(heading(page, "Photos")).to_be_visible()
    page.go_back()
    expect(heading(page, "Users")).to_be_visible()
    page.go_forward()
    expect(heading(page, "Photos")).to_be_visible()
    page.reload()
    expect(heading(page, "Photos")).to_be_visible()


def test_the_skip_link_leads_to_the_content_and_loads_nothing_anew(open_page):
    page = open_page("/status")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    skip.press("Enter")
    expect(page).to_have_url(re.compile("/status#main$"))
    expect(heading(page, "Status")).to_be_visible()


def test_the_language_is_switched_where_one_is_and_remembered(open_page):
    page = open_page("/users")
    page.get_by_role("link", name="Status", exact=True).first.click()
    page.get_by_role("link", name="Bahasa Indonesia").click()
    ready(page)
    expect(page).to_have_url(re.compile("/status$"))
    expect(page.locator("html")).to_have_attribute("lang", "id")
    page.get_by_role("navigation", name="Utama").get_by_role("link", name="Pengguna", exact=True).click()
    expect(heading(page, "Pengguna")).to_be_visible()
    page.goto("/photos")
    expect(heading(page, "Foto")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(heading(page, "Photos")).to_be_visible()
    # What the address says of the place stays.
    page.goto("/users?page=1&q=somebody")
    ready(page)
    page.get_by_role("link", name="Bahasa Indonesia").click()
    expect(heading(page, "Pengguna")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/users\?.*q=somebody"))


def test_the_browsers_language_is_respected(open_page):
    expect(heading(open_page("/users", lang="id-ID"), "Pengguna")).to_be_visible()
    expect(heading(open_page("/users", lang="fr-FR"), "Users")).to_be_visible()


def test_colours_follow_the_device_until_they_are_chosen(open_page):
    page = open_page("/status", theme="dark")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    switch = page.get_by_role("button", name="Colours")
    switch.click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "light")
    expect(switch).to_have_accessible_name("Colours: light")
    switch.click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    switch.click()
    expect(switch).to_have_accessible_name("Colours: as the device has them")


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("lang", ["en", "id"])
def test_no_page_is_wider_than_the_screen(open_page, width, lang):
    page = open_page(lang=lang)
    page.set_viewport_size({"width": width, "height": 800})
    for tab in TABS:
        page.goto(tab.path)
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab.key


def test_on_a_phone_the_tab_in_front_is_in_sight_in_the_bar(open_page):
    page = open_page("/status", size="phone")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Status")
    expect(link).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("lang", ["en", "id"])
def test_a_first_visit_takes_less_than_300_kb_over_the_wire(open_page, lang):
    page = open_page(lang=lang)
    answers = []
    page.on("requestfinished", lambda request: answers.append(request))  # noqa: PLW0108 - Playwright marks handlers
    page.goto("/")
    ready(page)
    page.wait_for_load_state("networkidle")
    sizes = {request.url: request.sizes() for request in answers}
    assert any(url.endswith("/js/tabs/history.js") for url in sizes), "the other tabs' scripts come along"
    total = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values())
    assert 20_000 < total < FIRST_LOAD_BYTES


def test_text_cannot_become_markup(open_page):
    page = open_page("/status", allowed="TrustedHTML")
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<img src=x onerror=alert(1)>'; return 'taken'; }"
        " catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"


def test_scripts_in_the_page_would_not_run(open_page):
    page = open_page("/status", allowed="TrustedScript|Content Security Policy")
    page.evaluate(
        "() => { const script = document.createElement('script');"
        " try { script.textContent = 'window.hacked = 1'; document.head.append(script); } catch {} }"
    )
    assert page.evaluate("window.hacked") is None


# --- token mode


def gate(page: Page):
    return page.locator("section:visible").get_by_role("heading", name="Sign in first")


def test_in_token_mode_a_tab_says_that_one_has_to_sign_in(open_page, token_server):
    page = open_page("/users", on=token_server)
    expect(gate(page)).to_be_visible()
    page.locator("section:visible").get_by_role("link", name="Go to sign-in").click()
    expect(heading(page, "Password Login")).to_be_visible()
    for tab in TABS:
        page.goto(tab.path)
        ready(page)
        expect(gate(page)).to_have_count(1 if tab.needs_session else 0)


def test_a_session_opens_the_tab_survives_a_reload_and_ends_at_sign_out(open_page, token_server):
    page = open_page("/users", on=token_server)
    sign_in(page)
    expect(gate(page)).to_have_count(0)
    account = page.locator("#account-name")
    expect(account).to_have_text("Ada")
    page.reload()
    ready(page)
    expect(account).to_have_text("Ada")
    expect(gate(page)).to_have_count(0)
    page.evaluate("async url => (await import(url)).signOut()", core(page, "session.js"))
    expect(gate(page)).to_be_visible()
    expect(account).to_have_text("Sign in")
    page.reload()
    expect(gate(page)).to_be_visible()


def test_a_token_that_ended_is_renewed_once_for_many_calls(open_page, token_server):
    page = open_page("/status", on=token_server)
    sign_in(page)
    refreshes = []
    page.on("request", lambda request: refreshes.append(request) if request.url.endswith("/auth/refresh") else None)
    # The API takes the token for an old one until it has been renewed.
    expired = {"status": 401, "title": "Unauthorized", "code": "token_expired", "message": "x", "detail": "x"}
    page.route(
        "**/api/users*",
        lambda route: route.continue_() if refreshes else route.fulfill(status=401, json=expired),
    )
    totals = page.evaluate(
        "async url => { const { get } = await import(url);"
        " return Promise.all([1, 2, 3, 4].map(async () => (await get('/api/users')).total)); }",
        core(page, "api.js"),
    )
    assert len(totals) == 4
    assert min(totals) >= 1
    assert len(refreshes) == 1


def test_a_session_that_was_ended_elsewhere_closes_the_tab(open_page, token_server):
    page = open_page("/users", on=token_server)
    sign_in(page)
    expect(gate(page)).to_have_count(0)
    page.evaluate(
        "async ([session, http]) => { const { token } = await import(session); const { send } = await import(http);"
        " await send({method: 'POST', path: '/api/auth/logout', json: {}, token: await token()}); }",
        [core(page, "session.js"), core(page, "http.js")],
    )
    page.evaluate("async url => (await import(url)).get('/api/users').catch(() => {})", core(page, "api.js"))
    expect(gate(page)).to_be_visible()


def test_two_windows_with_one_session_do_not_end_it(open_page, token_server):
    page = open_page("/status", on=token_server)
    sign_in(page)
    with page.expect_popup() as opened:
        page.evaluate("window.open('/users')")  # a browser copies sessionStorage into it
    other = opened.value
    ready(other)
    expect(gate(other)).to_have_count(0)
    for window in (page, other, page, other):
        total = window.evaluate(
            "async ([api, session]) => { const { renew, token } = await import(session); await renew(await token());"
            " return (await (await import(api)).get('/api/users')).total; }",
            [core(window, "api.js"), core(window, "session.js")],
        )
        assert total >= 1


# --- a server that is away


@pytest.fixture
def own_server(tmp_path) -> Callable:
    """Starts a server in this test's folder; the port may be given, to start it there again."""
    servers = []

    def start_one(port: int | None = None):
        servers.append(start(tmp_path, port, FACE_MODEL="dlib", WARM_MODELS="false"))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


def test_a_server_that_stops_and_starts_is_told_and_the_tab_loads_itself_again(open_page, own_server):
    server = own_server()
    page = open_page("/status", on=server, allowed="ERR_CONNECTION")
    expect(page.get_by_text("Everything works")).to_be_visible()
    page.wait_for_load_state("networkidle")
    server.stop()
    page.get_by_role("button", name="Refresh").click()
    banner = page.locator("#offline-banner")
    expect(banner).to_contain_text("The server does not answer")
    # Tabs still change.
    page.get_by_role("link", name="Photos", exact=True).click()
    expect(heading(page, "Photos")).to_be_visible()
    page.get_by_role("link", name="Status", exact=True).first.click()
    own_server(server.port)
    expect(banner).to_be_hidden(timeout=2 * PATIENCE_MS)
    expect(page.get_by_text("Everything works")).to_be_visible()
    expect(page.locator("section:visible .problem")).to_have_count(0)
