"""Whether a recording is worth listening to, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.engines.audio.decode import MAX_SECONDS, SAMPLE_RATE, Recording
from app.errors import AudioTooQuiet, AudioTooShort

#: A single cough lasts 0.3 to 0.6 s (its explosive phase alone 0.05 s); below this nothing can be told.
MIN_SECONDS: Final = 0.2
#: Loudest 25 ms, in dB of full scale: 16-bit silence with dither is near -90, a quiet room near -60.
QUIET_DBFS: Final = -60.0
#: Weak: it is looked at, and said.
WEAK_DBFS: Final = -40.0
#: Share of samples at the limit of the scale that is heard as distortion.
CLIPPED_SHARE: Final = 0.005

_BLOCK: Final = SAMPLE_RATE // 40
_NOTHING_DB: Final = -120.0


@dataclass(frozen=True, slots=True)
class SoundQuality:
    """What a recording is like."""

    duration_seconds: float
    #: loudest 25 ms, in dB of full scale.
    loudness_dbfs: float
    #: share of the samples at the limit of the scale.
    clipped: float
    ok: bool
    #: in stable words: ``weak``, ``clipped``, ``only_first_10_seconds``.
    reasons: list[str]
    #: the same for people, with what to do better.
    advice: list[str]


_ADVICE: Final = {
    "weak": "The recording is very quiet: hold the microphone closer.",
    "clipped": "The recording is distorted because it was too loud: hold the microphone further away.",
    "only_first_10_seconds": f"Only the first {MAX_SECONDS} seconds were listened to.",
}


def assess(recording: Recording) -> SoundQuality:
    """What is doubtful about a recording.

    :raises AudioTooShort: nothing can be told from so little.
    :raises AudioTooQuiet: there is nothing but silence.
    """
    if recording.seconds < MIN_SECONDS:
        raise AudioTooShort(
            f"The recording is too short: {recording.seconds:.2f} s, and {MIN_SECONDS:g} s are needed at least."
        )
    loudness = _loudest(recording)
    if loudness < QUIET_DBFS:
        raise AudioTooQuiet
    reasons = []
    if loudness < WEAK_DBFS:
        reasons.append("weak")
    if recording.clipped > CLIPPED_SHARE:
        reasons.append("clipped")
    doubtful = bool(reasons)
    if recording.longer:
        reasons.append("only_first_10_seconds")
    return SoundQuality(
        duration_seconds=round(recording.seconds, 3),
        loudness_dbfs=round(loudness, 1),
        clipped=round(recording.clipped, 4),
        ok=not doubtful,
        reasons=reasons,
        advice=[_ADVICE[reason] for reason in reasons],
    )


def _loudest(recording: Recording) -> float:
    samples = recording.samples.astype(np.float64)
    samples -= samples.mean()  # a constant is no sound
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    power = float((blocks**2).mean(axis=1).max())
    return 10.0 * float(np.log10(power)) if power > 0 else _NOTHING_DB
