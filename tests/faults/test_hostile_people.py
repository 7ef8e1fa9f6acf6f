"""Addresses, names and folders that are not what they look like, and two who act at the same moment."""

from __future__ import annotations

import io
import shutil

import pytest
from PIL import Image

from app.db import TrainingJob
from app.errors import UserNotFound
from app.services.training_jobs import TrainingJobs
from tests.api.test_problem import assert_problem

PASSWORD = "correct-horse"


def _create(client, email, name="Ani"):
    return client.post("/api/users", json={"name": name, "email": email, "password": PASSWORD})


def _login(client, email, password=PASSWORD):
    return client.post("/api/auth/login-pass-verify", json={"email": email, "password": password})


@pytest.mark.parametrize(
    "email", ["ΟΔΟΣ@example.org", "İstanbul@example.org", "STRASSE@EXAMPLE.ORG", "Éva@example.org"]
)
def test_whoever_registers_can_sign_in_as_written(client, email):
    assert _create(client, email).status_code == 201
    assert _login(client, email).status_code == 200


def test_an_address_in_another_unicode_form_is_the_same_address(client):
    composed, decomposed = "\u00e9va@example.org", "e\u0301va@example.org"
    assert _create(client, composed).status_code == 201
    assert_problem(_create(client, decomposed), 409, "email_taken")
    assert _login(client, decomposed).status_code == 200


def test_every_way_to_write_an_address_counts_on_one_counter(client):
    _create(client, "İda@example.org")
    forms = ["İda@example.org", "ida@example.org", "IDA@example.org", " İDA@example.org "]
    statuses = [_login(client, forms[n % 4], "wrong-password").status_code for n in range(8)]
    assert statuses == [401] * 5 + [429] * 3


@pytest.mark.parametrize("email", ["a\u200b@b.c", "a\u202e@b.c", "a@b\u2060.c", "a\u00a0@b.c", "a@b.c\u2028x"])
def test_an_address_has_nothing_invisible(client, email):
    assert_problem(_create(client, email), 400, "invalid_input")


@pytest.mark.parametrize("name", ["a\u202ecod.exe", "a\u2028b", "a\x85b", "\u2066x"])
def test_a_name_does_not_rewrite_the_line_it_is_on(client, name):
    assert_problem(_create(client, "a@b.c", name), 400, "invalid_input")


def test_a_name_keeps_the_joiners_its_script_needs(client):
    assert _create(client, "a@b.c", "علی‌رضا").json["name"] == "علی‌رضا"


def _picture(side):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "grey").save(buffer, "JPEG")
    return io.BytesIO(buffer.getvalue())


@pytest.mark.parametrize(("side", "status"), [(8, 400), (64, 422)])
def test_a_bad_picture_does_not_tell_who_has_an_account(client, side, status):
    _create(client, "ani@example.org")
    for who in ("ani@example.org", "nobody@example.org"):
        form = {"email": who, "file": (_picture(side), "face.jpg")}
        assert client.post("/api/auth/login-face-verify", data=form).status_code == status


def test_a_job_for_a_user_who_is_deleted_in_this_moment_is_for_nobody(sessions):
    jobs = TrainingJobs(sessions, lambda _session, _job: 1)
    with pytest.raises(UserNotFound), sessions.begin() as session:
        jobs.request(session, TrainingJob(kind="incremental", user_id=4711))


def test_photos_are_not_stored_where_the_folder_is_another_one(client, tmp_path):
    """An unmounted volume leaves an empty folder. A photo in it once cost, two starts later, all the others."""
    user = _create(client, "ani@example.org").json["id"]

    def upload():
        return client.post(f"/api/photos/{user}/upload", data={"file": (_picture(64), "a.jpg")})

    assert upload().status_code == 201
    shutil.move(tmp_path / "dataset", tmp_path / "unmounted")
    assert_problem(upload(), 503, "storage_unavailable")
    (tmp_path / "dataset").mkdir()
    assert_problem(upload(), 503, "storage_unavailable")
    assert list((tmp_path / "dataset").iterdir()) == []
    (tmp_path / "dataset").rmdir()
    shutil.move(tmp_path / "unmounted", tmp_path / "dataset")
    assert upload().status_code == 201
