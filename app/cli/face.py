"""``flask face``: which face models there are, which one is used, and the way to another."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.cli.answers import container, told

face = AppGroup("face", help="Face models: list, download, switch, switch back.")


@face.command("models")
@told
def models() -> None:
    """List the known and installed models; * marks the one in use."""
    services = container()
    live = services.gallery.live()
    used = live.model_name if live else services.face_engines.choose()
    for model in services.face_engines.listing():
        mark = "*" if model.name == used else " "
        state = "installed" if model.installed else f"download {model.megabytes} MB"
        terms = "free to use" if model.commercial_use else "non-commercial"
        click.echo(f"{mark} {model.name:<14} {state:<16} {terms:<15} {model.description}")


@face.command("download")
@click.argument("name")
@told
def download(name: str) -> None:
    """Download a pack into MODELS_DIR."""
    folder = container().face_engines.download(name)
    click.echo(f"{name} is in {folder}. To use it: flask face use {name}")


@face.command("use")
@click.argument("name")
@told
def use(name: str) -> None:
    """Switch to another model: embed every photo anew beside the live gallery, then swap.

    Recognition answers with the old model until the swap. `flask face rollback` leads back.
    """
    services = container()
    services.face_engines.get_for_jobs(name)  # what is not installed is told before a job is made of it
    job = services.training.request_rebuild(model=name)
    services.worker.start()  # this command works on the job itself, unless the server's worker is faster
    try:
        with click.progressbar(length=1, label=f"Embedding with {name}") as bar:
            for progress in services.training.follow(job.id):
                bar.length = max(progress.total or 1, 1)
                bar.update(progress.done - bar.pos)
    finally:
        services.worker.stop()
    click.echo(f"{name} is in use now.")


@face.command("rollback")
@told
def rollback() -> None:
    """Go back to the gallery of the model before."""
    click.echo(f"{container().gallery.rollback().model_name} is in use again.")
