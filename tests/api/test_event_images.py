"""The photos of events: taken in, looked at, listed, handed out, deleted."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from sqlalchemy import select
from werkzeug.http import parse_options_header, quote_header_value

from app.db import EventFace, EventImage
from app.engines.images import decode
from app.errors import StorageFull, StorageUnavailable
from app.storage import LocalStorage, is_temporary
from tests.api.test_problem import assert_problem
from tests.events import Guests, fake_engines, photo
from tests.forms import form
from tests.pictures import GROUP_PHOTO, encode, gradient, jpeg, orientation_exif, png
from tests.unit.engines.test_images_renditions import SECRET, with_everything


@pytest.fixture
def guests(make_app) -> Guests:
    guests = Guests(make_app(access_mode="token", face_engines=fake_engines()))
    guests.sign_in("owner", admin=True)
    guests.sign_in("guest")
    return guests


def files_of(guests) -> list[str]:
    root = guests.app.extensions["kenali"].settings.events_root
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def seen(data: bytes) -> np.ndarray:
    return decode(data, max_bytes=10**8, max_pixels=10**8)


# --- taken in


def test_each_file_is_taken_told_as_a_duplicate_or_rejected_by_itself(guests):
    event = guests.event()
    one, two = photo(1), photo(1, number=1)
    assert [shown["duplicate"] for shown in guests.upload(event["id"], one)] == [False]
    answer = guests.call(
        "owner",
        "POST",
        f"/api/events/{event['id']}/images",
        **form(
            ("files", "two.jpg", two),
            ("files", "../../one again.jpg", one),
            ("files", "notes.txt", b"hello"),
            ("files[]", "two again.jpg", two),
            ("files", "tiny.png", png(8, 8)),
        ),
    )
    assert answer.status_code == 201
    shown = answer.json
    assert [file["file_name"] for file in shown] == ["two.jpg", "0.jpg", "notes.txt", "tiny.png", "two.jpg"]
    assert [file["duplicate"] for file in shown] == [False, True, False, False, True]
    rejected = [file["rejected"] and file["rejected"]["code"] for file in shown]
    assert rejected == [None, None, "unsupported_image", "image_too_small", None]
    assert [file["id"] for file in shown] == [2, 1, None, None, 2]
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 2
    assert len(files_of(guests)) == 6


def test_the_same_file_in_another_event_is_no_duplicate(guests):
    for name in ("One", "Two"):
        [shown] = guests.upload(guests.event(name=name)["id"], photo(1))
        assert shown["duplicate"] is False


def test_when_nothing_can_be_taken_it_says_why_for_each(guests):
    event = guests.event()
    path = f"/api/events/{event['id']}/images"
    answer = guests.call("owner", "POST", path, **form(("files", "a.txt", b"x"), ("files", "b.jpg", b"")))
    problem = assert_problem(answer, 400, "no_photo_accepted")
    assert [rejection["filename"] for rejection in problem["rejected"]] == ["a.txt", "b.jpg"]
    assert_problem(guests.call("owner", "POST", path, **form()), 400, "missing_file")
    assert_problem(guests.call("guest", "POST", path, **form(("files", "a.jpg", photo(1)))), 403, "not_permitted")
    assert files_of(guests) == []


def test_only_those_who_may_are_listened_to(guests):
    event = guests.event()
    answer = guests.call(
        "guest",
        "POST",
        f"/api/events/{event['id']}/images",
        token=guests.open("guest", event["id"]),
        **form(("files", "a.jpg", photo(1))),
    )
    assert_problem(answer, 403, "not_permitted")
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 0


def test_a_full_disk_is_told_and_leaves_neither_file_nor_row_nor_job(guests, monkeypatch):
    event = guests.event()
    put = LocalStorage.put

    def full(self, key, data):
        if key.endswith("-thumb.jpg"):
            raise StorageFull
        put(self, key, data)

    monkeypatch.setattr(LocalStorage, "put", full)
    path = f"/api/events/{event['id']}/images"
    assert_problem(guests.call("owner", "POST", path, **form(("files", "a.jpg", photo(1)))), 507, "storage_full")
    assert files_of(guests) == []
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 0
    monkeypatch.undo()
    assert guests.upload(event["id"], photo(1))[0]["duplicate"] is False


def test_two_requests_with_one_file_store_it_once(guests):
    from concurrent.futures import ThreadPoolExecutor

    event = guests.event()
    data = [photo(1, number=number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: guests.upload(event["id"], *data), range(4)))
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 4
    assert sorted(file["duplicate"] for answer in answers for file in answer) == [False] * 4 + [True] * 12
    assert len(files_of(guests)) == 12


# --- handed out


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_nothing_that_is_handed_out_tells_where_or_with_what_it_was_taken(guests, kind):
    event = guests.event()
    data = with_everything(kind, 6)
    [shown] = guests.upload(event["id"], data)
    assert (shown["width"], shown["height"]) == (60, 80)
    for name in ("url", "thumbnail_url", "original_url"):
        answer = guests.call("nobody", "GET", shown[name])
        assert answer.status_code == 200
        assert SECRET not in answer.data
        assert not PillowImage.open(io.BytesIO(answer.data)).getexif().get_ifd(0x8825)
        pixels = seen(answer.data)
        assert pixels.shape == (80, 60, 3)
        assert np.abs(pixels.astype(int) - seen(data)).mean() < 4
    assert np.array_equal(pixels, seen(data))
    for path in files_of(guests):
        assert SECRET not in (guests.app.extensions["kenali"].settings.events_root / path).read_bytes()


def test_the_sizes_are_what_they_say(guests):
    event = guests.event()
    [shown] = guests.upload(event["id"], encode(gradient(2400, 1200), "JPEG", exif=orientation_exif(8)))
    sizes = {}
    for name in ("original_url", "url", "thumbnail_url"):
        answer = guests.call("nobody", "GET", shown[name])
        sizes[name] = seen(answer.data).shape[1::-1]
        assert answer.content_length == len(answer.data)
        assert answer.mimetype == "image/jpeg"
    assert sizes == {"original_url": (1200, 2400), "url": (800, 1600), "thumbnail_url": (200, 400)}
    assert shown["size_bytes"] == len(guests.call("nobody", "GET", shown["original_url"]).data)


def test_a_picture_comes_with_cautious_headers_and_is_not_sent_twice(guests):
    event = guests.event()
    [shown] = guests.upload(event["id"], png(64, 64))
    answer = guests.call("nobody", "GET", shown["original_url"])
    assert answer.mimetype == "image/png"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Content-Disposition"] == "inline; filename=0.jpg"
    again = guests.call("nobody", "GET", shown["original_url"], headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = guests.call("nobody", "HEAD", shown["original_url"])
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(answer.data))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Pesta Budi’s 💍.jpg", "Pesta Budis .jpg"),
        ("café.jpg", "cafe.jpg"),
        ("写真.jpg", "file.jpg"),
        ("写真", "file"),
        ("Budi 💍", "Budi"),
    ],
)
def test_a_photo_with_a_name_that_no_header_can_carry_is_handed_out(guests, name, plain):
    event = guests.event()
    answer = guests.call("owner", "POST", f"/api/events/{event['id']}/images", **form(("files", name, png(64, 64))))
    [shown] = answer.json
    assert shown["file_name"] == name
    for address in ("url", "thumbnail_url", "original_url"):
        answer = guests.call("nobody", "GET", shown[address])
        assert answer.status_code == 200
        # A server that is no test client fails with anything else.
        assert answer.headers["Content-Disposition"].isascii()
        how, names = parse_options_header(answer.headers["Content-Disposition"])
        assert (how, names["filename"]) == ("inline", name)
        assert quote_header_value(plain) in answer.headers["Content-Disposition"]


def test_addresses_stay_the_same_for_a_while(guests, monkeypatch):
    from datetime import UTC, datetime, timedelta

    event = guests.event()
    guests.upload(event["id"], photo(1))
    access = guests.app.extensions["kenali"].event_access
    start = datetime(2026, 1, 22, 10, 1, tzinfo=UTC)
    urls = []
    for minutes in (0, 13, 15):
        monkeypatch.setattr(access, "_clock", lambda minutes=minutes: start + timedelta(minutes=minutes))
        urls.append(guests.call("owner", "GET", f"/api/events/{event['id']}/images").json["items"][0]["url"])
    assert urls[0] == urls[1] != urls[2]
    monkeypatch.setattr(access, "_clock", lambda: start + timedelta(minutes=60))
    assert guests.call("nobody", "GET", urls[0]).status_code == 200
    monkeypatch.setattr(access, "_clock", lambda: start + timedelta(minutes=75))
    assert_problem(guests.call("nobody", "GET", urls[0]), 403, "media_link_expired")


def test_a_smaller_picture_that_was_lost_is_made_again_and_a_lost_original_is_told(guests):
    event = guests.event()
    [shown] = guests.upload(event["id"], photo(1))
    root = guests.app.extensions["kenali"].settings.events_root
    for path in files_of(guests):
        if "thumb" in path or "web" in path:
            (root / path).unlink()
    before = files_of(guests)
    assert len(before) == 1
    for name in ("url", "thumbnail_url"):
        assert guests.call("nobody", "GET", shown[name]).status_code == 200
    assert len(files_of(guests)) == 3
    (root / before[0]).unlink()
    assert_problem(guests.call("nobody", "GET", shown["original_url"]), 404, "photo_file_missing")


# --- listed


def test_the_list_has_the_pages_and_the_order_that_were_asked_for(guests):
    event = guests.event()
    path = f"/api/events/{event['id']}/images"
    named = [("files", name, photo(1, number=n)) for n, name in enumerate(("b.jpg", "a.jpg", "c.jpg"))]
    guests.call("owner", "POST", path, **form(*named))
    answer = guests.call("owner", "GET", path)
    assert answer.json.keys() == {"total_items", "total_pages", "current_page", "limit", "items"}
    assert (answer.json["total_items"], answer.json["total_pages"], answer.json["limit"]) == (3, 1, 50)

    def names(query):
        return [image["file_name"][0] for image in guests.call("owner", "GET", f"{path}?{query}").json["items"]]

    assert names("") == ["c", "a", "b"]
    assert names("sort_order=asc") == ["b", "a", "c"]
    assert names("sort_by=file_name") == ["c", "b", "a"]
    assert names("sort_by=file_name&sort_order=asc&limit=2") == ["a", "b"]
    second = guests.call("owner", "GET", f"{path}?limit=2&page=2")
    assert (second.json["total_pages"], second.json["current_page"], len(second.json["items"])) == (2, 2, 1)
    assert second.headers["X-Total-Count"] == "3"
    first = guests.call("owner", "GET", f"{path}?limit=2")
    assert "limit=2" in first.headers["Link"]
    assert "page=2" in first.headers["Link"]
    for query in ("limit=0", "limit=201", "page=0", "sort_by=size", "sort_order=up", "limit=x"):
        assert_problem(guests.call("owner", "GET", f"{path}?{query}"), 400, "invalid_input")
    masked = guests.call("owner", "GET", path, headers={"X-Fields": "items{id,url}"}).json
    assert masked["items"][0].keys() == {"id", "url"}


def test_my_event_images_are_for_those_who_may_change_the_event(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    token = guests.open("guest", event["id"])
    path = f"/api/events/{event['id']}/my-event-images"
    assert guests.call("owner", "GET", path).json["total_items"] == 1
    assert_problem(guests.call("guest", "GET", path, token=token), 403, "not_permitted")


# --- looked at


def test_the_faces_of_a_photo_are_known_with_their_boxes(guests):
    event = guests.event()
    [shown, empty] = guests.upload(event["id"], photo(1, 2, 3), photo())
    assert (shown["state"], shown["faces"]) == ("queued", 0)
    guests.index()
    listed = guests.call("owner", "GET", f"/api/events/{event['id']}/images?sort_order=asc").json["items"]
    assert [(image["state"], image["faces"], image["failure"]) for image in listed] == [
        ("indexed", 3, None),
        ("indexed", 0, None),
    ]
    assert listed[0]["indexed_at"]
    with guests.app.extensions["kenali"].sessions() as session:
        faces = session.scalars(select(EventFace).order_by(EventFace.x)).all()
    assert {face.image_id for face in faces} == {shown["id"]}
    assert empty["id"] != shown["id"]
    assert [round(face.x, -1) for face in faces] == [30, 160, 300]
    assert all(0 <= face.quality <= 1 and face.w > 50 and face.model == "fake@00000000" for face in faces)


def test_boxes_are_in_pixels_of_the_upright_original(guests):
    event = guests.event()
    picture = PillowImage.open(io.BytesIO(photo(1, width=2000, height=1000, side=200)))
    turned = encode(np.rot90(np.asarray(picture)), "JPEG", exif=orientation_exif(6))
    guests.upload(event["id"], turned)
    guests.index()
    with guests.app.extensions["kenali"].sessions() as session:
        [face] = session.scalars(select(EventFace)).all()
        [image] = session.scalars(select(EventImage)).all()
    assert (image.width, image.height) == (2000, 1000)
    assert (round(face.x + face.w / 2, -1), round(face.y + face.h / 2, -1)) == (1000, 500)


@pytest.mark.slow
def test_the_worker_looks_at_photos_as_they_come(app):
    # Real engine, real worker, a real group photo; local mode.
    guests = Guests(app)
    event = guests.event("nobody")
    guests.upload(event["id"], GROUP_PHOTO.read_bytes(), by="nobody")
    guests.wait_until_indexed()
    shown = guests.call("nobody", "GET", f"/api/events/{event['id']}").json
    assert (shown["total"], shown["indexed"], shown["faces"]) == (1, 1, 5)


# --- deleted


def test_a_deleted_photo_takes_its_files_and_faces_along(guests):
    event = guests.event()
    first, second = guests.upload(event["id"], photo(1, 2), photo(3))
    guests.index()
    guests.sign_in("stranger")
    for name in ("guest", "stranger"):
        assert_problem(guests.call(name, "DELETE", f"/api/images/{first['id']}"), 403, "not_permitted")
    assert guests.call("owner", "DELETE", f"/api/images/{first['id']}").json == {"message": "Photo deleted"}
    assert guests.faces() == 1
    assert len(files_of(guests)) == 3
    assert_problem(guests.call("owner", "DELETE", f"/api/images/{first['id']}"), 404, "image_not_found")
    assert_problem(guests.call("nobody", "GET", first["url"]), 403, "media_link_invalid")
    assert guests.call("nobody", "GET", second["url"]).status_code == 200
    # The same file may come again.
    assert guests.upload(event["id"], photo(1, 2))[0]["duplicate"] is False


@pytest.mark.parametrize(
    "path", ["/api/images/999/web", "/api/images/1/huge", "/api/images/0/thumb", "/api/images/" + "9" * 25]
)
def test_a_picture_that_is_not_there(guests, path):
    guests.upload(guests.event()["id"], photo(1))
    method = "GET" if path.count("/") == 4 else "DELETE"
    assert_problem(guests.call("owner", method, path), 404, "image_not_found")


# --- at start


def test_a_start_makes_files_and_rows_agree(guests):
    event = guests.event()
    first, second = guests.upload(event["id"], photo(1), photo(2))
    services = guests.app.extensions["kenali"]
    storage, root = services.event_files.storage, services.settings.events_root
    services.event_files.sweep()
    before = files_of(guests)
    assert len(before) == 7  # with the marker
    with services.sessions() as session:
        keys = {image.id: image.storage_key for image in session.scalars(select(EventImage))}
    folder = keys[first["id"]].rpartition("/")[0]
    for stray in (f"{folder}/{'0' * 32}-web.jpg", f"{folder}/.tmp-1234"):
        storage.put(stray, b"x")
    storage.put(f"{folder}/mine.txt", b"kept: not one of ours")
    storage.put(f"{'0' * 12}/nobody/events/1/{'0' * 32}-web.jpg", b"kept: another installation's")
    (root / f"{keys[second['id']]}-original.jpg").unlink()
    services.event_files.sweep()
    health = services.event_files.ping()
    assert (health.ok, dict(health.facts)) == (True, {"files_removed": 4, "photos_removed": 1})
    left = [path for path in files_of(guests) if path.startswith(keys[first["id"]])]
    assert len(left) == 3
    assert not any(is_temporary(path) for path in files_of(guests))
    assert len(files_of(guests)) == 3 + 3
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 1


def test_a_folder_whose_volume_is_away_costs_no_row(guests):
    event = guests.event()
    guests.upload(event["id"], photo(1))
    services = guests.app.extensions["kenali"]
    root = services.settings.events_root
    services.event_files.sweep()
    root.rename(root.with_name("elsewhere"))
    services.event_files.sweep()
    health = services.event_files.ping()
    assert health.ok is False
    assert "volume" in health.detail
    assert guests.call("owner", "GET", f"/api/events/{event['id']}").json["total"] == 1
    root.with_name("elsewhere").rename(root)
    services.event_files.sweep()
    assert services.event_files.ping().ok


def test_a_known_digest_is_that_of_the_file_as_it_was_sent(guests):
    data = jpeg(64, 64)
    guests.upload(guests.event()["id"], data)
    with guests.app.extensions["kenali"].sessions() as session:
        assert session.scalars(select(EventImage.sha256)).all() == [hashlib.sha256(data).hexdigest()]


def test_a_folder_that_can_only_be_read_shows_in_the_health(guests, monkeypatch):
    files = guests.app.extensions["kenali"].event_files
    files.sweep()
    assert files.ping().ok

    def refuse(*_, **__):
        raise StorageUnavailable

    monkeypatch.setattr(files.storage, "put", refuse)
    files.sweep()
    assert not files.ping().ok
