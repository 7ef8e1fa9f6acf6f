"""Training a cough classifier of one's own: dry, wet, non-cough, or whatever classes a folder has.

The network sees what the source's sees, ``(128, 256, 1)``, so that its file can take the place of
``cough_classifier_model.h5``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, MELS, SAMPLE_RATE, Window, window
from app.engines.audio.log_mel import RANGE_DB, mel_power, relative_decibels
from app.engines.cough.own_model import STEM
from app.errors import ModelNotUsable
from app.learning.batches import Seed, batches_of, probabilities_of
from app.learning.course import but_epochs, left_out, train_in, training_facts
from app.learning.evaluation import Evaluation, evaluate
from app.learning.fitting import quiet_tensorflow
from app.learning.output import REPORT_FILE, write_model
from app.learning.progress import Progress, silent
from app.learning.recordings import Recordings, find_recordings
from app.learning.report import Report, write_report
from app.learning.run_folder import RunFolder
from app.learning.split import Split, split

MODEL_FILE: Final = f"{STEM}.keras"
BATCH_SIZE: Final = 32
EPOCHS: Final = 50
#: Adam's own default: nothing here was trained before.
LEARNING_RATE: Final = 1e-3
#: Signal to noise, in dB; a third of the examples of an epoch stay as they are.
NOISE_DB: Final = (20.0, 10.0, 5.0)
_NOISY_SHARE: Final = 2 / 3
#: At most 0.6 s earlier or later, and up to 16 of 128 bands blanked (SpecAugment, Park et al. 2019).
_SHIFT_FRAMES: Final = 26
_MASK_BANDS: Final = 16
#: Hiss is cut out of this much of it.
_HISS_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen."""

    #: ``none`` (chance), or the file of an earlier training with the same network; its last layer is taken over only
    #: where the number of classes is the same
    weights: str = "none"
    batch_size: int = BATCH_SIZE
    #: at most; early stopping may end before
    epochs: int = EPOCHS
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out."""

    folder: Path
    #: on recordings as they are
    evaluation: Evaluation
    #: signal to noise in dB -> balanced accuracy
    in_noise: dict[float, float]
    epochs: int
    skipped: dict[str, str]


def train(
    data: Path,
    output: Path,
    choices: Choices | None = None,
    *,
    fresh: bool = False,
    checked: Callable[[int, int], None] | None = None,
    progress: Progress = silent,
) -> Trained:
    """Read, split by groups, train, test with and without noise, and write model, classes, recipe and report.

    A training that was killed goes on with its last whole epoch when it is called again with the same arguments.
    """
    choices = choices or Choices()
    recordings = find_recordings(data, checked=checked)
    parts = split(recordings.labels, recordings.groups, seed=choices.seed)
    run, best = train_in(
        output,
        _settings(recordings, choices),
        build=lambda: build(len(recordings.classes), choices),
        batches=lambda: (
            batches(recordings, parts.train, choices.batch_size, augment_with=choices.seed),
            batches(recordings, parts.validation, choices.batch_size),
        ),
        epochs=choices.epochs,
        fresh=fresh,
        progress=progress,
        class_weight=_class_weight(recordings, parts.train),
    )
    tested = examine(best, recordings, parts, choices)
    in_noise = {
        decibels: examine(best, recordings, parts, choices, noise_db=decibels).balanced_accuracy
        for decibels in NOISE_DB
    }
    _save(best, recordings, parts, choices, run=run, tested=tested, in_noise=in_noise)
    epochs = run.state.epochs_done
    run.finish()
    return Trained(output, tested, in_noise, epochs, recordings.skipped)


def build(classes: int, choices: Choices) -> Any:
    """Four convolutions, mean and maximum over the picture, softmax; compiled."""
    quiet_tensorflow()
    import keras
    from keras import layers

    keras.utils.set_random_seed(choices.seed)
    inputs = found = keras.Input((MELS, FRAMES, 1))
    for position, channels in enumerate((16, 32, 48, 64)):
        stride = 2 if position == 0 else 1
        found = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(found)
        found = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(found))
        found = layers.MaxPooling2D(2)(found)
    found = layers.Concatenate()([layers.GlobalAveragePooling2D()(found), layers.GlobalMaxPooling2D()(found)])
    found = layers.Dense(64, activation="relu")(layers.Dropout(0.5)(found))
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(found))
    if choices.weights != "none":
        _take_over(model, Path(choices.weights))
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def batches(
    recordings: Recordings,
    rows: NDArray[np.int64],
    batch_size: int,
    *,
    augment_with: int | None = None,
    noise_db: float | None = None,
) -> Any:
    """Batches of these rows for Keras: windows ``(n, 128, 256, 1)`` and one-hot targets.

    :param augment_with: as `app.learning.batches.batches_of` has it.
    :param noise_db: for the test: every recording in hiss at this signal-to-noise ratio.
    """
    hiss = _hiss()

    def load_one(row: int, seed: Seed | None) -> Window:
        decibels = recordings.spectrograms[row].astype(np.float32)
        if seed is not None:
            return augment(decibels, hiss, np.random.default_rng(seed))
        if noise_db is not None:
            decibels = in_noise(decibels, hiss, noise_db, np.random.default_rng(row))
        return window(decibels)

    def load(chosen: Sequence[int], seeds: Sequence[Seed] | None) -> NDArray[np.float32]:
        each = [None] * len(chosen) if seeds is None else seeds
        return np.concatenate([load_one(row, seed) for row, seed in zip(chosen, each, strict=True)])

    targets = np.eye(len(recordings.classes), dtype=np.float32)[recordings.positions]
    return batches_of(rows, targets, load, batch_size=batch_size, augment_with=augment_with)


def augment(decibels: NDArray[np.float32], hiss: NDArray[np.float32], random: np.random.Generator) -> Window:
    """Noise at 20, 10 or 5 dB or none, a shift in time, and some bands blanked."""
    if random.random() < _NOISY_SHARE:
        decibels = in_noise(decibels, hiss, float(random.choice(NOISE_DB)), random)
    shift = int(random.integers(0, _SHIFT_FRAMES + 1))
    if random.random() < 0.5:  # noqa: PLR2004 - later as often as earlier
        before = np.full((MELS, shift), -RANGE_DB, np.float32)
        decibels = np.concatenate([before, decibels], axis=1)
    elif decibels.shape[1] > 2 * _SHIFT_FRAMES:
        decibels = decibels[:, shift:]
    picture = window(decibels)
    height = int(random.integers(0, _MASK_BANDS + 1))
    first = int(random.integers(0, MELS - height + 1))
    picture[:, first : first + height] = 0.0
    return picture


def in_noise(
    decibels: NDArray[np.float32], hiss: NDArray[np.float32], noise_db: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Hiss of a random colour behind a recording: powers of sounds that differ add up."""
    power = np.asarray(10 ** (decibels / 10), np.float32)
    first = int(random.integers(0, hiss.shape[1] - power.shape[1] + 1))
    # From white to brown: down to -20 dB from the lowest band to the highest.
    colour = 10 ** (-np.linspace(0, 1, MELS) * random.uniform(0, 2))
    noise = hiss[:, first : first + power.shape[1]] * colour[:, np.newaxis].astype(np.float32)
    return relative_decibels(power + noise * np.float32(power.mean() / noise.mean() / 10 ** (noise_db / 10)))


def examine(
    model: Any, recordings: Recordings, parts: Split, choices: Choices, *, noise_db: float | None = None
) -> Evaluation:
    """Figures on groups that neither training nor the choice of the best epoch has heard."""
    unseen = batches(recordings, parts.test, choices.batch_size, noise_db=noise_db)
    return evaluate(recordings.positions[parts.test], probabilities_of(model, unseen), recordings.classes)


def _hiss() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).normal(scale=0.1, size=SAMPLE_RATE * _HISS_SECONDS)
    return mel_power(noise.astype(np.float32))


def _take_over(model: Any, file: Path) -> None:
    import keras

    if not file.is_file():
        raise ModelNotUsable(f"Weights are none or a file; there is no file {file}.")
    try:
        earlier = keras.models.load_model(file, compile=False, safe_mode=True)
        theirs = [layer for layer in earlier.layers if layer.get_weights()]
        ours = [layer for layer in model.layers if layer.get_weights()]
        same_classes = earlier.output_shape == model.output_shape
        for own, other in list(zip(ours, theirs, strict=True))[: None if same_classes else -1]:
            own.set_weights(other.get_weights())
    except Exception as error:
        # Keras and h5py raise OSError, ValueError, KeyError, TypeError, … for a file that does not fit.
        raise ModelNotUsable(f"{file} does not hold a network of this pipeline: {error}") from error


def _class_weight(recordings: Recordings, rows: NDArray[np.int64]) -> dict[int, float]:
    """Every class counts alike, however rare."""
    counts = np.bincount(recordings.positions[rows], minlength=len(recordings.classes))
    return {position: float(len(rows) / (len(counts) * count)) for position, count in enumerate(counts)}


def _settings(recordings: Recordings, choices: Choices) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    return {"kind": "cough", "recordings": recordings.fingerprint, **but_epochs(choices)}


def _save(
    model: Any,
    recordings: Recordings,
    parts: Split,
    choices: Choices,
    *,
    run: RunFolder,
    tested: Evaluation,
    in_noise: dict[float, float],
) -> None:
    recipe = {
        "kind": "cough",
        "input_size": [MELS, FRAMES, 1],
        "padding": "silence",
        "source": f"trained here on {len(recordings.files)} recordings ({recordings.layout})",
    }
    write_model(run.output, MODEL_FILE, model, classes=recordings.classes, recipe=recipe, tested=tested)
    facts = _facts(recordings, parts, choices, run, in_noise)
    report = Report("Cough classifier", facts, run.state.history, tested, _notes(recordings))
    write_report(run.output / REPORT_FILE, report)


def _notes(recordings: Recordings) -> Sequence[str]:
    notes = ["What a class sounds like may not be all that tells it apart: a microphone or a room does it as well."]
    if recordings.unlabelled:
        notes.append(f"{recordings.unlabelled} rows of the table have no clear label or no recording.")
    return [*notes, *left_out(recordings.skipped)]


def _facts(
    recordings: Recordings, parts: Split, choices: Choices, run: RunFolder, in_noise: dict[float, float]
) -> dict[str, str]:
    return {
        "Recordings": f"{len(recordings.files)} in {len(recordings.classes)} classes, "
        f"{len(set(recordings.groups))} groups; layout: {recordings.layout}",
        "Training / validation / test": f"{len(parts.train)} / {len(parts.validation)} / {len(parts.test)}, "
        "no group in two of them",
        **{
            f"Balanced accuracy with noise at {noise:g} dB": f"{accuracy:.2%}"
            for noise, accuracy in sorted(in_noise.items(), reverse=True)
        },
        "Fingerprint of the recordings": recordings.fingerprint,
        "Network": f"four convolutions, mean and maximum, softmax; weights: {choices.weights}",
        **training_facts(run, choices, LEARNING_RATE),
    }
