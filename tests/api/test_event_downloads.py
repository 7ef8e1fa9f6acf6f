"""ZIP files of an event's photos: whole or not there, only for whoever asked and may see it, and not for ever."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.http import parse_options_header

from app.db import EventDownload
from app.errors import StorageUnavailable
from app.services.events.zip_files import MAX_ATTEMPTS
from app.services.training_jobs import JobInterrupted
from tests.api.test_problem import assert_problem
from tests.events import Guests, fake_engines, photo
from tests.fakes import picture_of
from tests.forms import form
from tests.pictures import encode, insert_segment, orientation_exif


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.sign_in("owner", admin=True)
    guests.sign_in("guest")
    return guests


def services(guests: Guests):
    return guests.app.extensions["kenali"]


def ask(guests: Guests, name: str, event_id: int, token: str | None = None, **body):
    return guests.call(name, "POST", f"/api/events/{event_id}/downloads", token=token, json=body)


def fetch(guests: Guests, url: str, **options):
    """A plain link: no token, nothing."""
    return guests.call("nobody", "GET", url, **options)


def made(guests: Guests, name: str, event_id: int, token: str | None = None, **body) -> dict:
    """A download that is ready."""
    answer = ask(guests, name, event_id, token, **body)
    assert answer.status_code == 202, answer.text
    services(guests).download_runner.run(answer.json["id"])
    shown = guests.call(name, "GET", f"/api/events/{event_id}/downloads/{answer.json['id']}", token=token)
    assert (shown.status_code, shown.json["state"]) == (200, "ready"), shown.text
    return shown.json


def zip_files(guests: Guests) -> list[Path]:
    """What lies in the folder of the events' files, half-written files included."""
    folder = services(guests).settings.events_root
    return [path for path in folder.rglob("*") if path.suffix == ".zip" or path.name.startswith(".tmp")]


def upload(guests: Guests, event_id: int, *named: tuple[str, bytes]) -> list[dict]:
    answer = guests.call(
        "owner", "POST", f"/api/events/{event_id}/images", **form(*(("files", name, data) for name, data in named))
    )
    assert answer.status_code == 201, answer.text
    return answer.json


def original(guests: Guests, image_id: int) -> bytes:
    return guests.call("owner", "GET", f"/api/images/{image_id}/original").data


def test_the_whole_way_of_a_guest(guests):
    event = guests.event(name="Budi & Ani: a/b")
    images = guests.upload(event["id"], photo(1), photo(2), photo(3))
    token = guests.open("guest", event["id"])
    wanted = [images[2]["id"], images[0]["id"]]
    asked = ask(guests, "guest", event["id"], token, image_ids=wanted)
    assert asked.status_code == 202
    assert asked.headers["Location"] == f"/api/events/{event['id']}/downloads/{asked.json['id']}"
    assert asked.headers["Cache-Control"] == "private, no-store"
    expected = {"state": "queued", "done": 0, "total": 2, "left_out": 0, "size_bytes": None, "failure": None}
    expected |= {"event_id": event["id"], "filename": "Budi & Ani_ a_b.zip", "url": None, "expires_at": None}
    assert expected.items() <= asked.json.items()
    early = guests.call("guest", "GET", f"{asked.headers['Location']}/file", token=token)
    assert_problem(early, 409, "download_not_ready")

    services(guests).download_runner.run(asked.json["id"])
    shown = guests.call("guest", "GET", asked.headers["Location"], token=token).json
    assert (shown["state"], shown["done"], shown["total"], shown["left_out"]) == ("ready", 2, 2, 0)
    kept = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < kept <= timedelta(hours=24)
    [listed] = guests.call("guest", "GET", f"/api/events/{event['id']}/downloads", token=token).json
    assert listed == shown
    # A plain link: no header at all.
    response = fetch(guests, shown["url"])
    assert response.status_code == 200
    assert response.mimetype == "application/zip"
    assert int(response.headers["Content-Length"]) == len(response.data) == shown["size_bytes"]
    assert response.headers["Content-Disposition"] == 'attachment; filename="Budi & Ani_ a_b.zip"'
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0.jpg", "2.jpg"]
        assert archive.read("0.jpg") == original(guests, images[0]["id"])
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        # Checksum and length come first, for programs that read from the beginning.
        assert not any(entry.flag_bits & 0x08 for entry in archive.infolist())
    # By token too.
    direct = guests.call("guest", "GET", f"{asked.headers['Location']}/file", token=token)
    assert direct.data == response.data

    deleted = guests.call("guest", "DELETE", asked.headers["Location"], token=token)
    assert deleted.json == {"message": "Download deleted"}
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_invalid")
    assert zip_files(guests) == []


def test_all_photos_in_the_size_for_screens(guests):
    event = guests.event()
    upload(guests, event["id"], ("a.png", encode(picture_of(1), "PNG")), ("b.jpg", photo(2)))
    shown = made(guests, "owner", event["id"], all=True, size="web")
    with zipfile.ZipFile(io.BytesIO(fetch(guests, shown["url"]).data)) as archive:
        assert archive.namelist() == ["a.jpg", "b.jpg"]
        assert all(archive.read(name).startswith(b"\xff\xd8\xff") for name in archive.namelist())


def test_a_smaller_file_that_somebody_removed_is_made_again(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    for path in services(guests).settings.events_root.rglob("*-web.jpg"):
        path.unlink()
    assert made(guests, "owner", event["id"], all=True, size="web")["done"] == 1


def test_the_parts_of_an_interrupted_download_make_the_whole(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1), photo(2))
    shown = made(guests, "owner", event["id"], all=True)
    url, length = shown["url"], shown["size_bytes"]
    whole = fetch(guests, url)
    first = fetch(guests, url, headers={"Range": "bytes=0-999"})
    assert (first.status_code, first.headers["Content-Range"]) == (206, f"bytes 0-999/{length}")
    assert first.headers["Content-Length"] == "1000"
    rest = fetch(guests, url, headers={"Range": "bytes=1000-", "If-Range": whole.headers["ETag"]})
    assert (rest.status_code, rest.headers["Content-Range"]) == (206, f"bytes 1000-{length - 1}/{length}")
    assert first.data + rest.data == whole.data
    assert fetch(guests, url, headers={"Range": "bytes=-5"}).data == whole.data[-5:]
    beyond = fetch(guests, url, headers={"Range": f"bytes={length}-"})
    assert_problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{length}"
    # Another file than the one of which a part is there, several parts, and nonsense: the whole.
    for headers in (
        {"Range": "bytes=1000-", "If-Range": '"another"'},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=5-1"},
    ):
        assert fetch(guests, url, headers=headers).data == whole.data, headers
    assert fetch(guests, url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = guests.call("nobody", "HEAD", url)
    assert (head.status_code, head.data, int(head.headers["Content-Length"])) == (200, b"", length)


def test_names_inside_are_the_clients_made_unique_and_safe(guests):
    event = guests.event()
    names = [
        *("Foto.jpg", "foto.JPG", "Foto.jpg", "../../etc/passwd", "C:\\boot.ini", "pernikahan é 结婚.jpg"),
        *("con.jpg", "a:b?c*.jpg", "photo.jpg.exe", "x" * 300 + ".jpg", "👰" * 100 + ".jpg", ".jpg", "gambar.png"),
    ]
    upload(guests, event["id"], *((name, photo(1, number=number)) for number, name in enumerate(names)))
    shown = made(guests, "owner", event["id"], all=True)
    with zipfile.ZipFile(io.BytesIO(fetch(guests, shown["url"]).data)) as archive:
        found = archive.namelist()
    assert len({name.casefold() for name in found}) == len(found) == len(names)
    assert found[:9] == [
        *("Foto.jpg", "foto (2).JPG", "Foto (3).jpg", "passwd.jpg", "C_boot.ini.jpg", "pernikahan é 结婚.jpg"),
        *("_con.jpg", "a_b_c_.jpg", "photo.jpg.exe.jpg"),
    ]
    assert found[-1] == "gambar.jpg", "it is a JPEG, whatever it was called"
    assert all(name.lower().endswith(".jpg") and len(name.encode()) <= 255 for name in found)
    assert not any(set(name) & set('/\\<>:"|?*') or name.startswith(".") for name in found)


def test_an_event_with_a_name_that_no_header_can_carry_is_downloaded(guests):
    event = guests.event(name="Budi 💍 Ani’s")
    guests.upload(event["id"], photo(1))
    response = fetch(guests, made(guests, "owner", event["id"], all=True)["url"])
    assert response.status_code == 200
    # A server that is no test client fails with anything else.
    assert response.headers["Content-Disposition"].isascii()
    assert parse_options_header(response.headers["Content-Disposition"])[1]["filename"] == "Budi 💍 Ani’s.zip"


def test_no_photo_in_it_carries_where_it_was_taken(guests):
    event = guests.event()
    where = insert_segment(photo(1), 0xE1, orientation_exif(1)[:-4] + b"6.2088 S, 106.8456 E")
    guests.upload(event["id"], insert_segment(where, 0xFE, b"6.2088 S, 106.8456 E"))
    shown = made(guests, "owner", event["id"], all=True)
    data = fetch(guests, shown["url"]).data
    assert data.startswith(b"PK")
    assert b"106.8456" not in data


def test_whoever_asks_for_the_same_again_gets_the_same(guests):
    event = guests.event()
    images = guests.upload(event["id"], photo(1), photo(2))
    ids = [image["id"] for image in images]
    first = ask(guests, "owner", event["id"], image_ids=ids).json
    assert ask(guests, "owner", event["id"], image_ids=ids[::-1]).json["id"] == first["id"]
    assert ask(guests, "owner", event["id"], all=True).json["id"] == first["id"]
    assert ask(guests, "owner", event["id"], all=True, size="web").json["id"] != first["id"]
    token = guests.open("guest", event["id"])
    assert ask(guests, "guest", event["id"], token, all=True).json["id"] != first["id"], "that is somebody else's"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"image_ids": []},
        {"image_ids": [1], "all": True},
        {"all": False},
        {"image_ids": ["1"]},
        {"image_ids": [1.5]},
        {"image_ids": [True]},
        {"image_ids": 1},
        {"image_ids": [1] * 10_001},
        {"all": True, "size": "thumb"},
        {"all": True, "size": "../x"},
        {"all": "perhaps"},
        {"all": True, "size": None},
    ],
)
def test_what_is_no_selection_is_refused(guests, body):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    assert_problem(ask(guests, "owner", event["id"], **body), 400, "invalid_input")


def test_photos_of_other_events_and_deleted_ones_are_left_out_and_counted(guests):
    event, other = guests.event(), guests.event(name="Other")
    images = guests.upload(event["id"], photo(1), photo(2))
    foreign = guests.upload(other["id"], photo(3))[0]["id"]
    ids = [images[0]["id"], foreign, 2**70, -1, images[0]["id"], images[1]["id"]]
    shown = made(guests, "owner", event["id"], image_ids=ids)
    assert (shown["done"], shown["total"], shown["left_out"]) == (2, 5, 3)
    assert_problem(ask(guests, "owner", event["id"], image_ids=[foreign]), 404, "image_not_found")
    assert_problem(ask(guests, "owner", guests.event(name="Empty")["id"], all=True), 404, "image_not_found")


def test_a_photo_deleted_before_its_turn_is_left_out(guests):
    event = guests.event()
    images = guests.upload(event["id"], photo(1), photo(2))
    asked = ask(guests, "owner", event["id"], all=True).json
    guests.call("owner", "DELETE", f"/api/images/{images[0]['id']}")
    services(guests).download_runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert (shown["state"], shown["done"], shown["total"], shown["left_out"]) == ("ready", 1, 2, 1)


def test_a_photo_deleted_while_the_file_is_written_is_not_in_it(guests, monkeypatch):
    event = guests.event()
    images = guests.upload(event["id"], photo(1), photo(2))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    open_image, deleted = runner._open_image, []

    def delete_the_first_one(image, size):
        if image.id == images[1]["id"] and not deleted:  # the first one is written already
            deleted.append(guests.call("owner", "DELETE", f"/api/images/{images[0]['id']}").status_code)
        return open_image(image, size)

    monkeypatch.setattr(runner, "_open_image", delete_the_first_one)
    runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert deleted == [200]
    assert (shown["state"], shown["done"], shown["left_out"]) == ("ready", 1, 1)
    with zipfile.ZipFile(io.BytesIO(fetch(guests, shown["url"]).data)) as archive:
        assert archive.namelist() == ["1.jpg"]
    assert len(zip_files(guests)) == 1


def test_a_photo_deleted_afterwards_takes_the_downloads_with_it_along(guests):
    event = guests.event()
    images = guests.upload(event["id"], photo(1), photo(2))
    with_it = made(guests, "owner", event["id"], all=True)
    without = made(guests, "owner", event["id"], image_ids=[images[1]["id"]])
    guests.call("owner", "DELETE", f"/api/images/{images[0]['id']}")
    assert_problem(fetch(guests, with_it["url"]), 403, "media_link_invalid")
    assert fetch(guests, without["url"]).status_code == 200
    assert len(zip_files(guests)) == 1


def test_if_every_photo_is_gone_the_download_fails(guests):
    event = guests.event()
    image = guests.upload(event["id"], photo(1))[0]
    asked = ask(guests, "owner", event["id"], all=True).json
    guests.call("owner", "DELETE", f"/api/images/{image['id']}")
    services(guests).download_runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert (shown["state"], shown["failure"], shown["url"]) == ("failed", "image_not_found", None)
    assert zip_files(guests) == []


def test_one_photo_at_a_time_is_in_memory(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], *(photo(1, number=number) for number in range(20)))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    large = np.random.default_rng(1).bytes(2_000_000)
    monkeypatch.setattr(runner, "_open_image", lambda *_: io.BytesIO(large))
    tracemalloc.start()
    runner.run(asked["id"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    assert guests.call("owner", "GET", path).json["size_bytes"] > 40_000_000
    assert peak < 12_000_000


# --- who


def test_only_whoever_asked_for_it_gets_it(guests):
    guests.sign_in("other")
    event = guests.event()
    guests.upload(event["id"], photo(1))
    tokens = {name: guests.open(name, event["id"]) for name in ("guest", "other")}
    shown = made(guests, "guest", event["id"], tokens["guest"], all=True)
    base = f"/api/events/{event['id']}/downloads/{shown['id']}"
    for name, token in (("other", tokens["other"]), ("owner", None)):
        for method, path in (("GET", base), ("GET", f"{base}/file"), ("DELETE", base)):
            assert_problem(guests.call(name, method, path, token=token), 404, "download_not_found")
        assert guests.call(name, "GET", f"/api/events/{event['id']}/downloads", token=token).json == []
    key = {"X-API-Key": services(guests).api_keys.create("test", ["events"]).key}
    assert_problem(guests.call("nobody", "GET", base, headers=key), 404, "download_not_found")
    other_event = guests.event(name="Other")
    wrong_event = f"/api/events/{other_event['id']}/downloads/{shown['id']}"
    second = guests.open("guest", other_event["id"])
    for method in ("GET", "DELETE"):
        assert_problem(guests.call("guest", method, wrong_event), 403, "event_access_required")
        assert_problem(guests.call("guest", method, wrong_event, token=second), 404, "download_not_found")
    link = urlsplit(shown["url"]).query
    assert_problem(fetch(guests, f"{wrong_event}/file?{link}"), 403, "media_link_invalid")


def test_an_address_is_good_for_one_person_one_file_and_a_while(guests, monkeypatch):
    event = guests.event()
    image = guests.upload(event["id"], photo(1), photo(2))[0]
    token = guests.open("guest", event["id"])
    shown = made(guests, "guest", event["id"], token, all=True)
    second = made(guests, "guest", event["id"], token, image_ids=[image["id"]])
    split = urlsplit(shown["url"])
    query = dict(parse_qsl(split.query))
    assert query["person"] == str(guests.people["guest"])
    for change in ({"person": "0"}, {"person": str(guests.people["owner"])}, {"expires": "9999999999"}):
        forged = f"{split.path}?{urlencode({**query, **change})}"
        assert_problem(fetch(guests, forged), 403, "media_link_invalid")
    assert_problem(fetch(guests, f"{urlsplit(second['url']).path}?{split.query}"), 403, "media_link_invalid")
    # That of a picture opens no file, nor the other way round.
    picture = urlsplit(image["url"])
    assert_problem(fetch(guests, f"{split.path}?{picture.query}"), 403, "media_link_invalid")
    assert_problem(fetch(guests, f"{picture.path}?{split.query}"), 403, "media_link_invalid")
    later = datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr(services(guests).event_access, "_clock", lambda: later)
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_expired")


def test_a_new_password_ends_the_address_at_once(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    token = guests.open("guest", event["id"])
    shown = made(guests, "guest", event["id"], token, all=True)
    assert fetch(guests, shown["url"]).status_code == 200
    guests.call("owner", "PUT", f"/api/events/{event['id']}", json={"password": "AnotherOne2026"})
    path = f"/api/events/{event['id']}/downloads/{shown['id']}"
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_invalid")
    for where in (path, f"{path}/file", f"/api/events/{event['id']}/downloads"):
        assert_problem(guests.call("guest", "GET", where, token=token), 403, "event_token_invalid")
    token = guests.open("guest", event["id"], "AnotherOne2026")
    again = guests.call("guest", "GET", path, token=token).json
    assert fetch(guests, again["url"]).status_code == 200


def test_in_local_mode_nobody_in_particular_downloads_too(make_app):
    guests = Guests(make_app(face_engines=fake_engines()))
    event = guests.event("nobody")
    guests.upload(event["id"], photo(1), by="nobody")
    shown = made(guests, "nobody", event["id"], all=True)
    assert fetch(guests, shown["url"]).status_code == 200
    assert guests.call("nobody", "GET", f"/api/events/{event['id']}/downloads/{shown['id']}/file").status_code == 200
    guests.sign_in("guest")
    # Being on this machine is enough to see the event, but not to see somebody else's download.
    assert guests.call("guest", "GET", f"/api/events/{event['id']}/downloads").json == []


def test_programs_download_with_a_key(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    keys = {scope: {"X-API-Key": services(guests).api_keys.create("test", [scope]).key} for scope in ("events", "face")}
    path = f"/api/events/{event['id']}/downloads"
    answer = guests.call("nobody", "POST", path, headers=keys["events"], json={"all": True})
    assert answer.status_code == 202
    services(guests).download_runner.run(answer.json["id"])
    file = f"{path}/{answer.json['id']}/file"
    assert guests.call("nobody", "GET", file, headers=keys["events"]).data.startswith(b"PK")
    assert_problem(guests.call("nobody", "GET", file, headers=keys["face"]), 403, "event_access_required")
    assert_problem(guests.call("nobody", "GET", file), 401, "not_authenticated")


# --- limits


def test_too_many_bytes_are_refused_before_anything_is_made(make_app):
    guests = Guests(make_app(face_engines=fake_engines(), download_max_mb=1))
    event = guests.event("nobody")
    # Noise does not shrink: the two of them have more than a megabyte.
    rng = np.random.default_rng(1)
    noise = [encode(rng.integers(0, 256, (500, 500, 3), np.uint8), "PNG") for _ in range(2)]
    guests.upload(event["id"], *noise, by="nobody")
    refused = ask(guests, "nobody", event["id"], all=True)
    assert_problem(refused, 422, "download_too_large")
    assert "1 MB" in refused.json["detail"]


def test_a_file_that_grows_beyond_the_limit_is_given_up(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    monkeypatch.setattr(services(guests).download_runner, "_max_bytes", 100)
    services(guests).download_runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert (shown["state"], shown["failure"]) == ("failed", "download_too_large")
    assert zip_files(guests) == []
    # Who asks again gets another try, not the failure.
    assert ask(guests, "owner", event["id"], all=True).json["id"] != asked["id"]


def test_a_full_disk_is_told_before_and_while_it_is_made(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True, size="web").json
    monkeypatch.setattr(services(guests).event_files.storage, "free_bytes", lambda: 1000)
    assert_problem(ask(guests, "owner", event["id"], all=True), 507, "storage_full")
    services(guests).download_runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert (shown["state"], shown["failure"]) == ("failed", "storage_full")


def test_nobody_has_more_than_two_made_at_a_time(guests):
    event = guests.event()
    images = guests.upload(event["id"], photo(1), photo(2))
    token = guests.open("guest", event["id"])
    first = ask(guests, "guest", event["id"], token, image_ids=[images[0]["id"]]).json
    ask(guests, "guest", event["id"], token, image_ids=[images[1]["id"]])
    refused = ask(guests, "guest", event["id"], token, all=True)
    assert_problem(refused, 429, "too_many_downloads")
    assert int(refused.headers["Retry-After"]) > 0
    assert ask(guests, "owner", event["id"], all=True).status_code == 202, "others are not kept waiting"
    guests.call("guest", "DELETE", f"/api/events/{event['id']}/downloads/{first['id']}", token=token)
    assert ask(guests, "guest", event["id"], token, all=True).status_code == 202


def test_of_finished_ones_the_last_few_are_kept(guests):
    event = guests.event()
    images = guests.upload(event["id"], *(photo(number) for number in range(1, 6)))
    shown = [made(guests, "owner", event["id"], image_ids=[image["id"]]) for image in images]
    listed = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads")
    assert [download["id"] for download in listed.json] == [download["id"] for download in shown[:1:-1]]
    assert listed.headers["X-Total-Count"] == "3"
    assert len(zip_files(guests)) == 3
    page = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads?per_page=1&page=2").json
    assert [download["id"] for download in page] == [shown[3]["id"]]


def test_those_that_are_being_made_count_among_the_kept(guests):
    event = guests.event()
    images = guests.upload(event["id"], *(photo(number) for number in range(1, 6)))
    for image in images[:3]:
        made(guests, "owner", event["id"], image_ids=[image["id"]])
    for image in images[3:]:
        assert ask(guests, "owner", event["id"], image_ids=[image["id"]]).status_code == 202
    listed = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads").json
    assert [download["state"] for download in listed] == ["queued", "queued", "ready"]


# --- the end of it


def test_it_expires_and_is_removed(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    shown = made(guests, "owner", event["id"], all=True)
    path = f"/api/events/{event['id']}/downloads/{shown['id']}"
    assert services(guests).download_runner.clean() == 0
    later = datetime.now(UTC) + timedelta(hours=25)
    for part in (services(guests).event_downloads, services(guests).download_runner):
        monkeypatch.setattr(part, "_clock", lambda: later)
    # Nobody sees it from that moment on, whether or not it was removed already.
    for where in (path, f"{path}/file"):
        assert_problem(guests.call("owner", "GET", where), 404, "download_not_found")
    assert_problem(fetch(guests, shown["url"]), 404, "download_not_found")
    assert guests.call("owner", "GET", f"/api/events/{event['id']}/downloads").json == []
    assert ask(guests, "owner", event["id"], all=True).json["id"] != shown["id"]
    assert services(guests).download_runner.clean() == 1
    assert zip_files(guests) == []


def test_an_events_files_go_with_it(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    token = guests.open("guest", event["id"])
    shown = made(guests, "guest", event["id"], token, all=True)
    assert guests.call("owner", "DELETE", f"/api/events/{event['id']}").status_code == 200
    assert zip_files(guests) == []
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_invalid")


def test_a_persons_files_go_with_them_and_so_do_those_of_their_events(guests):
    guests.sign_in("organiser", admin=True)
    event = guests.event("organiser")
    guests.upload(event["id"], photo(1), by="organiser")
    token = guests.open("guest", event["id"])
    made(guests, "organiser", event["id"], all=True)
    shown = made(guests, "guest", event["id"], token, all=True)
    assert len(zip_files(guests)) == 2
    services(guests).users.delete(guests.people["organiser"])
    assert zip_files(guests) == []
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_invalid")

    event = guests.event()
    guests.upload(event["id"], photo(1))
    token = guests.open("guest", event["id"])
    shown = made(guests, "guest", event["id"], token, all=True)
    services(guests).users.delete(guests.people["guest"])
    assert zip_files(guests) == []
    assert_problem(fetch(guests, shown["url"]), 403, "media_link_invalid")


def test_the_sweep_keeps_what_is_known_and_removes_the_rest(guests):
    event = guests.event()
    image = guests.upload(event["id"], photo(1), photo(2))[0]
    shown = made(guests, "owner", event["id"], all=True)
    lost = made(guests, "owner", event["id"], image_ids=[image["id"]])
    files = services(guests).event_files
    with services(guests).sessions() as session:
        keys = {row.id: row.storage_key for row in session.scalars(select(EventDownload))}
    files.storage.delete(keys[lost["id"]])
    stray = files.new_key(guests.people["owner"], "downloads", "zip")
    files.storage.put(stray, b"PK")
    half = files.storage.path(stray).with_name(".tmp-0123456789abcdef")
    half.write_bytes(b"PK")
    files.sweep()
    assert [path.name for path in zip_files(guests)] == [keys[shown["id"]].rpartition("/")[2]]
    assert fetch(guests, shown["url"]).status_code == 200
    listed = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads").json
    assert [download["id"] for download in listed] == [shown["id"]], "what has lost its file is not promised"


# --- the worker


def test_one_that_died_is_made_again_and_leaves_nothing(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1), photo(2))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    finish = runner._finish

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    # Dead after the file was put in its place, before its row said so.
    monkeypatch.setattr(runner, "_finish", killed)
    monkeypatch.setattr(runner._files, "remove", lambda _: None)
    with pytest.raises(Killed):
        runner.run(asked["id"])
    monkeypatch.undo()
    assert len(zip_files(guests)) == 1
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    assert guests.call("owner", "GET", path).json["state"] == "running"
    assert_problem(guests.call("owner", "GET", f"{path}/file"), 409, "download_not_ready")
    assert runner._finish == finish
    runner.run(asked["id"])
    assert guests.call("owner", "GET", path).json["state"] == "ready"
    assert len(zip_files(guests)) == 1


def test_one_that_was_only_thought_to_be_dead_changes_nothing(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    open_image, others = runner._open_image, []

    def overtaken(image, size):
        if not others:
            others.append(1)
            runner.run(asked["id"])
        return open_image(image, size)

    monkeypatch.setattr(runner, "_open_image", overtaken)
    runner.run(asked["id"])
    shown = guests.call("owner", "GET", f"/api/events/{event['id']}/downloads/{asked['id']}").json
    assert shown["state"] == "ready"
    assert fetch(guests, shown["url"]).status_code == 200
    assert len(zip_files(guests)) == 1


def test_one_that_is_deleted_while_it_is_made_leaves_no_file(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    open_image = runner._open_image

    def deleted(image, size):
        guests.call("owner", "DELETE", f"/api/events/{event['id']}/downloads/{asked['id']}")
        return open_image(image, size)

    monkeypatch.setattr(runner, "_open_image", deleted)
    runner.run(asked["id"])
    assert zip_files(guests) == []


def test_a_worker_that_stops_gives_it_back(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1), photo(2))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    for _ in range(MAX_ATTEMPTS + 2):
        with pytest.raises(JobInterrupted):
            runner.run(asked["id"], lambda: True)
    assert zip_files(guests) == []
    runner.run(asked["id"])
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    assert guests.call("owner", "GET", path).json["state"] == "ready"


def test_one_that_kills_its_workers_is_given_up(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    for _ in range(MAX_ATTEMPTS):
        assert runner._begin(asked["id"]) is not None
    runner.run(asked["id"])
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    assert guests.call("owner", "GET", path).json["failure"] == "worker_died"


def test_a_folder_that_cannot_be_written_to_for_a_while_is_waited_for(guests, monkeypatch):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner

    def away(*_, **__):
        raise StorageUnavailable

    monkeypatch.setattr(runner._files.storage, "writing", away)
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(StorageUnavailable):  # the queue tries again, after a pause
            runner.run(asked["id"])
    monkeypatch.undo()
    runner.run(asked["id"])
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    assert guests.call("owner", "GET", path).json["state"] == "ready"


def test_one_that_the_queue_has_lost_goes_back_into_it(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    asked = ask(guests, "owner", event["id"], all=True).json
    runner = services(guests).download_runner
    assert runner.requeue() == 0
    with services(guests).sessions.begin() as session:
        session.get(EventDownload, asked["id"]).queue_job_id = None
    assert runner.requeue() == 1
    assert runner.requeue() == 0


def test_the_worker_makes_it(app: Flask):
    guests = Guests(app)
    event = guests.event("nobody")
    guests.upload(event["id"], photo(1), by="nobody")
    asked = ask(guests, "nobody", event["id"], all=True).json
    path = f"/api/events/{event['id']}/downloads/{asked['id']}"
    guests.wait_for(lambda: guests.call("nobody", "GET", path).json["state"] == "ready")
    assert fetch(guests, guests.call("nobody", "GET", path).json["url"]).data.startswith(b"PK")
