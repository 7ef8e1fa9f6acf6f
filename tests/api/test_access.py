"""Who may call: every method of every route states it, and it is enforced before anything else happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api.guard import Statement
from app.services.access import Need
from tests.api.test_problem import assert_problem

#: Pages without a caller: Swagger UI, its document and files, the interface.
OPEN_ENDPOINTS = {"static", "restx_doc.static", "api.doc", "api.specs", "api.root"}

#: What nobody in particular may call in token mode. A route is added here on purpose or not at all.
PUBLIC_CALLS = {
    ("POST", "/api/auth/login-pass-verify"),
    ("POST", "/api/auth/login-face-verify"),
    ("POST", "/api/auth/refresh"),
    # Google's own word is the credential; the setup is what a page shows its button by.
    ("GET", "/api/auth/google"),
    ("POST", "/api/auth/google"),
    ("GET", "/api/health"),
    ("GET", "/api/health/ready"),
    # Guests may ask the classifiers; what goes with an answer has an address that nobody guesses.
    ("POST", "/api/breed/predict"),
    ("GET", "/api/breed/heatmap/<path:key>"),
    ("GET", "/api/cough"),
    ("POST", "/api/cough/predict"),
    ("GET", "/static/history_images/<path:key>"),
    # An <img> sends no token: the signature of its address is looked at (tests/api/test_event_access.py).
    ("GET", "/api/images/<int:image_id>/<size>"),
    # Nor does a link; the same.
    ("GET", "/api/events/<int:event_id>/downloads/<int:download_id>/file"),
    # Leads to the event's page, which asks for the password.
    ("GET", "/r/<share_code>"),
}

OK = "ok"
#: need -> caller -> answer. "user" is whom the call is about, "other" is not.
EXPECTED = {
    Need.PUBLIC: dict.fromkeys(("nobody", "user", "other", "admin", "other scope", "read scope", "scope"), OK),
    Need.SIGNED_IN: {
        "nobody": "not_authenticated",
        "user": OK,
        "other": OK,
        "admin": OK,
        "other scope": "not_permitted",
        "scope": OK,
    },
    Need.OWNER: {
        "nobody": "not_authenticated",
        "user": OK,
        "other": "not_permitted",
        "admin": OK,
        "other scope": "not_permitted",
        "scope": OK,
    },
    Need.ADMIN: {
        "nobody": "not_authenticated",
        "user": "not_permitted",
        "other": "not_permitted",
        "admin": OK,
        "other scope": "not_permitted",
        "scope": OK,
    },
    Need.PERSON: {
        "nobody": "not_authenticated",
        "user": OK,
        "other": OK,
        "admin": OK,
        "other scope": "not_permitted",
        "read scope": "not_permitted",
        "scope": "not_permitted",
    },
}


@dataclass(frozen=True)
class Call:
    """One method of one route."""

    method: str
    rule: str
    view_class: type
    arguments: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def statement(self) -> Statement | None:
        found: Statement | None = getattr(getattr(self.view_class, self.method.lower()), "__access__", None)
        return found

    def path(self, user_id: int) -> str:
        """About this user; other arguments name something that does not exist."""
        path = self.rule
        for argument in self.arguments:
            value = user_id if argument == "user_id" else 999_999
            for converter in ("int:", "path:", ""):
                path = path.replace(f"<{converter}{argument}>", str(value))
        assert "<" not in path, f"{self.rule}: teach this test the converter"
        return path


def _calls(app: Flask) -> Iterator[Call]:
    for rule in app.url_map.iter_rules():
        # The pages hold nothing of anybody's: whatever they show, their scripts ask the API for.
        if rule.endpoint in OPEN_ENDPOINTS or rule.endpoint.startswith("web."):
            continue
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        assert view_class is not None, f"{rule.rule} is no class with access statements (see app/api/guard.py)"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Call(method, rule.rule, view_class, frozenset(rule.arguments))


@pytest.fixture
def token_app(make_app) -> Flask:
    return make_app(access_mode="token")


def _hollow_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Leave nothing behind the guard: whoever gets through gets 204."""
    for call in list(_calls(app)):

        def through(*_: Any, **__: Any) -> tuple[str, int]:
            return "", 204

        through.__access__ = call.statement
        monkeypatch.setattr(call.view_class, call.method.lower(), through)
    return app


@pytest.fixture
def hollow(token_app, monkeypatch) -> Flask:
    return _hollow_out(token_app, monkeypatch)


@pytest.fixture
def callers(token_app) -> dict[str, Any]:
    """Headers of people by name, and a function for keys."""
    services = token_app.extensions["kenali"]
    headers = {"nobody": {}}
    for name in ("user", "other", "admin"):
        user = services.users.create(name.title(), f"{name}@email.com", "secure123")
        headers[name] = {"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"}
        headers[f"{name} id"] = user.id
    services.admins.promote("admin@email.com")
    return headers


def _key(app: Flask, scope: str) -> dict[str, str]:
    return {"X-API-Key": app.extensions["kenali"].api_keys.create("test", [scope]).key}


def test_every_method_of_every_route_states_who_may_call_it(token_app):
    assert [str(call) for call in _calls(token_app) if call.statement is None] == []


def test_what_anybody_may_call_is_on_the_list(token_app):
    public = {(call.method, call.rule) for call in _calls(token_app) if call.statement.need is Need.PUBLIC}
    assert public == PUBLIC_CALLS


def test_every_scope_is_one_that_a_key_can_have(token_app):
    for scope in {call.statement.scope for call in _calls(token_app)}:
        assert _key(token_app, scope)
        assert _key(token_app, f"{scope}:read")


def test_every_route_lets_in_whom_its_statement_names_and_nobody_else(hollow, callers):
    client = hollow.test_client()
    key = cache(lambda scope: _key(hollow, scope))
    wrong = []
    for call in _calls(hollow):
        statement = call.statement
        scopes = {
            "scope": statement.scope,
            "read scope": f"{statement.scope}:read",
            "other scope": "photos" if statement.scope != "photos" else "users",
        }
        expected = dict(EXPECTED[statement.need])
        # Reading is enough to read.
        expected.setdefault("read scope", OK if call.method == "GET" else "not_permitted")
        for name, answer in expected.items():
            headers = key(scopes[name]) if name in scopes else callers[name]
            response = client.open(
                call.path(callers["user id"]),
                method=call.method,
                headers=headers,
                # for statements that read the person from the body
                json={"user_id": callers["user id"]} if call.method != "GET" else None,
            )
            got = OK if response.status_code == 204 else response.json["code"]
            if got != answer:
                wrong.append(f"{call} as {name}: {got} instead of {answer}")
    assert wrong == []


def test_whoever_is_refused_learns_nothing_about_the_request(token_app, callers):
    # A 400, 404, 413 or 415 before the 401 would tell strangers what exists and let them send what they like.
    client = token_app.test_client()
    wrong = []
    for call in _calls(token_app):
        if call.statement.need is Need.PUBLIC:
            continue
        for user_id in (callers["user id"], 424_242):
            response = client.open(call.path(user_id), method=call.method, data=b"\xff", content_type="text/plain")
            if (response.status_code, response.json["code"]) != (401, "not_authenticated"):
                wrong.append(f"{call}: {response.status}")
    assert wrong == []


def test_a_refusal_has_the_one_shape_and_names_the_scheme(token_app, callers):
    client = token_app.test_client()
    response = client.get("/api/users")
    assert_problem(response, 401, "not_authenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert_problem(client.get("/api/users", headers=callers["user"]), 403, "not_permitted")


def test_head_needs_what_get_needs(token_app, callers):
    client = token_app.test_client()
    assert client.head("/api/users").status_code == 401
    assert client.head("/api/users", headers=callers["user"]).status_code == 403
    assert client.head("/api/users", headers=callers["admin"]).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Bearer nonsense"}, "token_invalid"),
        ({"Authorization": "Basic am9objpzZWN1cmUxMjM="}, "token_invalid"),
        ({"X-API-Key": "knl_nonsense"}, "token_invalid"),
        ({"Authorization": "Bearer \u00e9"}, "token_invalid"),
        ({"X-API-Key": "\u00e9" * 50}, "token_invalid"),
    ],
)
def test_a_bad_credential_is_refused_in_both_modes(make_app, headers, code):
    for mode in ("token", "local"):
        client = make_app(access_mode=mode).test_client()
        assert_problem(client.get("/api/users", headers=headers), 401, code)


def test_a_demoted_admin_loses_the_rights_at_once(token_app, callers):
    client = token_app.test_client()
    admins = token_app.extensions["kenali"].admins
    assert client.get("/api/users", headers=callers["admin"]).status_code == 200
    admins.demote("admin@email.com", force=True)
    assert_problem(client.get("/api/users", headers=callers["admin"]), 403, "not_permitted")


def test_a_deleted_user_is_out_at_once(token_app, callers):
    client = token_app.test_client()
    path = f"/api/users/{callers['user id']}"
    assert client.get(path, headers=callers["user"]).status_code == 200
    assert client.delete(path, headers=callers["user"]).status_code == 200
    assert_problem(client.get(path, headers=callers["user"]), 401, "token_invalid")


def test_the_last_admin_is_not_deleted(token_app, callers):
    client = token_app.test_client()
    assert_problem(client.delete(f"/api/users/{callers['admin id']}", headers=callers["admin"]), 409, "last_admin")
    assert_problem(client.delete("/api/me", headers=callers["admin"]), 409, "last_admin")


def test_a_new_password_ends_every_session_of_the_user(token_app, callers):
    client = token_app.test_client()
    path = f"/api/users/{callers['user id']}"
    assert client.put(path, headers=callers["user"], json={"name": "New"}).status_code == 200
    assert client.put(path, headers=callers["user"], json={"password": "another1"}).status_code == 200
    assert_problem(client.get(path, headers=callers["user"]), 401, "token_invalid")
    assert client.get(f"/api/users/{callers['other id']}", headers=callers["other"]).status_code == 200


def test_swagger_says_of_every_operation_who_may_call_it(token_app):
    document = token_app.test_client().get("/api/swagger.json").json
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            if verb in {"get", "post", "put", "delete", "patch"}:
                assert operation["x-access"]["who"], f"{verb} {path}"
                public = operation["x-access"]["need"] == "public"
                assert (operation["security"] == []) is public, f"{verb} {path}"


# --- local mode


@pytest.fixture
def local_client(make_app) -> FlaskClient:
    return make_app().test_client()


def test_in_local_mode_nobody_signs_in_except_for_what_belongs_to_a_person(make_app, monkeypatch):
    app = _hollow_out(make_app(), monkeypatch)
    client = app.test_client()
    codes: dict[Need, set[str]] = {}
    for call in _calls(app):
        response = client.open(call.path(1), method=call.method)
        got = OK if response.status_code == 204 else response.json["code"]
        codes.setdefault(call.statement.need, set()).add(got)
    assert codes.pop(Need.PERSON) == {"not_authenticated"}
    assert set().union(*codes.values()) == {OK}


def test_in_local_mode_an_ordinary_user_may_do_what_nobody_may(make_app):
    app = make_app()
    client = app.test_client()
    services = app.extensions["kenali"]
    user = services.users.create("John", "john@email.com", "secure123")
    headers = {"Authorization": f"Bearer {services.tokens.open(user.id, 'password').access_token}"}
    assert client.get("/api/users", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost", "localhost:8080", "[::1]:5000", "LOCALHOST"])
def test_local_mode_answers_to_its_own_names(local_client, host):
    assert local_client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.7", ""]
)
def test_local_mode_answers_to_no_other_name(local_client, host):
    # DNS rebinding: a foreign page whose name now points to this machine
    for path in ("/api/health", "/api/users", "/", "/api/docs", "/nowhere"):
        response = local_client.get(path, headers={"Host": host})
        assert_problem(response, 403, "host_not_allowed")


def test_further_names_can_be_allowed(make_app):
    client = make_app(allowed_hosts="kenali.lan").test_client()
    assert client.get("/api/health", headers={"Host": "KENALI.lan:5000"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "https://localhost"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_local_mode_does_nothing_for_pages_of_other_sites(local_client, headers):
    response = local_client.post("/api/users", json={"name": "Eve", "email": "eve@evil.example"}, headers=headers)
    assert_problem(response, 403, "origin_not_allowed")
    assert local_client.get("/api/users").json == []


def test_local_mode_serves_its_own_pages(local_client):
    response = local_client.post(
        "/api/users",
        json={"name": "John", "email": "john@email.com"},
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    )
    assert response.status_code == 201


def test_token_mode_answers_under_any_name(token_app):
    assert token_app.test_client().get("/api/health", headers={"Host": "kenali.example"}).status_code == 200
