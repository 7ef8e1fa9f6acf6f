"""Several ways to the same answer, timed in turns in one run, so that a machine that slows down slows all of them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench._server import ROOT, Client, Server, free_port

if TYPE_CHECKING:
    from app.container import Container

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


def times_ms(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """How long each way took in each round, whose number it is told. Each round begins with another way."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + WARM_UP):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(PAUSE_SECONDS)
            times[name].append(milliseconds(lambda way=ways[name]: way(number)))  # noqa: B023 - called at once
    return {name: values[WARM_UP:] for name, values in times.items()}


def medians_ms(ways: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """The median of `times_ms`."""
    return {name: statistics.median(values) for name, values in times_ms(ways, rounds).items()}


def print_beside(times: Mapping[str, list[float]], *, base: str, api: str) -> None:
    """A line for each way, with its ratio to `base`, and `api` without what an empty endpoint takes.

    The fastest tenth is what other programs on the machine disturb least: they lengthen what takes long most of all.
    """
    medians = {name: statistics.median(values) for name, values in times.items()}
    lows = {name: statistics.quantiles(values, n=10)[0] for name, values in times.items()}
    print(f"  {'':<44}    p50     ratio     fastest tenth  ratio")
    for name in times:
        print(
            f"  {name:<44} {medians[name]:7.2f} ms {medians[name] / medians[base]:6.2f}"
            f"    {lows[name]:7.2f} ms {lows[name] / lows[base]:8.2f}"
        )
    left, low = ((found[api] - found[EMPTY]) / found[base] for found in (medians, lows))
    print(f"  {api + ', less an empty endpoint':<44}            {left:6.2f} {low:22.2f}")


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
    from app import create_app
    from app.config import Settings
    from app.engines.images.memory import give_memory_back

    folders = {
        "instance_dir": server.folder / "instance",
        "dataset_dir": server.folder / "dataset",
        "models_dir": server.folder / "models",
        "history_dir": server.folder / "history_images",
    }
    services: Container = create_app(Settings(_env_file=None, **{**folders, **settings})).extensions["kenali"]
    give_memory_back()  # as the server does at its start
    try:
        yield services
    finally:
        services.stop()
