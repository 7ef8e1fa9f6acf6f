"""Recordings made up for tests, in every kind that is read."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from app.engines.audio import SAMPLE_RATE

Sound = NDArray[np.float32]

#: kind -> (container, encoder, sample rate)
ENCODERS: Mapping[str, tuple[str, str, int]] = {
    "WAV": ("wav", "pcm_s16le", 44_100),
    "MP3": ("mp3", "libmp3lame", 44_100),
    "OGG": ("ogg", "libopus", 48_000),
    "FLAC": ("flac", "flac", 44_100),
    "M4A": ("ipod", "aac", 44_100),
    "AAC": ("adts", "aac", 44_100),
    "WebM": ("webm", "libopus", 48_000),
}


def tone(seconds: float, hz: float = 440.0, *, rate: int = SAMPLE_RATE, peak: float = 0.5) -> Sound:
    """A sine."""
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def bursts(*starts: float, seconds: float = 3.0, rate: int = SAMPLE_RATE) -> Sound:
    """Bursts of noise that fade within 0.3 s, with faint noise around: as far as loudness goes, coughs."""
    rng = np.random.default_rng(1)
    sound = 0.001 * rng.standard_normal(round(seconds * rate))
    for start in starts:
        fading = 0.5 * np.exp(-np.arange(round(0.3 * rate)) / (0.06 * rate))
        at = round(start * rate)
        piece = fading[: len(sound) - at]
        sound[at : at + len(piece)] += piece * rng.uniform(-1, 1, len(piece))
    return sound.astype(np.float32)


def wav(sound: Sound, rate: int = SAMPLE_RATE, *, form: int = 1, bits: int = 16) -> bytes:
    """A WAV of one channel or, from an array of shape (n, channels), of several; form 1 holds integers, 3 floats."""
    if form == 1:
        data = np.clip(np.round(sound * 32_767), -32_768, 32_767).astype("<i2").tobytes()
    else:
        data = sound.astype(f"<f{bits // 8}").tobytes()
    return wav_of(data, rate, channels=1 if sound.ndim == 1 else sound.shape[1], form=form, bits=bits)


def wav_of(data: bytes, rate: int, *, channels: int = 1, form: int = 1, bits: int = 16) -> bytes:
    """A WAV header before any data, sense or nonsense."""
    block = channels * bits // 8 % 65_536
    head = struct.pack("<HHIIHH", form, channels, rate, rate * block % 2**32, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def encoded(kind: str, sound: Sound, *, channels: int = 1, **tags: str) -> bytes:
    """The sound, given at the rate of ENCODERS, as a file of this kind."""
    container, encoder, rate = ENCODERS[kind]
    return encode(container, encoder, rate, sound, channels=channels, **tags)


def encode(container: str, encoder: str, rate: int, sound: Sound, *, channels: int = 1, **tags: str) -> bytes:
    """The sound through one of FFmpeg's encoders."""
    target = io.BytesIO()
    layout = "mono" if channels == 1 else "stereo"
    with av.open(target, "w", format=container) as output:
        output.metadata.update(tags)
        stream: Any = output.add_stream(encoder, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.tile(sound, (channels, 1)), format="fltp", layout=layout)
        frame.sample_rate = rate
        for packet in stream.encode(frame):
            output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return target.getvalue()


def recording(kind: str, seconds: float = 1.0) -> bytes:
    """A tone of 440 Hz as a file of this kind."""
    return encoded(kind, tone(seconds, rate=ENCODERS[kind][2]))
