"""Training a breed classifier of one's own: the pipeline of the source's notebook, step by step.

ResNet50V2 looks, and is not changed; a head of one hidden layer learns which of its findings mean which breed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.engines.breed.recipe import DEFAULT_INTERPOLATION, DEFAULT_SCALING
from app.engines.breed.user import MODEL_FILE
from app.errors import ModelNotUsable
from app.learning.batches import probabilities_of
from app.learning.course import but_epochs, left_out, train_in, training_facts
from app.learning.evaluation import Evaluation, evaluate
from app.learning.fitting import quiet_tensorflow
from app.learning.imagenet_base import imagenet_base
from app.learning.output import REPORT_FILE, write_model
from app.learning.pictures import Pictures, Preparation, batches, find_pictures
from app.learning.progress import Progress, silent
from app.learning.report import Report, write_report
from app.learning.run_folder import RunFolder
from app.learning.split import Split, split

#: The base inside a model.
BASE_NAME: Final = "resnet50v2"

#: The source's figures.
SIDE: Final = 224
BATCH_SIZE: Final = 32
EPOCHS: Final = 50
HIDDEN: Final = 512
DROPOUT: Final = 0.5
LEARNING_RATE: Final = 1e-4
#: Below it ResNet50V2, which halves a picture five times, has nothing left to look at.
LEAST_SIDE: Final = 32


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen; the source's figures where nothing is."""

    #: ``none`` (chance), ``imagenet`` (downloaded), or a file: weights of ResNet50V2 without top (.h5), or an earlier
    #: model of this pipeline (.keras)
    weights: str = "imagenet"
    side: int = SIDE
    batch_size: int = BATCH_SIZE
    #: at most; early stopping may end before
    epochs: int = EPOCHS
    #: a name in `SCALINGS`: that of the source, though the ImageNet weights were made for ``x/127.5-1``
    scaling: str = DEFAULT_SCALING
    seed: int = 42

    @property
    def preparation(self) -> Preparation:
        """How the network is fed."""
        return Preparation(self.side, self.scaling)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out."""

    folder: Path
    evaluation: Evaluation
    epochs: int
    #: files that could not be read -> why
    skipped: dict[str, str]


def train(
    data: Path,
    output: Path,
    choices: Choices | None = None,
    *,
    fresh: bool = False,
    weights_dir: Path | None = None,
    checked: Callable[[int, int], None] | None = None,
    progress: Progress = silent,
) -> Trained:
    """Read, split, train, test, and write model, classes, recipe and report into `output`.

    A training that was killed goes on with its last whole epoch when it is called again with the same arguments.

    :param weights_dir: as `build` has it.
    """
    choices = choices or Choices()
    pictures = find_pictures(data, checked=checked)
    parts = split(pictures.labels, pictures.digests, seed=choices.seed)
    run, best = train_in(
        output,
        settings(pictures, choices),
        build=lambda: build(len(pictures.classes), choices, weights_dir=weights_dir),
        batches=lambda: training_batches(pictures, parts, choices),
        epochs=choices.epochs,
        fresh=fresh,
        progress=progress,
    )
    tested = examine(best, pictures, parts, choices)
    save(best, pictures, parts, choices, run=run, tested=tested)
    epochs = run.state.epochs_done
    run.finish()
    return Trained(output, tested, epochs, pictures.skipped)


def build(classes: int, choices: Choices, *, weights_dir: Path | None = None) -> Any:
    """The source's network, compiled: a frozen ResNet50V2, then one hidden layer.

    :param weights_dir: where the weights of ImageNet lie or are fetched to; where Keras keeps its own if omitted.
    """
    quiet_tensorflow()
    import keras
    from keras import layers

    keras.utils.set_random_seed(choices.seed)
    base = _base(choices, weights_dir)
    base.trainable = False
    model = keras.Sequential(
        [
            layers.Input((choices.side, choices.side, 3)),
            base,
            layers.Flatten(),
            layers.Dense(HIDDEN, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(DROPOUT),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def training_batches(pictures: Pictures, parts: Split, choices: Choices) -> tuple[Any, Any]:
    """Augmented batches to learn from, and plain ones to validate with."""
    return (
        batches(pictures, parts.train, choices.preparation, batch_size=choices.batch_size, augment_with=choices.seed),
        batches(pictures, parts.validation, choices.preparation, batch_size=choices.batch_size),
    )


def examine(model: Any, pictures: Pictures, parts: Split, choices: Choices) -> Evaluation:
    """Figures on the pictures that neither training nor the choice of the best epoch has seen."""
    unseen = batches(pictures, parts.test, choices.preparation, batch_size=choices.batch_size)
    truth = pictures.one_hot()[parts.test].argmax(axis=1)
    return evaluate(truth, probabilities_of(model, unseen), pictures.classes)


def save(model: Any, pictures: Pictures, parts: Split, choices: Choices, *, run: RunFolder, tested: Evaluation) -> None:
    """Write ``.keras``, ``class_indices.json``, ``model.json`` and ``report.html`` into the output folder."""
    recipe = {
        "kind": "breed",
        "input_size": [choices.side, choices.side, 3],
        "scaling": choices.scaling,
        "colour": "RGB",
        "resize": "stretch",
        "interpolation": DEFAULT_INTERPOLATION,
    }
    write_model(run.output, MODEL_FILE, model, classes=pictures.classes, recipe=recipe, tested=tested)
    facts = _facts(pictures, parts, choices, run)
    report = Report("Breed classifier", facts, run.state.history, tested, left_out(pictures.skipped))
    write_report(run.output / REPORT_FILE, report)


def settings(pictures: Pictures, choices: Choices) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    return {"kind": "breed", "pictures": pictures.fingerprint, **but_epochs(choices)}


def _facts(pictures: Pictures, parts: Split, choices: Choices, run: RunFolder) -> dict[str, str]:
    counts = f"{len(parts.train)} / {len(parts.validation)} / {len(parts.test)}"
    return {
        "Pictures": f"{len(pictures.paths)} in {len(pictures.classes)} classes",
        "Training / validation / test": counts,
        "Fingerprint of the pictures": pictures.fingerprint,
        "Network": f"ResNet50V2, frozen, weights: {choices.weights}; Flatten, Dense {HIDDEN}, BatchNormalization, "
        f"Dropout {DROPOUT}, softmax",
        "Input": f"RGB, {choices.side} x {choices.side}, scaling: {choices.scaling}",
        **training_facts(run, choices, LEARNING_RATE),
    }


def _base(choices: Choices, weights_dir: Path | None) -> Any:
    file = imagenet_base(weights_dir) if choices.weights == "imagenet" else Path(choices.weights)
    if choices.weights != "none" and not file.is_file():
        raise ModelNotUsable(f"Weights are none, imagenet or a file; there is no file {file}.")
    import keras

    shape = (choices.side, choices.side, 3)
    base = keras.applications.ResNet50V2(include_top=False, weights=None, input_shape=shape, name=BASE_NAME)
    if choices.weights == "none":
        return base
    try:
        if file.suffix == ".keras":
            earlier = keras.models.load_model(file, compile=False, safe_mode=True)
            base.set_weights(earlier.get_layer(BASE_NAME).get_weights())
        else:
            base.load_weights(file)
    except Exception as error:
        # Keras and h5py raise OSError, ValueError, KeyError, TypeError, … for a file that does not fit.
        raise ModelNotUsable(f"{file} does not hold weights of ResNet50V2 without top: {error}") from error
    return base
