"""/api/photos."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.engines.images import decode
from tests.api.test_problem import assert_problem
from tests.forms import END, FORM, form, part
from tests.pictures import GROUP_PHOTO, PORTRAIT, gradient, jpeg, orientation_exif, png
from tests.pictures import insert_segment as with_segment

FIELDS = {
    "id",
    "user_id",
    "filename",
    "filepath",
    "width",
    "height",
    "created_at",
    "face",
    "warnings",
    "stored_face",
}


@pytest.fixture
def user_id(client) -> int:
    return client.post("/api/users", json={"name": "Tom", "email": "tom@example.org"}).json["id"]


def send(client, user_id, data: bytes, filename="photo1.jpg", **options):
    return client.post(f"/api/photos/{user_id}/upload", **form(("file", filename, data)), **options)


def send_many(client, user_id, *files, field="files", **options):
    parts = [(field, name, data) for name, data in files]
    return client.post(f"/api/photos/{user_id}/upload/multiple", **form(*parts), **options)


def test_an_uploaded_portrait_is_answered_with_its_face(client, user_id):
    response = send(client, user_id, PORTRAIT.read_bytes(), "Tom Hanks.png")
    assert response.status_code == 201
    photo = response.json
    assert photo.keys() == FIELDS
    assert (photo["filename"], photo["width"], photo["height"]) == ("Tom Hanks.png", 224, 224)
    assert photo["filepath"].startswith(f"dataset/{user_id}/Tom-Hanks-")
    assert photo["created_at"].endswith("Z")
    assert photo["face"]["detected"] is True
    assert len(photo["face"]["landmarks"]) == 5
    assert photo["face"]["quality"].keys() >= {"sharpness", "brightness", "size_px", "yaw", "pitch", "ok", "reasons"}
    box = photo["stored_face"]["box"]
    assert abs(box["x"] + box["w"] / 2 - 112) < 20
    assert 224 / 3 < box["w"] < 224
    for x, y in photo["stored_face"]["landmarks"]:
        assert max(0, box["x"]) <= x <= box["x"] + box["w"]
        assert max(0, box["y"]) <= y <= min(224, box["y"] + box["h"])
    assert response.headers["Location"] == f"/api/photos/{user_id}/{photo['id']}"
    assert client.get(response.headers["Location"]).json == photo


def test_the_file_lies_where_the_answer_says(app, client, user_id):
    photo = send(client, user_id, PORTRAIT.read_bytes()).json
    file = app.extensions["kenali"].settings.dataset_dir.parent / photo["filepath"]
    assert file.read_bytes() == client.get(f"/api/photos/{user_id}/{photo['id']}/image").data


def test_a_group_photo_is_taken_with_a_warning(client, user_id):
    photo = send(client, user_id, GROUP_PHOTO.read_bytes()).json
    assert any("faces" in warning for warning in photo["warnings"])


def test_a_photo_without_a_face_is_taken_with_a_warning(client, user_id):
    photo = send(client, user_id, jpeg()).json
    assert photo["face"] == {"detected": False, "score": None, "box": None, "landmarks": None, "quality": None}
    assert photo["stored_face"] is None
    assert len(photo["warnings"]) == 1


def test_a_mask_cuts_the_answer_down(client, user_id):
    headers = {"X-Fields": "id,face{detected,quality{ok}}"}
    assert send(client, user_id, jpeg(), headers=headers).json == {
        "id": 1,
        "face": {"detected": False, "quality": None},
    }
    assert client.get(f"/api/photos/{user_id}", headers={"X-Fields": "id,width"}).json == [{"id": 1, "width": 224}]
    many = send_many(client, user_id, ("a.jpg", jpeg()), ("b", b"?"), headers={"X-Fields": "files{id},rejected{code}"})
    assert many.json == {"files": [{"id": 2}], "rejected": [{"code": "unsupported_image"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END,
        part("file", b"", b"") + part("files", b"", b"") + END,
        part("x", b"a.jpg", b"x") + END,
        part("file", None, b"x") + END,
    ],
    ids=["no body", "empty form", "empty part", "another field", "a field without a file name"],
)
@pytest.mark.parametrize("path", ["upload", "upload/multiple"])
def test_a_form_without_a_file_is_told(client, user_id, path, body):
    response = client.post(f"/api/photos/{user_id}/{path}", data=body, content_type=FORM)
    assert_problem(response, 400, "missing_file")


@pytest.mark.parametrize(
    "body",
    [
        part("files", b"a.jpg", jpeg()) + part("files", b"\xff\xfe.jpg", jpeg()) + END,
        part("files", b"a.jpg", jpeg())[:-40],
    ],
    ids=["a name that is not UTF-8", "cut off"],
)
# Werkzeug leaves the files of a form that it gives up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_that_cannot_be_read_is_told_as_such(client, user_id, body):
    response = client.post(f"/api/photos/{user_id}/upload/multiple", data=body, content_type=FORM)
    problem = assert_problem(response, 400, "missing_file")
    assert "not UTF-8" in problem["detail"]
    assert client.get(f"/api/photos/{user_id}").json == []


def test_what_is_no_picture_is_told(client, user_id):
    assert_problem(send(client, user_id, b"hello", "photo.jpg"), 400, "unsupported_image")
    assert_problem(send(client, user_id, png(20, 20)), 400, "image_too_small")


def test_a_picture_that_is_too_large_is_told(make_app):
    app = make_app(max_upload_mb=1, max_image_megapixels=1, max_request_mb=3)
    client = app.test_client()
    user = client.post("/api/users", json={"name": "Tom", "email": "tom@example.org"}).json["id"]
    assert_problem(send(client, user, jpeg() + bytes(1_000_000)), 413, "image_too_large")
    assert_problem(send(client, user, png(1001, 1000)), 413, "image_too_large")
    assert_problem(send(client, user, bytes(3_000_001)), 413, "request_too_large")
    many = send_many(client, user, ("a.jpg", jpeg()), ("b.jpg", jpeg() + bytes(1_000_000)))
    assert many.status_code == 201
    assert [file["code"] for file in many.json["rejected"]] == ["image_too_large"]


@pytest.mark.parametrize("user_id", [99, 10**25])
def test_a_photo_for_nobody_is_told(client, user_id):
    assert_problem(send(client, user_id, b"not even a picture"), 404, "user_not_found")
    assert_problem(send_many(client, user_id, ("a", b"?")), 404, "user_not_found")
    assert_problem(client.get(f"/api/photos/{user_id}"), 404, "user_not_found")


def test_an_upload_sent_again_under_its_name_is_stored_once(app, client, user_id):
    other = client.post("/api/users", json={"name": "Ani", "email": "ani@example.org"}).json["id"]
    named = {"headers": {"Idempotency-Key": "c0ffee-1"}}
    first = send(client, user_id, PORTRAIT.read_bytes(), **named)
    again = send(client, user_id, PORTRAIT.read_bytes(), **named)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert len(client.get(f"/api/photos/{user_id}").json) == 1
    assert len(list((app.extensions["kenali"].settings.dataset_dir / str(user_id)).iterdir())) == 1
    # A name is the person's own, and another name, or none, is another photo.
    assert send(client, other, PORTRAIT.read_bytes(), **named).json["id"] != first.json["id"]
    send(client, user_id, PORTRAIT.read_bytes(), headers={"Idempotency-Key": "c0ffee-2"})
    send(client, user_id, PORTRAIT.read_bytes())
    assert len(client.get(f"/api/photos/{user_id}").json) == 3
    # Deleted, the name is free.
    client.delete(f"/api/photos/{user_id}/{first.json['id']}")
    assert send(client, user_id, PORTRAIT.read_bytes(), **named).json["id"] != first.json["id"]


def test_an_upload_sent_again_while_the_first_is_at_work_is_stored_once(app, client, user_id):
    def attempt(_):
        headers = {"Idempotency-Key": "c0ffee"}
        return send(app.test_client(), user_id, PORTRAIT.read_bytes(), headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(client.get(f"/api/photos/{user_id}").json) == 1
    assert len(list((app.extensions["kenali"].settings.dataset_dir / str(user_id)).iterdir())) == 1


def test_another_file_under_a_name_that_was_used_is_told_and_not_taken_for_the_first(client, user_id):
    named = {"headers": {"Idempotency-Key": "always-the-same"}}
    first = send(client, user_id, PORTRAIT.read_bytes(), **named).json
    assert_problem(send(client, user_id, GROUP_PHOTO.read_bytes(), **named), 422, "idempotency_key_reused")
    assert [photo["id"] for photo in client.get(f"/api/photos/{user_id}").json] == [first["id"]]


@pytest.mark.parametrize("name", ["", "two words", "x" * 256, "h\u00e9"])
def test_an_upload_with_no_good_name_is_told(client, user_id, name):
    response = send(client, user_id, PORTRAIT.read_bytes(), headers={"Idempotency-Key": name})
    problem = assert_problem(response, 400, "invalid_input")
    assert "Idempotency-Key" in problem["errors"]
    assert client.get(f"/api/photos/{user_id}").json == []


@pytest.mark.parametrize("field", ["files", "files[]"])
def test_several_photos_come_in_one_request(client, user_id, field):
    files = [("photo1.jpg", jpeg()), ("photo1.jpg", png()), ("notes.txt", b"hello")]
    response = send_many(client, user_id, *files, field=field)
    assert response.status_code == 201
    assert response.json["uploaded"] == 2
    assert [file["filename"] for file in response.json["files"]] == ["photo1.jpg", "photo1.jpg"]
    assert len({file["filepath"] for file in response.json["files"]}) == 2
    [rejected] = response.json["rejected"]
    assert (rejected["filename"], rejected["code"]) == ("notes.txt", "unsupported_image")
    assert rejected["message"].startswith("This is not a JPEG or PNG picture: ")


def test_both_spellings_of_the_field_may_be_mixed(client, user_id):
    files = form(("files", "a.jpg", jpeg()), ("files[]", "b.png", png()))
    response = client.post(f"/api/photos/{user_id}/upload/multiple", **files)
    assert [file["filename"] for file in response.json["files"]] == ["a.jpg", "b.png"]


def test_when_no_photo_could_be_taken_it_is_a_400_with_the_reasons(client, user_id):
    body = assert_problem(send_many(client, user_id, ("a.txt", b"x"), ("b.txt", b"y")), 400, "no_photo_accepted")
    assert set(body["errors"]) == {"a.txt", "b.txt"}
    assert [file["filename"] for file in body["rejected"]] == ["a.txt", "b.txt"]


def test_photos_are_listed_in_pages(client, user_id):
    send_many(client, user_id, *[(f"{number}.jpg", jpeg()) for number in range(3)])
    first = client.get(f"/api/photos/{user_id}?per_page=2")
    assert [photo["filename"] for photo in first.json] == ["0.jpg", "1.jpg"]
    assert first.headers["X-Total-Count"] == "3"
    assert f"/api/photos/{user_id}?per_page=2&page=2" in first.headers["Link"].replace(
        "page=2&per_page=2", "per_page=2&page=2"
    )
    assert len(client.get(f"/api/photos/{user_id}?per_page=2&page=2").json) == 1
    assert_problem(client.get(f"/api/photos/{user_id}?page=x"), 400, "invalid_input")


def test_the_picture_itself_is_answered_for_its_owner_only_to_keep(client, user_id):
    photo = send(client, user_id, jpeg(), "../\u202eévil; a=<b>.html").json
    response = client.get(f"/api/photos/{user_id}/{photo['id']}/image")
    assert response.status_code == 200
    assert response.mimetype == "image/jpeg"
    assert response.data.startswith(b"\xff\xd8\xff")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert re.fullmatch(r"inline; filename=evil-a-b-[0-9a-f]{12}\.jpg", response.headers["Content-Disposition"])


def test_a_picture_that_the_browser_has_is_not_sent_again(client, user_id):
    photo = send(client, user_id, jpeg()).json
    path = f"/api/photos/{user_id}/{photo['id']}/image"
    etag = client.get(path).headers["ETag"]
    again = client.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_the_stored_picture_carries_no_metadata(client, user_id):
    secret = orientation_exif(6) + b"GPS 51.5N 0.1W"
    photo = send(client, user_id, with_segment(jpeg(), 0xE1, secret)).json
    data = client.get(f"/api/photos/{user_id}/{photo['id']}/image").data
    assert b"Exif" not in data
    assert b"GPS" not in data


def test_a_deleted_photo_is_gone(app, client, user_id):
    photo = send(client, user_id, jpeg()).json
    path = f"/api/photos/{user_id}/{photo['id']}"
    response = client.delete(path)
    assert (response.status_code, response.json) == (200, {"message": "Photo deleted"})
    for method, address in (("GET", path), ("GET", f"{path}/image"), ("DELETE", path)):
        assert_problem(client.open(address, method=method), 404, "photo_not_found")
    assert not (app.extensions["kenali"].settings.dataset_dir.parent / photo["filepath"]).exists()


def test_a_photo_is_nobodys_under_another_user(client, user_id):
    photo = send(client, user_id, jpeg()).json
    other = client.post("/api/users", json={"name": "Ben", "email": "ben@example.org"}).json["id"]
    for path in (f"/api/photos/{other}/{photo['id']}", f"/api/photos/{other}/{photo['id']}/image"):
        assert_problem(client.get(path), 404, "photo_not_found")


def test_a_photo_whose_file_was_taken_away_is_told(app, client, user_id):
    photo = send(client, user_id, jpeg()).json
    (app.extensions["kenali"].settings.dataset_dir.parent / photo["filepath"]).unlink()
    assert_problem(client.get(f"/api/photos/{user_id}/{photo['id']}/image"), 404, "photo_file_missing")


def test_with_the_user_go_the_photos(app, client, user_id):
    send(client, user_id, jpeg())
    client.delete(f"/api/users/{user_id}")
    assert not (app.extensions["kenali"].settings.dataset_dir / str(user_id)).exists()


def test_swagger_lets_two_files_be_chosen(client):
    document = client.get("/api/swagger.json").json
    operation = document["paths"]["/photos/{user_id}/upload/multiple"]["post"]
    files = [parameter for parameter in operation["parameters"] if parameter.get("type") == "file"]
    assert [(parameter["name"], parameter["in"]) for parameter in files] == [
        ("files", "formData"),
        ("files[]", "formData"),
    ]
    assert operation["consumes"] == ["multipart/form-data"]


def test_a_turned_photo_is_stored_upright(client, user_id):
    # 60 wide, 80 high once turned: bars left and right, not above and below
    photo = send(client, user_id, with_segment(jpeg(), 0xE1, orientation_exif(6))).json
    data = client.get(f"/api/photos/{user_id}/{photo['id']}/image").data
    image = decode(data, max_bytes=10**6, max_pixels=10**6)
    assert abs(int(image[112, 5].max()) - 127) < 5
    assert gradient().shape == (60, 80, 3)
    assert int(image[5, 112, 2]) < 110
