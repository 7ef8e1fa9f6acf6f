"""The tab Database Build: jobs on the real engine, with their progress, their ends, and everything in between."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from bench._server import start
from tests.browser.conftest import PATIENCE_MS, ready
from tests.browser.gallery import Gallery, photos
from tests.browser.people import new_email
from tests.browser.test_shell import core, sign_in
from tests.people import five_people
from tests.pictures import jpeg

pytestmark = pytest.mark.browser


@pytest.fixture
def build(open_page, face_server, gallery):
    """Open the tab on the server of the gallery."""

    def open_tab(query: str = "", **options):
        return open_page(f"/build{query}", on=face_server, **options)

    return open_tab


def button(page):
    return page.get_by_role("button", name="Build Embeddings for This User")


def rebuild_button(page):
    return page.get_by_role("button", name="Rebuild All Users Now")


def card(page):
    return page.locator(".build-job")


def number(page, name):
    """The number that the API calls so."""
    return (
        card(page).locator("dl > div").filter(has=page.locator("code", has_text=re.compile(f"^{name}$"))).locator("dd")
    )


# --- one person


def test_a_person_is_built_with_a_moving_bar_and_a_result_in_the_words_of_the_api(build, gallery):
    first, *_ = five_people()
    user_id, _ = gallery.add("Ayu Lestari", *photos(first, 17), trained=False)
    starts, ends = gallery.slow(user_id, 0), gallery.slow(user_id, 16)
    page = build(f"?user={user_id}")
    expect(page.locator("#build-person")).to_contain_text("17 to train")
    button(page).click()
    bar = card(page).get_by_role("progressbar")
    expect(card(page)).to_contain_text("Building embeddings for Ayu Lestari")
    expect(card(page)).to_contain_text("0 of 17 photos")
    starts.release()
    expect(card(page)).to_contain_text(re.compile(r"16 of 17 photos · [\d.]+ a second · .+ left"))
    expect(bar).to_have_attribute("aria-valuenow", "94")
    expect(bar).to_have_attribute("aria-valuetext", re.compile("16 of 17"))
    ends.release()
    expect(card(page).get_by_role("heading", name="Embeddings built for Ayu Lestari")).to_be_visible()
    expect(number(page, "faces_processed")).to_have_text("17")
    expect(number(page, "embeddings_created")).to_have_text("17")
    expect(number(page, "embeddings_total")).to_have_text("17")
    expect(number(page, "processing_time_seconds")).to_have_text(re.compile(r"[\d.]+ s"))
    expect(bar).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("Embeddings built for Ayu Lestari")
    expect(page.locator("#build-person")).to_contain_text("17 trained")
    expect(page.locator("#build-due")).to_contain_text("All photos with a face are trained.")
    expect(page.locator("#build-recent-rows li").first).to_contain_text("Ayu Lestari")
    card(page).get_by_role("link", name="Try Face Verification").click()
    expect(page.locator("#verification-form-email")).to_have_value(str(user_id))


def test_whom_can_be_said_by_id_without_choosing_from_the_list(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1), trained=False)
    page = build()
    page.get_by_role("combobox", name="User").fill(str(user_id))
    button(page).click()
    expect(card(page)).to_contain_text("Embeddings built for Ayu Lestari")


def test_whom_can_be_searched_for_by_name(build, gallery):
    gallery.add("Budi Santoso", *photos(five_people()[1], 1), trained=False)
    user_id, _ = gallery.add("Budi Hartono", *photos(five_people()[0], 1), trained=False)
    page = build()
    field = page.get_by_role("combobox", name="User")
    field.click()
    field.press_sequentially("budi")
    page.get_by_role("option", name="Budi Hartono").click()
    expect(page).to_have_url(re.compile(f"user={user_id}$"))
    button(page).click()
    expect(card(page)).to_contain_text("Embeddings built for Budi Hartono")


def test_nobody_and_several_people_are_not_built_but_asked_about(build, gallery):
    gallery.add("Budi Santoso")
    gallery.add("Budi Hartono")
    page = build()
    field = page.get_by_role("combobox", name="User")
    button(page).click()
    expect(page.locator("#build-user")).to_contain_text("Choose a user first.")
    for text in ("Nobody Atall", "budi"):
        field.click()
        field.press_sequentially(text)
        button(page).click()
        expect(page.locator("#build-user")).to_contain_text(f"fits “{text}”")
        expect(field).to_have_attribute("aria-invalid", "true")
    assert gallery.jobs(kind="incremental") == []
    page.goto("/build?user=999999")
    expect(page.locator("#build-user")).to_contain_text("There is no user with the id 999999")


def test_a_double_click_starts_one_job(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1), trained=False)
    page = build(f"?user={user_id}")
    button(page).dblclick(delay=30)
    expect(card(page)).to_contain_text("Embeddings built for Ayu Lestari")
    expect(button(page)).to_be_enabled()
    assert len(gallery.jobs(user_id=user_id)) == 1


def test_while_a_job_runs_the_button_shows_it_and_starts_no_other(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1), trained=False)
    disk = gallery.slow(user_id, 0)
    page = build(f"?user={user_id}")
    button(page).click()
    expect(card(page)).to_contain_text("0 of 1 photos")
    expect(button(page)).to_be_enabled()
    button(page).click()
    expect(card(page).get_by_role("heading")).to_be_focused()
    disk.release()
    expect(card(page)).to_contain_text("Embeddings built for Ayu Lestari")
    assert len(gallery.jobs(user_id=user_id)) == 1


def test_a_photo_that_was_left_out_is_shown_with_its_reason(build, gallery):
    good = photos(five_people()[0], 2)
    user_id, _ = gallery.add("Ayu Lestari", *good, jpeg(320, 240), trained=False)
    page = build(f"?user={user_id}")
    expect(page.locator("#build-person")).to_contain_text("1 without a face")
    button(page).click()
    expect(card(page)).to_contain_text("1 photo was left out")
    expect(card(page).get_by_label("Photos that were left out")).to_contain_text("No face was found: use a sharp")
    photo = card(page).locator(".build-skipped img")
    expect(photo).to_have_js_property("naturalWidth", 224)
    link = card(page).get_by_role("link", name="photo-3.jpg")
    expect(link).to_have_attribute("href", f"/photos?user={user_id}")
    expect(number(page, "embeddings_created")).to_have_text("2")


def test_a_person_without_photos_is_sent_to_the_photos(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari")
    page = build(f"?user={user_id}")
    expect(page.locator("#build-person")).to_contain_text("No photos yet")
    button(page).click()
    alert = page.locator("#build-form-problem")
    expect(alert).to_contain_text("The user has no photo with a usable face: upload some first.")
    expect(alert.get_by_role("link", name="Go to the photos")).to_have_attribute("href", f"/photos?user={user_id}")


def test_a_job_that_failed_says_why_and_what_to_do(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", jpeg(320, 240), trained=False)
    page = build(f"?user={user_id}")
    button(page).click()
    expect(card(page).get_by_role("heading")).to_have_text("The build for Ayu Lestari has failed.")
    alert = card(page).get_by_role("alert")
    expect(alert).to_contain_text("The user has no photo with a usable face: upload some first.")
    expect(alert).to_contain_text("The face database is as it was before.")
    expect(alert.get_by_role("link", name="Go to the photos")).to_be_visible()
    row = page.locator("#build-recent-rows > li").first
    expect(row).to_contain_text("Failed")
    row.get_by_role("button", name="Details").click()
    expect(row).to_contain_text("upload some first")


def test_every_photo_can_be_trained_again(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 2))
    page = build(f"?user={user_id}")
    button(page).click()
    expect(card(page)).to_contain_text("Nothing to do: every photo of Ayu Lestari is trained already")
    expect(button(page)).to_be_enabled()
    page.get_by_role("checkbox", name="Train every photo again").check()
    button(page).click()
    expect(card(page).get_by_role("heading")).to_have_text("Embeddings built for Ayu Lestari")
    expect(card(page)).to_have_count(1)
    expect(number(page, "embeddings_created")).to_have_text("2")


def test_who_is_due_is_listed_with_a_button_each(build, gallery):
    gallery.add("Ayu Lestari", *photos(five_people()[0], 2))
    gallery.add("Budi Santoso", *photos(five_people()[1], 2), trained=False)
    gallery.add("Citra Dewi", *photos(five_people()[2], 1), trained=False)
    gallery.add("Without Photos")
    page = build()
    rows = page.locator("#build-due-rows li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Budi Santoso2 new photos · not trained yet")
    rows.first.get_by_role("button", name="Build Budi Santoso").click()
    expect(card(page)).to_contain_text("Embeddings built for Budi Santoso")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Citra Dewi")


def test_with_nobody_there_it_says_what_comes_first(build):
    page = build()
    due = page.locator("#build-due")
    expect(due).to_contain_text("There is nothing to train yet")
    due.get_by_role("link", name="Upload photos").click()
    expect(page).to_have_url(re.compile("/photos$"))


# --- everybody


def test_a_rebuild_goes_on_through_a_reload_and_tells_its_result(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 3))
    gallery.add("Budi Santoso", *photos(five_people()[1], 2), jpeg(320, 240))
    disk = gallery.slow(user_id, 0)
    page = build()
    page.get_by_role("radio", name="Full Rebuild (10-30s)").check()
    expect(button(page)).to_be_hidden()
    rebuild_button(page).dblclick(delay=30)
    expect(card(page)).to_contain_text("0 of 6 photos")
    page.reload()
    ready(page)
    expect(rebuild_button(page)).to_be_visible()
    expect(card(page)).to_contain_text("Full rebuild")
    expect(card(page)).to_contain_text("0 of 6 photos")
    other = build("?mode=rebuild")  # somebody else looks, and starts it too
    expect(card(other)).to_contain_text("0 of 6 photos")
    rebuild_button(other).click()
    disk.release()
    for one in (page, other):
        expect(card(one).get_by_role("heading", name="Face database built successfully")).to_be_visible()
        expect(number(one, "num_data")).to_have_text("6")
        expect(number(one, "num_classes")).to_have_text("2")
        expect(number(one, "total_faces")).to_have_text("5")
        expect(number(one, "model_path")).to_contain_text("models/face_db.npy")
        expect(number(one, "training_time_seconds")).to_have_text(re.compile(r"[\d.]+ s"))
        expect(card(one).get_by_label("Photos that were left out")).to_contain_text("photo-3.jpg")
    newest, *older = gallery.jobs(kind="rebuild")
    assert newest["state"] == "succeeded"
    assert all(job["finished_at"] < newest["created_at"] for job in older), "one rebuild, not two"
    page.reload()
    row = page.locator("#build-recent-rows > li").first
    expect(row).to_contain_text("Full rebuild")
    row.get_by_role("button", name="Details").click()
    expect(row).to_contain_text("num_classes")


def test_a_build_is_cancelled(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1))
    disk = gallery.slow(user_id, 0)
    page = build("?mode=rebuild")
    rebuild_button(page).click()
    expect(card(page)).to_contain_text("0 of 1 photos")
    card(page).get_by_role("button", name="Cancel the build").click()
    expect(card(page)).to_contain_text("Stopping …")
    expect(card(page).get_by_role("button", name="Cancel the build")).to_be_disabled()
    disk.release()
    expect(card(page).get_by_role("heading")).to_have_text("Cancelled: the face database is as it was before.")
    expect(page.locator("#build-recent-rows > li").first).to_contain_text("Cancelled")
    assert gallery.jobs(kind="rebuild")[0]["state"] == "cancelled"
    card(page).get_by_role("button", name="Close").click()
    expect(card(page)).to_have_count(0)


def test_a_rebuild_of_nothing_fails_with_the_reason(build):
    page = build("?mode=rebuild")
    rebuild_button(page).click()
    expect(card(page)).to_contain_text("The rebuild has failed.")
    expect(card(page)).to_contain_text("There is no photo with a usable face: upload some first.")


# --- the server and the page


def test_nothing_is_asked_while_the_page_is_out_of_sight(build, gallery, open_page, face_server):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1), trained=False)
    disk = gallery.slow(user_id, 0)
    page = open_page(on=face_server)
    page.clock.install()
    page.goto(f"/build?user={user_id}")
    ready(page)
    button(page).click()
    expect(card(page)).to_contain_text("0 of 1 photos")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/training/jobs/" in request.url else None)
    see = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden === 'hidden', configurable: true});"
    see += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(see, "hidden")
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.clock.run_for(120_000)
    assert asked == []
    disk.release()
    page.evaluate(see, "visible")
    expect(card(page)).to_contain_text("Embeddings built for Ayu Lestari")
    assert asked


def test_a_server_that_stops_and_starts_again_finishes_what_was_queued(open_page, tmp_path):
    settings = {"FACE_MODEL": "dlib", "WARM_MODELS": "false", "PASSWORD_COST": "4"}
    server = start(tmp_path, RUN_WORKER="false", **settings)
    try:
        with closing(Gallery(server)) as people:
            user_id, _ = people.add("Ayu Lestari", *photos(five_people()[0], 2), trained=False)
        page = open_page(f"/build?user={user_id}", on=server, allowed="ERR_CONNECTION")
        button(page).click()
        expect(card(page)).to_contain_text("Waiting for its turn")
        server.stop()
        expect(page.locator("#offline-banner")).to_be_visible()
        server = start(tmp_path, server.port, **settings)
        expect(card(page)).to_contain_text("Embeddings built for Ayu Lestari", timeout=2 * PATIENCE_MS)
        expect(page.locator("#offline-banner")).to_be_hidden()
    finally:
        server.stop()


def test_a_queued_job_is_cancelled_at_once_and_a_failing_server_is_asked_again(open_page, tmp_path):
    server = start(tmp_path, FACE_MODEL="dlib", WARM_MODELS="false", PASSWORD_COST="4", RUN_WORKER="false")
    try:
        with closing(Gallery(server)) as people:
            user_id, _ = people.add("Ayu Lestari", *photos(five_people()[0], 1), trained=False)
        page = open_page(f"/build?user={user_id}", on=server)
        button(page).click()
        expect(card(page)).to_contain_text("Waiting for its turn")
        busy = {
            "status": 503,
            "title": "x",
            "code": "server_busy",
            "message": "Too much is asked at the same time: try again in a moment.",
            "detail": "x",
        }
        page.route(
            "**/api/training/jobs/*", lambda route: route.fulfill(status=503, json=busy, headers={"Retry-After": "1"})
        )
        expect(card(page)).to_contain_text("Too much is asked at the same time: try again in a moment. Asking again …")
        page.unroute("**/api/training/jobs/*")
        expect(card(page)).not_to_contain_text("Asking again")
        card(page).get_by_role("button", name="Cancel the build").click()
        expect(card(page).get_by_role("heading")).to_have_text("Cancelled: the face database is as it was before.")
    finally:
        server.stop()


# --- who may, and in which words


def test_a_person_of_token_mode_trains_themselves_and_nobody_else(open_page, token_server):
    budi = {"name": "Budi Santoso", "email": new_email("budi"), "password": "secure123"}
    page = open_page("/build", on=token_server)
    sign_in(page)
    expect(page.get_by_role("radio", name="Full Rebuild (10-30s)")).to_be_visible()
    page.evaluate(
        "async ([api, session, body]) => { const { post } = await import(api); await post('/api/users', body);"
        " const { signOut } = await import(session); await signOut(); }",
        [core(page, "api.js"), core(page, "session.js"), budi],
    )
    sign_in(page, budi["email"], budi["password"])
    expect(page.locator("#build-person")).to_contain_text(budi["email"])
    expect(page.get_by_role("combobox", name="User")).to_have_value("Budi Santoso")
    expect(page.get_by_role("radio", name="Full Rebuild (10-30s)")).to_be_hidden()
    button(page).click()
    expect(page.locator("#build-form-problem")).to_contain_text("upload some first")


def test_it_speaks_indonesian(build, gallery):
    user_id, _ = gallery.add("Ayu Lestari", *photos(five_people()[0], 1), jpeg(320, 240), trained=False)
    page = build(f"?user={user_id}", lang="id")
    expect(page.get_by_role("radio", name="Inkremental (1-3 dtk)")).to_be_checked()
    page.get_by_role("button", name="Bangun Embedding Pengguna Ini").click()
    expect(card(page).get_by_role("heading").first).to_have_text("Embedding untuk Ayu Lestari berhasil dibangun")
    expect(card(page)).to_contain_text("1 foto dilewati")
    expect(card(page)).to_contain_text("Wajah tidak ditemukan")
    page.get_by_role("radio", name="Bangun Ulang Penuh (10-30 dtk)").check()
    page.get_by_role("button", name="Bangun Ulang Semua Pengguna Sekarang").click()
    expect(card(page).get_by_role("heading").first).to_have_text("Basis data wajah berhasil dibangun")


def test_a_name_without_blanks_makes_no_page_wider(build, gallery):
    user_id, _ = gallery.add(f"Ayu {'W' * 190}", *photos(five_people()[0], 1), trained=False)
    page = build(f"?user={user_id}", size="phone")
    expect(page.locator("#build-person")).to_contain_text("1 to train")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button(page).click()
    expect(card(page)).to_contain_text("Embeddings built for Ayu")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_names_in_the_list_of_jobs_are_not_broken_on_the_smallest_phones(build, gallery):
    gallery.add("Rasmussen", *photos(five_people()[0], 1))
    page = build(size="phone")
    page.set_viewport_size({"width": 320, "height": 640})
    name = page.locator("#build-recent-rows .build-row-name").first
    expect(name).to_have_text("Rasmussen")
    assert name.bounding_box()["height"] < 30  # one line
