"""Trains the small built-in network: is there a cough, and where.

Four members are trained, each without one fourth of the people and recordings. Together they serve, as the mean of
their log-odds; apart, each is judged on what it has never seen, so that the shipped file itself can be examined
honestly, in seconds, without training anything (bench/cough_quality.py).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, MELS, front_end
from app.learning.cough_collection import COUGH, NON_COUGH, Collection, Samples
from app.learning.cough_onnx import MEMBERS_OUTPUT, write_onnx
from app.learning.cough_scenes import AMBIENT, STEPS, Power, Scenes
from app.learning.fitting import load, quiet_tensorflow
from app.learning.progress import Progress, Step, silent
from app.learning.run_folder import RunFolder, write_json

ONNX_FILE: Final = "cough_builtin.onnx"
FACTS_FILE: Final = "cough_builtin.json"
NAME: Final = "kenali-cough-1"

#: Each member is trained without one of them.
FOLDS: Final = 4
#: Training steps of a member: what four members may take on two cores in ten minutes. More was not tried with these
#: scenes.
STEPS_PER_MEMBER: Final = 700
BATCH_SIZE: Final = 32
_PEAK_RATE: Final = 3e-3
_LAST_RATE: Final = 1e-4
_WARM_UP: Final = 50
_DECAY: Final = 1e-3
#: A step inside a cough counts so much more than one outside: they are about one in eight.
_STEP_WEIGHT: Final = 2.0
#: How often progress is told.
_TOLD_EVERY: Final = 10
#: Log-odds are kept below 11.5.
_LEAST: Final = 1e-5

#: Signal to noise, in dB, at which the calibration is fitted; None is the recording as it is.
_CALIBRATED_AT: Final = (None, 20.0, 10.0)

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Builtin:
    """What was trained."""

    onnx: Path
    facts: Path
    #: balanced accuracy of the members on what each has not seen, recordings as they are
    balanced_accuracy: float


def train(
    data: Path,
    output: Path,
    *,
    steps: int = STEPS_PER_MEMBER,
    seed: int = 7,
    fresh: bool = False,
    progress: Progress = silent,
) -> Builtin:
    """Train all members from a collection, calibrate them, and write both files into `output`.

    Stopped or killed, it goes on with the first member that is not finished.
    """
    collection = Collection.read(data)
    folds = collection.folds(FOLDS)
    run = RunFolder.open(output, {"data": collection.sha256, "steps": steps, "seed": seed}, fresh=fresh)
    members = []
    known: dict[str, list[Power]] = {}
    for fold in range(FOLDS):
        path = output / "training" / f"member-{fold}.keras"
        if not path.is_file():
            scenes = Scenes(collection.only(np.flatnonzero(folds != fold)), seed + fold, known)
            model = _train_member(scenes, fold=fold, steps=steps, seed=seed, progress=progress)
            written = path.with_name(f"being-written-{path.name}")
            model.save(written)
            written.replace(path)
        members.append(load(path))
    onnx = output / ONNX_FILE
    write_onnx(onnx, members)
    built = _describe(onnx, collection, folds, seed)
    run.finish()
    return built


def network() -> Any:
    """A member: log-mel window to the log-odds of a cough in each of its 32 stretches. 39 000 weights."""
    import keras
    from keras import layers

    def convolved(inputs: Any, channels: int, size: int, stride: int = 1) -> Any:
        found = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False)(inputs)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(found))

    inputs = keras.Input((MELS, FRAMES, 1), name="log_mel")
    found = layers.MaxPooling2D((2, 1))(convolved(inputs, 16, 5, 2))
    found = layers.MaxPooling2D((2, 2))(convolved(found, 24, 3))
    found = layers.MaxPooling2D((2, 2))(convolved(found, 32, 3))
    found = convolved(found, 48, 3)
    # Where in frequency it is matters less than that it is there; time is kept.
    height = found.shape[1]
    mean = layers.Reshape((STEPS, 48))(layers.AveragePooling2D((height, 1))(found))
    most = layers.Reshape((STEPS, 48))(layers.MaxPooling2D((height, 1))(found))
    found = layers.Dropout(0.3)(layers.Concatenate()([mean, most]))
    found = layers.Dropout(0.3)(layers.Conv1D(48, 3, padding="same", activation="relu")(found))
    return keras.Model(inputs, layers.Reshape((STEPS,))(layers.Conv1D(1, 1)(found)))


def _train_member(scenes: Scenes, *, fold: int, steps: int, seed: int, progress: Progress) -> Any:
    quiet_tensorflow()
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed + fold)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - _WARM_UP), alpha=_LAST_RATE / _PEAK_RATE, warmup_target=_PEAK_RATE, warmup_steps=_WARM_UP
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=_DECAY)

    @tf.function(jit_compile=False)  # type: ignore[untyped-decorator, unused-ignore]
    def learn(windows: Any, labels: Any, marks: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(windows, training=True)
            loss = _clip_loss(tf, logits, labels) + _step_loss(tf, logits, marks)
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    began, losses = time.monotonic(), []
    for step in range(1, steps + 1):
        batch = scenes.batch(BATCH_SIZE)
        losses.append(float(learn(*map(tf.constant, (batch.windows, batch.labels, batch.steps)))))
        if step % _TOLD_EVERY == 0 or step == steps:
            mean = float(np.mean(losses[-50:]))
            elapsed = time.monotonic() - began
            progress(Step(fold + 1, FOLDS, step, steps, {"loss": mean}, elapsed, complete=step == steps))
    return model


def _clip_loss(tf: Any, logits: Any, labels: Any) -> Any:
    """Cross-entropy of the pooled probability: linear softmax (Wang, Li, Metze 2019), which also tells where."""
    shares = tf.sigmoid(logits)
    pooled = tf.reduce_sum(shares * shares, 1) / (tf.reduce_sum(shares, 1) + 1e-6)
    pooled = tf.clip_by_value(pooled, _LEAST, 1 - _LEAST)
    return -tf.reduce_mean(labels * tf.math.log(pooled) + (1 - labels) * tf.math.log(1 - pooled))


def _step_loss(tf: Any, logits: Any, marks: Any) -> Any:
    known = tf.cast(marks >= 0, tf.float32)
    inside = tf.maximum(marks, 0.0)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(inside, logits) * known * (1 + _STEP_WEIGHT * inside)
    return tf.reduce_sum(losses) / tf.reduce_sum(known)


def member_logits(onnx: Path, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds by each member, shape (n, 4), of windows (n, 128, 256, 1)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    parts = np.array_split(windows, max(1, len(windows) // 64))
    return np.concatenate([session.run([MEMBERS_OUTPUT], {"log_mel": part})[0] for part in parts])


def unseen_logits(onnx: Path, windows: NDArray[np.float32], folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Log-odds, shape (n,), each by the member that was trained without the recording's fold."""
    found: NDArray[np.float32] = member_logits(onnx, windows)[np.arange(len(folds)), folds]
    return found


def in_noise(samples: Samples, noise: Samples, decibels: float) -> Samples:
    """A recording with noise at this signal-to-noise ratio, both by their mean power; the noise is repeated to fit."""
    noise = np.resize(noise, samples.shape)
    power, other = float(np.mean(samples**2)), float(np.mean(noise**2))
    gain = np.sqrt(power / (other + 1e-12) / 10 ** (decibels / 10))
    return np.asarray(samples + gain * noise, np.float32)


def noisy_windows(
    collection: Collection, folds: NDArray[np.int64], decibels: float | None, seed: int
) -> NDArray[np.float32]:
    """Front-end windows of the whole collection in noise: white, or ambience of the same fold, by turns.

    The ambience is of the same fold, so the member that judges a recording has not heard its noise either.
    """
    random = np.random.default_rng(seed)
    windows = []
    for row, item in enumerate(collection.items):
        samples = item.samples
        if decibels is not None:
            behind = [
                other
                for other, fold in zip(collection.items, folds, strict=True)
                if fold == folds[row] and other.kind in AMBIENT and other is not item
            ]
            if row % 2 and behind:
                noise = behind[int(random.integers(len(behind)))].samples
            else:
                noise = random.normal(size=len(samples)).astype(np.float32)
            samples = in_noise(samples, noise, decibels)
        windows.append(front_end(samples))
    return np.concatenate(windows)


def fit_calibration(logits: FloatArray, labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept (Platt 1999), both classes with the same weight."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(class_weight="balanced").fit(np.asarray(logits).reshape(-1, 1), labels)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def balanced_accuracy(found: NDArray[np.bool_], labels: NDArray[np.bool_]) -> float:
    """Mean of the share of coughs found and of other sounds left alone."""
    return float((found[labels].mean() + (~found[~labels]).mean()) / 2)


def _unseen_accuracy(
    by_noise: Sequence[FloatArray], labels: NDArray[np.bool_], folds: NDArray[np.int64]
) -> list[float]:
    """Balanced accuracy, each fold with a calibration that was fitted on the others."""
    flags = [np.zeros(len(labels), bool) for _ in by_noise]
    for fold in range(FOLDS):
        others, own = folds != fold, folds == fold
        slope, intercept = fit_calibration(
            np.concatenate([logits[others] for logits in by_noise]), np.tile(labels[others], len(by_noise))
        )
        for found, logits in zip(flags, by_noise, strict=True):
            found[own] = slope * logits[own] + intercept >= 0
    return [balanced_accuracy(found, labels) for found in flags]


def _describe(onnx: Path, collection: Collection, folds: NDArray[np.int64], seed: int) -> Builtin:
    labels = collection.labels
    by_noise = [
        unseen_logits(onnx, noisy_windows(collection, folds, decibels, seed), folds) for decibels in _CALIBRATED_AT
    ]
    slope, intercept = fit_calibration(np.concatenate(by_noise), np.tile(labels, len(by_noise)))
    accuracy = _unseen_accuracy(by_noise, labels, folds)
    facts = onnx.with_name(FACTS_FILE)
    write_json(
        facts,
        {
            "name": NAME,
            "onnx_sha256": hashlib.sha256(onnx.read_bytes()).hexdigest(),
            "classes": [COUGH, NON_COUGH],
            "calibration": {"slope": round(slope, 4), "intercept": round(intercept, 4)},
            "threshold": 0.5,
            "segment_threshold": 0.5,
            "licence": "weights: as Kenali itself; trained on sounds under CC BY and CC BY-SA, see cough_builtin.md",
            "source": f"trained on {len(collection.items)} recordings by `flask train cough-builtin`",
            "accuracy": f"balanced accuracy {accuracy[0]:.3f}, with noise at 10 dB {accuracy[-1]:.3f}, each recording "
            "judged by the member that never heard its person or take; bench/cough_quality.py",
        },
    )
    return Builtin(onnx, facts, accuracy[0])
