"""What is said of a recording before it is classified."""

from __future__ import annotations

import numpy as np
import pytest

from app.engines.audio import SAMPLE_RATE, assess, decode
from app.errors import AudioTooQuiet, AudioTooShort
from tests.recordings import bursts, tone, wav


def quality(sound):
    return assess(decode(wav(sound), max_bytes=5_000_000))


def test_a_good_recording_has_nothing_against_it():
    found = quality(bursts(0.5))
    assert found.ok
    assert found.reasons == found.advice == []
    assert found.duration_seconds == 3.0


def test_too_little_is_refused():
    with pytest.raises(AudioTooShort, match=r"0\.10 s"):
        quality(tone(0.1))


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(SAMPLE_RATE, np.float32),
        tone(1.0, peak=0.0005),
        np.full(SAMPLE_RATE, 0.3, np.float32),  # a constant is no sound
    ],
)
def test_silence_is_refused(sound):
    with pytest.raises(AudioTooQuiet):
        quality(sound)


@pytest.mark.parametrize(
    ("sound", "reason", "ok"),
    [
        (tone(1.0, peak=0.005), "weak", False),
        (np.clip(tone(1.0, peak=3.0), -1, 1), "clipped", False),
        (tone(11.0), "only_first_10_seconds", True),
    ],
)
def test_what_is_doubtful_is_said(sound, reason, ok):
    found = quality(sound)
    assert found.reasons == [reason]
    assert found.ok is ok
    assert len(found.advice) == 1
