"""``flask worker``: work on jobs in a program of its own, on this machine or another one."""

from __future__ import annotations

import signal
import threading

import click

from app.cli.answers import container, told


@click.command("worker")
@told
def worker() -> None:
    """Work on training jobs until Ctrl-C or SIGTERM.

    Any number of workers may share one DATABASE_URL; each must see the same DATASET_DIR. A server that should leave the
    work to them is started with RUN_WORKER=false.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    services = container()
    services.worker.start()
    click.echo("Working on jobs. Ctrl-C ends it.")
    stop.wait()
    services.stop()
