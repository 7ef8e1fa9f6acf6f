"""``flask train``: classifiers of one's own, trained from folders of labelled data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.answers import told
from app.engines.breed.recipe import DEFAULT_SCALING, SCALINGS
from app.learning import breed, cough, cough_builtin, progress
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
    choices = Choices(weights, image_size, batch_size, epochs, scaling, seed)
    with _disk_errors_told():
        trained = breed.train(
            data,
            folder,
            choices,
            fresh=fresh,
            weights_dir=current_app.extensions["kenali"].settings.models_dir,
            checked=progress.counted("Pictures looked at:"),
            progress=progress.told(),
        )
    if trained.skipped:
        click.echo(f"{len(trained.skipped)} files could not be read; the report names them.")
    click.echo(f"Accuracy on {trained.evaluation.examples} unseen pictures: {trained.evaluation.accuracy:.2%}")
    click.echo(f"{folder / 'report.html'} tells more. To use it: flask breed use {folder}")


@train.command("cough")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="COUGHVID v3, a folder with manifest.csv, or one folder a class (CLASS/PERSON/file keeps people together).",
)
@click.option("--output", type=click.Path(path_type=Path), help="Where the result goes. [INSTANCE_DIR/trained/cough]")
@click.option("--weights", default="none", show_default=True, help="none, or the .keras of an earlier training.")
@click.option("--epochs", default=cough.EPOCHS, show_default=True, type=click.IntRange(1), help="At most.")
@click.option("--batch-size", default=cough.BATCH_SIZE, show_default=True, type=click.IntRange(2), help="At once.")
@click.option("--seed", default=42, show_default=True, type=click.IntRange(0), help="Of split and augmentation.")
@click.option("--fresh", is_flag=True, help="Start again instead of going on with an unfinished training.")
@told
def train_cough(
    *, data: Path, output: Path | None, weights: str, epochs: int, batch_size: int, seed: int, fresh: bool
) -> None:
    """Train a cough classifier. Stopped or killed, it goes on when called again with the same options."""
    folder = output or _instance_dir() / "trained" / "cough"
    with _disk_errors_told():
        trained = cough.train(
            data,
            folder,
            cough.Choices(weights, batch_size, epochs, seed),
            fresh=fresh,
            checked=progress.counted("Recordings listened to:"),
            progress=progress.told(),
        )
    if trained.skipped:
        click.echo(f"{len(trained.skipped)} files could not be used; the report names them.")
    tested = trained.evaluation
    click.echo(f"Balanced accuracy on {tested.examples} unheard recordings: {tested.balanced_accuracy:.2%}")
    for noise, accuracy in trained.in_noise.items():
        click.echo(f"  with noise at {noise:g} dB: {accuracy:.2%}")
    click.echo(f"{folder / 'report.html'} tells more. To use it: flask cough use {folder}")


@train.command("cough-builtin")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with manifest.csv.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Where network, facts and card go.")
@click.option(
    "--steps", default=cough_builtin.STEPS_PER_MEMBER, show_default=True, type=click.IntRange(1), help="Of each member."
)
@click.option("--fresh", is_flag=True, help="Start again instead of going on with an unfinished training.")
@told
def train_cough_builtin(*, data: Path, output: Path, steps: int, fresh: bool) -> None:
    """Train the network that ships in models/. For developers of Kenali."""
    built = cough_builtin.train(data, output, steps=steps, fresh=fresh, progress=progress.told())
    click.echo(f"{built.onnx}: balanced accuracy {built.balanced_accuracy:.2%} on people and takes never heard")


def _instance_dir() -> Path:
    found: Path = current_app.extensions["kenali"].settings.instance_dir
    return found


@contextmanager
def _disk_errors_told() -> Iterator[None]:
    """A full disk or a folder without permission ends the command with one line."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise click.ClickException(f"{error.strerror or error}{where}") from None
