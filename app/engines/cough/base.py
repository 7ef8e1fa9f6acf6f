"""What every cough classifier is: the types that cross its border and the Protocol it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from app.engines.audio import Decibels, Samples

#: Goes with every answer.
NOTICE: Final = (
    "This is no diagnosis. A program compared a sound with other sounds; it cannot tell whether somebody is ill. "
    "See a doctor if you are worried."
)
#: What a recording without a cough is called, here and in the source.
NON_COUGH: Final = "non-cough"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the recording with a cough in it."""

    #: seconds from the beginning.
    start: float
    end: float
    #: probability that it is one, 0 to 1.
    score: float


@dataclass(frozen=True, slots=True)
class CoughAnswer:
    """What a classifier says of a recording."""

    prediction: str
    #: class -> probability, adding up to 1.
    scores: dict[str, float]
    #: in order of time; empty unless a cough was heard.
    segments: list[Segment]

    @property
    def confidence(self) -> float:
        """Probability of the class that was answered."""
        return self.scores[self.prediction]


@dataclass(frozen=True, slots=True)
class CoughModelInfo:
    """Which model answers, and under which terms."""

    name: str
    #: first 8 hex digits of the sha256 of its weights.
    fingerprint: str
    classes: tuple[str, ...]
    #: comes with Kenali; otherwise the user's own.
    built_in: bool
    #: in words, for people who must decide whether they may use it.
    licence: str
    #: where it comes from.
    source: str
    #: one sentence: how good it is, as measured.
    accuracy: str

    @property
    def key(self) -> str:
        """Name and fingerprint, as the history keeps them."""
        return f"{self.name}@{self.fingerprint}"


class CoughClassifier(Protocol):
    """Listens. Thread-safe: one instance serves every request."""

    @property
    def info(self) -> CoughModelInfo:
        """Name, classes, licence."""

    def classify(self, spectrogram: Decibels, samples: Samples) -> CoughAnswer:
        """
        :param spectrogram: `app.engines.audio.decibels` of the samples.
        :param samples: 22 050 Hz mono, for stretches to be cut out of.
        """
