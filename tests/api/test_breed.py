"""/api/breed with the built-in model, and the history that goes with it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from sqlalchemy import update

from app.db import BreedEntry
from tests.api.test_problem import assert_problem
from tests.forms import form
from tests.pictures import jpeg, orientation_exif, png

KEY = r"[0-9a-f]{12}/(guest|[0-9]+)/[0-9a-f]{32}\.jpg"

#: Of the source's history.
FIELDS = {"id", "timestamp", "image_filename", "image_url", "predicted_breed", "confidence", "user_id"}


def send(client, data: bytes | None = None, name="rex.jpg", **options):
    return client.post("/api/breed/predict", **form(("file", name, jpeg() if data is None else data)), **options)


def kept(app) -> list[Path]:
    return [path for path in app.extensions["kenali"].settings.history_dir.rglob("*") if path.is_file()]


@pytest.fixture
def people(client, app):
    """Ids and headers of two people."""
    services = app.extensions["kenali"]
    made = []
    for name in ("anna", "budi"):
        user = services.users.create(name, f"{name}@example.org", "secure123")
        token = services.tokens.open(user.id, "password").access_token
        made.append((user.id, {"Authorization": f"Bearer {token}"}))
    return made


def test_a_prediction_has_the_fields_of_the_contract(client):
    answer = send(client)
    assert answer.status_code == 200
    body = answer.json
    assert isinstance(body["predicted_breed"], str)
    assert re.fullmatch(r"\d{1,3}\.\d\d%", body["confidence"])
    assert re.fullmatch(rf"/static/history_images/{KEY}", body["image_url"])
    assert re.fullmatch(rf"/api/breed/heatmap/{KEY}", body["heatmap_url"])
    assert len(body["top"]) == 5
    assert (body["top"][0]["breed"], body["top"][0]["confidence"]) == (body["predicted_breed"], body["confidence"])


def test_a_gradient_is_no_dog_and_the_answer_says_so(client):
    body = send(client).json
    assert body["is_dog"] is False
    assert body["dog_probability"] < 0.2
    assert len(body["warnings"]) == 1


def test_top_k_and_x_fields_cut_the_answer(client):
    parts = form(("file", "rex.jpg", jpeg()))
    parts["data"] = parts["data"].replace(
        b"------kenali--", b'------kenali\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n2\r\n------kenali--'
    )
    body = client.post("/api/breed/predict", **parts, headers={"X-Fields": "top{breed}"}).json
    assert [each.keys() for each in body["top"]] == [{"breed"}] * 2


def test_the_kept_picture_and_its_heat_map_can_be_looked_at(client):
    body = send(client, jpeg(1600, 1200, exif=orientation_exif(6))).json
    picture = client.get(body["image_url"])
    assert (picture.content_type, picture.headers["Cache-Control"]) == ("image/jpeg", "private, no-cache")
    assert PillowImage.open(io.BytesIO(picture.data)).size == (750, 1000), "upright, and not larger than it needs to be"
    assert b"Exif" not in picture.data
    heat = client.get(body["heatmap_url"])
    assert heat.content_type == "image/png"
    assert PillowImage.open(io.BytesIO(heat.data)).size == (336, 448)


def test_a_heat_map_is_of_the_answer_that_was_given_and_of_the_model_that_gave_it(client, app):
    body = send(client).json
    services = app.extensions["kenali"]

    def answered(**changes):
        with services.sessions.begin() as session:
            session.execute(update(BreedEntry).where(BreedEntry.id == body["id"]).values(**changes))

    first = client.get(body["heatmap_url"]).data
    other = next(each["breed"] for each in body["top"] if each["breed"] != body["predicted_breed"])
    answered(prediction=other)
    assert client.get(body["heatmap_url"]).data != first, "it is looked for what was answered, likely or not"
    answered(prediction="okapi")
    assert_problem(client.get(body["heatmap_url"]), 409, "model_not_in_use")
    answered(prediction=other, model="another@01234567")
    problem = client.get(body["heatmap_url"])
    assert_problem(problem, 409, "model_not_in_use")
    assert "another@01234567" in problem.json["detail"]
    assert client.get(body["image_url"]).status_code == 200


@pytest.mark.parametrize("left", [b"", b"\xff\xd8\xff\xe0 half a picture"])
def test_a_picture_that_a_power_cut_spoiled_is_no_server_error(client, app, left):
    body = send(client).json
    (path,) = kept(app)
    path.write_bytes(left)
    assert_problem(client.get(body["heatmap_url"]), 404, "history_entry_not_found")
    assert client.get(body["image_url"]).status_code == (200 if left else 404)
    assert len(client.get("/api/breed/history").json) == 1


def test_a_phones_photo_is_answered_as_the_same_photo_smaller(client):
    photo = PillowImage.open(io.BytesIO(jpeg(1000, 750)))
    large = io.BytesIO()
    photo.resize((4000, 3000), PillowImage.Resampling.BICUBIC).save(large, "JPEG", quality=92)
    small, big = send(client, jpeg(1000, 750)).json, send(client, large.getvalue()).json
    assert big["predicted_breed"] == small["predicted_breed"]
    assert big["dog_probability"] == pytest.approx(small["dog_probability"], abs=0.02)
    assert PillowImage.open(io.BytesIO(client.get(big["image_url"]).data)).size == (1000, 750)


@pytest.mark.parametrize("key", ["x", "../secret", "a/b/c.jpg", f"{'0' * 12}/guest/{'0' * 32}.jpg"])
@pytest.mark.parametrize("where", ["/static/history_images/", "/api/breed/heatmap/"])
def test_other_addresses_lead_nowhere(client, where, key):
    answer = client.get(where + key)
    assert_problem(answer, 404, answer.json["code"])


def test_bad_files_are_refused_and_leave_nothing(client, app):
    send(client)
    before = kept(app)
    for data, code in ((b"", "unsupported_image"), (b"GIF89a" + bytes(99), "unsupported_image")):
        assert_problem(send(client, data), 400, code)
    assert_problem(send(client, jpeg(8, 8)), 400, "image_too_small")
    assert_problem(client.post("/api/breed/predict", data={}), 400, "missing_file")
    assert kept(app) == before
    assert len(client.get("/api/breed/history").json) == 1


def test_the_history_lists_the_newest_first_by_pages(client):
    ids = [send(client, name=f"{number}.jpg").json["id"] for number in range(3)]
    first = client.get("/api/breed/history?per_page=2")
    assert [entry["id"] for entry in first.json] == ids[:0:-1]
    assert first.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in first.headers["Link"]
    entry = client.get("/api/breed/history?per_page=2&page=2").json[0]
    assert entry.keys() >= FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", entry["timestamp"])
    assert (entry["image_filename"], entry["user_id"]) == ("0.jpg", None)


def test_people_who_sign_in_are_recorded_under_their_name(client, people):
    (anna, headers), (budi, _) = people
    send(client)
    send(client, headers=headers)
    assert [entry["user_id"] for entry in client.get(f"/api/breed/history?user_id={anna}").json] == [anna]
    assert client.get(f"/api/breed/history?user_id={budi}").json == []
    assert_problem(client.get("/api/breed/history?user_id=x"), 400, "invalid_input")


def test_csv_has_every_entry_and_no_formula(client):
    send(client, name="=HYPERLINK(1).jpg")
    send(client, name="häschen, dog.jpg")
    send(client, name="\uff1d1+1.jpg")  # in full width
    answer = client.get("/api/breed/history?format=csv&per_page=1")
    assert answer.content_type.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["image_filename"] for row in rows] == ["'\uff1d1+1.jpg", "häschen, dog.jpg", "'=HYPERLINK(1).jpg"]
    assert_problem(client.get("/api/breed/history?format=xml"), 400, "invalid_input")


def test_deleting_an_entry_removes_its_picture(client, app):
    body = send(client).json
    assert client.delete(f"/api/breed/history/{body['id']}").json == {"message": "Entry deleted"}
    assert kept(app) == []
    assert_problem(client.get(body["image_url"]), 404, "history_entry_not_found")
    assert_problem(client.delete(f"/api/breed/history/{body['id']}"), 404, "history_entry_not_found")
    assert client.delete("/api/breed/history/99999999999999999999999").status_code == 404


def test_deleting_a_person_removes_their_entries_and_pictures(client, app, people):
    (anna, headers), _ = people
    send(client, headers=headers)
    guest = send(client).json["image_url"]
    client.delete(f"/api/users/{anna}")
    assert [entry["user_id"] for entry in client.get("/api/breed/history").json] == [None]
    assert [path.name for path in kept(app)] == [guest.rpartition("/")[2]]


def test_in_token_mode_everybody_sees_their_own_only(make_app):
    app = make_app(access_mode="token")
    client, services = app.test_client(), app.extensions["kenali"]
    ids, headers = [], []
    for name in ("anna", "budi"):
        user = services.users.create(name, f"{name}@example.org", "secure123")
        headers.append({"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"})
        ids.append(send(client, headers=headers[-1]).json["id"])
    assert send(client).status_code == 200, "guests may ask"
    assert_problem(client.get("/api/breed/history"), 401, "not_authenticated")
    assert [entry["id"] for entry in client.get("/api/breed/history?user_id=2", headers=headers[0]).json] == ids[:1]
    assert_problem(client.delete(f"/api/breed/history/{ids[1]}", headers=headers[0]), 404, "history_entry_not_found")


def test_old_entries_of_guests_make_room_for_new_ones(make_app):
    app = make_app(history_guests=2)
    client = app.test_client()
    ids = [send(client, png(), f"{number}.png").json["id"] for number in range(4)]
    assert [entry["id"] for entry in client.get("/api/breed/history").json] == ids[:1:-1]
    assert len(kept(app)) == 2


def test_what_a_crash_left_behind_is_swept_and_nothing_else(make_app):
    app = make_app()
    client, services = app.test_client(), app.extensions["kenali"]
    known = services.settings.history_dir.joinpath(*send(client).json["image_url"].split("/")[3:])
    orphan = known.with_name("0" * 32 + ".jpg")
    foreign = known.parents[2] / ("f" * 12) / "guest" / orphan.name
    foreign.parent.mkdir(parents=True)
    mine = known.with_name("notes.txt")
    for path in (orphan, foreign, mine, known.with_name(".tmp-0123456789abcdef")):
        path.write_bytes(b"x")
    assert services.history_pictures.sweep() == 2
    assert sorted(kept(app)) == sorted([known, foreign, mine]), "another installation's pictures are not ours"


def test_the_built_in_model_and_its_classes_are_named(client):
    model = client.get("/api/breed/model").json
    assert (model["kind"], model["classes"], model["name"]) == ("built-in", 121, "squeezenet-1.1")
    assert model["licence"]
    classes = client.get("/api/breed/classes").json
    assert len(classes) == len({each["label"] for each in classes}) == 121
    japanese = next(each for each in classes if each["breed"] == "Japanese spaniel")
    assert (japanese["english_name"], japanese["indonesian_name"]) == ("Japanese Chin", "Spaniel Jepang")


@pytest.mark.parametrize("damage", ["no classes", "no zip", "cut off"])
def test_a_user_model_that_cannot_be_used_is_told_and_not_replaced(make_app, tmp_path, damage):
    models = tmp_path / "models"
    models.mkdir()
    content = {"no classes": b"PK\x03\x04", "no zip": b"hello", "cut off": b"PK\x03\x04" + bytes(100)}[damage]
    (models / "dog_breed_classifier_final_model.keras").write_bytes(content)
    if damage != "no classes":
        (models / "class_indices.json").write_text('{"0": "a", "1": "b"}')
    app = make_app()
    client = app.test_client()
    assert_problem(send(client), 503, "model_not_usable")
    assert_problem(client.get("/api/breed/model"), 503, "model_not_usable")
    part = next(part for part in client.get("/api/health").json["parts"] if part["name"] == "breed_model")
    assert part["ok"] is False
    assert kept(app) == []
