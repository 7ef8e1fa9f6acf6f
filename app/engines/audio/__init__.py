"""Sound: bytes to samples, defensively; samples to the log-mel picture that the cough classifiers look at."""

from app.engines.audio.decode import MAX_SECONDS, SAMPLE_RATE, Recording, decode
from app.engines.audio.gate import SoundQuality, assess
from app.engines.audio.log_mel import (
    FRAMES,
    FRAMES_PER_SECOND,
    MELS,
    Decibels,
    Padding,
    Window,
    decibels,
    front_end,
    window,
)

__all__ = [
    "FRAMES",
    "FRAMES_PER_SECOND",
    "MAX_SECONDS",
    "MELS",
    "SAMPLE_RATE",
    "Decibels",
    "Padding",
    "Recording",
    "SoundQuality",
    "Window",
    "assess",
    "decibels",
    "decode",
    "front_end",
    "window",
]
