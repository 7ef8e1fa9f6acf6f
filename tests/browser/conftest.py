"""A real browser on a real server. docs/interface.md tells how these fixtures are used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bench._server import ROOT, Server, start
from tests.browser.gallery import Gallery
from tests.browser.media import camera_file, microphone_file

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nobody is there to click "Allow"; a test of a refusal overrides getUserMedia.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
#: Two cores are shared by several servers and browsers.
PATIENCE_MS = 20_000
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
ADMIN = ("admin@example.org", "correct horse battery")

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Once more, if a test of the browser fails: waiting longer helps nobody. The summary counts what was repeated."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.flaky(reruns=1))


def launch(playwright: Any, folder: Path) -> Browser:
    """Chromium with a camera that shows a person and a microphone that hears bursts."""
    assert CHROMIUM is not None
    media = [
        f"--use-file-for-fake-video-capture={camera_file(folder)}",
        f"--use-file-for-fake-audio-capture={microphone_file(folder)}",
    ]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *media])


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: sudo apt-get install -y chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright, tmp_path_factory.mktemp("media"))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server in local mode for all tests: make users of your own, and look for those only."""
    folder: Path = tmp_path_factory.mktemp("browser")
    server = start(folder, FACE_MODEL="dlib", PASSWORD_COST="4")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server in token mode, with the admin `ADMIN`."""
    folder: Path = tmp_path_factory.mktemp("browser-token")
    server = start(folder, FACE_MODEL="dlib", ACCESS_MODE="token", PASSWORD_COST="4")
    make_admin(server)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def face_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for tests of what depends on everybody who is enrolled; the fixture `gallery` enrols them."""
    server = start(tmp_path_factory.mktemp("browser-faces"), FACE_MODEL="dlib", PASSWORD_COST="4")
    yield server
    server.stop()


@pytest.fixture
def gallery(face_server: Server) -> Iterator[Gallery]:
    """Everybody on `face_server`: nobody, until the test enrols them."""
    with closing(Gallery(face_server)) as gallery:
        yield gallery
        gallery.empty()


def make_admin(server: Server) -> None:
    """Make `ADMIN` an admin of a running server, as an operator would."""
    email, password = ADMIN
    folder = server.folder
    environment = {
        **os.environ,
        "INSTANCE_DIR": str(folder / "instance"),
        "DATASET_DIR": str(folder / "dataset"),
        "MODELS_DIR": str(folder / "models"),
        "HISTORY_DIR": str(folder / "history_images"),
        "ACCESS_MODE": "token",
    }
    command = [sys.executable, "-m", "flask", "--app", str(ROOT / "run.py"), "admin", "create"]
    subprocess.run(
        [*command, "--name", "Ada", "--email", email, "--password-stdin"],
        input=f"{password}\n",
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
        capture_output=True,
    )


@dataclass
class Watched:
    """A page, and what it must not do."""

    page: Page
    context: BrowserContext
    #: pattern of complaints that the test provokes.
    allowed: str | None
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def check(self) -> None:
        assert self.foreign == [], "the page asked another host"
        # A status of 4xx that a test provokes is reported by the browser as a console error of its own.
        expected = "|".join(filter(None, ("Failed to load resource", self.allowed)))
        assert [text for text in self.complaints if not re.search(expected, text)] == []


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Open a page: ``open_page("/users", lang="id", theme="dark", size="phone", on=token_server)``.

    It may talk to its server only, and must not complain; ``allowed="ERR_CONNECTION"`` is a pattern of the complaints
    that a test provokes, ``also=("http://localhost:…",)`` names further servers. Without a path nothing is loaded yet.
    Further arguments are those of Playwright's ``new_context``.
    """
    opened: list[Watched] = []

    def open_one(
        path: str | None = None,
        *,
        lang: str = "en",
        theme: str = "light",
        size: str = "desktop",
        on: Server | None = None,
        allowed: str | None = None,
        also: tuple[str, ...] = (),
        **options: Any,
    ) -> Page:
        base = f"http://127.0.0.1:{(on or server).port}"
        context = browser.new_context(
            base_url=base, viewport=SIZES[size], color_scheme=theme, locale=lang, has_touch=size == "phone", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        watched = Watched(context.new_page(), context, allowed)
        watch(watched, base, *also)
        opened.append(watched)
        if path is not None:
            watched.page.goto(path)
            ready(watched.page)
        return watched.page

    yield open_one
    for watched in opened:
        watched.context.close()
    for watched in opened:
        watched.check()


def watch(watched: Watched, *servers: str) -> None:
    page = watched.page
    page.on("console", lambda message: watched.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((*(f"{server.rstrip('/')}/" for server in servers), "data:", "blob:"))
            else watched.foreign.append(request.url)
        ),
    )


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A page of the server in local mode, in English, on a desktop; nothing is loaded yet."""
    return open_page()


def ready(page: Page) -> None:
    """Wait until the page's scripts run."""
    page.wait_for_selector("html[data-ready]", state="attached")


def until(page: Page, expression: str) -> None:
    """Wait for a script's word; Playwright's own `wait_for_function` needs eval, which the page's policy forbids."""
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < give_up, f"not within {PATIENCE_MS} ms: {expression}"
        page.wait_for_timeout(50)
