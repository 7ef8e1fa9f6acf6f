"""/api/events/<id>/find-my-face and …/hide-me, with fake faces."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sqlalchemy import func, select

from app.db import EventFace, EventImage
from app.db.event_faces import Faces
from app.engines.base import EMBEDDING_SIZE
from app.engines.face.calibration import calibration_for
from app.errors import DifferentPeople
from app.services.events.access import get_event
from app.services.events.find_my_face import combined, shown_to_others
from app.services.events.memory import Hits
from app.services.face_bands import bands_for
from tests.api.test_problem import assert_problem
from tests.api.test_selfies import clear
from tests.events import Guests, fake_engines, photo
from tests.forms import form

PATIENCE_SECONDS = 60


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.app.extensions["kenali"].selfies._judge = clear
    guests.sign_in("owner", admin=True)
    for name in ("anna", "bima"):
        guests.sign_in(name)
    return guests


@pytest.fixture
def event(guests) -> int:
    """Photos: 1 and 2, 2, 3, nobody, 1 twice."""
    event_id = guests.event()["id"]
    guests.upload(event_id, photo(1, 2), photo(2), photo(3), photo(), photo(1, 1))
    guests.index()
    return event_id


def path(event_id):
    return f"/api/events/{event_id}/find-my-face"


def selfie(guests, name, *people):
    answer = guests.call(name, "POST", "/api/users/me/selfie", **form(("file", "me.jpg", photo(*people, number=9))))
    assert answer.status_code == 201, answer.text


def names(answer):
    assert answer.status_code == 200, answer.text
    return [found["image"]["file_name"] for found in answer.json]


def in_memory(guests, event_id):
    """Wait until the copy of the event is there, without which the database searches."""
    for thread in threading.enumerate():
        if thread.name == "event-copy":
            thread.join(PATIENCE_SECONDS)
    services = guests.app.extensions["kenali"]
    memory = services.find_my_face._memory
    with services.sessions() as session:
        return memory.holds(get_event(session, event_id), services.gallery.active_engine().info.key)


@pytest.mark.parametrize("deleted", ["the event", "its owner", "by another process"])
def test_with_an_event_its_faces_in_memory_go(guests, event, deleted, monkeypatch):
    services = guests.app.extensions["kenali"]
    memory = services.find_my_face._memory
    second = guests.event()["id"]
    guests.upload(second, photo(7))
    guests.index()
    for event_id in (event, second):
        token = guests.open("anna", event_id)
        selfie(guests, "anna", 1)
        guests.call("anna", "GET", path(event_id), token=token)
        assert in_memory(guests, event_id)
    assert set(memory._copies) == {event, second}
    if deleted == "the event":
        assert guests.call("owner", "DELETE", f"/api/events/{event}").status_code == 200
    elif deleted == "its owner":
        guests.sign_in("boss", admin=True)
        services.users.delete(guests.people["owner"])
        second = None
    else:
        with services.sessions.begin() as session:
            session.delete(get_event(session, event))
        monkeypatch.setattr("app.services.events.memory.CHECK_SECONDS", 0)
        guests.call("anna", "GET", path(second), token=token)
    assert set(memory._copies) == ({second} if second else set())


def test_photos_with_my_face_best_first_by_the_stored_selfie(guests, event):
    token = guests.open("anna", event)
    assert_problem(guests.call("anna", "GET", path(event), token=token), 409, "no_selfie")
    selfie(guests, "anna", 1)
    answer = guests.call("anna", "GET", path(event), token=token)
    assert names(answer) == ["0.jpg", "4.jpg"]
    first = answer.json[0]
    assert first.keys() == {"image", "face_coords", "similarity", "band", "new_since_last_visit"}
    assert (first["similarity"], first["band"], first["new_since_last_visit"]) == (1.0, "sure", False)
    box = first["face_coords"]
    assert box["x"] + box["w"] / 2 == pytest.approx(200, abs=3)
    assert box["y"] + box["h"] / 2 == pytest.approx(150, abs=3)
    # The addresses are good for an <img>.
    assert guests.call("nobody", "GET", first["image"]["thumbnail_url"]).status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_memory_and_database_find_the_same(guests, event):
    token = guests.open("anna", event)
    selfie(guests, "anna", 2)
    memory = guests.app.extensions["kenali"].find_my_face._memory
    by_database = guests.call("anna", "GET", path(event), token=token).json
    assert in_memory(guests, event)
    by_memory = guests.call("anna", "GET", path(event), token=token).json
    assert [found["image"]["file_name"] for found in by_database] == ["0.jpg", "1.jpg"]
    assert by_memory == by_database
    # A photo that comes, or goes, is known at once: the copy is not of this state any more.
    [new] = guests.upload(event, photo(2, number=3))
    guests.index()
    assert not in_memory(guests, event)
    assert len(guests.call("anna", "GET", path(event), token=token).json) == 3
    assert in_memory(guests, event)
    guests.call("owner", "DELETE", f"/api/images/{new['id']}")
    assert names(guests.call("anna", "GET", path(event), token=token)) == ["0.jpg", "1.jpg"]
    memory._most_faces = 2  # an event that is too large is left to the database
    in_memory(guests, event)
    memory._copies.clear()
    assert names(guests.call("anna", "GET", path(event), token=token)) == ["0.jpg", "1.jpg"]
    assert not in_memory(guests, event)


def test_pages(guests, event):
    token = guests.open("anna", event)
    selfie(guests, "anna", 2)
    answer = guests.call("anna", "GET", path(event) + "?per_page=1", token=token)
    assert names(answer) == ["0.jpg"]
    assert answer.headers["X-Total-Count"] == "2"
    assert 'rel="next"' in answer.headers["Link"]
    assert names(guests.call("anna", "GET", path(event) + "?per_page=1&page=2", token=token)) == ["1.jpg"]
    assert names(guests.call("anna", "GET", path(event) + "?page=9", token=token)) == []
    masked = guests.call("anna", "GET", path(event), token=token, headers={"X-Fields": "image{id},band"})
    assert masked.json[0].keys() == {"image", "band"}


def test_one_to_three_selfies_that_are_not_kept(guests, event):
    token = guests.open("anna", event)
    for field in ("file", "files", "files[]"):
        answer = guests.call("anna", "POST", path(event), token=token, **form((field, "a.jpg", photo(3))))
        assert names(answer) == ["2.jpg"]
    three = form(*(("files", "a.jpg", photo(3, number=number)) for number in range(3)))
    assert names(guests.call("anna", "POST", path(event), token=token, **three)) == ["2.jpg"]
    four = form(*(("files", "a.jpg", photo(3, number=number)) for number in range(4)))
    assert_problem(guests.call("anna", "POST", path(event), token=token, **four), 400, "invalid_input")
    two_people = form(("file", "a.jpg", photo(3)), ("file", "b.jpg", photo(1)))
    assert_problem(guests.call("anna", "POST", path(event), token=token, **two_people), 422, "different_people")
    nobody = form(("file", "a.jpg", photo()))
    assert_problem(guests.call("anna", "POST", path(event), token=token, **nobody), 422, "no_face_found")
    garbage = form(("file", "a.jpg", b"garbage"))
    assert_problem(guests.call("anna", "POST", path(event), token=token, **garbage), 400, "unsupported_image")
    assert_problem(guests.call("anna", "POST", path(event), token=token, data={}), 400, "missing_file")
    assert_problem(guests.call("anna", "GET", "/api/users/me/selfie"), 404, "selfie_not_found")


def test_only_whoever_may_see_the_event_searches_it(guests, event):
    selfie(guests, "bima", 1)
    other = guests.event(name="Another")["id"]
    sent = form(("file", "a.jpg", photo(1)))
    looked = len(guests.app.extensions["kenali"].gallery.active_engine().detected)
    for token, code in (
        (None, "event_access_required"),
        (guests.open("anna", event), "event_token_invalid"),
        (guests.open("bima", other), "event_token_invalid"),
    ):
        assert_problem(guests.call("bima", "GET", path(event), token=token), 403, code)
        assert_problem(guests.call("bima", "POST", path(event), token=token, **sent), 403, code)
    # Nothing was looked at for them.
    assert len(guests.app.extensions["kenali"].gallery.active_engine().detected) == looked
    assert_problem(guests.call("nobody", "POST", path(event), **sent), 401, "not_authenticated")
    assert_problem(guests.call("owner", "POST", path(999), **sent), 404, "event_not_found")
    # The owner needs no token.
    assert names(guests.call("owner", "POST", path(event), **sent)) == ["0.jpg", "4.jpg"]


def test_another_events_faces_are_never_found(guests, event):
    other = guests.event(name="Another")["id"]
    guests.upload(other, photo(1, number=5))
    guests.index()
    sent = form(("file", "a.jpg", photo(1)))
    assert names(guests.call("owner", "POST", path(other), **sent)) == ["0.jpg"]
    assert in_memory(guests, other)
    assert names(guests.call("owner", "POST", path(other), **sent)) == ["0.jpg"]


def test_what_came_since_the_last_visit_is_new(guests, event):
    selfie(guests, "anna", 2)
    guests.open("anna", event)
    guests.upload(event, photo(2, number=7))
    guests.index()
    token = guests.open("anna", event)
    answer = guests.call("anna", "GET", path(event), token=token)
    new = {found["image"]["id"]: found["new_since_last_visit"] for found in answer.json}
    assert len(new) == 3
    assert [image_id for image_id, is_new in new.items() if is_new] == [max(new)]


def test_maybe_is_less_than_sure(guests, event, sessions):
    token = guests.open("anna", event)
    selfie(guests, "anna", 1)
    for cosine, band in ((0.99, "sure"), (0.29, "maybe"), (0.05, None)):
        vector = np.zeros(EMBEDDING_SIZE)
        vector[1], vector[500] = cosine, np.sqrt(1 - cosine**2)
        with sessions.begin() as session:
            image = session.get(EventImage, first_image(session, event))
            for face in faces_of(session, image.id):
                face.embedding = vector.tolist()
        found = {row["image"]["id"]: row["band"] for row in guests.call("anna", "GET", path(event), token=token).json}
        assert found.get(image.id) == band
        assert in_memory(guests, event)
        found = {row["image"]["id"]: row["band"] for row in guests.call("anna", "GET", path(event), token=token).json}
        assert found.get(image.id) == band


def first_image(session, event_id):
    return session.scalar(select(func.min(EventImage.id)).where(EventImage.event_id == event_id))


def faces_of(session, image_id):
    return session.scalars(select(EventFace).where(EventFace.image_id == image_id)).all()


# --- hiding


def hide(guests, name, event_id, method="PUT", token=None):
    return guests.call(name, method, f"/api/events/{event_id}/hide-me", token=token or guests.open(name, event_id))


def test_whoever_hides_is_found_by_nobody_else(guests, event):
    bima = guests.open("bima", event)
    sent = form(("file", "a.jpg", photo(1)))
    token = guests.open("anna", event)
    assert_problem(hide(guests, "anna", event, token=token), 409, "no_selfie")
    selfie(guests, "anna", 1)
    assert hide(guests, "anna", event, "GET", token).json == {"hidden": False}
    assert hide(guests, "anna", event, token=token).json == {"hidden": True}
    assert hide(guests, "anna", event, "GET", token).json == {"hidden": True}
    selfie(guests, "bima", 1)  # somebody who shows a picture of hers
    for _ in ("by the database", "from memory"):
        assert names(guests.call("bima", "POST", path(event), token=bima, **sent)) == []
        assert names(guests.call("bima", "GET", path(event), token=bima)) == []
        assert names(guests.call("owner", "POST", path(event), **sent)) == []
        assert names(guests.call("anna", "GET", path(event), token=token)) == ["0.jpg", "4.jpg"]
        assert in_memory(guests, event)
    # Others on the same photo are found as before.
    two = form(("file", "a.jpg", photo(2)))
    assert names(guests.call("bima", "POST", path(event), token=bima, **two)) == ["0.jpg", "1.jpg"]
    # Opening the event again changes nothing.
    guests.open("anna", event)
    assert names(guests.call("owner", "POST", path(event), **sent)) == []
    assert hide(guests, "anna", event, "DELETE", token).json == {"hidden": False}
    assert names(guests.call("owner", "POST", path(event), **sent)) == ["0.jpg", "4.jpg"]


def test_hiding_is_for_one_event(guests, event):
    other = guests.event(name="Another")["id"]
    guests.upload(other, photo(1, number=5))
    guests.index()
    selfie(guests, "anna", 1)
    hide(guests, "anna", event)
    sent = form(("file", "a.jpg", photo(1)))
    assert names(guests.call("owner", "POST", path(other), **sent)) == ["0.jpg"]
    assert names(guests.call("owner", "POST", path(event), **sent)) == []


def test_the_owner_is_told_a_number_only(guests, event):
    selfie(guests, "anna", 1)
    token = guests.open("anna", event)
    assert guests.call("owner", "GET", f"/api/events/{event}").json["hidden_people"] == 0
    hide(guests, "anna", event, token=token)
    told = guests.call("owner", "GET", f"/api/events/{event}")
    assert told.json["hidden_people"] == 1
    assert "Anna" not in told.text
    assert guests.call("anna", "GET", f"/api/events/{event}", token=token).json["hidden_people"] is None
    assert guests.call("bima", "GET", f"/api/events/{event}").json["hidden_people"] is None


def test_the_selfie_stays_while_hidden_and_a_new_one_counts(guests, event):
    selfie(guests, "anna", 3)
    hide(guests, "anna", event)
    assert_problem(guests.call("anna", "DELETE", "/api/users/me/selfie"), 409, "selfie_in_use")
    selfie(guests, "anna", 1)
    assert names(guests.call("owner", "POST", path(event), **form(("file", "a.jpg", photo(1))))) == []
    assert names(guests.call("owner", "POST", path(event), **form(("file", "a.jpg", photo(3))))) == ["2.jpg"]
    hide(guests, "anna", event, "DELETE")
    assert guests.call("anna", "DELETE", "/api/users/me/selfie").status_code == 200


def test_only_who_opened_the_event_hides(guests, event):
    selfie(guests, "anna", 1)
    for method in ("GET", "PUT", "DELETE"):
        answer = guests.call("anna", method, f"/api/events/{event}/hide-me")
        assert_problem(answer, 403, "event_access_required")
    # The owner opens nothing, and may not want to be found either.
    selfie(guests, "owner", 2)
    assert guests.call("owner", "PUT", f"/api/events/{event}/hide-me").json == {"hidden": True}
    assert (
        names(
            guests.call(
                "anna", "POST", path(event), token=guests.open("anna", event), **form(("file", "a.jpg", photo(2)))
            )
        )
        == []
    )


def test_which_faces_are_hidden():
    calibration = calibration_for("fallback")
    bands = bands_for(calibration, 1000)
    assert bands.maybe < bands.sure

    def unit(*parts):
        vector = np.zeros(EMBEDDING_SIZE, np.float32)
        vector[: len(parts)] = parts
        vector[400] = np.sqrt(1 - np.sum(np.square(parts)))
        return vector

    def shown(face, probe):
        hits = Hits(
            1000,
            Faces(np.array([1]), np.array([1]), np.zeros((1, 4), np.float32), face[None]),
            np.array([face @ probe]),
        )
        return shown_to_others(hits, probe, hidden, bands, calibration)[0]

    hidden = np.eye(1, EMBEDDING_SIZE, dtype=np.float32)
    stranger = np.eye(2, EMBEDDING_SIZE, dtype=np.float32)[1]
    sure, maybe, least = bands.sure + 0.01, (bands.sure + bands.maybe) / 2, bands.maybe - 0.01
    assert not shown(unit(sure, 0.7), stranger)  # surely the hidden person's, whoever asks
    assert not shown(unit(maybe, maybe - 0.01), stranger)  # maybe, and rather theirs
    assert shown(unit(maybe, 0.7), stranger)  # maybe, and rather of the person who asks
    assert shown(unit(least, 0.3), stranger)
    picture_of_them = unit(calibration.verification_threshold + 0.01)
    face = unit(maybe)
    assert face @ picture_of_them > maybe  # nearer to what is shown
    assert not shown(face, picture_of_them)


def test_several_selfies_are_averaged():
    calibration = calibration_for("fallback")
    vectors = np.eye(3, EMBEDDING_SIZE, dtype=np.float32) * 0.3
    vectors[:, 10] = np.sqrt(1 - 0.09)
    probe = combined(vectors, calibration)
    assert np.linalg.norm(probe) == pytest.approx(1, abs=1e-6)
    assert (vectors @ probe).min() > (vectors @ vectors.T).min()
    with pytest.raises(DifferentPeople):
        combined([*vectors, np.eye(1, EMBEDDING_SIZE, dtype=np.float32)[0]], calibration)
