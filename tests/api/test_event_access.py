"""No byte of a picture of an event reaches anybody without access to it: every route, every address, every caller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.db import Bookmark
from app.services.events.access import EventCaller
from app.services.events.files import Size, image_key
from tests.api.test_access import Call, _calls
from tests.events import PASSWORD, Guests, fake_engines, photo
from tests.forms import form

#: Of a picture file: nothing that is no picture begins like this.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04")
SIZES = [size.value for size in Size]


class World:
    """Two protected events, and everybody who should see nothing of the first."""

    def __init__(self, guests: Guests) -> None:
        self.guests = guests
        services = guests.app.extensions["kenali"]
        for name, admin in (("owner", True), ("neighbour", False), ("guest", False), ("late", False), ("gone", False)):
            guests.sign_in(name, admin=admin)
        self.event = guests.event()
        self.second = guests.event(name="Second")
        self.images = guests.upload(self.event["id"], photo(1, 2), photo(3, 1))
        guests.upload(self.second["id"], photo(4))
        guests.index()
        # What people keep does not let them in.
        with services.sessions.begin() as session:
            session.add_all(
                Bookmark(user_id=guests.people[name], image_id=image["id"])
                for name in ("neighbour", "guest", "late")
                for image in self.images
            )

        started = services.event_access._clock
        services.event_access._clock = lambda: datetime.now(UTC) - timedelta(hours=3)
        expired = guests.open("late", self.event["id"])
        self.expired_urls = self._urls_for("late")
        self.downloads = {"late": self._download_of("late", expired)}
        self.expired_urls.append(self.downloads["late"]["url"])
        services.event_access._clock = started

        good = guests.open("guest", self.event["id"])
        self.good_urls = self._urls_for("guest")
        self.downloads["guest"] = self._download_of("guest", good)
        other = guests.open("neighbour", self.second["id"])
        head, body, signature = good.split(".")
        #: caller -> (person, event token)
        self.callers = {
            "nobody": ("nobody", None),
            "nobody with a guest's token": ("nobody", good),
            "another user without a token": ("neighbour", None),
            "another user with a token of another event": ("neighbour", other),
            "another user with a guest's token": ("neighbour", good),
            "a guest whose token has expired": ("late", expired),
            "a guest with a tampered token": ("guest", f"{head}.{body}.{signature[::-1]}"),
            "a guest with an unsigned token": ("guest", f"eyJhbGciOiJub25lIn0.{body}."),
            "a guest with their own access token": ("guest", guests.headers["guest"]["Authorization"].split()[1]),
        }
        with services.sessions() as session:
            self.keys = [
                image_key(image, size) for image in session.scalars(select_images(self.event["id"])) for size in Size
            ]
        self.contents = {services.event_files.storage.read(key) for key in self.keys}

    def _urls_for(self, name: str) -> list[str]:
        """Addresses that this person was shown."""
        services = self.guests.app.extensions["kenali"]
        who = EventCaller(services.access.resolve(self.guests.headers[name]["Authorization"], None))
        event = services.events.find_shared(self.event["share_code"])
        return [
            f"/api/images/{image['id']}/{size}?"
            + urlencode({"person": link.person, "expires": link.expires, "signature": link.signature})
            for image in self.images
            for size in Size
            for link in [services.event_access.link(image["id"], size, who, event)]
        ]

    def _download_of(self, name: str, token: str) -> dict[str, Any]:
        """A ZIP file of every photo, ready."""
        path = f"/api/events/{self.event['id']}/downloads"
        asked = self.guests.call(name, "POST", path, token=token, json={"all": True}).json
        self.guests.app.extensions["kenali"].download_runner.run(asked["id"])
        return self.guests.call(name, "GET", f"{path}/{asked['id']}", token=token).json

    def path(self, call: Call) -> str:
        """A route about the first event and its first photo."""
        values = {
            "event_id": self.event["id"],
            "image_id": self.images[0]["id"],
            "size": "web",
            "download_id": self.downloads["guest"]["id"],
            "share_code": self.event["share_code"],
            "user_id": self.guests.people["owner"],
        }
        path = call.rule
        for argument in call.arguments:
            for converter in ("int:", "path:", ""):
                path = path.replace(f"<{converter}{argument}>", str(values.get(argument, 1)))
        return path

    def leaks(self, response) -> str | None:
        """What of the pictures is in an answer, if anything."""
        data = response.data
        if data.startswith(_SIGNATURES) or any(content in data for content in self.contents):
            return "a picture"
        # A signed address would be as good as a picture. Those of the second event may be shown to who opened it.
        shown = {int(number) for number in re.findall(rb"/api/images/(\d+)/[a-z]+\?[^\"]*signature=", data)}
        if shown & {image["id"] for image in self.images} or (b"signature=" in data and not shown):
            return "an address of a picture"
        return None


def select_images(event_id):
    from sqlalchemy import select

    from app.db import EventImage

    return select(EventImage).where(EventImage.event_id == event_id).order_by(EventImage.id)


@pytest.fixture
def world(make_app) -> World:
    return World(Guests(make_app(access_mode="token", face_engines=fake_engines(), lockout_failures=100)))


def _event_calls(app) -> Iterator[Call]:
    for call in _calls(app):
        if any(part in call.rule for part in ("/api/events", "/api/images", "/r/<", "/api/fotota", "/api/activity")):
            yield call


def test_the_test_can_fail(world):
    # The one who may sees pictures by exactly the calls that are refused below.
    guest = world.guests
    token = guest.open("guest", world.event["id"])
    for size in SIZES:
        path = f"/api/images/{world.images[0]['id']}/{size}"
        assert world.leaks(guest.call("guest", "GET", path, token=token)) == "a picture"
        assert world.leaks(guest.call("owner", "GET", path)) == "a picture"
    assert all(world.leaks(guest.call("nobody", "GET", url)) == "a picture" for url in world.good_urls)
    download = world.downloads["guest"]
    assert world.leaks(guest.call("nobody", "GET", download["url"])) == "a picture"
    path = f"/api/events/{world.event['id']}/downloads"
    assert world.leaks(guest.call("guest", "GET", f"{path}/{download['id']}/file", token=token)) == "a picture"
    for shown in (path, f"{path}/{download['id']}"):
        assert world.leaks(guest.call("guest", "GET", shown, token=token)) == "an address of a picture"
    assert world.leaks(guest.call("owner", "GET", f"/api/events/{world.event['id']}/statistics")) is not None
    for path in (f"/api/events/{world.event['id']}/images", "/api/fotota", "/api/activity/me/recent"):
        assert world.leaks(guest.call("guest", "GET", path, token=token)) == "an address of a picture"


def test_no_route_gives_a_picture_to_whoever_has_no_access(world):
    app = world.guests.app
    calls = list(_event_calls(app))
    assert len(calls) >= 15
    queries = ("", f"?q={world.event['name']}", "?format=png", "?ids=1,2", "?limit=200&sort_order=asc")
    found, allowed = [], []
    for call in calls:
        for caller, (person, token) in world.callers.items():
            for query in queries if call.method == "GET" else ("",):
                options = {"json": {"password": "wrong-guess", "all": True}} if call.method in {"POST", "PUT"} else {}
                if call.rule.endswith("/images") and call.method == "POST":
                    options = form(("files", "a.jpg", photo(9)))
                answer = world.guests.call(person, call.method, world.path(call) + query, token=token, **options)
                if leak := world.leaks(answer):
                    found.append(f"{call}{query} as {caller}: {leak}")
                if answer.status_code >= 500:
                    found.append(f"{call}{query} as {caller}: {answer.status}")
                if call.method != "GET" and answer.status_code < 300:
                    allowed.append(f"{call} as {caller}")
    assert found == []
    # Nobody of them changed or opened anything either.
    assert allowed == []


def test_every_size_of_every_picture_is_refused_without_a_signature(world):
    wrong = []
    for image in world.images:
        for size in SIZES:
            for caller, (person, token) in world.callers.items():
                for method in ("GET", "HEAD"):
                    answer = world.guests.call(person, method, f"/api/images/{image['id']}/{size}", token=token)
                    if answer.status_code not in {401, 403} or world.leaks(answer):
                        wrong.append(f"{method} {image['id']}/{size} as {caller}: {answer.status}")
    assert wrong == []


def test_no_zip_file_of_a_protected_event_without_its_token(world):
    wrong = []
    for name, download in world.downloads.items():
        assert download["state"] == "ready"
        path = f"/api/events/{world.event['id']}/downloads/{download['id']}/file"
        for caller, (person, token) in world.callers.items():
            for method in ("GET", "HEAD"):
                for headers in ({}, {"Range": "bytes=0-99"}):
                    answer = world.guests.call(person, method, path, token=token, headers=headers)
                    if answer.status_code not in {401, 403} or world.leaks(answer):
                        wrong.append(f"{method} that of {name} as {caller}: {answer.status}")
    assert wrong == []


def _tampered(url: str) -> Iterator[tuple[str, str]]:
    """One address in many wrong ways."""
    path, query = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query))
    _, _, _, image_id, size = path.split("/")

    def made(name: str = "", value: str | None = None, *, at: str = path) -> str:
        changed = {**query, name: value} if name else query
        return f"{at}?{urlencode({key: text for key, text in changed.items() if text is not None})}"

    yield "another picture", made(at=f"/api/images/{int(image_id) % 2 + 1}/{size}")
    for another in SIZES:
        if another != size:
            yield f"{another} instead of {size}", made(at=f"/api/images/{image_id}/{another}")
    yield "a later end", made("expires", str(int(query["expires"]) + 1))
    yield "no end", made("expires")
    yield "an endless end", made("expires", "9" * 30)
    yield "another person", made("person", str(int(query["person"]) + 1))
    yield "nobody", made("person", "0")
    yield "a person before zero", made("person", "-1")
    yield "no person", made("person")
    yield "no signature", made("signature")
    yield "an empty signature", made("signature", "")
    yield "a cut signature", made("signature", query["signature"][:-1])
    yield "a longer signature", made("signature", query["signature"] + "0")
    yield "a signature of noughts", made("signature", "0" * 64)
    yield "capital letters", made("signature", query["signature"].upper())
    yield "digits of another script", made("person", "\u0661")
    yield "a letter that is none", made("signature", "\ud7ff\u00e9")
    for place in (0, 31, 63):
        flipped = "0" if query["signature"][place] != "0" else "1"
        signature = query["signature"][:place] + flipped + query["signature"][place + 1 :]
        yield f"a letter at {place}", made("signature", signature)


def test_no_tampered_address_gives_a_picture(world):
    wrong = []
    count = 0
    for url in world.good_urls:
        for name, changed in _tampered(url):
            if changed == url:
                continue
            for caller in ("nobody", "neighbour"):
                answer = world.guests.call(caller, "GET", changed)
                count += 1
                if (
                    answer.status_code != 403
                    or not answer.json["code"].startswith("media_link_")
                    or world.leaks(answer)
                ):
                    wrong.append(f"{name} as {caller}: {answer.status} {answer.text[:80]}")
    assert wrong == []
    assert count > 200


def test_an_expired_address_and_one_of_somebody_who_left_give_nothing(world):
    for url in world.expired_urls:
        answer = world.guests.call("late", "GET", url)
        assert (answer.status_code, answer.json["code"]) == (403, "media_link_expired")
    urls = world._urls_for("gone")
    urls.append(world._download_of("gone", world.guests.open("gone", world.event["id"]))["url"])
    assert all(world.guests.call("nobody", "GET", url).status_code == 200 for url in urls)
    assert world.guests.call("gone", "DELETE", "/api/me").status_code == 200
    for url in urls:
        answer = world.guests.call("nobody", "GET", url)
        assert (answer.status_code, answer.json["code"]) == (403, "media_link_invalid")


def test_no_file_is_reached_by_its_name(world):
    root = world.guests.app.extensions["kenali"].settings.events_root
    for key in world.keys:
        assert (root / key).is_file()
        for prefix in ("/", "/static/", "/media/", "/api/images/", "/static/history_images/", f"/{root.name}/"):
            answer = world.guests.call("nobody", "GET", prefix + key)
            assert answer.status_code in {401, 404}, prefix
            assert world.leaks(answer) is None


def test_what_is_searched_by_strangers_tells_nothing_of_photos(world):
    answer = world.guests.call("neighbour", "GET", "/api/events/search?q=wedding")
    assert answer.json[0]["images_preview"] == []
    assert world.event["share_code"] not in answer.text
    assert PASSWORD not in answer.text
