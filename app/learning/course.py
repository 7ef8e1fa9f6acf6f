"""What the course of every training is: begin or go on, fit, and say in the report how it was done."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from app.errors import KenaliError
from app.learning.fitting import EpochData, fit, quiet_tensorflow
from app.learning.progress import Progress
from app.learning.run_folder import RunFolder

#: Files that a report names as left out.
_NAMED_FILES: Final = 20


class Choices(Protocol):
    """What can be chosen of every training; a dataclass with more than this."""

    @property
    def batch_size(self) -> int:
        """Examples in a batch."""

    @property
    def epochs(self) -> int:
        """At most; early stopping may end before."""

    @property
    def seed(self) -> int:
        """Of everything random."""


def train_in(
    output: Path,
    settings: Mapping[str, Any],
    *,
    build: Callable[[], Any],
    batches: Callable[[], tuple[EpochData, Any]],
    epochs: int,
    fresh: bool,
    progress: Progress,
    class_weight: dict[int, float] | None = None,
) -> tuple[RunFolder, Any]:
    """Fit a model in `output`, or go on where a killed training stopped; the run, and its best model.

    :param settings: see `RunFolder.open`, also for what it raises.
    :param build: makes the model; only called where nothing was learnt before. A KenaliError leaves no trace.
    :param batches: makes what to train with, and what to validate with.
    """
    run = RunFolder.open(output, settings, fresh=fresh)
    quiet_tensorflow()
    try:
        model = None if run.resumes else build()
    except KenaliError:
        run.abandon()
        raise
    train, validation = batches()
    best = fit(model, train, validation, run=run, epochs=epochs, progress=progress, class_weight=class_weight)
    return run, best


def but_epochs(choices: Any) -> dict[str, Any]:
    """What was chosen, as settings of a run folder: a training that goes on may be given more epochs."""
    return {name: value for name, value in asdict(choices).items() if name != "epochs"}


def training_facts(run: RunFolder, choices: Choices, learning_rate: float) -> dict[str, str]:
    """How it was trained, for the report."""
    import keras
    import tensorflow as tf

    seconds = sum(row["seconds"] for row in run.state.history)
    return {
        "Optimizer": f"Adam, learning rate {learning_rate} at the start; batches of {choices.batch_size}",
        "Epochs": f"{run.state.epochs_done} of at most {choices.epochs}, {seconds:.0f} s",
        "Seed": str(choices.seed),
        "Versions": f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}",
    }


def left_out(skipped: Mapping[str, str]) -> list[str]:
    """Notes for the report.

    :param skipped: file -> what is wrong with it.
    """
    if not skipped:
        return []
    named = [f"{name}: {why}" for name, why in list(skipped.items())[:_NAMED_FILES]]
    return [f"{len(skipped)} files could not be used and were left out.", *named]
