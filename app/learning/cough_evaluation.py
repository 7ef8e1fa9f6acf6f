"""How good the built-in cough network is on what it never heard: every recording is judged by the members that were
trained without its group, with a calibration that was fitted without it as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import front_end
from app.learning.cough_collection import Collection, Item, Samples
from app.learning.cough_onnx import MEMBERS_OUTPUT
from app.learning.cough_scenes import AMBIENT

#: Signal to noise, in dB, at which it is tested; None is the recording as it is.
NOISES: Final = (None, 20.0, 10.0, 5.0)
#: At which the calibration is fitted.
CALIBRATED_AT: Final = (None, 20.0, 10.0)
#: What the project wants, by noise.
TARGETS: Final[Mapping[float | None, float]] = {None: 0.95, 10.0: 0.90}
#: Of whole groups, for the intervals.
_DRAWS: Final = 2000
_SEED: Final = 11
_BATCH: Final = 64

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Windows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judge:
    """Says how probably unheard sounds are coughs."""

    onnx: Path
    #: which members train without each recording, shape (recordings, members)
    unheard: Flags
    #: slope and intercept for each recording, shape (recordings, 2), fitted without its group
    calibration: Floats

    def of_windows(self, windows: Windows, rows: NDArray[np.int64] | None = None) -> Floats:
        """Of front-end windows made of the recordings `rows`, all of them if None."""
        rows = np.arange(len(self.unheard)) if rows is None else rows
        slope, intercept = self.calibration[rows].T
        odds = slope * unseen_logits(self.onnx, windows, self.unheard[rows]) + intercept
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)

    def of_samples(self, samples: Sequence[Samples], rows: NDArray[np.int64]) -> Floats:
        """Of sounds of any length made of the recordings `rows`; the first window counts."""
        return self.of_windows(np.concatenate([front_end(sound) for sound in samples]), rows)


@dataclass(frozen=True, slots=True)
class Examination:
    """What came out."""

    collection: Collection
    judge: Judge
    #: noise -> probability of a cough for each recording
    probabilities: Mapping[float | None, Floats]
    #: what is served with all members: slope and intercept, fitted on all recordings
    slope: float
    intercept: float

    def taken(self, noise: float | None) -> Flags:
        """Which recordings are taken for coughs."""
        return self.probabilities[noise] >= 1 / 2

    def accuracy(self, noise: float | None) -> float:
        """Balanced accuracy."""
        return balanced_accuracy(self.taken(noise), self.collection.labels)

    def accuracy_interval(self, noise: float | None) -> tuple[float, float]:
        """95 % of it."""
        return interval(self.taken(noise), self.collection.items)


def examine(onnx: Path, collection: Collection, parts: int, networks: int, seed: int = _SEED) -> Examination:
    """Judge the whole collection, as recorded and in noise.

    :param parts: as `Collection.unheard` has them, and `networks` too.
    """
    labels, unheard = collection.labels, collection.unheard(parts, networks)
    windows = {noise: noisy_windows(collection, unheard, noise, seed) for noise in NOISES}
    logits = {noise: unseen_logits(onnx, of_noise, unheard) for noise, of_noise in windows.items()}
    fitted = [logits[noise] for noise in CALIBRATED_AT]
    calibration = _calibrations(fitted, labels, unheard)
    slope, intercept = fit_calibration(np.concatenate(fitted), np.tile(labels, len(fitted)))
    odds = {noise: calibration[:, 0] * found + calibration[:, 1] for noise, found in logits.items()}
    return Examination(
        collection,
        Judge(onnx, unheard, calibration),
        {noise: np.asarray(1 / (1 + np.exp(-found)), np.float64) for noise, found in odds.items()},
        slope,
        intercept,
    )


def member_logits(onnx: Path, windows: Windows) -> NDArray[np.float32]:
    """Log-odds by each member, shape (n, members), of windows (n, 128, 256, 1)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    parts = np.array_split(windows, max(1, len(windows) // _BATCH))
    return np.concatenate([session.run([MEMBERS_OUTPUT], {"log_mel": part})[0] for part in parts])


def unseen_logits(onnx: Path, windows: Windows, unheard: Flags) -> NDArray[np.float32]:
    """Log-odds, shape (n,), each the mean of the members that were trained without the recording."""
    found = member_logits(onnx, windows)
    return np.asarray((found * unheard).sum(axis=1) / unheard.sum(axis=1), np.float32)


def in_noise(samples: Samples, noise: Samples, decibels: float) -> Samples:
    """A recording with noise at this signal-to-noise ratio, both by their mean power; the noise is repeated to fit."""
    noise = np.resize(noise, samples.shape)
    power, other = float(np.mean(samples**2)), float(np.mean(noise**2))
    gain = np.sqrt(power / (other + 1e-12) / 10 ** (decibels / 10))
    return np.asarray(samples + gain * noise, np.float32)


def noisy_windows(collection: Collection, unheard: Flags, decibels: float | None, seed: int) -> Windows:
    """Front-end windows of the whole collection in noise: white, or ambience, by turns.

    The ambience is such that the members that judge a recording have not heard its noise either.
    """
    random = np.random.default_rng(seed)
    windows = []
    for row, item in enumerate(collection.items):
        samples = item.samples
        if decibels is not None:
            behind = [other for other in unheard_with(row, collection, unheard) if other.kind in AMBIENT]
            if row % 2 and behind:
                noise = behind[int(random.integers(len(behind)))].samples
            else:
                noise = random.normal(size=len(samples)).astype(np.float32)
            samples = in_noise(samples, noise, decibels)
        windows.append(front_end(samples))
    return np.concatenate(windows)


def unheard_with(row: int, collection: Collection, unheard: Flags) -> list[Item]:
    """Other recordings that none of the members which judge this one has heard."""
    fitting = np.flatnonzero((unheard | ~unheard[row]).all(axis=1))
    return [collection.items[other] for other in fitting if other != row]


def fit_calibration(logits: NDArray[np.floating[Any]], labels: Flags) -> tuple[float, float]:
    """Slope and intercept (Platt 1999), both classes with the same weight."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(class_weight="balanced").fit(np.asarray(logits).reshape(-1, 1), labels)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def balanced_accuracy(found: Flags, labels: Flags) -> float:
    """Mean of the share of coughs found and of other sounds left alone."""
    return float((found[labels].mean() + (~found[~labels]).mean()) / 2)


def interval(flags: Flags, items: Sequence[Item]) -> tuple[float, float]:
    """95 % of a balanced accuracy, by 2000 bootstrap draws.

    People, folds of ESC-10 and speakers are drawn, within each source; recordings of one group stay together.
    """
    random = np.random.default_rng(_SEED)
    labels = np.array([item.cough for item in items])
    sources: dict[str, dict[str, list[int]]] = {}
    for row, item in enumerate(items):
        sources.setdefault(item.source, {}).setdefault(item.group, []).append(row)
    found = []
    for _ in range(_DRAWS):
        drawn = [
            groups[name] for groups in sources.values() for name in random.choice(sorted(groups), size=len(groups))
        ]
        rows = np.concatenate([np.array(group) for group in drawn])
        found.append(balanced_accuracy(flags[rows], labels[rows]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _calibrations(by_noise: Sequence[NDArray[np.float32]], labels: Flags, unheard: Flags) -> Floats:
    """For each recording, fitted on all that other members judge."""
    found = np.zeros((len(labels), 2))
    for members in np.unique(unheard, axis=0):
        own = (unheard == members).all(axis=1)
        others = np.concatenate([logits[~own] for logits in by_noise])
        found[own] = fit_calibration(others, np.tile(labels[~own], len(by_noise)))
    return found
