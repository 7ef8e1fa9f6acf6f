"""/api/users/me/selfie."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from app.db import EventVisit, Selfie
from app.engines.face.quality import BLURRED, assess
from app.errors import StorageFull
from tests.api.test_problem import assert_problem
from tests.events import Guests, fake_engines, photo
from tests.fakes import FakeFaceEngine
from tests.forms import form
from tests.pictures import encode

PATH = "/api/users/me/selfie"


def clear(image, face):
    """The fake engine's flat squares, taken for sharp faces."""
    return replace(assess(image, face), sharpness=1.0, score=0.9, ok=True, reasons=())


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.app.extensions["kenali"].selfies._judge = clear
    guests.sign_in("anna")
    guests.sign_in("bima")
    return guests


def send(guests, name, data):
    return guests.call(name, "POST", PATH, **form(("file", "me.jpg", data)))


def stored_files(guests):
    services = guests.app.extensions["kenali"]
    return sorted(key for key in services.event_files.storage.keys("") if "/selfie/" in key)


def test_a_selfie_is_stored_shown_and_removed(guests):
    assert_problem(guests.call("anna", "GET", PATH), 404, "selfie_not_found")
    answer = send(guests, "anna", photo(1))
    assert answer.status_code == 201
    assert answer.headers["Location"] == PATH
    assert answer.json["face"]["detected"] is True
    assert (answer.json["quality"], answer.json["warnings"]) == (0.9, [])
    shown = guests.call("anna", "GET", PATH).json
    assert shown == {name: answer.json[name] for name in ("model", "quality", "image_url", "created_at")}
    picture = guests.call("anna", "GET", shown["image_url"])
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")
    assert PillowImage.open(io.BytesIO(picture.data)).size == (400, 300)
    assert picture.headers["Cache-Control"] == "private, no-store"
    # Of nobody else.
    assert_problem(guests.call("bima", "GET", PATH), 404, "selfie_not_found")
    assert_problem(guests.call("nobody", "GET", f"{PATH}/image"), 401, "not_authenticated")
    assert guests.call("anna", "DELETE", PATH).json == {"message": "Selfie deleted"}
    assert stored_files(guests) == []
    for method, path in (("GET", PATH), ("GET", f"{PATH}/image"), ("DELETE", PATH)):
        assert_problem(guests.call("anna", method, path), 404, "selfie_not_found")


def test_a_new_one_replaces_row_and_file(guests):
    first = send(guests, "anna", photo(1))
    before = stored_files(guests)
    second = send(guests, "anna", photo(2))
    after = stored_files(guests)
    assert len(before) == len(after) == 1
    assert before != after
    assert second.json["created_at"] > first.json["created_at"]
    services = guests.app.extensions["kenali"]
    found = services.selfies.find(guests.people["anna"], FakeFaceEngine().info.key)
    assert np.argmax(found) == 2


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (photo(), 422, "no_face_found"),
        (photo(1, 2), 422, "several_faces"),
        (b"not a picture", 400, "unsupported_image"),
        (b"", 400, "unsupported_image"),
        (photo(1)[:300], 400, "unsupported_image"),
        (encode(np.zeros((4, 4, 3), np.uint8), "PNG"), 400, "image_too_small"),
    ],
)
def test_what_cannot_be_taken_leaves_the_earlier_one(guests, data, status, code):
    send(guests, "anna", photo(1))
    before = stored_files(guests)
    assert_problem(send(guests, "anna", data), status, code)
    assert stored_files(guests) == before
    assert guests.call("anna", "GET", PATH).status_code == 200


def test_a_face_that_is_not_clear_is_refused_with_what_to_do(guests):
    guests.app.extensions["kenali"].selfies._judge = assess  # a flat square is as blurred as can be
    problem = assert_problem(send(guests, "anna", photo(1)), 422, "face_not_clear")
    assert "hold the camera still" in problem["message"]
    assert problem["errors"] == {"file": BLURRED}
    assert_problem(guests.call("anna", "POST", PATH, data={}), 400, "missing_file")


def test_a_small_face_behind_is_only_told_of(guests):
    answer = send(guests, "anna", photo(1, 2, side=300, height=400, width=2000))
    # the second square is ten pixels smaller than the first: nearly as large
    assert_problem(answer, 422, "several_faces")
    answer = send(guests, "anna", photo(1, 2, side=30))
    assert answer.status_code == 201
    assert answer.json["warnings"] == ["There are 2 faces; the largest one counts."]


def test_a_full_disk_leaves_the_earlier_one(guests, monkeypatch):
    send(guests, "anna", photo(1))
    before = stored_files(guests)
    storage = guests.app.extensions["kenali"].event_files.storage

    def full(key, data):
        raise StorageFull

    monkeypatch.setattr(storage, "put", full)
    assert_problem(send(guests, "anna", photo(2)), 507, "storage_full")
    monkeypatch.undo()
    assert stored_files(guests) == before
    services = guests.app.extensions["kenali"]
    assert np.argmax(services.selfies.find(guests.people["anna"], FakeFaceEngine().info.key)) == 1


def test_after_a_change_of_model_the_picture_is_looked_at_again(guests, sessions):
    send(guests, "anna", photo(3))
    services = guests.app.extensions["kenali"]
    person = guests.people["anna"]
    other = FakeFaceEngine("other", "11111111")
    assert services.selfies.find(person, other.info.key) is None  # not in use
    services.selfies._gallery = type("Changed", (), {"active_engine": lambda _: other})()
    assert np.argmax(services.selfies.find(person, other.info.key)) == 3
    with sessions() as session:
        assert session.get(Selfie, person).model == other.info.key
    assert len(other.detected) == 1
    services.selfies.find(person, other.info.key)
    assert len(other.detected) == 1  # remembered


def test_a_selfie_by_which_somebody_is_hidden_stays(guests, sessions):
    guests.sign_in("owner", admin=True)
    event = guests.event()
    guests.open("anna", event["id"])
    send(guests, "anna", photo(1))
    with sessions.begin() as session:
        session.get(EventVisit, (event["id"], guests.people["anna"])).hidden = True
    assert_problem(guests.call("anna", "DELETE", PATH), 409, "selfie_in_use")
    assert len(stored_files(guests)) == 1


def test_it_is_exported_and_goes_with_the_account(guests):
    send(guests, "anna", photo(1))
    [exported] = guests.call("anna", "GET", "/api/me/export").json["selfies"]
    assert exported["image_url"] == f"{PATH}/image"
    assert guests.call("anna", "GET", exported["image_url"]).status_code == 200
    assert guests.call("anna", "DELETE", "/api/me").status_code == 200
    assert stored_files(guests) == []


def test_the_sweep_keeps_it_and_removes_what_nobody_knows(guests):
    send(guests, "anna", photo(1))
    files = guests.app.extensions["kenali"].event_files
    stray = files.new_key(guests.people["anna"], "selfie", "jpg")
    files.storage.put(stray, b"left behind")
    files.sweep()
    [kept] = stored_files(guests)
    assert kept != stray


def test_the_drive_search_takes_it(guests):
    services = guests.app.extensions["kenali"]
    assert services.drive_searches._selfie == services.selfies.find
