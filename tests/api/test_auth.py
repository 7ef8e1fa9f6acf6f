"""/api/auth and /api/me."""

from __future__ import annotations

import re

import pytest

from tests.api.test_problem import assert_problem

JOHN = {"name": "John Doe", "email": "john@email.com", "password": "secure123"}
LOGIN = {"email": "john@email.com", "password": "secure123"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def quiet_app(make_app):
    """Without a worker: signing in needs none."""
    return make_app()


@pytest.fixture
def api(quiet_app):
    client = quiet_app.test_client()
    assert client.post("/api/users", json=JOHN).status_code == 201
    return client


def _login(client, **changed):
    return client.post("/api/auth/login-pass-verify", json={**LOGIN, **changed})


def _bearer(response):
    return {"Authorization": f"Bearer {response.json['data']['token']}"}


# --- password


def test_a_sign_in_answers_as_documented(api):
    response = _login(api)
    assert response.status_code == 200
    assert response.json.keys() == {"status", "message", "data"}
    assert (response.json["status"], response.json["message"]) == ("success", "Login successful")
    data = response.json["data"]
    assert data.keys() == {
        "user_id",
        "name",
        "email",
        "token",
        "expires_at",
        "refresh_token",
        "refresh_expires_at",
    }
    assert (data["user_id"], data["name"], data["email"]) == (1, "John Doe", "john@email.com")
    assert TIME.fullmatch(data["expires_at"])
    assert response.headers["Cache-Control"] == "no-store"


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(api):
    unknown, wrong = _login(api, email="nobody@email.com"), _login(api, password="wrong123")
    body = assert_problem(unknown, 401, "invalid_credentials")
    assert wrong.status_code == unknown.status_code
    assert wrong.json == body
    assert unknown.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "password"}),
        ({"email": "john@email.com"}, {"password"}),
        ({"email": "", "password": ""}, {"email", "password"}),
        ({"email": 1, "password": ["x"]}, {"email", "password"}),
        ({"email": None, "password": None}, {"email", "password"}),
        ({"email": "\ud800", "password": "\ud800"}, {"email", "password"}),
        ({"email": "x" * 300, "password": "x" * 2000}, {"email", "password"}),
    ],
)
def test_what_is_no_sign_in_is_said_by_field(api, body, fields):
    answer = assert_problem(api.post("/api/auth/login-pass-verify", json=body), 400, "invalid_input")
    assert answer["errors"].keys() == fields


@pytest.mark.parametrize("email", ["\u0000", "john@email.com\u0000", "%", "'; drop table users; --", "顔"])
def test_strange_addresses_are_just_wrong(api, email):
    assert_problem(_login(api, email=email), 401, "invalid_credentials")


@pytest.mark.parametrize("password", ["\u0000" * 8, "x" * 1024, "顔" * 300])
def test_strange_passwords_are_just_wrong(api, password):
    assert_problem(_login(api, password=password), 401, "invalid_credentials")


@pytest.mark.parametrize("password", [" blanks count ", "a" * 80 + "b", "顔" * 40, "null\u0000byte"])
def test_every_character_of_a_password_counts(api, password):
    api.put("/api/users/1", json={"password": password})
    assert _login(api, password=password).status_code == 200
    assert_problem(_login(api, password=password[:-1]), 401, "invalid_credentials")
    assert_problem(_login(api, password=password + " "), 401, "invalid_credentials")


def test_repeated_failures_lock_the_account_and_say_for_how_long(make_app):
    client = make_app(lockout_failures=3, lockout_minutes=2).test_client()
    client.post("/api/users", json=JOHN)
    for email in ("john@email.com", "nobody@email.com"):
        for _ in range(3):
            assert_problem(_login(client, email=email, password="wrong123"), 401, "invalid_credentials")
        locked = _login(client, email=email)
        assert_problem(locked, 429, "account_locked")
        assert 0 < int(locked.headers["Retry-After"]) <= 120
        assert re.search(r"try again in \d+ (s|min)\.$", locked.json["message"])


@pytest.mark.parametrize("change", ["a new password", "a new account"])
def test_who_is_given_a_new_password_or_a_new_account_is_locked_no_more(make_app, change):
    client = make_app(lockout_failures=2).test_client()
    client.post("/api/users", json=JOHN)
    for _ in range(2):
        _login(client, password="wrong123")
    assert_problem(_login(client), 429, "account_locked")
    if change == "a new password":
        client.put("/api/users/1", json={"name": "John"})
        assert_problem(_login(client), 429, "account_locked")
        client.put("/api/users/1", json={"password": "secure456"})
    else:
        client.delete("/api/users/1")
        client.post("/api/users", json={**JOHN, "password": "secure456"})
    assert _login(client, password="secure456").status_code == 200


def test_answers_hold_no_password_and_no_hash(api):
    session = _bearer(_login(api))
    for response in (
        _login(api),
        _login(api, password="wrong-secret"),
        api.get("/api/auth/me", headers=session),
        api.get("/api/users/me", headers=session),
        api.get("/api/me/export", headers=session),
        api.get("/api/users"),
        api.put("/api/users/1", json={"password": "secure1234"}),
    ):
        for secret in ("secure123", "wrong-secret", "$2b$", "password_hash", "refresh_jti"):
            assert secret not in response.text


def test_a_mask_cuts_the_answer_down(api):
    response = api.post("/api/auth/login-pass-verify", json=LOGIN, headers={"X-Fields": "data{token}"})
    assert response.json.keys() == {"data"}
    assert response.json["data"].keys() == {"token"}


# --- sessions


def test_a_token_says_who_i_am_in_local_mode_too(api):
    me = api.get("/api/auth/me", headers=_bearer(_login(api)))
    assert me.status_code == 200
    assert (me.json["user_id"], me.json["email"], me.json["role"]) == (1, "john@email.com", "user")
    assert me.json["method"] == "password"
    assert TIME.fullmatch(me.json["expires_at"])
    assert_problem(api.get("/api/auth/me"), 401, "not_authenticated")


def test_a_refresh_token_is_good_once(api):
    first = _login(api)
    body = {"refresh_token": first.json["data"]["refresh_token"]}
    second = api.post("/api/auth/refresh", json=body)
    assert second.status_code == 200
    assert second.json["data"].keys() == first.json["data"].keys()
    third = api.post("/api/auth/refresh", json={"refresh_token": second.json["data"]["refresh_token"]})
    assert third.status_code == 200
    # Two changes later the first one is a copy that somebody kept: the session ends for everybody.
    assert_problem(api.post("/api/auth/refresh", json=body), 401, "token_invalid")
    assert_problem(api.get("/api/auth/me", headers=_bearer(third)), 401, "token_invalid")


def test_a_refresh_needs_no_access_token_and_is_not_hindered_by_an_old_one(make_app):
    client = make_app(access_mode="token").test_client()
    client.application.extensions["kenali"].users.create("John", "john@email.com", "secure123")
    for headers in ({}, {"Authorization": "Bearer old"}):
        login = client.post("/api/auth/login-pass-verify", json=LOGIN, headers=headers)
        body = {"refresh_token": login.json["data"]["refresh_token"]}
        assert client.post("/api/auth/refresh", json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "\u0000", "é.é.é"])
def test_what_is_no_refresh_token_is_refused(api, token):
    assert_problem(api.post("/api/auth/refresh", json={"refresh_token": token}), 401, "token_invalid")


def test_an_access_token_does_not_refresh_nor_a_refresh_token_sign_in(api):
    data = _login(api).json["data"]
    assert_problem(api.post("/api/auth/refresh", json={"refresh_token": data["token"]}), 401, "token_invalid")
    headers = {"Authorization": f"Bearer {data['refresh_token']}"}
    assert_problem(api.get("/api/auth/me", headers=headers), 401, "token_invalid")


def test_signing_out_ends_the_session_at_once(api):
    one, two = _login(api), _login(api)
    answer = api.post("/api/auth/logout", headers=_bearer(one))
    assert answer.json == {"status": "success", "message": "Signed out"}
    assert_problem(api.get("/api/auth/me", headers=_bearer(one)), 401, "token_invalid")
    body = {"refresh_token": one.json["data"]["refresh_token"]}
    assert_problem(api.post("/api/auth/refresh", json=body), 401, "token_invalid")
    assert api.get("/api/auth/me", headers=_bearer(two)).status_code == 200


def test_signing_out_everywhere_ends_all_sessions(api):
    one, two = _login(api), _login(api)
    assert api.post("/api/auth/logout", json={"everywhere": True}, headers=_bearer(one)).status_code == 200
    for session in (one, two):
        assert_problem(api.get("/api/auth/me", headers=_bearer(session)), 401, "token_invalid")


def test_signing_out_needs_a_session(api):
    assert_problem(api.post("/api/auth/logout"), 401, "not_authenticated")


def test_tokens_survive_a_restart(make_app):
    first = make_app()
    client = first.test_client()
    client.post("/api/users", json=JOHN)
    session = _bearer(_login(client))
    assert make_app().test_client().get("/api/auth/me", headers=session).status_code == 200


# --- my data


def test_the_export_is_one_document_with_everything(api):
    export = api.get("/api/me/export", headers=_bearer(_login(api)))
    assert export.status_code == 200
    histories = {"breed_history", "cough_history"}
    events = {"events", "event_visits", "bookmarks", "selfies", "downloads", "drive_searches", "identities"}
    own = {"exported_at", "account", "photos", "embeddings", "sessions", "jobs"}
    assert export.json.keys() == own | histories | events
    assert export.json["account"]["email"] == "john@email.com"
    assert export.json["account"]["has_password"] is True
    assert [session["method"] for session in export.json["sessions"]] == ["password"]
    assert "attachment" in export.headers["Content-Disposition"]


def test_i_can_delete_my_account_with_everything(api, quiet_app):
    folder = quiet_app.extensions["kenali"].settings.dataset_dir / "1"
    session = _bearer(_login(api))
    assert folder.is_dir()
    assert api.delete("/api/me", headers=session).json == {"message": "Account deleted"}
    assert not folder.exists()
    assert api.get("/api/users").json == []
    assert_problem(api.get("/api/auth/me", headers=session), 401, "token_invalid")
    assert_problem(_login(api), 401, "invalid_credentials")
