"""``make screenshots``: every tab, on phone and desktop, light and dark, in both languages: filled, empty, in error.

Starts two servers, one with nothing in it and one that is filled over the API, and writes
``screenshots/<tab>-<state>-<size>-<theme>-<language>.png``. With arguments, only names that contain one of them:
``make screenshots ARGS="users-filled status"``.

What a tab shows when it is in use is made by its function in `ACTS`, with the page open on that tab.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from PIL import ImageFilter
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from app.web.tabs import TABS
from bench._server import ROOT, Client, Server, start
from tests.browser.conftest import PATIENCE_MS, SIZES, launch, ready
from tests.browser.screenshot_errors import ERRORS, out_of_order
from tests.collections_ import COUGHS, DOGS
from tests.people import five_people
from tests.pictures import encode, jpeg
from tests.recordings import bursts, tone, wav

FOLDER = ROOT / "screenshots"
THEMES = ("light", "dark")
LANGUAGES = ("en", "id")
STATES = ("filled", "empty", "error")

NAMES = ("Ayu Lestari", "Budi Santoso", "Citra Dewi", "Dimas Pratama", "Eka Putri")


def fill(client: Client) -> None:
    """Five people with photos, the first four of them trained; the last has some that could be better."""
    for number, (name, person) in enumerate(zip(NAMES, five_people(), strict=True)):
        email = f"{name.split()[0].lower()}@example.org"
        user_id = client.json("POST", "/api/users", {"name": name, "email": email, "password": "secure123"}).json["id"]
        photos = [("files", f"photo-{light}.jpg", person.photo(light=light)) for light in (0.8, 1.0, 1.2)]
        if number == len(NAMES) - 1:
            soft = person.portrait.filter(ImageFilter.GaussianBlur(4.5))
            photos += [("files", "soft.jpg", encode(np.asarray(soft), "JPEG")), ("files", "wall.jpg", jpeg(640, 480))]
        client.form(f"/api/photos/{user_id}/upload/multiple", photos)
        if number < len(NAMES) - 1:
            client.json("POST", "/api/training/incremental", {"user_id": user_id})
    for name, sound in (("tone.wav", tone(2)), ("bursts.wav", bursts(0.4, 1.6))):
        client.form("/api/cough/predict", [("file", name, wav(sound))])
    client.form("/api/breed/predict", [("file", "person.jpg", five_people()[2].photo())])


Act = Callable[[Page], None]


def photos(page: Page) -> None:
    """Look at somebody's photos, good and bad, after a file that could not be taken."""
    page.locator("#photos-user-input").fill("eka@example.org")
    page.locator("#photos-user-list [role=option]").filter(has_text="eka@example.org").click()
    page.locator("#photos-list li").first.wait_for()
    page.set_input_files("#photos-drop-input", {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"x" * 900})
    page.locator("#photos-queue .is-refused").wait_for()
    page.locator("#notices .btn-close").click()


def build(page: Page) -> None:
    """Train somebody anew."""
    page.locator("#build-user-input").fill(NAMES[0])
    page.get_by_role("option").first.click()
    page.locator("#build-form-force").check()
    page.locator("#build-form-start").click()
    page.locator(".build-result").wait_for()


def recognition(page: Page) -> None:
    """Recognise somebody."""
    page.set_input_files("#recognition-source-file-input", _portrait(1))
    page.locator(".recognition-people li").first.wait_for()


def verification(page: Page) -> None:
    """Sign in with a face."""
    page.locator("#verification-form-email").fill("ayu@example.org")
    page.set_input_files("#verification-source-file-input", _portrait(0))
    page.locator("#verification-start").click()
    page.locator("#verification-scale .scale").wait_for()


def account(page: Page) -> None:
    """Sign in with a password."""
    page.locator("#account-form-email").fill("ayu@example.org")
    page.locator("#account-form-password").fill("secure123")
    page.locator("#account-form-start").click()
    page.locator("#account-me").wait_for()


def breed(page: Page) -> None:
    """Ask about a dog; about what is none where there is no picture of one: this repository has none."""
    dogs = sorted(DOGS.glob("**/*.jp*g")) if DOGS else []
    page.set_input_files("#breed-source-file-input", dogs[len(dogs) // 2] if dogs else _portrait(2))
    page.locator("#breed-verdict p").first.wait_for()
    page.locator("#breed-heat-on").check()
    page.locator("#breed-heat").wait_for()


def cough(page: Page) -> None:
    """Ask about a cough; about bursts of noise where there is none: this repository has none."""
    sound: FilePayload = {"name": "bursts.wav", "mimeType": "audio/wav", "buffer": wav(bursts(0.4, 1.6))}
    coughs = sorted(path for path in COUGHS.rglob("*") if path.suffix in {".wav", ".ogg", ".flac"}) if COUGHS else []
    page.set_input_files("#cough-file-input", coughs[0] if coughs else sound)
    page.locator("#cough-verdict p").first.wait_for()


def _portrait(number: int) -> FilePayload:
    """A picture of somebody that is not one of the enrolled."""
    return {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": five_people()[number].photo(light=1.1, quality=85)}


#: Tab -> what somebody does on it before the picture is taken (on the filled server).
ACTS: dict[str, Act] = {
    "photos": photos,
    "build": build,
    "recognition": recognition,
    "verification": verification,
    "account": account,
    "breed": breed,
    "cough": cough,
}


def pictures(wanted: list[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """(name, tab, state, size, theme, language) of each picture."""
    for tab, state, size, theme, language in product(TABS, STATES, SIZES, THEMES, LANGUAGES):
        name = f"{tab.key}-{state}-{size}-{theme}-{language}"
        if not wanted or any(part in name for part in wanted):
            yield name, tab.key, state, size, theme, language


def take(browser: Browser, server: Server, name: str, *, act: Act | None, look: tuple[str, str, str, str]) -> None:
    """One picture."""
    path, size, theme, language = look
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{server.port}",
        viewport=SIZES[size],
        color_scheme=theme,
        locale=language,
        has_touch=size == "phone",
        device_scale_factor=2 if size == "phone" else 1,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(path)
    ready(page)
    if act:
        act(page)
    page.wait_for_load_state("networkidle")
    # A bar that sticks to the top would be in the middle of the whole page.
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True, animations="disabled")
    context.close()


def _server_of(state: str) -> str:
    """Things go wrong on the server that is filled."""
    return "empty" if state == "empty" else "filled"


def main(wanted: list[str]) -> None:
    """Take the pictures whose names contain one of the words; all of them without words."""
    FOLDER.mkdir(exist_ok=True)
    chosen = list(pictures(wanted))
    paths = {tab.key: tab.path for tab in TABS}
    with tempfile.TemporaryDirectory(prefix="kenali-screenshots-") as name, sync_playwright() as playwright:
        servers = {}
        try:
            for kind in {_server_of(state) for _, _, state, _, _, _ in chosen}:
                folder = Path(name) / kind
                folder.mkdir()
                servers[kind] = start(folder, FACE_MODEL="dlib", PASSWORD_COST="4")
            if "filled" in servers:
                fill(servers["filled"].client())
            browser = launch(playwright, Path(name))
            for picture, tab, state, size, theme, language in chosen:
                act = {"filled": ACTS.get(tab), "error": ERRORS.get(tab, out_of_order)}.get(state)
                take(browser, servers[_server_of(state)], picture, act=act, look=(paths[tab], size, theme, language))
                print(picture)  # noqa: T201 - a command
            browser.close()
        finally:
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
