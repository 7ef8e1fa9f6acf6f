"""Trains the small built-in network: is there a cough, and where.

Two members are trained without each seventh of the groups of people, so without one person where there are seven: one
looks at all frequencies, one not at the lowest. All fourteen serve together, as the mean of their log-odds; two by two,
they are judged on what neither has heard, so that the shipped file itself can be examined honestly, in a minute,
without training anything (bench/cough_quality.py).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.engines.audio import FRAMES, MELS
from app.engines.audio.log_mel import RANGE_DB
from app.learning.cough_card import card
from app.learning.cough_collection import COUGH, NON_COUGH, Collection, Item
from app.learning.cough_evaluation import Examination, examine
from app.learning.cough_onnx import (
    HEARD_DB,
    LEAST_PROBABILITY,
    LEAST_RANGE,
    LEAST_SHARE,
    LEVEL_DB,
    POOLING_POWER,
    write_onnx,
)
from app.learning.cough_scenes import SCENE_FRAMES, Power, Scenes, powers_of
from app.learning.cough_synthetic import made_up
from app.learning.fitting import load, quiet_tensorflow
from app.learning.progress import Progress, Step, silent
from app.learning.run_folder import RunFolder, write_json

ONNX_FILE: Final = "cough_builtin.onnx"
FACTS_FILE: Final = "cough_builtin.json"
CARD_FILE: Final = "cough_builtin.md"
NAME: Final = "kenali-cough-3"

#: As many as people cough in the collection that Kenali's own network is trained on.
PARTS: Final = 7
#: Networks of each part, by the lowest mel band that each looks at. Below the eighth, 230 Hz, are handling, wind and
#: mains hum, and little of a cough; two that do not look at the same err less together than either alone.
LOWEST_BANDS: Final = (0, 8)
#: Training steps of a member.
STEPS_PER_MEMBER: Final = 1500
BATCH_SIZE: Final = 32
_PEAK_RATE: Final = 3e-3
_LAST_RATE: Final = 1e-4
_WARM_UP: Final = 50
_DECAY: Final = 1e-3
#: A step inside a cough counts so much more than one outside: they are about one in eight.
_STEP_WEIGHT: Final = 2.0
#: How often progress is told.
_TOLD_EVERY: Final = 10
#: What is made up to train on is the same for every member.
_MADE_UP_SEED: Final = 5
#: From the seed of a part's first network to that of its second.
_NEXT_SEED: Final = 100


@dataclass(frozen=True, slots=True)
class Builtin:
    """What was trained."""

    onnx: Path
    facts: Path
    card: Path
    #: balanced accuracy of the members on what each has not heard, recordings as they are
    balanced_accuracy: float


def train(
    data: Path,
    output: Path,
    *,
    steps: int = STEPS_PER_MEMBER,
    seed: int = 7,
    people: int | None = None,
    parts: int = PARTS,
    lowest_bands: Sequence[int] = LOWEST_BANDS,
    fresh: bool = False,
    progress: Progress = silent,
) -> Builtin:
    """Train all members from a collection, calibrate them, and write network, facts and model card into `output`.

    Stopped or killed, it goes on with the first member that is not finished.

    :param people: of those who cough, each member hears no more than so many; None is all it may.
    :param parts: each is trained without a share of every source (`Collection.unheard`).
    :param lowest_bands: one for each network of a part.
    """
    collection = Collection.read(data)
    unheard = collection.unheard(parts)
    settings = {"data": collection.sha256, "steps": steps, "seed": seed, "people": people, "parts": parts}
    run = RunFolder.open(output, settings, fresh=fresh)
    # A member of a training with other settings has another name.
    trained_as = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    plan = [
        _Plan(1 + part + turn * parts, parts * len(lowest_bands), part, lowest, seed + part + turn * _NEXT_SEED)
        for turn, lowest in enumerate(lowest_bands)
        for part in range(parts)
    ]
    paths = [output / "training" / f"member-{trained_as}-{one.seed}-{one.lowest_band}-{one.part}.keras" for one in plan]
    known: dict[str, list[Power]] = {}
    others: dict[str, list[Power]] = {}
    for one, path in zip(plan, paths, strict=True):
        if not path.is_file():
            others = others or powers_of(made_up(_MADE_UP_SEED))
            heard = _with_people(collection.only(np.flatnonzero(~unheard[:, one.part])), people, one.part)
            scenes = Scenes(heard, one.seed, known, others)
            model = _train_member(scenes, one, steps, progress)
            written = path.with_name(f"being-written-{path.name}")
            model.save(written)
            written.replace(path)
    onnx = output / ONNX_FILE
    write_onnx(onnx, [load(path) for path in paths])
    built = _describe(onnx, examine(onnx, collection, parts, len(lowest_bands)), len(plan), steps)
    run.finish()
    return built


@dataclass(frozen=True, slots=True)
class _Plan:
    """One member."""

    #: from 1
    number: int
    #: so many
    of: int
    #: which share of the groups it never hears
    part: int
    lowest_band: int
    seed: int


def _with_people(items: list[Item], people: int | None, part: int) -> list[Item]:
    """All other sounds, and the coughs of some: of the next ones for the next part, so that all have their turn."""
    if people is None:
        return items
    coughing = sorted({item.group for item in items if item.cough})
    chosen = {coughing[(part + turn) % len(coughing)] for turn in range(people)}
    return [item for item in items if not item.cough or item.group in chosen]


def network(frames: int = FRAMES, *, lowest_band: int) -> Any:
    """A member: log-mel picture to the log-odds of a cough in each stretch of 8 frames. 36 000 weights."""
    import keras
    from keras import layers

    def convolved(inputs: Any, channels: int, size: int, stride: int = 1) -> Any:
        found = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False)(inputs)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(found))

    inputs = keras.Input((MELS, frames, 1), name="log_mel")
    found = layers.Cropping2D(((lowest_band, 0), (0, 0)))(inputs)
    found = layers.MaxPooling2D((2, 1))(convolved(_levelled(found), 16, 5, 2))
    found = layers.MaxPooling2D((2, 2))(convolved(found, 16, 3))
    found = layers.MaxPooling2D((2, 2))(convolved(found, 32, 3))
    found = convolved(found, 48, 3)
    # Where in frequency it is matters less than that it is there; time is kept.
    height, steps = found.shape[1:3]
    mean = layers.Reshape((steps, 48))(layers.AveragePooling2D((height, 1))(found))
    most = layers.Reshape((steps, 48))(layers.MaxPooling2D((height, 1))(found))
    found = layers.Dropout(0.3)(layers.Concatenate()([mean, most]))
    found = layers.Dropout(0.3)(layers.Conv1D(48, 3, padding="same", activation="relu")(found))
    return keras.Model(inputs, layers.Reshape((steps,))(layers.Conv1D(1, 1)(found)))


def _levelled(pictures: Any) -> Any:
    """Decibels below the loudest point again, from what the front end has standardised.

    Standardised, the same cough has larger numbers the more silence is around it; levelled, always the same. What is
    more than 60 dB below the loudest point is cut off.
    """
    from keras import ops

    loudest, faintest = (find(pictures, axis=(1, 2, 3), keepdims=True) for find in (ops.max, ops.min))
    scale = RANGE_DB / ops.maximum(loudest - faintest, LEAST_RANGE)
    return ops.maximum((pictures - loudest) * scale, -HEARD_DB) / LEVEL_DB + HEARD_DB / LEVEL_DB / 2


def _train_member(scenes: Scenes, plan: _Plan, steps: int, progress: Progress) -> Any:
    quiet_tensorflow()
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(plan.seed)
    model = network(SCENE_FRAMES, lowest_band=plan.lowest_band)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - _WARM_UP), alpha=_LAST_RATE / _PEAK_RATE, warmup_target=_PEAK_RATE, warmup_steps=_WARM_UP
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=_DECAY)

    @tf.function(jit_compile=False)  # type: ignore[untyped-decorator, unused-ignore]
    def learn(pictures: Any, labels: Any, marks: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(pictures, training=True)
            loss = _clip_loss(tf, logits, labels) + _step_loss(tf, logits, marks)
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    began, losses = time.monotonic(), []
    for step in range(1, steps + 1):
        batch = scenes.batch(BATCH_SIZE)
        losses.append(float(learn(*map(tf.constant, (batch.pictures, batch.labels, batch.steps)))))
        if step % _TOLD_EVERY == 0 or step == steps:
            figures = {"loss": float(np.mean(losses[-50:]))}
            elapsed = time.monotonic() - began
            progress(Step(plan.number, plan.of, step, steps, figures, elapsed, complete=step == steps))
    return model


def _clip_loss(tf: Any, logits: Any, labels: Any) -> Any:
    """Cross-entropy of the probability pooled over time, as `app.learning.cough_onnx` computes it."""
    shares = tf.sigmoid(logits)
    pooled = tf.reduce_sum(shares ** (POOLING_POWER + 1), 1) / (tf.reduce_sum(shares**POOLING_POWER, 1) + LEAST_SHARE)
    pooled = tf.clip_by_value(pooled, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -tf.reduce_mean(labels * tf.math.log(pooled) + (1 - labels) * tf.math.log(1 - pooled))


def _step_loss(tf: Any, logits: Any, marks: Any) -> Any:
    known = tf.cast(marks >= 0, tf.float32)
    inside = tf.maximum(marks, 0.0)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(inside, logits) * known * (1 + _STEP_WEIGHT * inside)
    return tf.reduce_sum(losses) / tf.reduce_sum(known)


def _describe(onnx: Path, examined: Examination, members: int, steps: int) -> Builtin:
    """Write the facts and the card."""
    facts, card_file = onnx.with_name(FACTS_FILE), onnx.with_name(CARD_FILE)
    said = {
        noise: f"{examined.accuracy(noise):.3f} ({low:.3f} to {high:.3f})"
        for noise in (None, 10.0)
        for low, high in (examined.accuracy_interval(noise),)
    }
    write_json(
        facts,
        {
            "name": NAME,
            "onnx_sha256": hashlib.sha256(onnx.read_bytes()).hexdigest(),
            "classes": [COUGH, NON_COUGH],
            "calibration": {"slope": round(examined.slope, 4), "intercept": round(examined.intercept, 4)},
            "threshold": 0.5,
            "segment_threshold": 0.5,
            "licence": "weights: as Kenali itself; trained on sounds under CC BY and CC BY-SA, see cough_builtin.md",
            "source": f"trained on {len(examined.collection.items)} recordings by `flask train cough-builtin`",
            "accuracy": f"balanced accuracy {said[None]}, with noise at 10 dB {said[10.0]}, on people and takes never "
            "heard; bench/cough_quality.py",
        },
    )
    written = card_file.with_name(f"being-written-{card_file.name}")
    written.write_text(card(examined, members=members, steps=steps, size=onnx.stat().st_size), encoding="utf-8")
    written.replace(card_file)
    return Builtin(onnx, facts, card_file, examined.accuracy(None))
