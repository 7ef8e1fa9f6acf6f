"""Local mode answers to this machine only."""

import pytest

from tests.api.test_problem import assert_problem


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"])
def test_its_own_names_are_answered(client, host):
    assert client.get("/api/users", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5000", "", "192.168.1.5"]
)
def test_another_name_is_a_rebound_one(client, host):
    assert_problem(client.get("/api/users", headers={"Host": host}), 403, "host_not_allowed")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost", "http://localhost:8080"])
def test_a_page_of_another_site_is_refused(client, origin):
    assert_problem(
        client.post("/api/users", json={"name": "x", "email": "x@y.z"}, headers={"Origin": origin}),
        403,
        "origin_not_allowed",
    )
    assert client.get("/api/users").json == []


def test_a_form_of_another_site_without_origin_is_refused(client):
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert_problem(client.post("/api/training/start", data="{}", headers=headers), 403, "origin_not_allowed")


def test_our_own_pages_may_call(client):
    answer = client.post(
        "/api/users",
        json={"name": "x", "email": "x@y.z"},
        headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 201


def test_a_further_host_can_be_allowed(make_app):
    client = make_app(allowed_hosts=("kenali.internal",)).test_client()
    assert client.get("/api/users", headers={"Host": "kenali.internal:5000"}).status_code == 200


def test_token_mode_leaves_hosts_to_the_token(make_app):
    client = make_app(access_mode="token").test_client()
    assert client.get("/api/health", headers={"Host": "faces.example.org"}).status_code == 200
    assert_problem(client.get("/api/users", headers={"Host": "faces.example.org"}), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["/", "/api/docs", "/api/users", "/api/nowhere", "/metrics"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
