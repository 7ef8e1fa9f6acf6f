"""``flask train``: classifiers of one's own, trained from folders of labelled data."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.answers import told
from app.engines.breed.recipe import DEFAULT_SCALING, SCALINGS
from app.learning import breed, progress
from app.learning.breed import BATCH_SIZE, EPOCHS, LEAST_SIDE, SIDE, Choices

train = AppGroup("train", help="Train a classifier of your own.")


@train.command("breed")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Stanford Dogs, or one folder a breed.")
@click.option("--output", type=click.Path(path_type=Path), help="Where the result goes. [INSTANCE_DIR/trained/breed]")
@click.option("--weights", default="imagenet", show_default=True, help="none, imagenet, or a file of weights.")
@click.option("--epochs", default=EPOCHS, show_default=True, type=click.IntRange(1), help="At most.")
@click.option("--batch-size", default=BATCH_SIZE, show_default=True, type=click.IntRange(2), help="Pictures at once.")
@click.option(
    "--image-size", default=SIDE, show_default=True, type=click.IntRange(LEAST_SIDE, 512), help="Pixels on each side."
)
@click.option(
    "--scaling",
    default=DEFAULT_SCALING,
    show_default=True,
    type=click.Choice(list(SCALINGS)),
    help="What a byte becomes. The ImageNet weights were made for x/127.5-1.",
)
@click.option("--seed", default=42, show_default=True, type=click.IntRange(0), help="Of split and augmentation.")
@click.option("--fresh", is_flag=True, help="Start again instead of going on with an unfinished training.")
@told
def train_breed(
    *,
    data: Path,
    output: Path | None,
    weights: str,
    epochs: int,
    batch_size: int,
    image_size: int,
    scaling: str,
    seed: int,
    fresh: bool,
) -> None:
    """Train a breed classifier. Stopped or killed, it goes on when called again with the same options."""
    folder = output or _instance_dir() / "trained" / "breed"
    trained = breed.train(
        data,
        folder,
        Choices(weights, image_size, batch_size, epochs, scaling, seed),
        fresh=fresh,
        checked=progress.counted("Pictures looked at:"),
        progress=progress.told(),
    )
    if trained.skipped:
        click.echo(f"{len(trained.skipped)} files could not be read; the report names them.")
    click.echo(f"Accuracy on {trained.evaluation.examples} unseen pictures: {trained.evaluation.accuracy:.2%}")
    click.echo(f"{folder / 'report.html'} tells more. To use it: flask breed use {folder}")


def _instance_dir() -> Path:
    found: Path = current_app.extensions["kenali"].settings.instance_dir
    return found
