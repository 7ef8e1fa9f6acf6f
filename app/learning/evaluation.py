"""How good a classifier is on examples it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One row of the classification report."""

    name: str
    precision: float
    recall: float
    f1: float
    #: examples of the class
    support: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures between 0 and 1."""

    classes: tuple[str, ...]
    examples: int
    accuracy: float
    #: mean recall of the classes
    balanced_accuracy: float
    #: the right class among the five most probable; None with five classes or fewer
    top5_accuracy: float | None
    #: mean cross-entropy in nats
    loss: float
    rows: tuple[ClassFigures, ...]
    #: ``[true, predicted]`` -> examples
    confusion: IntArray


def evaluate(truth: IntArray, probabilities: FloatArray, classes: Sequence[str]) -> Evaluation:
    """Compare probabilities ``(n, classes)`` with the true positions ``(n,)`` in `classes`."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    positions = np.arange(len(classes))
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=positions, zero_division=0.0
    )
    own = probabilities[np.arange(len(truth)), truth]
    return Evaluation(
        classes=tuple(classes),
        examples=len(truth),
        accuracy=float((predicted == truth).mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        top5_accuracy=_within(truth, probabilities, 5) if len(classes) > 5 else None,  # noqa: PLR2004 - top five
        loss=float(-np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean()),
        rows=tuple(
            ClassFigures(name, float(precision[row]), float(recall[row]), float(f1[row]), int(support[row]))
            for row, name in enumerate(classes)
        ),
        confusion=confusion_matrix(truth, predicted, labels=positions).astype(np.int64),
    )


def _within(truth: IntArray, probabilities: FloatArray, most: int) -> float:
    ranked = np.argsort(-probabilities, axis=1)[:, :most]
    return float((ranked == truth[:, np.newaxis]).any(axis=1).mean())
