"""The tab Status."""

import pytest
from playwright.sync_api import expect

from app.version import VERSION
from tests.browser.test_shell import sign_in

pytestmark = pytest.mark.browser


def test_it_tells_of_every_part_and_every_model(open_page):
    page = open_page("/status")
    expect(page.get_by_text("Everything works")).to_be_visible()
    expect(page.locator("#status-summary")).to_contain_text(VERSION)
    parts = page.locator("#status-parts li")
    expect(parts).to_have_count(9)
    expect(parts.filter(has_text="Works")).to_have_count(9)
    expect(parts.filter(has_text="Disk")).to_contain_text("GB free")
    face = page.get_by_role("region", name="Face model")
    expect(face).to_contain_text("dlib")
    expect(face).to_contain_text("public domain")
    expect(page.get_by_role("region", name="Breed model")).to_contain_text("squeezenet-1.1")
    cough = page.get_by_role("region", name="Cough model")
    expect(cough).to_contain_text("kenali-cough-3")
    expect(cough).to_contain_text("This is no diagnosis")
    swagger = page.get_by_role("link", name="Try the API in Swagger UI")
    expect(swagger).to_have_attribute("href", "/api/docs")


def test_it_speaks_indonesian(open_page):
    page = open_page("/status", lang="id")
    expect(page.get_by_text("Semuanya berjalan")).to_be_visible()
    disk = page.locator("#status-parts li").filter(has_text="Diska")
    expect(disk).to_contain_text("kosong")
    expect(page.locator("#status-parts")).to_contain_text("dengan pgvector")  # a sentence of the API, with gaps
    expect(page.get_by_role("region", name="Model batuk")).to_contain_text("Ini bukan diagnosis.")


def test_refresh_asks_again_once_however_often_it_is_clicked(open_page):
    page = open_page("/status")
    expect(page.get_by_text("Everything works")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/api/health") else None)
    button = page.get_by_role("button", name="Refresh")
    button.dblclick()
    expect(page.locator("#live")).to_contain_text("The status is up to date.")
    expect(button).to_be_enabled()
    assert len(asked) == 1


def test_a_part_that_is_ill_is_told_until_it_is_well(open_page):
    page = open_page()

    def ill(route):
        answer = route.fetch()
        body = answer.json()
        body["ready"] = False
        for part in body["parts"]:
            if part["name"] == "disk":
                part["ok"] = False
        route.fulfill(response=answer, json=body)

    page.route("**/api/health", ill)
    page.goto("/status")
    expect(page.get_by_text("1 part cannot do its work")).to_be_visible()
    expect(page.locator("#status-parts li").filter(has_text="Disk")).to_contain_text("Does not work")
    page.unroute("**/api/health")
    expect(page.get_by_text("Everything works")).to_be_visible()  # asked again by itself


def test_a_model_that_cannot_be_used_is_told_beside_the_others(open_page):
    page = open_page()
    broken = {
        "status": 503,
        "title": "x",
        "code": "model_not_usable",
        "message": "The model cannot be used.",
        "detail": "x",
    }
    page.route("**/api/breed/model", lambda route: route.fulfill(status=503, json=broken))
    page.goto("/status")
    card = page.get_by_role("region", name="Breed model")
    expect(card.get_by_role("alert")).to_contain_text("The model cannot be used.")
    expect(page.get_by_role("region", name="Cough model")).to_contain_text("kenali-cough-3")
    page.unroute("**/api/breed/model")
    card.get_by_role("button", name="Try again").click()
    expect(card).to_contain_text("squeezenet-1.1")


def test_a_server_that_is_away_is_told_once_and_all_is_asked_again_when_it_is_back(open_page):
    page = open_page("/status", allowed="ERR_INTERNET_DISCONNECTED")
    expect(page.get_by_text("Everything works")).to_be_visible()
    breed = page.get_by_role("region", name="Breed model")
    expect(breed).to_contain_text("squeezenet-1.1")
    page.route("**/api/face/model", lambda route: route.fulfill(status=503, json={"code": "model_not_usable"}))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("region", name="Face model").get_by_role("alert")).to_be_visible()
    page.context.set_offline(True)
    page.unroute("**/api/face/model")
    page.get_by_role("button", name="Refresh").click()
    panel = page.locator("#panel-status")
    expect(page.get_by_role("region", name="Face model")).to_contain_text("Not known while the server does not answer.")
    expect(panel.locator(".problem")).to_have_count(1)
    expect(breed).to_contain_text("squeezenet-1.1")  # what was known stays
    page.context.set_offline(False)
    expect(page.get_by_role("region", name="Face model")).to_contain_text("dlib")
    expect(panel.locator(".problem")).to_have_count(0)


def test_strangers_of_token_mode_learn_that_it_works_and_nothing_else(open_page, token_server):
    page = open_page("/status", on=token_server)
    expect(page.get_by_text("Everything works")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text(VERSION)
    face = page.get_by_role("region", name="Face model")
    expect(face.get_by_role("alert")).to_contain_text("Sign in first.")
    expect(face.get_by_role("link", name="Go to sign-in")).to_be_visible()
    sign_in(page)
    expect(face).to_contain_text("dlib")
    expect(page.locator("#status-summary")).to_contain_text(VERSION)


def test_what_a_licence_forbids_is_told_within_a_phone_screen(open_page):
    page = open_page(lang="id", size="phone")
    page.set_viewport_size({"width": 360, "height": 640})

    def for_research(route):
        answer = route.fetch()
        body = answer.json()
        body.update(licence="For non-commercial research only.", commercial_use=False)
        route.fulfill(response=answer, json=body)

    page.route("**/api/face/model", for_research)
    page.goto("/status")
    expect(page.get_by_text("Bukan untuk penggunaan komersial")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_part_is_told_in_indonesian(open_page):
    page = open_page("/status", lang="id")
    parts = page.locator("#status-parts")
    expect(parts.locator("li").filter(has_text="Foto acara")).to_contain_text("Berkas dan basis data cocok")
    expect(parts).not_to_contain_text(" agree")
