"""An event in numbers: who may see them, that they are right, and that nobody who hides is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.db import EventStatistics
from app.services.events.people import EventPeople
from app.services.training_jobs import JobInterrupted
from tests.api.test_problem import assert_problem
from tests.api.test_selfies import clear
from tests.events import Guests, fake_engines, photo
from tests.forms import form


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.app.extensions["kenali"].selfies._judge = clear
    guests.sign_in("owner", admin=True)
    guests.sign_in("guest")
    return guests


def services(guests: Guests):
    return guests.app.extensions["kenali"]


def later(guests: Guests, monkeypatch: pytest.MonkeyPatch) -> EventPeople:
    """Let the worker count, whatever the size of the event."""
    people = services(guests).event_people
    monkeypatch.setattr(people, "_at_once", 0)
    return people


def numbers(guests: Guests, event: dict, by: str = "owner") -> dict:
    answer = guests.call(by, "GET", f"/api/events/{event['id']}/statistics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    return answer.json


@pytest.fixture
def party(guests) -> dict:
    """Three people on 3, 2 and 1 photos, and a photo of nobody."""
    event = guests.event()
    guests.upload(event["id"], photo(1, 2), photo(1, 2, number=1), photo(1, 3, number=2), photo(number=3))
    guests.index()
    return event


def test_the_owner_is_told_numbers_and_who_is_on_most_photos(guests, party):
    guests.open("guest", party["id"])
    told = numbers(guests, party)
    expected = {"photos": 4, "indexed": 4, "failed": 0, "without_faces": 1, "faces": 6, "people": 3}
    expected |= {"people_exact": True, "visitors": 1, "hidden": 0, "state": "ready"}
    assert expected.items() <= told.items()
    images = guests.call("owner", "GET", f"/api/events/{party['id']}/images").json["items"]
    assert told["size_bytes"] == sum(image["size_bytes"] for image in images)
    assert datetime.fromisoformat(told["computed_at"]) <= datetime.now(UTC)
    assert [(often["photos"], len(often["pictures"])) for often in told["most_photographed"]] == [(3, 3), (2, 2)]
    first = told["most_photographed"][0]["pictures"][0]
    assert set(first["face_coords"]) == set("xywh")
    assert guests.call("nobody", "GET", first["image"]["thumbnail_url"]).status_code == 200
    assert len({picture["image"]["id"] for picture in told["most_photographed"][0]["pictures"]}) == 3
    # Nothing by which somebody could be followed from event to event.
    assert set(told["most_photographed"][0]) == {"photos", "pictures"}
    assert set(first) == {"image", "face_coords"}


def test_an_event_without_photos_has_numbers_too(guests):
    told = numbers(guests, guests.event())
    expected = {"photos": 0, "faces": 0, "people": 0, "size_bytes": 0, "most_photographed": [], "state": "ready"}
    assert expected.items() <= told.items()


def test_they_are_not_for_guests(guests, party):
    token = guests.open("guest", party["id"])
    path = f"/api/events/{party['id']}/statistics"
    assert_problem(guests.call("guest", "GET", path, token=token), 403, "not_permitted")
    assert_problem(guests.call("nobody", "GET", path), 401, "not_authenticated")
    assert_problem(guests.call("owner", "GET", "/api/events/999/statistics"), 404, "event_not_found")


def hide(guests: Guests, name: str, event: dict, person: int) -> None:
    """Somebody who looks like this person hides from the event."""
    token = guests.open(name, event["id"])
    answer = guests.call(name, "POST", "/api/users/me/selfie", **form(("file", "me.jpg", photo(person, number=9))))
    assert answer.status_code in {200, 201}, answer.text
    assert guests.call(name, "PUT", f"/api/events/{event['id']}/hide-me", token=token).status_code == 200


def test_hidden_people_are_never_shown_though_they_were_counted_before(guests, party):
    assert len(numbers(guests, party)["most_photographed"]) == 2
    hide(guests, "guest", party, 1)
    told = numbers(guests, party)
    assert (told["hidden"], told["people"], told["visitors"]) == (1, 3, 1)
    assert [often["photos"] for often in told["most_photographed"]] == [2]
    # The owner, and whoever looks at all of it, is no exception.
    hide(guests, "owner", party, 2)
    assert numbers(guests, party)["most_photographed"] == []


def test_what_has_changed_is_counted_again(guests, party):
    assert numbers(guests, party)["people"] == 3
    [image] = guests.upload(party["id"], photo(5, number=9))
    told = numbers(guests, party)
    assert (told["people"], told["photos"], told["people_exact"]) == (3, 5, False)
    guests.index()
    assert numbers(guests, party)["people"] == 4
    guests.call("owner", "DELETE", f"/api/images/{image['id']}")
    assert numbers(guests, party)["people"] == 3


def test_they_are_counted_once_for_each_state(guests, party, monkeypatch):
    first = numbers(guests, party)
    people = services(guests).event_people
    monkeypatch.setattr(people, "_count", lambda *_, **__: pytest.fail("counted again"))
    assert numbers(guests, party) == first


def test_a_large_event_is_counted_in_the_background(guests, party, monkeypatch):
    people = later(guests, monkeypatch)
    told = numbers(guests, party)
    assert (told["state"], told["people"], told["most_photographed"]) == ("computing", None, [])
    assert (told["computed_at"], told["photos"], told["people_exact"]) == (None, 4, False)
    with services(guests).sessions() as session:
        job = session.get_one(EventStatistics, party["id"]).queue_job_id
    assert numbers(guests, party)["state"] == "computing"
    with services(guests).sessions() as session:
        assert session.get_one(EventStatistics, party["id"]).queue_job_id == job, "queued once"
    people.run(party["id"])
    told = numbers(guests, party)
    assert (told["state"], told["people"]) == ("ready", 3)
    # After a change, the numbers of the last time are told until there are new ones.
    guests.upload(party["id"], photo(5, number=9))
    guests.index()
    told = numbers(guests, party)
    assert (told["state"], told["people"], told["people_exact"]) == ("computing", 3, False)


def test_the_worker_counts(make_app, monkeypatch):
    guests = Guests(make_app(face_engines=fake_engines()))
    later(guests, monkeypatch)
    event = guests.event("nobody")
    guests.upload(event["id"], photo(1, 2), by="nobody")
    guests.index()
    assert numbers(guests, event, "nobody")["state"] == "computing"
    services(guests).worker.start()
    guests.wait_for(lambda: numbers(guests, event, "nobody")["state"] == "ready")
    assert numbers(guests, event, "nobody")["people"] == 2


def test_a_worker_that_stops_counts_later(guests, party, monkeypatch):
    people = later(guests, monkeypatch)
    numbers(guests, party)
    for _ in range(10):
        with pytest.raises(JobInterrupted):
            people.run(party["id"], lambda: True)
    people.run(party["id"])
    assert numbers(guests, party)["state"] == "ready"


def test_what_cannot_be_counted_says_so_until_something_changes(guests, party, monkeypatch):
    people = later(guests, monkeypatch)
    numbers(guests, party)
    monkeypatch.setattr("app.services.events.people.MOST_FACES", 3)
    people.run(party["id"])
    told = numbers(guests, party)
    assert (told["state"], told["people"], told["most_photographed"]) == ("failed", None, [])
    monkeypatch.undo()
    guests.upload(party["id"], photo(5, number=9))
    guests.index()
    assert numbers(guests, party)["state"] == "ready"


def test_one_that_kills_its_workers_is_given_up(guests, party, monkeypatch):
    people = later(guests, monkeypatch)
    numbers(guests, party)
    count = people._count

    class Killed(BaseException):
        pass

    def killed(*arguments, give_up=False):
        if not give_up:
            raise Killed
        count(*arguments, give_up=True)

    monkeypatch.setattr(people, "_count", killed)
    for _ in range(5):
        with pytest.raises(Killed):
            people.run(party["id"])
    people.run(party["id"])
    assert numbers(guests, party)["state"] == "failed"


def test_an_event_deleted_meanwhile_is_no_error(guests, party, monkeypatch):
    people = later(guests, monkeypatch)
    numbers(guests, party)
    guests.call("owner", "DELETE", f"/api/events/{party['id']}")
    people.run(party["id"])
    with services(guests).sessions() as session:
        assert session.scalars(select(EventStatistics)).all() == []


def test_another_face_model_is_another_count(guests, party):
    assert numbers(guests, party)["people"] == 3
    engines = services(guests).face_engines
    engines.chosen = "other"
    services(guests).event_indexing.requeue()
    guests.index()
    told = numbers(guests, party)
    assert (told["state"], told["people"], told["faces"]) == ("ready", 3, 6)
