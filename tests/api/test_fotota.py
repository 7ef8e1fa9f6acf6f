"""/api/fotota and /api/activity: what a person keeps, and which events they opened."""

from __future__ import annotations

import pytest

from tests.api.test_problem import assert_problem
from tests.events import Guests, fake_engines, photo

RECENT = "/api/activity/me/recent"


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.sign_in("owner", admin=True)
    for name in ("anna", "bima"):
        guests.sign_in(name)
    return guests


@pytest.fixture
def events(guests):
    """Ids of two events, and of the two photos of each."""
    made = [guests.event(name=name)["id"] for name in ("First", "Second")]
    images = [
        [image["id"] for image in guests.upload(event_id, photo(1, number=event_id), photo(2, number=event_id))]
        for event_id in made
    ]
    return made, images


def add(guests, name, ids, token=None):
    return guests.call(name, "POST", "/api/fotota", token=token, json={"image_ids": ids})


def shown(guests, name, token=None, query=""):
    answer = guests.call(name, "GET", f"/api/fotota{query}", token=token)
    assert answer.status_code == 200, answer.text
    return [
        (group["event"]["name"], group["total"], [marked["image"]["id"] for marked in group["images"]])
        for group in answer.json
    ]


def test_bookmarks_are_kept_in_bulk_and_shown_by_event(guests, events):
    (first, second), (ours, theirs) = events
    one, two = guests.open("anna", first), guests.open("anna", second)
    assert add(guests, "anna", ours, one).json == {"added": ours, "known": [], "not_found": []}
    again = add(guests, "anna", [*ours, *ours, theirs[0], 999_999], f"{one}, {two}")
    assert again.json == {"added": [theirs[0]], "known": ours, "not_found": [999_999]}
    both = f"{one},{two}"
    assert shown(guests, "anna", both) == [("Second", 1, [theirs[0]]), ("First", 2, ours)]
    # With one token, the photos of one event.
    assert shown(guests, "anna", one) == [("Second", 1, []), ("First", 2, ours)]
    assert shown(guests, "anna") == [("Second", 1, []), ("First", 2, [])]
    answer = guests.call("anna", "GET", "/api/fotota", token=both)
    marked = answer.json[1]["images"][0]
    assert marked["bookmarked_at"].endswith("Z")
    assert guests.call("nobody", "GET", marked["image"]["thumbnail_url"]).status_code == 200
    # Each person has their own.
    assert shown(guests, "bima", guests.open("bima", first)) == []
    assert add(guests, "owner", ours).json["added"] == ours
    assert shown(guests, "owner") == [("First", 2, ours)]


def test_pages_are_of_events(guests, events):
    (first, second), (ours, theirs) = events
    both = f"{guests.open('anna', first)},{guests.open('anna', second)}"
    add(guests, "anna", ours, both)
    add(guests, "anna", theirs, both)
    answer = guests.call("anna", "GET", "/api/fotota?per_page=1", token=both)
    assert [group["event"]["name"] for group in answer.json] == ["Second"]
    assert answer.headers["X-Total-Count"] == "2"
    assert shown(guests, "anna", both, "?per_page=1&page=2") == [("First", 2, ours)]
    masked = guests.call("anna", "GET", "/api/fotota", token=both, headers={"X-Fields": "total"})
    assert masked.json == [{"total": 2}, {"total": 2}]


def test_they_are_removed_in_bulk(guests, events):
    (first, _), (ours, theirs) = events
    token = guests.open("anna", first)
    add(guests, "anna", ours, token)
    add(guests, "owner", ours)
    # Without the event's token too: they are one's own.
    answer = guests.call("anna", "DELETE", f"/api/fotota?ids={ours[0]},{theirs[0]},999999")
    assert answer.json == {"removed": 1}
    assert shown(guests, "anna", token) == [("First", 1, [ours[1]])]
    assert shown(guests, "owner") == [("First", 2, ours)]
    assert guests.call("anna", "DELETE", f"/api/fotota?ids={ours[1]}&ids={ours[1]}").json == {"removed": 1}
    assert shown(guests, "anna", token) == []


def test_only_photos_that_the_person_may_see(guests, events):
    (first, second), (ours, theirs) = events
    for token in (None, guests.open("bima", first), guests.open("anna", second), "nonsense"):
        assert_problem(add(guests, "anna", ours, token), 404, "image_not_found")
    mixed = add(guests, "anna", [*ours, *theirs], guests.open("anna", second))
    assert mixed.json == {"added": theirs, "known": [], "not_found": ours}
    assert_problem(add(guests, "nobody", ours), 401, "not_authenticated")
    # A new password: what was kept stays, and is not shown until the event is opened again.
    token = guests.open("anna", second)
    guests.call("owner", "PUT", f"/api/events/{second}", json={"password": "another-word"})
    assert shown(guests, "anna", token) == [("Second", 2, [])]
    assert shown(guests, "anna", guests.open("anna", second, "another-word")) == [("Second", 2, theirs)]


@pytest.mark.parametrize(
    "body",
    [{}, {"image_ids": []}, {"image_ids": 5}, {"image_ids": ["7"]}, {"image_ids": [True]}, {"image_ids": [None]}],
)
def test_what_is_no_list_of_ids_is_told(guests, body):
    problem = assert_problem(guests.call("anna", "POST", "/api/fotota", json=body), 400, "invalid_input")
    assert all(name.startswith("image_ids") for name in problem["errors"])


def test_ids_that_cannot_be(guests, events):
    assert_problem(add(guests, "anna", [0, -1, 2**63, 10**30]), 404, "image_not_found")
    assert_problem(add(guests, "anna", list(range(1, 1002))), 400, "invalid_input")
    for query in ("", "?ids=", "?ids=a", "?ids=-1", "?ids=1.5", "?ids=" + "9" * 30, "?ids=%D9%A1"):
        assert_problem(guests.call("anna", "DELETE", f"/api/fotota{query}"), 400, "invalid_input")
    assert guests.call("anna", "DELETE", f"/api/fotota?ids={'9' * 18}").json == {"removed": 0}


def test_a_photo_or_event_that_is_deleted_takes_its_bookmarks_along(guests, events):
    (_, second), (ours, theirs) = events
    add(guests, "owner", [*ours, *theirs])
    guests.call("owner", "DELETE", f"/api/images/{ours[0]}")
    guests.call("owner", "DELETE", f"/api/events/{second}")
    assert shown(guests, "owner") == [("First", 1, [ours[1]])]
    exported = guests.call("owner", "GET", "/api/me/export").json["bookmarks"]
    assert [bookmark["image_id"] for bookmark in exported] == [ours[1]]


def test_recent_events_the_last_one_first(guests, events):
    (first, second), _ = events
    assert guests.call("anna", "GET", RECENT).json == []
    guests.open("anna", first)
    guests.open("anna", second)
    token = guests.open("anna", first)
    guests.upload(first, photo(3))
    answer = guests.call("anna", "GET", RECENT, token=token)
    assert [recent["event"]["name"] for recent in answer.json] == ["First", "Second"]
    assert [recent["new_images"] for recent in answer.json] == [1, None]
    assert answer.json[0]["last_opened_at"] > answer.json[1]["last_opened_at"]
    assert len(answer.json[0]["event"]["images_preview"]) == 3
    assert answer.json[1]["event"]["images_preview"] == []
    one = guests.call("anna", "GET", f"{RECENT}?per_page=1")
    assert (len(one.json), one.headers["X-Total-Count"]) == (1, "2")
    assert guests.call("bima", "GET", RECENT).json == []
    assert_problem(guests.call("nobody", "GET", RECENT), 401, "not_authenticated")
