"""Samples to the picture that a cough classifier looks at, as librosa would draw it, without librosa.

librosa takes seconds to import (numba); what is needed of it is fifty lines. tests/unit/engines/test_audio_log_mel.py
holds the two together: ``librosa.feature.melspectrogram`` and ``librosa.power_to_db(ref=np.max)`` with their defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.engines.audio.decode import MAX_SECONDS, SAMPLE_RATE, Samples

#: The contract's front end.
MELS: Final = 128
FFT_SIZE: Final = 2048
HOP: Final = 512
FRAMES: Final = 256

FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP

#: librosa's floor of a power, and the range in decibels below the loudest moment.
_SMALLEST_POWER: Final = 1e-10
RANGE_DB: Final = 80.0
#: A window that is flat to this many decibels has no shape to be normalised.
_FLAT_DB: Final = 1e-6

#: float32, shape (128, frames).
Power = NDArray[np.float32]
#: float32, shape (128, frames): decibels relative to the loudest point, from -80 to 0.
Decibels = NDArray[np.float32]
#: float32, shape (1, 128, 256, 1): one window, zero mean, unit variance.
Window = NDArray[np.float32]
#: What a recording shorter than a window is filled up with: the floor of the scale, or 0 dB, which is what ``np.pad``
#: and ``librosa.util.fix_length`` do to a spectrogram in decibels.
Padding = Literal["silence", "zeros"]


def front_end(samples: Samples, *, padding: Padding = "silence") -> Window:
    """The first window of a recording, as the contract states it; samples are 22 050 Hz mono."""
    return window(decibels(samples), padding=padding)


def decibels(samples: Samples) -> Decibels:
    """Log-mel spectrogram of the first 10 s: a frame each 512 samples, 0 dB the loudest point."""
    return relative_decibels(mel_power(samples[: MAX_SECONDS * SAMPLE_RATE]))


def mel_power(samples: Samples) -> Power:
    """Power in each mel band and frame, of all samples: powers add up when sounds that differ are mixed."""
    power, bands = _power_spectrum(samples), _mel_bands()
    # Between two neighbouring centres a frequency belongs to two bands and no more. Adding them up stretch by stretch
    # takes a twentieth of the work of a product with a (128, 1025) matrix, and starts no threads of a BLAS.
    rising = np.add.reduceat(power * bands.rising, bands.starts, axis=1)[:, :MELS]
    falling = np.add.reduceat(power * bands.falling, bands.starts, axis=1)[:, 1 : MELS + 1]
    return np.ascontiguousarray((rising + falling).T)


def relative_decibels(power: Power) -> Decibels:
    """`mel_power` in decibels below its loudest point, -80 at the least."""
    log: Decibels = np.float32(10.0) * np.log10(np.maximum(power, np.float32(_SMALLEST_POWER)))
    log -= log.max()
    return np.maximum(log, np.float32(-RANGE_DB))


def window(spectrogram: Decibels, start: int = 0, *, padding: Padding = "silence") -> Window:
    """256 frames from ``start``, padded or cut, zero mean, unit variance."""
    cut = spectrogram[:, start : start + FRAMES]
    filled = np.full((MELS, FRAMES), -RANGE_DB if padding == "silence" else 0.0, np.float32)
    filled[:, : cut.shape[1]] = cut
    centred: Window = filled - np.float32(filled.mean(dtype=np.float64))
    spread = centred.std(dtype=np.float64)
    if spread > _FLAT_DB:
        centred /= np.float32(spread)
    return centred.reshape(1, MELS, FRAMES, 1)


def _power_spectrum(samples: Samples) -> NDArray[np.float32]:
    """Shape (frames, 1025)."""
    # librosa's defaults: frames are centred on their time, silence beyond both ends, periodic Hann window.
    padded = np.pad(samples.astype(np.float32, copy=False), FFT_SIZE // 2)
    frames = sliding_window_view(padded, FFT_SIZE)[::HOP] * _hann()
    spectrum = np.fft.rfft(frames, axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SIZE) / FFT_SIZE)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Bands:
    """Overlapping triangles, one for each mel band, written by frequency."""

    #: for each of 1025 frequencies: its weight in the band whose centre is above it, and in the one below.
    rising: NDArray[np.float32]
    falling: NDArray[np.float32]
    #: the first frequency above each of the lower ends, 130 of them; the last stretch is outside all bands.
    starts: NDArray[np.int64]


@cache
def _mel_bands() -> _Bands:
    """Slaney's mel scale and area normalisation, librosa's default.

    Source: Slaney, Auditory Toolbox (1998): linear below 1 kHz, 27 steps for a factor of 6.4 above.
    """
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE / 2), MELS + 2))
    bins = np.fft.rfftfreq(FFT_SIZE, 1.0 / SAMPLE_RATE)
    starts = np.searchsorted(bins, edges)
    stretch = np.searchsorted(starts, np.arange(len(bins)), side="right") - 1
    stretch = np.clip(stretch, 0, MELS)
    low, high = edges[stretch], edges[stretch + 1]
    along = np.clip((bins - low) / (high - low), 0.0, 1.0)
    area = np.concatenate([2.0 / (edges[2:] - edges[:-2]), [0.0]])
    return _Bands(
        rising=(along * area[stretch]).astype(np.float32),
        falling=((1.0 - along) * np.where(stretch > 0, area[stretch - 1], 0.0)).astype(np.float32),
        starts=np.minimum(starts, len(bins) - 1),
    )


_LINEAR_HZ_PER_MEL: Final = 200.0 / 3
_LOG_FROM_HZ: Final = 1000.0
_LOG_FROM_MEL: Final = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP: Final = float(np.log(6.4)) / 27


def _hz_to_mel(hz: float) -> float:
    return _LOG_FROM_MEL + float(np.log(hz / _LOG_FROM_HZ)) / _LOG_STEP  # only asked above 1 kHz


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = _LINEAR_HZ_PER_MEL * mel
    logarithmic = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - _LOG_FROM_MEL))
    return np.where(mel < _LOG_FROM_MEL, linear, logarithmic)
