"""``make screenshots``: every tab, on phone and desktop, light and dark, in both languages: filled, empty, in error.

Starts two servers, one with nothing in it and one that is filled over the API, and writes
``screenshots/<tab>-<state>-<size>-<theme>-<language>.png``. With arguments, only names that contain one of them:
``make screenshots ARGS="users-filled status"``.

What a tab shows when it is in use is made by its function in `ACTS`, with the page open on that tab. Further views of a
tab are in `VIEWS`, by their own names (``events-share``); they are pictured on the filled server. Those in
`GOOGLE_VIEWS` need Google, which is a local one here.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import ImageFilter
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from app.web.tabs import TABS
from bench._server import ROOT, Client, Server, start
from tests.browser.conftest import PATIENCE_MS, SIZES, launch, ready
from tests.browser.event_pictures import ME, group_picture, landscape
from tests.browser.screenshot_errors import ERRORS, out_of_order
from tests.collections_ import COUGHS, DOGS
from tests.fake_google import FakeGoogle
from tests.people import five_people
from tests.pictures import encode, jpeg
from tests.recordings import bursts, tone, wav

FOLDER = ROOT / "screenshots"
THEMES = ("light", "dark")
LANGUAGES = ("en", "id")
STATES = ("filled", "empty", "error")

#: The event that has photos, and its password.
EVENT = "Pernikahan Budi & Ani"
EVENT_PASSWORD = "BudiAni2026"
COMPANY = ((0, 1), (1, 2), (2, 3, 4), (0, 4), (ME,), (ME, 1), (0, 1, 2, 3, 4), (3,), (4, 2), (1, 0, 3))
#: A folder in Drive.
DRIVE_FOLDER = "Resepsi-Ayu-dan-Budi"
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
    fill_events(client)


def fill_events(client: Client) -> None:
    """Three events; one with people on its photos, one with a landscape, one without any."""
    others = (("Wisuda SMA 3", "2026-05-30", []), ("Turnamen futsal", "2026-03-01", [landscape(1)]))
    people = [group_picture(*company, light=1 + number / 50) for number, company in enumerate(COMPANY)]
    for name, date, photos_ in (*others, (EVENT, "2026-01-22", [*people, landscape()])):
        body = {"name": name, "date": date, "description": "Pesta di kebun.", "password": EVENT_PASSWORD}
        event_id = client.json("POST", "/api/events", body).json["id"]
        if photos_:
            files = [("files", f"IMG_{number:04}.jpg", photo) for number, photo in enumerate(photos_, 1)]
            client.form(f"/api/events/{event_id}/images", files)


def fill_drive(google: FakeGoogle) -> None:
    """The same photos in a folder of Drive, and something that is no photo."""
    google.folder(DRIVE_FOLDER)
    for number, company in enumerate(COMPANY):
        google.picture(f"{DRIVE_FOLDER}-{number:04}", DRIVE_FOLDER, group_picture(*company, light=1 + number / 50))
    google.picture(f"{DRIVE_FOLDER}-clip", DRIVE_FOLDER, b"GIF89a", mime="image/gif")


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


def events_new(page: Page) -> None:
    """Begin a new event, and get a password suggested."""
    page.locator("#events-new-form-name").fill(EVENT)
    page.locator("#events-new-form [data-password-suggest]").click()


def events_photos(page: Page) -> None:
    """Look after an event's photos, after one that was there already and a file that could not be taken."""
    page.locator("#events-home-results-list a").filter(has_text=EVENT).first.click()
    page.locator("#events-photos-list img.is-loaded").first.wait_for()
    page.locator("#events-index-progress").wait_for(state="hidden")
    files: list[FilePayload] = [
        {"name": "again.jpg", "mimeType": "image/jpeg", "buffer": landscape()},
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"x" * 900},
    ]
    page.set_input_files("#events-drop-input", files)
    page.locator("#events-upload-result").wait_for()
    page.locator("#notices .btn-close").first.click()


def events_part(part: str, there: str) -> Act:
    """Look at another part of an event."""

    def look(page: Page) -> None:
        page.locator("#events-home-results-list a").filter(has_text=EVENT).first.click()
        page.locator("#events-index-progress").wait_for(state="hidden")
        page.locator(f"[data-part={part}]").click()
        page.locator(there).first.wait_for()

    return look


def events_guest(page: Page, *, all_photos: bool = False) -> None:
    """Come to an event as a guest; in local mode there is no door."""
    page.locator("#events-home-results-list a").first.click()
    page.locator("#events-index-progress").wait_for(state="hidden")
    page.goto(f"/events?{urlsplit(page.url).query.split('&')[0]}{'&photos=all' if all_photos else ''}")
    page.locator("#events-all-list .is-loaded, #events-selfie-ways").locator("visible=true").first.wait_for()


def events_found(page: Page) -> None:
    """Find oneself."""
    events_guest(page)
    me: FilePayload = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": group_picture(ME)}
    page.set_input_files("#events-selfie-file-input", me)
    page.locator("#events-found-sure .is-loaded, #events-found-again").locator("visible=true").first.wait_for()


def events_light(page: Page) -> None:
    """Look at a photo with oneself."""
    events_found(page)
    page.locator("#events-found-sure button").last.click()
    page.locator(".events-light-frame:not(.is-loading)").wait_for()


def events_choosing(page: Page) -> None:
    """Choose some of all photos."""
    events_guest(page, all_photos=True)
    page.locator("#events-all-choose").click()
    for number in (0, 1, 4):
        page.locator("#events-all-list button").nth(number).click()


def events_kept(page: Page) -> None:
    """Keep some photos, as somebody who is signed in."""
    page.goto("/account")
    ready(page)
    account(page)
    page.goto(_FIND_EVENT)
    ready(page)
    events_choosing(page)
    page.locator(".events-choice-actions button").first.click()
    page.locator("#notices .btn-close").first.click()
    page.locator("#events-actions a").first.click()
    page.locator(".events-kept-group .is-loaded").first.wait_for()


def google_button(page: Page) -> None:
    """Come to sign in."""
    page.locator("#account-google").wait_for()


def google_linked(page: Page) -> None:
    """Sign in, and look at what could be linked."""
    account(page)
    page.locator("#account-binding").wait_for()


def drive_home(page: Page) -> None:
    """Sign in, and say who is looked for, unless that is known."""
    page.locator("#events-drive-sign-in").click()
    page.locator("#account-form-email").fill("ayu@example.org")
    page.locator("#account-form-password").fill("secure123")
    page.locator("#account-form-start").click()
    page.locator("#events-drive-form").wait_for()
    if page.locator("#events-drive-ask").is_visible():
        me: FilePayload = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": group_picture(ME)}
        page.set_input_files("#events-drive-source-file-input", me)
    page.locator("#events-drive-selfie").wait_for()
    page.locator("#notices .btn-close").first.click()


def drive_found(page: Page, folder: str = DRIVE_FOLDER, there: str = ".events-drive-img.is-loaded") -> None:
    """Find oneself in a folder."""
    drive_home(page)
    page.locator("#events-drive-drive_url").fill(f"https://drive.google.com/drive/folders/{folder}")
    page.locator("#events-drive-start").click()
    page.locator("#events-drive-again").wait_for()
    page.locator(there).first.wait_for()


def drive_failed(page: Page) -> None:
    """Look into a folder that nobody shared."""
    drive_found(page, "folder-of-nobody", "#events-drive-failed")


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
_FIND_EVENT = f"/events?q={quote(EVENT)}"
#: View -> where it begins, and what somebody does there.
VIEWS: dict[str, tuple[str, Act]] = {
    "events-new": ("/events?show=new", events_new),
    "events-photos": (_FIND_EVENT, events_photos),
    "events-share": (_FIND_EVENT, events_part("share", "#events-share-qr[src]")),
    "events-statistics": (_FIND_EVENT, events_part("statistics", "#events-statistics-figures > div")),
    "events-settings": (_FIND_EVENT, events_part("settings", "#events-delete")),
    "events-guest": (_FIND_EVENT, events_guest),
    "events-found": (_FIND_EVENT, events_found),
    "events-nobody": ("/events?q=Turnamen", events_found),
    "events-light": (_FIND_EVENT, events_light),
    "events-choosing": (_FIND_EVENT, events_choosing),
    "events-kept": (_FIND_EVENT, events_kept),
}
#: The same for what is there only with Google.
GOOGLE_VIEWS: dict[str, tuple[str, Act]] = {
    "google-button": ("/account", google_button),
    "google-linked": ("/account", google_linked),
    "drive-home": ("/events?show=drive", drive_home),
    "drive-found": ("/events?show=drive", drive_found),
    "drive-failed": ("/events?show=drive", drive_failed),
}


def pictures(wanted: list[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """(name, tab or view, state, size, theme, language) of each picture."""
    for tab, state, size, theme, language in product(TABS, STATES, SIZES, THEMES, LANGUAGES):
        name = f"{tab.key}-{state}-{size}-{theme}-{language}"
        if not wanted or any(part in name for part in wanted):
            yield name, tab.key, state, size, theme, language
    for view, size, theme, language in product(VIEWS | GOOGLE_VIEWS, SIZES, THEMES, LANGUAGES):
        name = f"{view}-filled-{size}-{theme}-{language}"
        if not wanted or any(part in name for part in wanted):
            yield name, view, "filled", size, theme, language


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
    places = {tab.key: (tab.path, ACTS.get(tab.key)) for tab in TABS} | VIEWS | GOOGLE_VIEWS
    with (
        tempfile.TemporaryDirectory(prefix="kenali-screenshots-") as name,
        FakeGoogle() as google,
        sync_playwright() as playwright,
    ):
        servers = {}
        try:
            for kind in {_server_of(state) for _, _, state, _, _, _ in chosen}:
                folder = Path(name) / kind
                folder.mkdir()
                settings = google.environment() if kind == "filled" else {}
                servers[kind] = start(folder, FACE_MODEL="dlib", PASSWORD_COST="4", **settings)
            if "filled" in servers:
                fill_drive(google)
                fill(servers["filled"].client())
            browser = launch(playwright, Path(name))
            for picture, place, state, size, theme, language in chosen:
                path, act = places[place]
                used = {"filled": act, "error": ERRORS.get(place, out_of_order)}.get(state)
                take(browser, servers[_server_of(state)], picture, act=used, look=(path, size, theme, language))
                print(picture)  # noqa: T201 - a command
            browser.close()
        finally:
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
