"""Fitting a Keras model epoch by epoch so that it can be killed at any moment and goes on where it was.

The callbacks are those of the source: stop early on the validation loss, halve the learning rate when the validation
accuracy stands still, keep the best by validation accuracy. Keras's own forget their counters when the program dies;
these write them into the run folder after every epoch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from app.learning.progress import Progress, Step, silent
from app.learning.run_folder import RunFolder, State

#: The source's figures.
STOP_PATIENCE: Final = 10
RATE_PATIENCE: Final = 5
RATE_FACTOR: Final = 0.5
LEAST_RATE: Final = 1e-5

#: Callbacks that count, by name, with the attributes they count in.
_Counting = Mapping[str, tuple[Any, tuple[str, ...]]]


class EpochData(Protocol):
    """Training batches that depend on nothing but the epoch: a `keras.utils.PyDataset` with this attribute."""

    #: counted from 0; set before the first batch of an epoch is asked for
    epoch: int
    # A batch that cannot be made may leave its exception in an attribute `failed`: it is what `fit` raises.

    def __len__(self) -> int:
        """Batches in an epoch."""


def quiet_tensorflow() -> None:
    """Import TensorFlow without its start-up messages, unless somebody asked for them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf  # noqa: F401


def load(path: Path) -> Any:
    """A checkpoint or a finished model, optimizer included."""
    quiet_tensorflow()
    import keras

    return keras.models.load_model(path)


def fit(
    model: Any,
    train: EpochData,
    validation: Any,
    *,
    run: RunFolder,
    epochs: int,
    progress: Progress = silent,
    class_weight: dict[int, float] | None = None,
) -> Any:
    """Train up to `epochs` epochs in all, those of an earlier start included, and return the best model.

    :param model: compiled, with the metric ``accuracy``; only used if nothing was learnt in `run` before.
    :param validation: whatever Keras takes, unaugmented and the same in every epoch.
    """
    quiet_tensorflow()
    state = run.state
    last = run.checkpoint(state.last)
    if last is not None:
        model = load(last)
    if state.epochs_done < epochs and not state.stopped:
        callbacks = _callbacks(run, train, epochs, progress)
        try:
            model.fit(
                train,
                validation_data=validation,
                initial_epoch=state.epochs_done,
                epochs=epochs,
                callbacks=callbacks,
                class_weight=class_weight,
                shuffle=False,
                verbose=0,
            )
        except Exception as error:
            # TensorFlow turns what a batch raised into an error of its own, with a page of text.
            cause = getattr(train, "failed", None) or getattr(validation, "failed", None)
            if cause is None:
                raise
            raise cause from error
    best = run.checkpoint(run.state.best)
    return model if best is None else load(best)


def _callbacks(run: RunFolder, train: EpochData, epochs: int, progress: Progress) -> list[Any]:
    import keras

    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=STOP_PATIENCE)
    rate = keras.callbacks.ReduceLROnPlateau(
        monitor="val_accuracy", factor=RATE_FACTOR, patience=RATE_PATIENCE, min_lr=LEAST_RATE
    )
    counting = {
        "stop": (stop, ("wait", "best", "best_epoch")),
        "rate": (rate, ("wait", "best", "cooldown_counter")),
    }
    # The recorder comes last: it restores what the others reset at the start, and sees what they decided.
    return [stop, rate, _recorder(run, counting, train, epochs, progress)]


def _recorder(run: RunFolder, counting: _Counting, train: EpochData, epochs: int, progress: Progress) -> Any:
    import keras

    class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
        """Restores the other callbacks' counters at the start; writes everything down after each epoch."""

        began = 0.0

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's signature
            _restore(run.state, counting, self.model)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - see above
            train.epoch = epoch
            self.began = time.monotonic()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.tell(run.state.epochs_done + 1, batch + 1, _floats(logs), complete=False)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            figures = _floats(logs)
            run.record(_after_epoch(run.state, counting, self.model, figures, self.seconds), self.model.save)
            self.tell(epoch + 1, len(train), figures, complete=True)

        @property
        def seconds(self) -> float:
            return round(time.monotonic() - self.began, 2)

        def tell(self, epoch: int, batch: int, figures: dict[str, float], *, complete: bool) -> None:
            progress(Step(epoch, epochs, batch, len(train), figures, self.seconds, complete=complete))

    return Recorder()


def _after_epoch(before: State, counting: _Counting, model: Any, figures: dict[str, float], seconds: float) -> State:
    improved = before.best_figure is None or figures["val_accuracy"] > before.best_figure
    return State(
        epochs_done=before.epochs_done + 1,
        history=[*before.history, {**figures, "seconds": seconds}],
        best=None if improved else before.best,  # None: the checkpoint that is about to be written
        best_figure=figures["val_accuracy"] if improved else before.best_figure,
        memory={
            name: {attribute: getattr(callback, attribute) for attribute in attributes}
            for name, (callback, attributes) in counting.items()
        },
        seeds=[[int(part) for part in generator.numpy()] for generator in _generators(model)],
        stopped=bool(model.stop_training),
    )


def _restore(state: State, counting: _Counting, model: Any) -> None:
    for name, values in state.memory.items():
        for attribute, value in values.items():
            setattr(counting[name][0], attribute, value)
    if state.last is not None:
        for generator, value in zip(_generators(model), state.seeds, strict=True):
            generator.assign(value)


def _generators(model: Any) -> list[Any]:
    """The states of the random generators inside a model, in a fixed order."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


def _floats(logs: Any) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items()}
