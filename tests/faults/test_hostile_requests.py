"""Requests that only an attacker sends: never a 5xx, always the one error body."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from app.api.waitress_server import make_server
from app.logs import OneLine
from tests.api.test_problem import assert_problem


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"a":' * 100_000, '{"user_id":' + "[" * 50_000])
@pytest.mark.parametrize("path", ["/api/users", "/api/training/incremental", "/api/auth/login-pass-verify"])
def test_deeply_nested_json_is_a_bad_request(client, path, bomb):
    assert_problem(client.post(path, data=bomb, content_type="application/json"), 400, "invalid_input")


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "http://localhost@evil.example", "http://localhost:0x50", ""]
)
def test_an_origin_that_is_no_origin_is_refused(client, origin):
    answer = client.post("/api/users", json={"name": "x", "email": "x@y.z"}, headers={"Origin": origin})
    assert_problem(answer, 403, "origin_not_allowed")


@pytest.mark.parametrize(
    "path", ["/api/users/%D9%A3", "/api/photos/%EF%BC%91", "/api/users/" + "9" * 5000, "/api//users"]
)
def test_an_id_is_a_plain_number_and_an_address_is_not_guessed(client, path):
    assert_problem(client.get(path), 404, "not_found")


def test_an_address_that_is_taken_is_told_also_with_a_new_password(client, caplog):
    """The statement that ends the sessions flushes first; its failure once was a 500, with the hash in the log."""
    ids = [
        client.post("/api/users", json={"name": "x", "email": f"{name}@example.org"}).json["id"] for name in ("a", "b")
    ]
    change = {"email": "b@example.org", "password": "another-one"}
    assert_problem(client.put(f"/api/users/{ids[0]}", json=change), 409, "email_taken")
    assert "$2b$" not in caplog.text


@pytest.mark.parametrize("path", ["/api/users", "/nowhere", "/api/docs", "/api/health"])
def test_every_answer_forbids_sniffing_framing_and_embedding(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Content-Security-Policy" in headers


def test_a_client_writes_no_lines_into_the_log():
    record = logging.LogRecord("kenali", logging.INFO, __file__, 1, "at %s", ("/a\r\nERROR forged\x1b[2J\u2028",), None)
    assert OneLine("%(message)s").format(record) == r"at /a\r\nERROR forged\x1b[2J\u2028"


Ask = Callable[[bytes], bytes]


@pytest.fixture
def ask(make_app) -> Iterator[Ask]:
    """Send bytes to waitress as run.py sets it up; what comes back until it hangs up."""
    app = make_app(port=0, max_request_mb=1)
    server = make_server(app, app.extensions["kenali"].settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()

    def ask(request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", server.effective_port), timeout=10) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    yield ask
    server.task_dispatcher.shutdown()
    server.close()
    thread.join(10)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n<b>zz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n{}", 501),
    ],
)
def test_what_the_server_refuses_by_itself_has_the_one_error_body(ask, request_, status):
    head, _, body = ask(request_).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"application/problem+json" in head
    assert b"nosniff" in head
    assert b'"code"' in body
    assert b"<b>" not in body
