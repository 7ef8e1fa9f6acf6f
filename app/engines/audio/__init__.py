"""Sound: bytes to samples, defensively; samples to the log-mel picture that the cough classifiers look at."""

from app.engines.audio.decode import MAX_SECONDS, SAMPLE_RATE, Recording, Samples, decode
from app.engines.audio.gate import SoundQuality, assess
from app.engines.audio.log_mel import (
    FRAMES,
    FRAMES_PER_SECOND,
    HOP,
    MELS,
    Decibels,
    Padding,
    Power,
    Window,
    decibels,
    front_end,
    mel_power,
    relative_decibels,
    window,
)
from app.engines.audio.picture import spectrogram_png
from app.engines.audio.stretches import Stretch, loud_stretches, runs

__all__ = [
    "FRAMES",
    "FRAMES_PER_SECOND",
    "HOP",
    "MAX_SECONDS",
    "MELS",
    "SAMPLE_RATE",
    "Decibels",
    "Padding",
    "Power",
    "Recording",
    "Samples",
    "SoundQuality",
    "Stretch",
    "Window",
    "assess",
    "decibels",
    "decode",
    "front_end",
    "loud_stretches",
    "mel_power",
    "relative_decibels",
    "runs",
    "spectrogram_png",
    "window",
]
