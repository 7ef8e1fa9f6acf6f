"""/api/drive-search, with a local Drive, the real worker and fake faces."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from app.db import Selfie
from app.engines.images import decode, encode_jpeg
from tests.api.test_problem import assert_problem
from tests.fake_google import FakeGoogle, Fault
from tests.fakes import FakeFaceEngine, picture_of
from tests.forms import FORM, form, part
from tests.unit.jobs.world import FakeEngines

FOLDER = "folder-of-the-wedding"
URL = f"https://drive.google.com/drive/folders/{FOLDER}?usp=sharing"
#: Longest that a search of some pictures takes on a machine with a lot to do.
PATIENCE_SECONDS = 60


def photo(*people: int) -> bytes:
    return encode_jpeg(picture_of(*people), 90)


@pytest.fixture
def google():
    with FakeGoogle() as server:
        server.folder(FOLDER)
        yield server


@pytest.fixture
def faces():
    return FakeFaceEngine()


@pytest.fixture
def app(make_app, google, faces):
    app = make_app(face_engines=FakeEngines({"fake": faces}, "fake"), **google.settings())
    app.extensions["kenali"].start()
    return app


@pytest.fixture
def api(app):
    return app.test_client()


def person(api, name, email):
    """Headers of a new person who is signed in."""
    api.post("/api/users", json={"name": name, "email": email, "password": "secure123"})
    answer = api.post("/api/auth/login-pass-verify", json={"email": email, "password": "secure123"})
    return {"Authorization": f"Bearer {answer.json['data']['token']}"}


def with_selfie(api, sessions, faces, headers, looks):
    """Store a selfie, as the upload of one does."""
    user_id = api.get("/api/users/me", headers=headers).json["id"]
    image = picture_of(looks)
    embedding = faces.embed(image, faces.detect(image)[:1])[0]
    with sessions.begin() as session:
        session.add(
            Selfie(
                user_id=user_id,
                storage_key=f"selfie-{user_id}.jpg",
                model=faces.info.key,
                embedding=embedding.tolist(),
                quality=0.9,
            )
        )


@pytest.fixture
def anna(api, sessions, faces):
    headers = person(api, "Anna", "anna@email.com")
    with_selfie(api, sessions, faces, headers, 1)
    return headers


def start(api, headers, url=URL):
    return api.post("/api/drive-search", json={"drive_url": url}, headers=headers)


def finished(api, headers, search_id):
    """The search when it is no longer under way."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = api.get(f"/api/drive-search/{search_id}", headers=headers)
        assert answer.status_code == 200
        if answer.json["status"] != "processing" or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


def test_a_search_is_started_followed_and_deleted(api, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.picture("picture-0002", FOLDER, photo(2))
    google.picture("picture-0003", FOLDER, photo(3, 1))
    started = start(api, anna)
    assert started.status_code == 202
    assert started.json.keys() == {"search_id", "status", "message"}
    assert started.json["status"] == "processing"
    search_id = started.json["search_id"]
    assert started.headers["Location"].endswith(f"/api/drive-search/{search_id}")

    answer = finished(api, anna, search_id)
    search = answer.json
    assert (search["status"], search["error"], search["truncated"]) == ("completed", None, False)
    assert search["message"] == "The search is complete: 3 pictures."
    assert search["progress"] == {"found": 3, "analysed": 3, "listed": True}
    assert answer.headers["X-Total-Count"] == "2"
    assert sorted(result["file_id"] for result in search["results"]) == ["picture-0001", "picture-0003"]
    result = next(result for result in search["results"] if result["file_id"] == "picture-0001")
    assert result["link"] == "https://drive.google.com/file/d/picture-0001/view"
    assert (result["similarity"], result["band"], result["width"]) == (1.0, "sure", 400)
    assert result["face_coords"]["x"] + result["face_coords"]["w"] / 2 == pytest.approx(200, abs=3)

    one = api.get(f"/api/drive-search/{search_id}?per_page=1&page=2", headers=anna)
    assert len(one.json["results"]) == 1
    masked = api.get(f"/api/drive-search/{search_id}", headers={**anna, "X-Fields": "status,results{name}"})
    assert masked.json["results"][0].keys() == {"name"}

    [listed] = api.get("/api/drive-search", headers=anna).json
    assert (listed["search_id"], "results" in listed) == (search_id, False)
    assert api.delete(f"/api/drive-search/{search_id}", headers=anna).json == {"message": "Search deleted"}
    assert_problem(api.get(f"/api/drive-search/{search_id}", headers=anna), 404, "drive_search_not_found")
    assert api.get("/api/drive-search", headers=anna).json == []


def test_a_picture_sent_along_says_whom_to_look_for(api, google):
    google.picture("picture-0004", FOLDER, photo(4))
    headers = person(api, "Budi", "budi@email.com")
    assert_problem(start(api, headers), 409, "no_selfie")
    body = form(("file", "me.jpg", photo(4)))
    body["data"] = part("drive_url", None, URL.encode()) + body["data"]
    started = api.post("/api/drive-search", headers=headers, **body)
    assert started.status_code == 202
    results = finished(api, headers, started.json["search_id"]).json["results"]
    assert [result["file_id"] for result in results] == ["picture-0004"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ([("file", b"me.jpg", photo(1))], 400, "invalid_input"),
        ([("drive_url", None, URL.encode()), ("file", b"me.jpg", b"no picture")], 400, "unsupported_image"),
        ([("drive_url", None, URL.encode()), ("file", b"me.jpg", photo())], 422, "no_face_found"),
        ([("drive_url", None, URL.encode()), ("other", b"me.jpg", photo(1))], 400, "missing_file"),
        ([("drive_url", None, b"https://evil.example"), ("file", b"me.jpg", photo(1))], 400, "invalid_drive_url"),
        ([("drive_url", None, URL.encode())], 409, "no_selfie"),
    ],
)
def test_a_form_that_makes_no_sense_is_told_why(api, fields, status, code):
    headers = person(api, "Budi", "budi@email.com")
    body = b"".join(part(*field) for field in fields) + b"------kenali--\r\n"
    assert_problem(api.post("/api/drive-search", headers=headers, data=body, content_type=FORM), status, code)


@pytest.mark.parametrize("url", ["https://evil.example/drive/folders/1AbCdEfGhIjKlMn", "x", "http://127.0.0.1:5432/"])
def test_what_is_no_drive_link_is_refused_and_nobody_is_asked(api, google, anna, url):
    assert_problem(start(api, anna, url), 400, "invalid_drive_url")
    assert google.seen == []


@pytest.mark.parametrize("body", [{}, {"drive_url": ""}, {"drive_url": 5}, {"drive_url": "x" * 3000}, [], "x"])
def test_a_body_without_a_link_is_refused(api, anna, body):
    assert_problem(api.post("/api/drive-search", json=body, headers=anna), 400, "invalid_input")


def test_a_private_folder_is_told_as_a_failed_search(api, google, anna):
    google.items[FOLDER].public = False
    search = finished(api, anna, start(api, anna).json["search_id"]).json
    assert search["status"] == "failed"
    assert search["error"]["code"] == "drive_folder_not_found"
    assert search["message"] == search["error"]["message"]
    assert search["results"] == []


def test_google_that_is_away_for_a_moment_only_takes_longer(api, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.fail("get", Fault(503))
    google.fail("media", Fault(500))
    search = finished(api, anna, start(api, anna).json["search_id"]).json
    assert (search["status"], len(search["results"])) == ("completed", 1)


def test_what_could_not_be_looked_at_is_told_by_reason(api, google, anna):
    google.picture("picture-0001", FOLDER, photo(1))
    google.picture("picture-heic", FOLDER, b"HEIC", mime="image/heic")
    google.picture("picture-text", FOLDER, b"no picture")
    google.picture("picture-large", FOLDER, photo(1), size=50_000_000)
    search = finished(api, anna, start(api, anna).json["search_id"]).json
    assert search["skipped"] == [
        {"code": "image_too_large", "count": 1},
        {"code": "unsupported_image", "count": 2},
    ]
    assert search["progress"] == {"found": 4, "analysed": 4, "listed": True}


def test_searches_are_their_owners_alone(api, google, anna):
    search_id = start(api, anna).json["search_id"]
    eve = person(api, "Eve", "eve@email.com")
    for call in (api.get, api.delete):
        assert_problem(call(f"/api/drive-search/{search_id}", headers=eve), 404, "drive_search_not_found")
        assert_problem(call(f"/api/drive-search/{search_id}"), 401, "not_authenticated")
    assert api.get("/api/drive-search", headers=eve).json == []


def test_a_deleted_person_leaves_no_face_of_the_folder_behind(api, google, anna, sessions):
    google.picture("picture-0001", FOLDER, photo(1, 2))
    finished(api, anna, start(api, anna).json["search_id"])
    assert api.delete("/api/me", headers=anna).status_code == 200
    with sessions() as session:
        left = [
            session.execute(text(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608
            for table in ("drive_searches", "drive_search_files", "drive_files", "drive_faces")
        ]
    assert left == [0, 0, 0, 0]


def test_without_a_key_it_says_so(make_app, faces, google):
    app = make_app(face_engines=FakeEngines({"fake": faces}, "fake"), **{**google.settings(), "google_api_key": ""})
    api = app.test_client()
    headers = person(api, "Anna", "anna@email.com")
    assert_problem(start(api, headers), 503, "google_not_configured")
    assert api.get("/api/auth/google").json["drive_search"] is False


# --- pictures of the results


def thumbnail(api, headers, search_id, file_id="picture-0001"):
    return api.get(f"/api/drive-search/{search_id}/files/{file_id}/thumbnail", headers=headers)


@pytest.fixture
def found(api, google, anna):
    """A search that has found one large picture, and left out another one."""
    google.picture("picture-0001", FOLDER, encode_jpeg(picture_of(1, width=1200, height=900), 90))
    google.picture("picture-0002", FOLDER, b"GIF89a", mime="image/gif")
    search_id = start(api, anna).json["search_id"]
    assert finished(api, anna, search_id).json["status"] == "completed"
    return search_id


def test_a_result_is_shown_small_and_fetched_when_it_is_looked_at(api, google, anna, found):
    before = google.downloads["picture-0001"]
    answer = thumbnail(api, anna, found)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    image = decode(answer.data, max_bytes=10**6, max_pixels=10**6)
    assert image.shape == (300, 400, 3)
    assert google.downloads["picture-0001"] == before + 1
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert "Authorization" in answer.headers["Vary"]


def test_only_pictures_that_the_search_looked_at_are_shown_and_only_to_its_owner(api, google, anna, found):
    google.picture("picture-elsewhere", "another-folder", photo(1))
    downloads = google.downloads.total()
    for file_id in ("picture-0002", "picture-elsewhere", "never-seen", "a%00b", "..", "%F0%9F%98%80", "x" * 300):
        assert thumbnail(api, anna, found, file_id).status_code == 404
    eve = person(api, "Eve", "eve@email.com")
    assert_problem(thumbnail(api, eve, found), 404, "drive_search_not_found")
    assert_problem(thumbnail(api, anna, 2**40), 404, "drive_search_not_found")
    assert_problem(thumbnail(api, {}, found), 401, "not_authenticated")
    assert google.downloads.total() == downloads


def test_a_picture_that_drive_does_not_give_is_said_at_once(api, google, anna, found):
    google.fail("media", Fault(503))
    answer = thumbnail(api, anna, found)
    assert_problem(answer, 503, "google_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    google.items["picture-0001"].public = False
    assert_problem(thumbnail(api, anna, found), 404, "drive_file_not_readable")
    google.items["picture-0001"].public = True
    google.items["picture-0001"].data = b"no picture any more"
    assert_problem(thumbnail(api, anna, found), 400, "unsupported_image")
    assert thumbnail(api, anna, found).headers["Cache-Control"] == "no-store"
