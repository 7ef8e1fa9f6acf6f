"""``flask breed``: which breed model is used, and the way to another."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.answers import container, told
from app.engines.breed.install import install
from app.engines.breed.recipe import SCALINGS
from app.engines.download import terminal_progress

breed = AppGroup("breed", help="Breed models: the one in use, the one to download, and your own.")


@breed.command("model")
@told
def model() -> None:
    """Tell which model is used."""
    found = container().breed.model()
    info = found.info
    click.echo(f"{info.key} ({info.kind}): {found.classes} classes, {info.input_size[0]}x{info.input_size[1]} pixels")
    click.echo(f"Why this one: {found.why}")
    click.echo(f"Scaling: {info.scaling}")
    click.echo(f"Source: {info.source}. Licence: {info.licence}")
    for name, value in info.accuracy.items():
        click.echo(f"{name}: {value}")


@breed.command("download")
@told
def download() -> None:
    """Download the ImageNet weights into MODELS_DIR, unless they are there.

    A running server answers with them from its next request on.
    """
    engines = container().breed_engines
    path = engines.download(terminal_progress(engines.network.name))
    click.echo(f"{engines.network.name} is in {path}. Licence: {engines.network.licence}")
    choice = engines.choice()
    if choice.kind != "imagenet":
        click.echo(f"It is not in use: {choice.why}")


@breed.command("use")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--scaling", type=click.Choice(list(SCALINGS)), help="What a byte becomes, if its model.json does not say."
)
@told
def use(folder: Path, scaling: str | None) -> None:
    """Use the model in FOLDER: checked, then copied to MODELS_DIR.

    FOLDER holds one .keras or .h5 file and class_indices.json, as `flask train breed` writes them. A running server
    notices at its next request. To go back, remove these files from MODELS_DIR.
    """
    services = container()
    info = install(folder, services.settings.models_dir, scaling=scaling)
    click.echo(f"{info.name}@{info.fingerprint} is in use now ({info.scaling}).")
