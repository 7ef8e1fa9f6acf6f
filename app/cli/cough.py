"""``flask cough``: which cough model is used, and the way to one's own."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.answers import container, told
from app.engines.cough.base import NOTICE
from app.engines.cough.install import install
from app.errors import ModelNotUsable

cough = AppGroup("cough", help="Cough models: the one in use, and your own.")


@cough.command("model")
@told
def model() -> None:
    """Tell which model is used."""
    found = container().cough.status()
    if found.model is None:
        raise ModelNotUsable(found.problem)
    info = found.model
    click.echo(f"{info.key} ({'built-in' if info.built_in else 'your own'}): {', '.join(info.classes)}")
    click.echo(f"Source: {info.source}. Licence: {info.licence}")
    click.echo(f"Accuracy: {info.accuracy}")
    click.echo(NOTICE)


@cough.command("use")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@told
def use(folder: Path) -> None:
    """Use the model in FOLDER: checked, then copied to MODELS_DIR.

    FOLDER holds one .keras or .h5 file, and model.json or class_indices.json, as `flask train cough` writes them;
    without either, the classes are the source's: dry, non-cough, wet. A running server notices at its next request.
    To go back, remove cough_classifier_model.* from MODELS_DIR.
    """
    info = install(folder, container().settings.models_dir)
    click.echo(f"{info.key} is in use now: {', '.join(info.classes)}.")
