"""Signing in with a face, with a real engine and real photos."""

from __future__ import annotations

import io

import pytest

from tests.api.test_problem import assert_problem
from tests.pictures import GROUP_PHOTO, PORTRAIT, jpeg


def _file(data: bytes, name: str = "face.jpg"):
    return (io.BytesIO(data), name)


@pytest.fixture
def enrolled(client):
    """User 1 is enrolled with one photo; user 2 has none."""
    client.post("/api/users", json={"name": "John Doe", "email": "john@email.com", "password": "secure123"})
    client.post("/api/users", json={"name": "Jane Doe", "email": "jane@email.com"})
    photo = client.post("/api/photos/1/upload", data={"file": _file(PORTRAIT.read_bytes(), "photo.png")})
    assert photo.status_code == 201, photo.text
    trained = client.post("/api/training/incremental", json={"user_id": 1})
    assert trained.status_code == 200, trained.text
    return client


def _login(client, picture=None, **who):
    data = {"file": _file(PORTRAIT.read_bytes() if picture is None else picture), **who}
    return client.post("/api/auth/login-face-verify", data=data)


def test_the_right_face_signs_in_by_id_and_by_address(enrolled):
    for who in ({"user_id": "1"}, {"email": "JOHN@email.com"}, {"user_id": "1", "email": ""}):
        response = _login(enrolled, **who)
        assert response.status_code == 200, response.text
        assert (response.json["status"], response.json["message"]) == ("success", "Face verification successful")
        data = response.json["data"]
        assert data["match"] is True
        assert (data["user_id"], data["name"], data["email"]) == (1, "John Doe", "john@email.com")
        assert data["method"] == "PostgreSQL pgvector (1:1)"
        assert 0 < data["similarity"] <= 1
        assert 0 < data["confidence"] <= 100
        me = enrolled.get("/api/auth/me", headers={"Authorization": f"Bearer {data['token']}"})
        assert me.json["method"] == "face"


def test_another_face_and_an_unknown_person_get_the_same_answer(enrolled):
    stranger = GROUP_PHOTO.read_bytes()
    answers = [_login(enrolled, stranger, **who) for who in ({"user_id": "1"}, {"user_id": "77"}, {"email": "x@y.z"})]
    for response in answers:
        body = assert_problem(response, 401, "face_not_matched")
        assert body["match"] is False
        assert body["data"] == {"match": False}
        assert body == answers[0].json


def test_what_is_wrong_with_the_request_is_said(enrolled):
    assert_problem(_login(enrolled, user_id="2"), 409, "not_enrolled")
    assert_problem(_login(enrolled, jpeg(200, 200), user_id="1"), 422, "no_face_found")
    assert_problem(_login(enrolled, b"no picture", user_id="1"), 400, "unsupported_image")
    assert_problem(_login(enrolled), 400, "invalid_input")
    assert_problem(_login(enrolled, user_id="one"), 400, "invalid_input")
    assert_problem(enrolled.post("/api/auth/login-face-verify", data={"user_id": "1"}), 400, "missing_file")


def test_faces_and_passwords_lock_together(enrolled):
    stranger = GROUP_PHOTO.read_bytes()
    for _ in range(3):
        assert_problem(_login(enrolled, stranger, user_id="1"), 401, "face_not_matched")
    body = {"email": "john@email.com", "password": "wrong123"}
    for _ in range(2):
        assert_problem(enrolled.post("/api/auth/login-pass-verify", json=body), 401, "invalid_credentials")
    for response in (
        _login(enrolled, user_id="1"),
        enrolled.post("/api/auth/login-pass-verify", json={**body, "password": "secure123"}),
    ):
        assert_problem(response, 429, "account_locked")
        assert int(response.headers["Retry-After"]) > 0


def test_it_can_be_switched_off(make_app):
    client = make_app(face_login=False).test_client()
    client.post("/api/users", json={"name": "John Doe", "email": "john@email.com"})
    assert_problem(_login(client, user_id="1"), 403, "face_login_disabled")
