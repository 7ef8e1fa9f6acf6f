"""The same recording as other people's devices would have made it: another speed, another room, a lossy codec.

In the collection every cough came through one publisher's hands. What a codec or a room leaves behind must not tell
a cough, so coughs and other sounds go through the same draw.
"""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import MAX_SECONDS, SAMPLE_RATE, decode
from app.learning.cough_collection import Samples

#: A voice higher and faster, or lower and slower.
_SPEEDS: Final = (0.85, 1.17)
_OTHER_SPEED: Final = 0.7
_OTHER_ROOM: Final = 0.4
_OTHER_CODEC: Final = 0.5

#: Encoder, container, sample rates, bits per second: from a good recording to the worst that people send. All of these
#: come back through the decoder that uploads go through.
_CODECS: Final = (
    ("libmp3lame", "mp3", (16_000, 22_050), (16_000, 24_000, 32_000, 48_000)),
    ("libopus", "ogg", (8_000, 12_000, 16_000, 24_000), (8_000, 12_000, 16_000, 24_000)),
    ("aac", "mp4", (16_000, 22_050), (16_000, 24_000, 32_000)),
    ("pcm_mulaw", "wav", (8_000, 11_025, 16_000), (64_000,)),
)
#: The loudest sample before an encoder, which may overshoot it.
_LOUDEST: Final = 0.8
#: Ten seconds in the largest of these formats are below 1 MB.
_MAX_BYTES: Final = 5_000_000
_TINY: Final = 1e-9

#: Seconds in which an echo falls by 60 dB: from a car to a stairwell.
_REVERBERATION_SECONDS: Final = (0.12, 1.0)


def as_recorded_elsewhere(samples: Samples, random: np.random.Generator) -> Samples:
    """One random version of 22 050 Hz mono; often some of it is as it was."""
    if random.random() < _OTHER_SPEED:
        samples = _resampled(samples, SAMPLE_RATE * random.uniform(*_SPEEDS), SAMPLE_RATE)
    if random.random() < _OTHER_ROOM:
        samples = _in_a_room(samples, random)
    if random.random() < _OTHER_CODEC:
        name, container, rates, bit_rates = _CODECS[int(random.integers(len(_CODECS)))]
        samples = _encoded(samples, name, container, int(random.choice(rates)), int(random.choice(bit_rates)))
    return samples


def _in_a_room(samples: Samples, random: np.random.Generator) -> Samples:
    """With an echo of noise that dies away exponentially (Polack 1988), some of its high frequencies swallowed."""
    from scipy import signal

    seconds = np.exp(random.uniform(*np.log(_REVERBERATION_SECONDS)))
    time = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    swallowed = signal.butter(1, random.uniform(2_000, 9_000), fs=SAMPLE_RATE, output="sos")
    echo = signal.sosfilt(swallowed, random.normal(size=len(time)) * 10 ** (-3 * time / seconds))
    late = np.zeros(int(random.uniform(0, 0.02) * SAMPLE_RATE))
    # As loud as the direct sound, to 14 dB below.
    share = 10 ** (-random.uniform(0, 14) / 20) / np.sqrt((echo**2).sum() + _TINY)
    return np.asarray(signal.fftconvolve(samples, np.concatenate([[1.0], late, share * echo])), np.float32)


def _encoded(samples: Samples, name: str, container: str, rate: int, bit_rate: int) -> Samples:
    """Through an encoder and back, as loud as before."""
    import av

    peak = float(np.abs(samples).max()) + _TINY
    sound = _resampled(samples * (_LOUDEST / peak), SAMPLE_RATE, rate)
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        stream: Any = file.add_stream(name, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        fitting = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        for part in [*fitting.resample(frame), *fitting.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    heard = decode(target.getvalue(), max_bytes=_MAX_BYTES).samples
    return np.asarray(heard * (peak / _LOUDEST), np.float32)


def _resampled(samples: NDArray[np.float32], of_rate: float, to_rate: float) -> Samples:
    import soxr

    if of_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, of_rate, to_rate)[: MAX_SECONDS * int(to_rate)], np.float32)
