"""Too much at the same time: some are sent away at once, and whoever asks for something light is answered."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app.engines.images import decode
from app.engines.images.memory import give_memory_back
from tests.api.test_problem import assert_problem


class Held:
    """Stands in for slow work: everybody who comes stays until `go`."""

    def __init__(self, work: Callable[..., object]) -> None:
        self.came = threading.Semaphore(0)
        self.go = threading.Event()
        self._work = work

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.came.release()
        assert self.go.wait(30)
        return self._work(*args, **kwargs)


def _statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def _until_refused(pool: ThreadPoolExecutor, ask: Callable[[int], TestResponse], most: int) -> list[TestResponse]:
    """Ask ``most`` times at once; the answers of those who were sent away."""
    refused: list[TestResponse] = []
    done = threading.Semaphore(0)

    def tell(future: object) -> None:
        answer = future.result()  # type: ignore[attr-defined]
        refused.append(answer)
        done.release()

    for number in range(most):
        pool.submit(ask, number).add_done_callback(tell)
    assert done.acquire(timeout=30)
    return refused


@pytest.fixture
def picture() -> bytes:
    """A grey square."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def test_a_flood_of_pictures_leaves_half_of_the_threads(make_app, picture, monkeypatch):
    app = make_app(server_threads=4, model_concurrency=1)
    held = Held(app.extensions["kenali"].recognition.detect)
    monkeypatch.setattr(type(app.extensions["kenali"].recognition), "detect", lambda _, data: held(data))

    def ask(_: int) -> TestResponse:
        return app.test_client().post("/api/face/detect", data={"file": (io.BytesIO(picture), "a.png")})

    with ThreadPoolExecutor(6) as pool:
        refused = _until_refused(pool, ask, 6)
        assert app.test_client().get("/api/users").status_code == 200
        held.go.set()
    assert _statuses(refused) == [200] * 2 + [503] * 4
    busy = next(answer for answer in refused if answer.status_code == 503)
    assert_problem(busy, 503, "model_busy")
    assert int(busy.headers["Retry-After"]) > 0
    assert ask(0).status_code == 200


def test_a_refused_upload_gives_its_place_back(make_app):
    client = make_app(server_threads=2, access_mode="token").test_client()
    for _ in range(5):
        answer = client.post("/api/face/detect", data={"file": (io.BytesIO(b"x"), "a.png")})
        assert_problem(answer, 401, "not_authenticated")


def test_a_flood_of_sign_ins_does_not_take_every_thread(client: FlaskClient, app, monkeypatch):
    held = Held(bcrypt.checkpw)
    monkeypatch.setattr(bcrypt, "checkpw", held)

    def ask(number: int) -> TestResponse:
        body = {"email": f"somebody-{number}@example.org", "password": "wrong-password"}
        return app.test_client().post("/api/auth/login-pass-verify", json=body)

    with ThreadPoolExecutor(24) as pool:
        refused = _until_refused(pool, ask, 24)
        assert client.get("/api/users").status_code == 200
        held.go.set()
    assert set(_statuses(refused)) == {401, 503}
    busy = next(answer for answer in refused if answer.status_code == 503)
    assert_problem(busy, 503, "server_busy")


def test_large_pictures_are_unpacked_one_at_a_time(monkeypatch):
    module = sys.modules["app.engines.images.decode"]  # the package has a function of that name
    monkeypatch.setattr(module, "LARGE_PIXELS", 100)
    inside: list[int] = []
    present = threading.Semaphore(1)

    def unpack(*_: object) -> object:
        assert present.acquire(blocking=False), "another one is being unpacked"
        inside.append(1)
        threading.Event().wait(0.02)
        present.release()
        return np.zeros((64, 64, 3), dtype=np.uint8)

    monkeypatch.setattr(module, "_pixels", unpack)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(decode, buffer.getvalue(), max_bytes=10**6, max_pixels=10**6) for _ in range(4)]
        assert all(one.result().shape == (64, 64, 3) for one in asked)
    assert len(inside) == len(asked)


def test_memory_is_given_back_where_the_c_library_can_be_told():
    assert give_memory_back() in {True, False}
