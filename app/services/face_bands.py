"""From which similarity on a face among many is shown: as surely, or as maybe, this person's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.engines.face.calibration import Calibration

#: Strangers' faces that may be expected among the sure ones, and among all that are shown, however many are searched.
SURE_FALSE_MATCHES: Final = 0.05
SHOWN_FALSE_MATCHES: Final = 1.0
#: However few faces there are, no more than this share of strangers is shown.
HIGHEST_FMR: Final = 0.01


class Band(StrEnum):
    """How sure it is that a face is the person's."""

    SURE = "sure"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Bands:
    """Two thresholds, cosines."""

    sure: float
    maybe: float

    def of(self, similarity: float) -> Band:
        """The band of a face that is shown."""
        return Band.SURE if similarity >= self.sure else Band.MAYBE


def bands_for(calibration: Calibration, faces: int) -> Bands:
    """The thresholds for a search among so many faces."""
    faces = max(faces, 1)
    sure = calibration.threshold_at(min(SURE_FALSE_MATCHES / faces, calibration.verification_fmr))
    maybe = calibration.threshold_at(min(SHOWN_FALSE_MATCHES / faces, HIGHEST_FMR))
    return Bands(sure=max(sure, maybe, calibration.verification_threshold), maybe=maybe)
