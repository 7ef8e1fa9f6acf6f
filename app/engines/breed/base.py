"""What every breed engine is: the types that cross its border and the Protocol it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engines.base import Image

#: 0 to 1, shape (rows, columns), over the part of the picture that the model was shown.
Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BreedModelInfo:
    """Which model an engine runs, and under which terms."""

    #: ``squeezenet-1.1`` or the name of the user's file.
    name: str
    #: ``built-in``, ``imagenet`` or ``user``.
    kind: str
    #: first 8 hex digits of the sha256 of the weights.
    fingerprint: str
    #: in words, for people who must decide whether they may use it.
    licence: str
    #: where the weights come from.
    source: str
    #: pixels, height before width.
    input_size: tuple[int, int]
    #: how pixels are scaled, as `app.engines.breed.recipe` names it.
    scaling: str
    #: as measured, with where it was measured; empty if nobody has told.
    accuracy: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What is stored beside every answer: ``squeezenet-1.1@1a2b3c4d``."""
        return f"{self.name}@{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class BreedScores:
    """What a model says of one picture."""

    #: one probability for each of the engine's classes, float32.
    probabilities: NDArray[np.float32]
    #: probability that it is a dog at all, 0 to 1; None if the model cannot tell.
    dog: float | None = None


class BreedEngine(Protocol):
    """Looks at pixels. Thread-safe: one instance serves every request."""

    @property
    def info(self) -> BreedModelInfo:
        """Name, licence and accuracy of the model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the model's order, as its author wrote them."""

    def classify(self, image: Image) -> BreedScores:
        """Probabilities of all classes."""

    def heat(self, image: Image, answer: int) -> Heat | None:
        """Where the model saw class `answer`, over the whole picture; None if it cannot tell."""
