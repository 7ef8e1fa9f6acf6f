"""/api/events: made, found, opened, shared, changed, deleted."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image as PillowImage
from sqlalchemy import func, select
from sqlalchemy import text as sql

from app.db import Base, Event, EventVisit
from app.errors import UserNotFound
from tests.api.test_problem import assert_problem
from tests.events import PASSWORD, Guests, fake_engines, photo

EVENT_MEMBERS = {
    "id", "name", "description", "date", "owner", "images_preview", "access", "can_edit", "share_code", "link",
    "total", "indexed", "failed", "faces", "hidden_people", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines(), lockout_failures=3))
    guests.sign_in("owner", admin=True)
    guests.sign_in("guest")
    guests.sign_in("other")
    return guests


def test_an_event_is_made_by_an_admin_and_never_tells_its_password(guests):
    answer = guests.call(
        "owner",
        "POST",
        "/api/events",
        json={"name": " Budi & Ani ", "description": "Garden\nparty", "date": "2026-01-22", "password": PASSWORD},
    )
    assert answer.status_code == 201
    event = answer.json
    assert answer.headers["Location"] == f"/api/events/{event['id']}"
    assert event.keys() == EVENT_MEMBERS
    assert (event["name"], event["description"], event["date"]) == ("Budi & Ani", "Garden\nparty", "2026-01-22")
    assert event["owner"] == {"id": guests.people["owner"], "name": "Owner"}
    assert (event["total"], event["indexed"], event["failed"], event["faces"]) == (0, 0, 0, 0)
    assert event["access"] is event["can_edit"] is True
    assert len(event["share_code"]) >= 10
    assert event["link"] == f"http://localhost/r/{event['share_code']}"
    assert PASSWORD not in answer.text
    assert "$2b$" not in answer.text
    assert_problem(
        guests.call("guest", "POST", "/api/events", json={"name": "x", "password": PASSWORD}), 403, "not_permitted"
    )


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"password": "short"}, "password"),
        ({"password": ""}, "password"),
        ({"password": None}, "password"),
        ({"date": "tomorrow"}, "date"),
        ({"date": 5}, "date"),
        ({"description": "\0"}, "description"),
        ({"description": "x" * 5001}, "description"),
    ],
)
def test_what_makes_no_sense_is_told_by_field(guests, members, field):
    body = {"name": "Party", "password": PASSWORD, **members}
    problem = assert_problem(guests.call("owner", "POST", "/api/events", json=body), 400, "invalid_input")
    assert problem["errors"].keys() == {field}


def test_null_is_as_good_as_left_out(guests):
    event = guests.event(description=None, date=None)
    assert (event["description"], event["date"]) == ("", None)


def test_an_empty_password_is_no_new_one(guests):
    path = f"/api/events/{guests.event()['id']}"
    problem = assert_problem(guests.call("owner", "PUT", path, json={"password": ""}), 400, "invalid_input")
    assert problem["errors"].keys() == {"password"}
    assert guests.call("owner", "PUT", path, json={"password": None}).status_code == 200


@pytest.mark.parametrize("given", ["2026-01-22", "2026-01-22T18:30:00Z", "2026-01-22T18:30:00.000+07:00"])
def test_the_day_may_be_given_as_a_time(guests, given):
    assert guests.event(date=given)["date"] == "2026-01-22"


def test_a_guest_finds_an_event_by_its_name_and_sees_nothing_of_its_photos(guests):
    event = guests.event(name="Wedding of Budi_100%")
    guests.event(name="Another")
    guests.upload(event["id"], photo(1), photo(2))
    for text in ("budi", "BUDI_", "100%", "%"):
        [found] = guests.call("guest", "GET", f"/api/events/search?q={text.replace('%', '%25')}").json
        assert found["id"] == event["id"]
    assert found["images_preview"] == []
    assert found["access"] is found["can_edit"] is False
    assert {found[name] for name in ("share_code", "link", "total", "indexed", "failed", "faces")} == {None}
    assert found["owner"]["name"] == "Owner"
    assert guests.call("guest", "GET", "/api/events/search?q=x%00y").json == []
    assert_problem(guests.call("guest", "GET", "/api/events/search?q=%20"), 400, "invalid_input")


def test_whoever_opened_it_sees_previews_and_numbers(guests):
    event = guests.event()
    guests.upload(event["id"], *(photo(1, number=number) for number in range(6)))
    guests.index()
    token = guests.open("guest", event["id"])
    for path in (f"/api/events/{event['id']}", "/api/events/search?q=wedding"):
        answer = guests.call("guest", "GET", path, token=token).json
        shown = answer if isinstance(answer, dict) else answer[0]
        assert (shown["total"], shown["indexed"], shown["faces"], shown["can_edit"]) == (6, 6, 6, False)
        assert len(shown["images_preview"]) == 4
        assert guests.call("nobody", "GET", shown["images_preview"][0]).status_code == 200
        assert shown["share_code"] == event["share_code"]


def test_lists_have_pages_and_masks(guests):
    for number in range(3):
        guests.event(name=f"Party {number}")
    guests.event("owner", name="Last")
    answer = guests.call("owner", "GET", "/api/events/my-events?per_page=2", headers={"X-Fields": "name"})
    assert answer.json == [{"name": "Last"}, {"name": "Party 2"}]
    assert answer.headers["X-Total-Count"] == "4"
    assert 'rel="next"' in answer.headers["Link"]
    assert guests.call("other", "GET", "/api/events/my-events").json == []


def test_only_the_owner_and_admins_change_and_delete(guests):
    event = guests.event()
    guests.sign_in("boss", admin=True)
    path = f"/api/events/{event['id']}"
    token = guests.open("guest", event["id"])
    for method, options in (("PUT", {"json": {"name": "x"}}), ("DELETE", {})):
        assert_problem(guests.call("guest", method, path, token=token, **options), 403, "not_permitted")
    assert guests.call("boss", "PUT", path, json={"name": "Renamed"}).json["name"] == "Renamed"
    changed = guests.call("owner", "PUT", path, json={"description": "", "date": "2026-02-03"}).json
    assert (changed["name"], changed["description"], changed["date"]) == ("Renamed", "", "2026-02-03")
    assert changed["updated_at"] > changed["created_at"]
    assert guests.call("boss", "DELETE", path).json == {"message": "Event deleted"}
    assert_problem(guests.call("owner", "GET", path), 404, "event_not_found")
    assert_problem(guests.call("owner", "PUT", path, json={"name": "x"}), 404, "event_not_found")


@pytest.mark.parametrize("event_id", ["0", "999", "9" * 25])
def test_an_event_that_is_not_there(guests, event_id):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/images"), ("GET", "/my-event-images"), ("GET", "/qr")):
        assert_problem(guests.call("owner", method, f"/api/events/{event_id}{path}"), 404, "event_not_found")
    opening = guests.call("owner", "POST", f"/api/events/{event_id}/access", json={"password": PASSWORD})
    assert_problem(opening, 404, "event_not_found")


# --- opening


def test_the_password_opens_the_event_for_one_person_and_two_hours(guests):
    event = guests.event()
    before = datetime.now(UTC)
    answer = guests.call("guest", "POST", f"/api/events/{event['id']}/access", json={"password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json.keys() == {"event_access_token", "token_type", "expires_at"}
    assert answer.json["token_type"] == "bearer"
    lasts = datetime.fromisoformat(answer.json["expires_at"]) - before
    assert timedelta(hours=1, minutes=59) < lasts <= timedelta(hours=2)
    token = answer.json["event_access_token"]
    images = f"/api/events/{event['id']}/images"
    assert guests.call("guest", "GET", images, token=token).status_code == 200
    assert_problem(guests.call("other", "GET", images, token=token), 403, "event_token_invalid")
    assert_problem(guests.call("guest", "GET", images), 403, "event_access_required")
    assert_problem(guests.call("guest", "GET", images, token="nonsense"), 403, "event_token_invalid")
    assert_problem(guests.call("nobody", "GET", images, token=token), 401, "not_authenticated")


def test_an_event_token_ends(guests, monkeypatch):
    event = guests.event()
    token = guests.open("guest", event["id"])
    access = guests.app.extensions["kenali"].event_access
    later = datetime.now(UTC) + timedelta(hours=2, seconds=1)
    monkeypatch.setattr(access, "_clock", lambda: later)
    answer = guests.call("guest", "GET", f"/api/events/{event['id']}/images", token=token)
    assert_problem(answer, 403, "event_token_expired")


def test_a_new_password_closes_the_event_for_everybody(guests):
    event = guests.event()
    [image] = guests.upload(event["id"], photo(1))
    token = guests.open("guest", event["id"])
    images = f"/api/events/{event['id']}/images"
    listed = guests.call("guest", "GET", images, token=token).json["items"][0]
    assert guests.call("nobody", "GET", listed["url"]).status_code == 200
    guests.call("owner", "PUT", f"/api/events/{event['id']}", json={"name": "Same password"})
    assert guests.call("guest", "GET", images, token=token).status_code == 200
    guests.call("owner", "PUT", f"/api/events/{event['id']}", json={"password": "another1"})
    assert_problem(guests.call("guest", "GET", images, token=token), 403, "event_token_invalid")
    for url in (listed["url"], listed["thumbnail_url"], listed["original_url"], image["url"]):
        assert_problem(guests.call("nobody", "GET", url), 403, "media_link_invalid")
    wrong = guests.call("guest", "POST", f"/api/events/{event['id']}/access", json={"password": PASSWORD})
    assert_problem(wrong, 403, "wrong_event_password")
    assert guests.open("guest", event["id"], "another1")


def test_too_many_wrong_passwords_lock_this_person_out_of_this_event(guests):
    event, second = guests.event(), guests.event(name="Second")
    path = f"/api/events/{event['id']}/access"
    for _ in range(3):
        wrong = guests.call("guest", "POST", path, json={"password": "guess-wrong"})
        assert_problem(wrong, 403, "wrong_event_password")
    locked = guests.call("guest", "POST", path, json={"password": PASSWORD})
    assert_problem(locked, 429, "account_locked")
    assert int(locked.headers["Retry-After"]) > 0
    assert guests.open("other", event["id"])
    assert guests.open("guest", second["id"])
    # Signing in is another counter.
    body = {"email": "guest@email.com", "password": "secure123"}
    assert guests.client.post("/api/auth/login-pass-verify", json=body).status_code == 200


def test_nobody_locks_others_out_of_an_event_by_signing_in_as_something_odd(guests):
    """An attempt to sign in may name any text as its address, and needs no account."""
    event, person = guests.event()["id"], guests.people["guest"]
    keys = (f"event:{event}:{person}", f" event:{event}:{person}", f"event:{event}")
    for address in (key for key in keys for _ in range(4)):
        body = {"email": address, "password": "guess-wrong"}
        assert guests.client.post("/api/auth/login-pass-verify", json=body).status_code in {401, 429}
    assert_problem(_open(guests, "guest", {"id": event}, "mistyped"), 403, "wrong_event_password")
    assert guests.open("guest", event)


@pytest.fixture
def crowded(guests, monkeypatch) -> dict:
    """An event for which five wrong passwords of whomever are too many, three of one person and two of another."""
    access = guests.app.extensions["kenali"].event_access
    monkeypatch.setattr(access, "_crowd", access._crowd.with_limit(5))
    for name in ("known", "first", "second", "newcomer", "guesser"):
        guests.sign_in(name)
    event = guests.event()
    guests.open("known", event["id"])
    for name in ("first", "first", "first", "second", "second"):
        assert_problem(_open(guests, name, event, "guess-wrong"), 403, "wrong_event_password")
    return event


def _open(guests, name, event, password):
    return guests.call(name, "POST", f"/api/events/{event['id']}/access", json={"password": password})


def test_many_accounts_guess_no_faster_than_one_attempt_each(guests, crowded):
    for name in ("second", "guesser"):
        assert_problem(_open(guests, name, crowded, "guess-wrong"), 403, "wrong_event_password")
        refused = _open(guests, name, crowded, PASSWORD)
        assert_problem(refused, 429, "account_locked")
        assert int(refused.headers["Retry-After"]) > 0


def test_nobody_keeps_guests_out_by_guessing(guests, crowded):
    assert _open(guests, "newcomer", crowded, PASSWORD).status_code == 200
    # Whoever has opened it before may mistype as always.
    assert_problem(_open(guests, "known", crowded, "mistyped"), 403, "wrong_event_password")
    assert _open(guests, "known", crowded, PASSWORD).status_code == 200
    # Another event is another matter.
    second = guests.event(name="Second")
    assert_problem(_open(guests, "guesser", second, "mistyped"), 403, "wrong_event_password")
    assert _open(guests, "guesser", second, PASSWORD).status_code == 200


def test_going_on_to_guess_does_not_keep_the_event_locked(guests, crowded, monkeypatch):
    access = guests.app.extensions["kenali"].event_access
    started = datetime.now(UTC)
    for minutes, status in ((10, 429), (16, 200)):
        now = started + timedelta(minutes=minutes)
        for lockout in (access._crowd, access._once, access._lockout):
            monkeypatch.setattr(lockout, "_clock", lambda now=now: now)
        _open(guests, "guesser", crowded, "guess-wrong")
        assert _open(guests, "guesser", crowded, PASSWORD).status_code == status


def test_deleting_an_owner_and_their_own_visit_do_not_wait_for_each_other(guests):
    guests.sign_in("boss", admin=True)
    event = guests.event()
    owner, services = guests.people["owner"], guests.app.extensions["kenali"]
    waiting = sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool, services.sessions.begin() as session:
        # As the deletion of an account begins...
        session.execute(sql("SELECT 1 FROM users WHERE id = :id FOR UPDATE"), {"id": owner})
        visit = pool.submit(services.event_access.open, event["id"], owner, PASSWORD)

        def is_waiting():
            with services.sessions() as other:
                return other.scalar(waiting) == 1

        guests.wait_for(is_waiting)
        # ...and goes on: whoever waits for the account holds nothing of the event.
        session.execute(sql("SELECT 1 FROM events WHERE id = :id FOR UPDATE NOWAIT"), {"id": event["id"]})
        session.execute(sql("DELETE FROM users WHERE id = :id"), {"id": owner})
        session.commit()
        with pytest.raises(UserNotFound):
            visit.result(60)


@pytest.mark.parametrize("nothing", [None, ""])
def test_the_day_and_the_description_can_be_cleared(guests, nothing):
    event = guests.event(date="2026-01-22", description="Party in the garden.")
    path = f"/api/events/{event['id']}"
    renamed = guests.call("owner", "PUT", path, json={"name": "New"}).json
    assert (renamed["date"], renamed["description"]) == ("2026-01-22", "Party in the garden.")
    cleared = guests.call("owner", "PUT", path, json={"date": nothing}).json
    assert (cleared["date"], cleared["description"]) == (None, "Party in the garden.")
    cleared = guests.call("owner", "PUT", path, json={"description": nothing, "date": "2026-01-23"}).json
    assert (cleared["date"], cleared["description"], cleared["name"]) == ("2026-01-23", "", "New")


def test_a_visit_is_recorded_with_the_one_before(guests, monkeypatch):
    event = guests.event()
    services = guests.app.extensions["kenali"]
    times = [datetime(2026, 1, 22, hour, tzinfo=UTC) for hour in (10, 11, 15)]
    for now in times:
        monkeypatch.setattr(services.event_access, "_clock", lambda now=now: now)
        guests.open("guest", event["id"])
    with services.sessions() as session:
        [visit] = session.scalars(select(EventVisit)).all()
    assert (visit.user_id, visit.last_opened_at, visit.previous_opened_at) == (guests.people["guest"], *times[:0:-1])


# --- sharing


@pytest.mark.parametrize("change", [str, str.lower])
def test_the_link_leads_to_the_event(guests, change):
    event = guests.event()
    answer = guests.call("nobody", "GET", f"/r/{change(event['share_code'])}")
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/events?event={event['id']}")


@pytest.mark.parametrize("code", ["nothing", "%00", "a%20b", "é", "x" * 3000])
def test_a_link_that_leads_nowhere(guests, code):
    guests.event()
    assert_problem(guests.call("nobody", "GET", f"/r/{code}"), 404, "event_not_found")


def test_the_link_may_lead_into_an_app_and_carry_another_name(make_app):
    app = make_app(event_link="fotota://event/{id}?code={share_code}", public_url="https://photos.example")
    client = app.test_client()
    event = client.post("/api/events", json={"name": "Party", "password": PASSWORD}).json
    assert event["link"] == f"https://photos.example/r/{event['share_code']}"
    location = client.get(f"/r/{event['share_code']}").headers["Location"]
    assert location == f"fotota://event/{event['id']}?code={event['share_code']}"


def test_the_qr_code_is_the_link(guests):
    import cv2
    import numpy as np

    event = guests.event()
    path = f"/api/events/{event['id']}/qr"
    svg = guests.call("owner", "GET", path)
    assert (svg.status_code, svg.mimetype) == (200, "image/svg+xml")
    assert b"<svg" in svg.data
    png = guests.call("guest", "GET", f"{path}?format=png", token=guests.open("guest", event["id"]))
    assert (png.status_code, png.mimetype) == (200, "image/png")
    pixels = np.asarray(PillowImage.open(io.BytesIO(png.data)).convert("RGB"))
    assert cv2.QRCodeDetector().detectAndDecode(pixels)[0] == event["link"]
    assert_problem(guests.call("guest", "GET", path), 403, "event_access_required")
    assert_problem(guests.call("owner", "GET", f"{path}?format=gif"), 400, "invalid_input")


# --- what goes with whom


def test_with_an_event_everything_of_it_goes(guests):
    event, kept = guests.event(), guests.event(name="Kept")
    for which in (event, kept):
        guests.upload(which["id"], photo(1, 2), photo(3))
        guests.open("guest", which["id"])
    guests.index()
    assert guests.faces() == 6
    guests.call("owner", "DELETE", f"/api/events/{event['id']}")
    services = guests.app.extensions["kenali"]
    with services.sessions() as session:
        counts = {
            name: session.scalar(select(func.count()).select_from(Base.metadata.tables[name]))
            for name in ("events", "event_images", "event_faces", "event_visits")
        }
    assert counts == {"events": 1, "event_images": 2, "event_faces": 3, "event_visits": 1}
    assert len(list(services.settings.events_root.rglob("*.jpg"))) == 6


def test_with_a_person_their_events_go(guests):
    guests.sign_in("boss", admin=True)
    event = guests.event()
    guests.upload(event["id"], photo(1))
    guests.open("guest", event["id"])
    services = guests.app.extensions["kenali"]
    assert guests.call("guest", "DELETE", "/api/me").status_code == 200
    with services.sessions() as session:
        assert session.scalar(select(func.count()).select_from(EventVisit)) == 0
        assert session.scalar(select(func.count()).select_from(Event)) == 1
    assert guests.call("owner", "DELETE", "/api/me").status_code == 200
    with services.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0
    assert list(services.settings.events_root.rglob("*.jpg")) == []


# --- local mode and programs


def test_in_local_mode_nobody_signs_in_to_make_an_event_and_it_belongs_to_the_installation(client):
    event = client.post("/api/events", json={"name": "Party", "password": PASSWORD}).json
    assert event["owner"] is None
    assert event["access"] is event["can_edit"] is True
    assert [shown["id"] for shown in client.get("/api/events/my-events").json] == [event["id"]]
    assert_problem(
        client.post(f"/api/events/{event['id']}/access", json={"password": PASSWORD}), 401, "not_authenticated"
    )
    assert client.delete(f"/api/events/{event['id']}").status_code == 200


def test_in_local_mode_an_event_of_somebody_signed_in_is_theirs(make_app):
    guests = Guests(make_app())
    guests.sign_in("guest")
    event = guests.event("guest")
    assert event["owner"]["id"] == guests.people["guest"]
    assert (
        guests.call("guest", "GET", f"/api/events/{event['id']}/images", token=guests.open("guest", 1)).status_code
        == 200
    )


def test_a_key_for_events_reads_or_writes_as_its_scope_says(guests):
    event = guests.event()
    [image] = guests.upload(event["id"], photo(1))
    keys = guests.app.extensions["kenali"].api_keys
    for scope, reads, writes in (
        ("events", 200, 202),
        ("events:read", 200, 403),
        ("photos", 403, 403),
        ("*", 200, 202),
    ):
        guests.headers["program"] = {"X-API-Key": keys.create("test", [scope]).key}
        assert guests.call("program", "GET", f"/api/events/{event['id']}/images").status_code == reads, scope
        assert guests.call("program", "GET", f"/api/images/{image['id']}/thumb").status_code == reads, scope
        again = guests.call("program", "POST", f"/api/events/{event['id']}/index", json={})
        assert again.status_code == writes, scope
