"""The tab History. Every test asks as a person of its own, so that it sees its own entries alone."""

import csv
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench._server import Client, Server, multipart
from tests.browser.conftest import until
from tests.pictures import jpeg
from tests.recordings import tone, wav

pytestmark = pytest.mark.browser


class Somebody:
    """A user who asks the API things."""

    def __init__(self, server: Server) -> None:
        self.client: Client = server.client()
        self.email = email = f"{uuid.uuid4().hex}@example.org"
        user = {"name": "Hana", "email": email, "password": "secure123"}
        self.id = self.client.json("POST", "/api/users", user).json["id"]
        login = self.client.json("POST", "/api/auth/login-pass-verify", {"email": email, "password": "secure123"})
        self.authorization = f"Bearer {login.json['data']['token']}"

    def ask(self, namespace: str, data: bytes, name: str) -> None:
        body, kind = multipart({}, [("file", name, data)])
        path = f"/api/{namespace}/predict"
        answer = self.client.call("POST", path, body, Content_Type=kind, Authorization=self.authorization)
        assert answer.status == 200, answer.body

    def count(self, namespace: str) -> int:
        return len(self.client.call("GET", f"/api/{namespace}/history?user_id={self.id}").json)


@pytest.fixture
def somebody(server) -> Iterator[Somebody]:
    asking = Somebody(server)
    yield asking
    asking.client.close()


def entries(page: Page):
    return page.locator("#history-list .history-entry")


def test_both_histories_have_their_address_and_the_newest_is_first(open_page, somebody):
    for name in ("first.jpg", "second.jpg"):
        somebody.ask("breed", jpeg(300, 200), name)
    somebody.ask("cough", wav(tone(1)), "tone.wav")
    page = open_page(f"/history?user={somebody.id}")
    expect(entries(page)).to_have_count(2)
    expect(entries(page).first).to_contain_text("second.jpg")
    expect(entries(page).first).to_contain_text("Not a dog")
    until(page, "document.querySelector('#history-list img').naturalWidth > 0")
    page.get_by_role("button", name="Coughs").click()
    expect(entries(page)).to_have_count(1)
    expect(entries(page)).to_contain_text("No cough")
    expect(page.locator("#history-notice")).to_contain_text("no diagnosis")
    assert "kind=cough" in page.url
    page.reload()
    expect(entries(page)).to_contain_text("tone.wav")


def test_pages_follow_the_address(open_page, somebody):
    for number in range(21):
        somebody.ask("cough", wav(tone(0.5)), f"{number}.wav")
    page = open_page(f"/history?kind=cough&user={somebody.id}", lang="id")
    expect(entries(page)).to_have_count(20)
    expect(page.locator("#history-count")).to_have_text("21 entri")
    page.locator("#history-pager").get_by_role("button", name="Halaman berikutnya").click()
    expect(entries(page)).to_have_count(1)
    expect(entries(page)).to_contain_text("0.wav")
    assert "page=2" in page.url
    page.get_by_role("button", name="Hapus 0.wav").click()
    page.get_by_role("dialog").get_by_role("button", name="Hapus").click()
    expect(entries(page)).to_have_count(20)  # the page is gone with its last entry
    assert somebody.count("cough") == 20


def test_an_entry_is_deleted_after_a_question_only(open_page, somebody):
    somebody.ask("breed", jpeg(300, 200), "keep.jpg")
    somebody.ask("breed", jpeg(300, 200), "go.jpg")
    page = open_page(f"/history?user={somebody.id}", size="phone")
    page.get_by_role("button", name="Delete go.jpg").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert somebody.count("breed") == 2
    page.get_by_role("button", name="Delete go.jpg").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(entries(page)).to_have_count(1)
    expect(entries(page)).to_contain_text("keep.jpg")


def test_a_whole_page_can_be_deleted(open_page, somebody):
    for name in ("a.wav", "b.wav", "c.wav"):
        somebody.ask("cough", wav(tone(0.5)), name)
    page = open_page(f"/history?kind=cough&user={somebody.id}")
    page.get_by_role("button", name="Delete this page").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 entries")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing here yet").first).to_be_visible()
    assert somebody.count("cough") == 0


def test_the_list_can_be_saved_as_csv(open_page, somebody):
    somebody.ask("cough", wav(tone(1)), "tone.wav")
    page = open_page(f"/history?kind=cough&user={somebody.id}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    saved = waiting.value
    assert saved.suggested_filename == "cough-history.csv"
    with Path(saved.path()).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == ["tone.wav"]


def test_details_show_the_picture_and_the_figures(open_page, somebody):
    somebody.ask("cough", wav(tone(1)), "tone.wav")
    page = open_page(f"/history?kind=cough&user={somebody.id}")
    page.get_by_role("button", name="Details of tone.wav").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("kenali-cough-3")
    expect(dialog).to_contain_text("This is no diagnosis")
    expect(dialog.get_by_role("img", name="Picture of the sound")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_one_users_entries_can_be_looked_for(open_page, somebody):
    somebody.ask("breed", jpeg(300, 200), "mine.jpg")
    page = open_page("/history")
    page.get_by_label("Whose", exact=True).select_option("One user's")
    page.locator("#history-user-input").fill(somebody.email)
    page.get_by_role("option", name=re.compile(somebody.email)).click()
    expect(entries(page)).to_have_count(1)
    expect(entries(page)).to_contain_text("mine.jpg")
    assert f"user={somebody.id}" in page.url


def test_nothing_yet_says_where_to_begin(open_page, somebody):
    page = open_page(f"/history?user={somebody.id}")
    expect(page.get_by_text("Nothing here yet").first).to_be_visible()
    page.get_by_role("link", name="Ask about a dog").click()
    expect(page.locator("#heading-breed")).to_be_visible()


def test_what_goes_wrong_is_told_and_can_be_tried_again(open_page, somebody):
    somebody.ask("breed", jpeg(300, 200), "mine.jpg")
    page = open_page()
    broken = {"code": "internal_error", "message": "Something went wrong on the server; its log says what."}
    page.route("**/api/breed/history*", lambda route: route.fulfill(status=500, json=broken))
    page.goto(f"/history?user={somebody.id}")
    expect(page.locator("#history-problem")).to_contain_text("went wrong")
    page.unroute("**/api/breed/history*")
    page.locator("#history-problem").get_by_role("button").click()
    expect(entries(page)).to_have_count(1)
