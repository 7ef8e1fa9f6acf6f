"""Several ways to the same answer, timed in turns in one run, so that a machine that slows down slows all of them."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench._server import ROOT, Client, Server, free_port, multipart

if TYPE_CHECKING:
    from flask import Flask

    from app.container import Container

#: The app with everything in it, but neither sockets nor waitress.
APP = "the app, in process: form and JSON too"
#: What HTTP costs whatever stands behind it.
EMPTY = "an empty endpoint of Flask-RESTX, waitress"
#: Rounds that only warm caches.
WARM_UP = 10
#: Threads of the way before may still spin for a while, and would slow the next one.
PAUSE_SECONDS = 0.03


def milliseconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


@dataclass(frozen=True, slots=True)
class Times:
    """What the rounds of one way took, in ms."""

    wall: list[float]
    #: of all threads of this process; what another one did for it is not in here.
    cpu: list[float]


def times_of(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, Times]:
    """Each way is told the number of the round. Each round begins with another way."""
    times = {name: Times([], []) for name in ways}
    names = list(ways)
    for number in range(rounds + WARM_UP):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(PAUSE_SECONDS)
            cpu = time.process_time()
            wall = milliseconds(lambda way=ways[name]: way(number))  # noqa: B023 - called at once
            if number >= WARM_UP:
                times[name].wall.append(wall)
                times[name].cpu.append(1000 * (time.process_time() - cpu))
    return times


def medians_ms(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """The median of each way."""
    return {name: statistics.median(found.wall) for name, found in times_of(ways, rounds).items()}


def print_beside(times: Mapping[str, Times], *, base: str, api: str) -> None:
    """A line for each way, with its ratio to `base`, and `api` without what an empty endpoint takes.

    Other programs on the machine lengthen what takes long more than what is short, so that the ratios of two times say
    little there. What the processor did is hardly changed by them; it is left out where another process did the work.
    """
    wall = {name: statistics.median(found.wall) for name, found in times.items()}
    low = {name: statistics.quantiles(found.wall, n=10)[0] for name, found in times.items()}
    cpu = {name: statistics.median(found.cpu) for name, found in times.items() if name not in {api, EMPTY}}
    print(f"  {'ms, and times bare':<44}     p50          fastest tenth     processor")
    for name in times:
        columns = [
            f"{column[name]:7.2f} {column[name] / column[base]:6.2f}" for column in (wall, low, cpu) if name in column
        ]
        print(f"  {name:<44} {'    '.join(columns)}")
    left = [f"{'':7} {(column[api] - column[EMPTY]) / column[base]:6.2f}" for column in (wall, low)]
    print(f"  {api + ', less an empty endpoint':<44} {'    '.join(left)}")


@contextmanager
def bare_stack() -> Iterator[Client]:
    """A client of `bench._bare_stack`."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench._bare_stack", str(port)], cwd=ROOT) as process:
        try:
            client = Client(port)
            for _ in range(200):
                try:
                    client.call("GET", "/")
                    break
                except OSError:
                    client.close()
                    time.sleep(0.05)
            yield client
        finally:
            process.terminate()


@contextmanager
def services_of(server: Server, **settings: object) -> Iterator[Container]:
    """The services in this process, on the database and in the folders of a running server."""
    with app_of(server, **settings) as app:
        yield app.extensions["kenali"]


@contextmanager
def app_of(server: Server, **settings: object) -> Iterator[Flask]:
    """The whole app in this process, on the database and in the folders of a running server."""
    from app import create_app
    from app.config import Settings
    from app.engines.images.memory import give_memory_back

    folders = {
        "instance_dir": server.folder / "instance",
        "dataset_dir": server.folder / "dataset",
        "models_dir": server.folder / "models",
        "history_dir": server.folder / "history_images",
    }
    app = create_app(Settings(_env_file=None, **{**folders, **settings}))
    give_memory_back()  # as the server does at its start
    try:
        yield app
    finally:
        app.extensions["kenali"].stop()


def post_to(app: Flask, path: str, name: str, data: bytes) -> None:
    """One POST of a form with a file, given to the app by itself: no sockets, no other process."""
    body, content_type = multipart({}, [("file", name, data)])
    environment = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    said: list[str] = []

    def start(status: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
        said.append(status)
        return lambda _: None

    answer = b"".join(app.wsgi_app(environment, start))
    assert said[-1].startswith("200"), answer
