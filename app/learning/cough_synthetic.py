"""Sounds that are no coughs, made by arithmetic: voices, laughter, breath, calls, music, knocks, claps, rustling.

The collection has few kinds of sounds and few speakers. What is made here belongs to nobody, so every member of the
built-in cough network may train on all of it. Coughs are not made up: what is judged as one should have been one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import SAMPLE_RATE
from app.learning.cough_collection import Samples

#: Tracks of a voice have one value for each 10 ms.
_TRACK_HOP: Final = SAMPLE_RATE // 100
_FFT_SIZE: Final = 1024
#: What a voice can be heard at between its formants, as power.
_BETWEEN_FORMANTS: Final = 1e-4
_TILT_FROM_HZ: Final = 500.0
_LOUDEST: Final = 0.8
_HIGHEST_HZ: Final = 10_500.0

Track = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class _Voice:
    """A source and the resonances it goes through (Fant 1960), as tracks."""

    pitch_hz: Track
    #: loudness of the vocal folds' pulses, and of turbulent air
    voiced: Track
    breathy: Track
    #: shape (frames, 4)
    formants_hz: NDArray[np.float64]
    widths_hz: tuple[float, ...] = (80, 110, 160, 250)
    gains: tuple[float, ...] = (1, 0.5, 0.25, 0.12)
    #: how fast it falls towards high frequencies
    tilt: float = 0.8

    def sound(self, random: Random) -> NDArray[np.float64]:
        count = len(self.pitch_hz)
        at = np.arange(count * _TRACK_HOP) / _TRACK_HOP
        pitch, voiced, breathy = (
            np.interp(at, np.arange(count), track) for track in (self.pitch_hz, self.voiced, self.breathy)
        )
        pulses = np.diff(np.floor(np.cumsum(pitch / SAMPLE_RATE)), prepend=0.0) * np.sqrt(SAMPLE_RATE / pitch) / 2
        return self._resonated(pulses * voiced + random.normal(scale=0.3, size=len(at)) * breathy)

    def _resonated(self, source: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filtered in overlapping frames, each with the formants of its middle."""
        padded, shape = np.pad(source, _FFT_SIZE), np.hanning(_FFT_SIZE)
        starts = np.arange((len(padded) - _FFT_SIZE) // _TRACK_HOP) * _TRACK_HOP
        spectra = np.fft.rfft(padded[starts[:, np.newaxis] + np.arange(_FFT_SIZE)] * shape, axis=1)
        hertz = np.fft.rfftfreq(_FFT_SIZE, 1 / SAMPLE_RATE)
        frame = np.clip(np.round((starts - _FFT_SIZE / 2) / _TRACK_HOP).astype(int), 0, len(self.pitch_hz) - 1)
        power = np.full(spectra.shape, _BETWEEN_FORMANTS)
        for formant, width, gain in zip(self.formants_hz[frame].T, self.widths_hz, self.gains, strict=True):
            power += gain / (1 + ((hertz - formant[:, np.newaxis]) / (width / 2)) ** 2)
        parts = np.fft.irfft(spectra * np.sqrt(power) * (1 + hertz / _TILT_FROM_HZ) ** -self.tilt, axis=1) * shape
        whole = np.zeros_like(padded)
        for start, part in zip(starts, parts, strict=True):
            whole[start : start + _FFT_SIZE] += part
        return whole[_FFT_SIZE : _FFT_SIZE + len(source)]


def _speech(random: Random) -> NDArray[np.float64]:
    """Vowels, hissed and burst consonants, pauses: of no language. One in eight is whispered."""
    tract, base = random.uniform(0.85, 1.3), random.uniform(85, 260)
    parts: list[tuple[int, float, float, NDArray[np.float64]]] = []  # frames, voiced, breathy, formants
    for _ in range(int(random.integers(2, 14))):
        vowel = tract * np.array(
            [random.uniform(250, 850), random.uniform(800, 2400), random.uniform(2300, 3100), 3700]
        )
        length, kind = int(random.integers(5, 22)), random.choice(4, p=(0.55, 0.15, 0.18, 0.12))
        if kind == 0:
            parts.append((length, random.uniform(0.5, 1), random.uniform(0, 0.1), vowel))
        elif kind == 1:
            hiss = tract * np.array([*random.uniform((1500, 3000, 5000), (3500, 6000, 8000)), 9000])
            parts.append(
                (int(random.integers(5, 16)), random.choice((0, 0.2)), random.uniform(0.15, 0.6), tract * hiss)
            )
        elif kind == 2:  # noqa: PLR2004 - a burst: closed, opened, perhaps a breath, a vowel
            parts.append((int(random.integers(3, 8)), 0, 0, vowel))
            parts.append((int(random.integers(1, 4)), 0, random.uniform(0.3, 1), vowel * random.uniform(0.8, 1.6)))
            if random.random() < 1 / 2:
                parts.append((int(random.integers(2, 6)), 0, random.uniform(0.1, 0.4), vowel))
            parts.append((length, 1, 0.05, vowel))
        else:
            parts.append((int(random.integers(4, 30)), 0, 0, vowel))
    lengths = [part[0] for part in parts]
    voiced, breathy = (_smooth(np.repeat([part[row] for part in parts], lengths), 1) for row in (1, 2))
    formants = np.repeat([part[3] for part in parts], lengths, axis=0)
    if random.random() < 1 / 8:
        voiced, breathy = voiced * 0, breathy + voiced / 2
    return _Voice(
        base * _melody(random, len(voiced), 0.25),
        voiced,
        breathy,
        np.stack([_smooth(track, 3) for track in formants.T], axis=1),
        tilt=random.uniform(0.5, 1.2),
    ).sound(random)


def _laughter(random: Random) -> NDArray[np.float64]:
    """Bursts of voice, four to six in a second, each begun by a breath (Bachorowski et al. 2001)."""
    length = int(100 / random.uniform(3.5, 6.5))
    frames = int(random.integers(2, 9)) * length
    within, loudness = (
        np.arange(frames) % length / length,
        np.exp(-(np.arange(frames) // length) / random.uniform(3, 12)),
    )
    voiced = np.sin(np.pi * np.clip((within - 0.15) / random.uniform(0.45, 0.75), 0, 1)) ** 0.7
    breathy = random.uniform(0.1, 0.35) * np.exp(-(((within - 0.1) / 0.12) ** 2)) + random.uniform(0, 0.08)
    pitch = random.uniform(110, 380) * np.exp(-np.linspace(0, random.uniform(-0.1, 0.4), frames))
    vowel = random.uniform(0.85, 1.3) * np.array([random.uniform(450, 900), random.uniform(1100, 1900), 2700, 3700])
    return _Voice(
        pitch * (1 + 0.12 * np.sin(np.pi * within)),
        loudness * voiced,
        loudness * breathy,
        np.tile(vowel, (frames, 1)),
        (110, 140, 200, 300),
        tilt=random.uniform(0.6, 1.1),
    ).sound(random)


def _breath(random: Random) -> NDArray[np.float64]:
    """In and out: it swells and fades, where a cough begins at once."""
    parts = []
    for _ in range(int(random.integers(1, 4))):
        along, most = np.linspace(0, 1, int(random.integers(18, 120))), random.uniform(0.3, 0.8)
        parts += [
            np.where(along < most, along / most, (1 - along) / (1 - most)) ** random.uniform(0.7, 2),
            np.zeros(int(random.integers(10, 60))),
        ]
    breathy = np.concatenate(parts)
    tract = np.array([random.uniform(400, 1500), random.uniform(1500, 3000), random.uniform(3000, 6000), 7000])
    return _Voice(
        np.full(len(breathy), 100.0),
        np.zeros(len(breathy)),
        breathy,
        np.tile(random.uniform(0.85, 1.3) * tract, (len(breathy), 1)),
        (400, 500, 900, 1200),
        (1, 0.7, 0.5, 0.3),
        tilt=random.uniform(0, 0.8),
    ).sound(random)


def _call(random: Random) -> NDArray[np.float64]:
    """A loud gliding voice of an animal or a child."""
    frames = int(random.integers(20, 140))
    along = np.linspace(0, 1, frames)
    voiced = np.minimum(1, np.minimum(along / random.uniform(0.02, 0.3), (1 - along) / random.uniform(0.05, 0.4)))
    formants = np.array([random.uniform(600, 1500), random.uniform(1500, 3500), 4000, 6000])
    return _Voice(
        random.uniform(250, 1200) * _melody(random, frames, 0.35, knots=4),
        voiced,
        random.uniform(0, 0.05) * voiced,
        np.tile(formants, (frames, 1)),
        (300, 400, 600, 900),
        (1, 0.6, 0.4, 0.2),
        tilt=random.uniform(0.2, 0.8),
    ).sound(random)


def _tones(random: Random) -> NDArray[np.float64]:
    """Music, alarms, birds."""
    samples = int(SAMPLE_RATE * random.uniform(0.5, 3))
    whole = np.zeros(samples)
    for _ in range(int(random.integers(1, 8))):
        start = int(random.integers(0, samples - 1000))
        time = np.arange(min(samples - start, int(SAMPLE_RATE * random.uniform(0.08, 1.2)))) / SAMPLE_RATE
        bend = np.sin(2 * np.pi * random.uniform(1, 9) * time) * random.uniform(0.02, 0.3) * (random.random() < 1 / 4)
        phase = 2 * np.pi * np.cumsum(random.uniform(80, 2500) * 2**bend) / SAMPLE_RATE
        roll = random.uniform(0.4, 1.5)
        tone = np.sum([np.sin(k * phase + k) / k**roll for k in range(1, int(random.integers(2, 15)))], axis=0)
        tone *= np.minimum(1, time / random.uniform(0.002, 0.1)) * np.exp(-time / random.uniform(0.05, 1.5))
        whole[start : start + len(time)] += tone * random.uniform(0.2, 1)
    return whole


def _struck(random: Random) -> NDArray[np.float64]:
    """Glass, metal, wood: many dying tones that are no multiples of each other."""
    samples = int(SAMPLE_RATE * random.uniform(0.4, 2))
    whole = np.zeros(samples)
    for _ in range(int(random.integers(1, 5))):
        start, base = int(random.integers(0, int(samples * 0.7))), random.uniform(150, 3000)
        time = np.arange(samples - start) / SAMPLE_RATE
        for _ in range(int(random.integers(3, 14))):
            hertz, dying = base * random.uniform(1, 6), random.uniform(0.01, 0.4)
            if hertz < _HIGHEST_HZ:
                whole[start:] += random.uniform(0.1, 1) * np.sin(2 * np.pi * hertz * time) * np.exp(-time / dying)
    return whole


#: Claps, steps, keys, slams: lowest and highest Hz, fastest and slowest decay in seconds, most in one recording.
_BURSTS: Final = (
    (600, 5000, 0.004, 0.03, 9),
    (50, 500, 0.01, 0.08, 6),
    (1500, 9000, 0.001, 0.012, 16),
    (40, 1200, 0.02, 0.12, 2),
)


def _bursts(random: Random) -> NDArray[np.float64]:
    """Noise that dies away as soon as it has begun, where a cough goes on."""
    low, high, fast, slow, most = _BURSTS[int(random.integers(len(_BURSTS)))]
    samples, length = int(SAMPLE_RATE * random.uniform(0.4, 3)), SAMPLE_RATE // 2
    whole = np.zeros(samples)
    one = None
    for _ in range(int(random.integers(1, most + 1))):
        if one is None or random.random() < 1 / 2:
            dying = np.exp(-np.arange(length) / SAMPLE_RATE / random.uniform(fast, slow))
            one = _band(random.normal(size=length) * dying, *_two(random, low, high, 1.4), order=2)
        start = int(random.integers(0, samples))
        whole[start : start + length] += one[: samples - start] * random.uniform(0.3, 1)
    return whole


def _rustling(random: Random) -> NDArray[np.float64]:
    """Cloth, paper, wind on the microphone: noise that comes and goes."""
    samples = int(SAMPLE_RATE * random.uniform(0.6, 4))
    knots = random.random(max(3, int(samples / SAMPLE_RATE * random.uniform(2, 14)))) ** random.uniform(1, 4)
    loudness = np.interp(np.arange(samples), np.linspace(0, samples, len(knots)), knots)
    return _band(random.normal(size=samples), *_two(random, 40, 9000, 1.5), order=1) * loudness


def _motor(random: Random) -> NDArray[np.float64]:
    time = np.arange(int(SAMPLE_RATE * random.uniform(1, 4))) / SAMPLE_RATE
    turns = random.uniform(15, 180) * (1 + 0.1 * np.sin(2 * np.pi * random.uniform(0.1, 2) * time))
    beats = (np.mod(np.cumsum(turns) / SAMPLE_RATE, 1) < 0.1) - 0.1  # noqa: PLR2004 - of each turn
    dull = np.convolve(beats, np.exp(-np.arange(60) / random.uniform(2, 30)), mode="same")
    return dull + random.normal(size=len(time)) * random.uniform(0.01, 0.3)


#: kind -> what makes one, and how many
_MADE: Final[dict[str, tuple[Callable[[Random], NDArray[np.float64]], int]]] = {
    "speech": (_speech, 120),
    "laughter": (_laughter, 50),
    "breath": (_breath, 40),
    "call": (_call, 30),
    "tones": (_tones, 40),
    "struck": (_struck, 30),
    "bursts": (_bursts, 60),
    "rustling": (_rustling, 30),
    "motor": (_motor, 20),
}
KINDS: Final = tuple(_MADE)


def made_up(seed: int) -> dict[str, list[Samples]]:
    """Kind -> sounds of 0.1 to 5 s, 22 050 Hz mono, the loudest sample at 0.8; the same seed, the same sounds."""
    random = np.random.default_rng(seed)
    return {
        kind: [_at_one_level(sound) for sound in (make(random) for _ in range(count)) if np.abs(sound).max() > 0]
        for kind, (make, count) in _MADE.items()
    }


def _at_one_level(sound: NDArray[np.float64]) -> Samples:
    return np.asarray(sound * (_LOUDEST / np.abs(sound).max()), np.float32)


def _smooth(track: Track, side: int) -> Track:
    width = 2 * side + 1
    return np.convolve(np.pad(track, side, mode="edge"), np.full(width, 1 / width), mode="valid")


def _melody(random: Random, frames: int, octaves: float, knots: int | None = None) -> Track:
    """Factors of a pitch."""
    knots = knots or max(2, frames // 20) + 1
    bends = random.normal(scale=octaves, size=knots)
    return np.asarray(2 ** np.interp(np.arange(frames), np.linspace(0, frames, knots), bends), np.float64)


def _two(random: Random, low: float, high: float, apart: float) -> tuple[float, float]:
    """Two frequencies in order, the second at least `apart` times the first."""
    first, second = sorted(random.uniform(low, high, 2))
    return float(first), float(min(max(second, first * apart), _HIGHEST_HZ))


def _band(sound: NDArray[np.float64], low: float, high: float, *, order: int) -> NDArray[np.float64]:
    from scipy import signal

    sections: Any = signal.butter(order, (low, high), "band", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, sound), np.float64)
