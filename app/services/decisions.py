"""From similarities to a decision: match, ambiguous, unknown or low_quality.

Pure functions. Thresholds and margins come from the calibration of the model in use (`app.engines.face.calibration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Decision(StrEnum):
    """What 1:N recognition says."""

    MATCH = "match"
    #: two people are too close to tell which of them it is
    AMBIGUOUS = "ambiguous"
    #: nobody enrolled is similar enough
    UNKNOWN = "unknown"
    #: nobody is similar enough, and the probe is too poor to conclude anything from that
    LOW_QUALITY = "low_quality"


def decide(similarities: Sequence[float], *, threshold: float, margin: float, quality_ok: bool) -> Decision:
    """
    :param similarities: the best similarity of each candidate person, best first; may be empty.
    :param threshold: smallest similarity that counts as the same person.
    :param margin: smallest lead over the second person.
    :param quality_ok: whether the probe is good enough that a low similarity means something.
    """
    if not similarities or similarities[0] < threshold:
        return Decision.UNKNOWN if quality_ok else Decision.LOW_QUALITY
    if lead(similarities) < margin:
        return Decision.AMBIGUOUS
    return Decision.MATCH


def lead(similarities: Sequence[float]) -> float:
    """How far the best person is ahead of the second; of a single person, ahead of no similarity at all."""
    second = similarities[1] if len(similarities) > 1 else 0.0
    return similarities[0] - second
