"""The tab Breed, with the built-in network."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import until
from tests.collections_ import DOGS, needs_dogs
from tests.pictures import jpeg

pytestmark = pytest.mark.browser


def ask(page: Page, data: bytes, name: str = "picture.jpg") -> None:
    page.locator("#breed-source-file-input").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def a_dog() -> bytes:
    return next(DOGS.glob("*golden_retriever*")).read_bytes()


def test_what_is_no_dog_is_told_and_no_breeds_are_listed(open_page):
    page = open_page("/breed")
    expect(page.get_by_text("the breed is told here")).to_be_visible()
    ask(page, jpeg(300, 200))
    expect(page.locator("#breed-verdict")).to_contain_text("Not a dog")
    expect(page.locator("#breed-picture")).to_be_visible()
    expect(page.locator("#breed-top-room")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("Not a dog")


def test_the_heat_map_is_drawn_over_the_picture_when_it_is_asked_for(open_page):
    page = open_page("/breed")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/heatmap/" in request.url else None)
    ask(page, jpeg(300, 200))
    switch = page.get_by_role("switch", name="Show what the model looked at")
    expect(switch).to_be_visible()
    assert asked == []
    switch.check()
    heat = page.get_by_role("img", name="What the model looked at")
    expect(heat).to_be_visible()
    until(page, "document.getElementById('breed-heat').naturalWidth > 0")
    assert page.locator("#breed-heat").bounding_box() == page.locator("#breed-picture").bounding_box()
    page.get_by_label("Strength").fill("40")
    assert page.evaluate("getComputedStyle(document.getElementById('breed-heat')).opacity") == "0.4"
    switch.uncheck()
    expect(heat).to_be_hidden()
    assert len(asked) == 1


@needs_dogs
@pytest.mark.parametrize(("lang", "sure"), [("en", "Confidence"), ("id", "Keyakinan")])
def test_a_dog_is_named_with_the_five_most_probable_breeds(open_page, lang, sure):
    page = open_page("/breed", lang=lang, size="phone" if lang == "id" else "desktop")
    ask(page, a_dog(), "rex.jpg")
    expect(page.locator("#breed-verdict")).to_contain_text(re.compile("golden retriever", re.IGNORECASE))
    expect(page.locator("#breed-verdict")).to_contain_text(sure)
    expect(page.locator("#breed-top li")).to_have_count(5)
    expect(page.locator("#breed-top li").first).to_contain_text("%")
    expect(page.locator("#breed-verdict")).to_be_in_viewport()


def test_every_breed_can_be_looked_up(open_page):
    page = open_page("/breed", lang="id")
    expect(page.locator("#breed-model")).to_contain_text("mengenal 121 ras")
    page.get_by_role("button", name="Semua ras").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_have_text("121 ras")
    dialog.get_by_label("Pencarian").fill("japanese chin")
    expect(dialog.locator(".breed-names li")).to_have_count(1)
    expect(dialog.locator(".breed-names li")).to_contain_text("Spaniel Jepang")
    dialog.get_by_role("button", name="Tutup").click()
    expect(dialog).to_have_count(0)


def test_a_picture_that_cannot_be_read_is_told_and_another_one_may_follow(open_page):
    page = open_page("/breed")
    ask(page, b"\xff\xd8\xff nothing")
    expect(page.locator("#breed-problem")).to_contain_text(re.compile("JPEG|picture|image"))
    expect(page.locator("#breed-picture")).to_be_hidden()
    ask(page, jpeg(300, 200))
    expect(page.locator("#breed-verdict")).to_contain_text("Not a dog")
    expect(page.locator("#breed-problem")).to_be_empty()


def test_the_camera_gives_a_picture_and_is_let_go(open_page):
    page = open_page("/breed")
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name=re.compile("Take|Capture")).click()
    expect(page.locator("#breed-verdict p").first).to_be_visible()
    page.get_by_role("link", name="Status").first.click()
    expect(page.locator("#heading-status")).to_be_visible()
    assert page.evaluate("[...document.querySelectorAll('video')].every((video) => !video.srcObject)")
