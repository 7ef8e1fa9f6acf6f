"""What a similarity means: one manifest a model, measured, with where the numbers come from.

``calibrations/<model>.json`` is written by bench/face_calibrate.py.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

_log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent / "calibrations"
#: Stands in for packs of one's own: the highest thresholds of all 512-D packs.
FALLBACK: Final = "fallback"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How similar two faces of one person are under one model, and two faces of strangers."""

    #: the manifest's name.
    model: str
    #: ``measured`` or ``published``.
    basis: str
    #: where the numbers come from, in words.
    source: str
    #: smallest similarity at which 1:1 says yes.
    verification_threshold: float
    #: share of strangers that pass it.
    verification_fmr: float
    #: smallest lead over the second person in 1:N.
    margin: float
    #: log-odds of "same person" = intercept + slope * similarity, where both are equally likely beforehand.
    intercept: float
    slope: float
    #: the impostor tail: (false match rate of one person enrolled, threshold), rates falling.
    tail: tuple[tuple[float, float], ...]

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> Self:
        """The JSON object of a manifest."""
        return cls(
            model=manifest["model"],
            basis=manifest["basis"],
            source=manifest["source"],
            verification_threshold=manifest["verification"]["threshold"],
            verification_fmr=manifest["verification"]["fmr"],
            margin=manifest["margin"],
            intercept=manifest["probability"]["intercept"],
            slope=manifest["probability"]["slope"],
            tail=tuple((row["fmr"], row["threshold"]) for row in manifest["tail"]),
        )

    def to_manifest(self) -> dict[str, Any]:
        """The JSON object that `from_manifest` reads."""
        return {
            "model": self.model,
            "basis": self.basis,
            "source": self.source,
            "verification": {"threshold": self.verification_threshold, "fmr": self.verification_fmr},
            "margin": self.margin,
            "probability": {"intercept": self.intercept, "slope": self.slope},
            "tail": [{"fmr": rate, "threshold": threshold} for rate, threshold in self.tail],
        }

    def threshold(self, gallery_size: int, fpir: float) -> float:
        """The similarity that a share ``fpir`` of strangers reaches with the best of ``gallery_size`` people.

        :param gallery_size: people enrolled, not photos: the tail is that of whole people.
        """
        people = max(gallery_size, 1)
        fmr = -math.expm1(math.log1p(-fpir) / people)  # 1 - (1 - fpir) ** (1 / people), exact for small rates
        return self.threshold_at(fmr)

    def threshold_at(self, fmr: float) -> float:
        """The similarity that a share ``fmr`` of strangers reaches with one person.

        Linear in log10(fmr) between the rows of the tail; beyond its last row the last step is continued, because the
        tails of these models fall at least that steeply.
        """
        wanted = math.log10(fmr)
        steps = list(pairwise((math.log10(rate), threshold) for rate, threshold in self.tail))
        (left, low), (right, high) = next((step for step in steps if wanted >= step[1][0]), steps[-1])
        return min(low + (wanted - left) / (right - left) * (high - low), 1.0)

    def probability(self, similarity: float, gallery_size: int = 1) -> float:
        """Probability from 0 to 1 that two faces are one person's.

        :param gallery_size: people that the best match was picked from; each doubling halves the odds.
        """
        log_odds = self.intercept + self.slope * similarity - math.log(max(gallery_size, 1))
        if log_odds < 0:  # the form that cannot overflow
            return math.exp(log_odds) / (1 + math.exp(log_odds))
        return 1 / (1 + math.exp(-log_odds))


@cache
def calibration_for(model: str) -> Calibration:
    """The calibration of a model; the most conservative one, with a warning, for a model that has none."""
    path = FOLDER / f"{model}.json"
    if Path(model).name != model or not path.is_file():
        _log.warning("The face model %s has no calibration: cautious thresholds are used.", model)
        path = FOLDER / f"{FALLBACK}.json"
    return Calibration.from_manifest(json.loads(path.read_text(encoding="utf-8")))
