"""One error shape everywhere."""

import pytest

MEMBERS = {"type", "title", "status", "detail", "code", "message"}


def assert_problem(response, status, code):
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body = response.json
    assert body.keys() >= MEMBERS
    assert body["status"] == status
    assert body["code"] == code
    assert body["message"] == body["detail"]
    assert "Traceback" not in response.text
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/api/users/", 404, "not_found"),
        ("GET", "/api/users/notanumber", 404, "not_found"),
        ("GET", "/api/users/99", 404, "user_not_found"),
        ("GET", "/api/users/99999999999999999999999", 404, "user_not_found"),
        ("PATCH", "/api/users", 405, "method_not_allowed"),
        ("DELETE", "/api/users", 405, "method_not_allowed"),
        ("POST", "/nowhere", 404, "not_found"),
        ("GET", "/api/users?page=0", 400, "invalid_input"),
        ("GET", "/api/users?per_page=201", 400, "invalid_input"),
        ("GET", "/api/users?page=٣", 400, "invalid_input"),
        ("GET", "/api/users/me", 401, "not_authenticated"),
    ],
)
def test_every_error_has_the_one_shape(client, method, path, status, code):
    assert_problem(client.open(path, method=method), status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{}" * 3])
def test_a_body_that_is_no_json_object_is_a_400(client, body):
    assert_problem(client.post("/api/users", data=body, content_type="application/json"), 400, "invalid_input")


def test_an_unforeseen_error_is_told_without_its_trace(app, client, monkeypatch):
    services = app.extensions["kenali"]
    monkeypatch.setattr(type(services.users), "list", lambda *_a, **_k: 1 / 0)
    body = assert_problem(client.get("/api/users"), 500, "internal_error")
    assert "division" not in str(body)


def test_a_mask_does_not_erase_an_error(client):
    body = assert_problem(client.get("/api/users/99", headers={"X-Fields": "id"}), 404, "user_not_found")
    assert body["detail"]


def test_a_method_that_is_not_allowed_names_those_that_are(client):
    assert "GET" in client.patch("/api/users").headers["Allow"]


def test_a_request_that_is_too_large_is_a_413(make_app):
    client = make_app(max_request_mb=1).test_client()
    assert_problem(client.post("/api/users", data=b"x" * 1_100_000), 413, "request_too_large")
