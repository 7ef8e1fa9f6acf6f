"""What goes wrong on each tab, for ``make screenshots``: what its visitor sees then has to help.

Tabs that show what the server has find it out of order; on those that ask, something that it cannot answer is asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from playwright.sync_api import FilePayload, Page

from tests.people import five_people
from tests.pictures import jpeg
from tests.recordings import wav

Act = Callable[[Page], None]

#: Who has an address at example.org and is trained, in the order of `five_people`.
_TRAINED = ("ayu", "budi", "citra", "dimas")
_turns = itertools.count()

WALL: FilePayload = {"name": "wall.jpg", "mimeType": "image/jpeg", "buffer": jpeg(640, 480)}
BROKEN: FilePayload = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"x" * 900}


def out_of_order(page: Page) -> None:
    """The server answers nothing but that it has failed."""
    problem = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "internal_error",
        "detail": "Something went wrong on the server; its log says what.",
        "message": "Something went wrong on the server; its log says what.",
    }
    page.route("**/api/**", lambda route: route.fulfill(status=500, json=problem))
    page.reload()
    page.locator("html[data-ready]").wait_for(state="attached")
    page.locator("main .problem:visible").first.wait_for()


def recognition(page: Page) -> None:
    """Nobody is on the picture."""
    page.set_input_files("#recognition-source-file-input", WALL)
    page.locator("#recognition-verdict p, #panel-recognition .problem:visible").first.wait_for()


def verification(page: Page) -> None:
    """It is somebody else. Not always the same address: too often wrong, it would be locked."""
    number = next(_turns) % len(_TRAINED)
    page.locator("#verification-form-email").fill(f"{_TRAINED[number]}@example.org")
    picture = five_people()[(number + 1) % len(_TRAINED)].photo(light=1.1, quality=85)
    page.set_input_files(
        "#verification-source-file-input", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture}
    )
    page.locator("#verification-start").click()
    page.locator("#verification-verdict p").wait_for()


def account(page: Page) -> None:
    """The password is wrong."""
    page.locator("#account-form-email").fill(f"nobody-{next(_turns)}@example.org")
    page.locator("#account-form-password").fill("wrong password")
    page.locator("#account-form-start").click()
    page.locator("#panel-account .problem:visible").first.wait_for()


def breed(page: Page) -> None:
    """That is no picture."""
    page.set_input_files("#breed-source-file-input", BROKEN)
    page.locator("#breed-verdict p, #panel-breed .problem:visible").first.wait_for()


def cough(page: Page) -> None:
    """There is nothing to hear."""
    silence: FilePayload = {"name": "silence.wav", "mimeType": "audio/wav", "buffer": wav(np.zeros(44_100))}
    page.set_input_files("#cough-file-input", silence)
    page.locator("#cough-verdict p, #panel-cough .problem:visible").first.wait_for()


#: Tab -> what goes wrong on it; `out_of_order` on all others.
ERRORS: dict[str, Act] = {
    "recognition": recognition,
    "verification": verification,
    "account": account,
    "breed": breed,
    "cough": cough,
}
