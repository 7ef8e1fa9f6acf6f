"""Scenes to train the built-in cough network on: recordings mixed, moved, coloured, cut: only the cough tells.

In the collection every cough comes from one publisher and every other sound from two others, so length, bandwidth,
level and the silence around a sound tell the classes apart as well as the sound does. Here each scene, with a cough or
without, gets its length, its place, its background, its bandwidth and its colour by the same draw; and the label is
also given for every moment, so that what the coughs' own microphone recorded around a cough counts as no cough.

Everything is done on mel powers, which add up when sounds are mixed; only after that decibels are taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, MELS, SAMPLE_RATE, window
from app.engines.audio.log_mel import mel_power, relative_decibels
from app.learning.cough_collection import Item, Samples

#: Stretches of a window that get a label of their own: 8 frames, 0.19 s, about the length of a cough's first phase.
STEPS: Final = 32
_STEP_FRAMES: Final = FRAMES // STEPS

#: Sounds without a beginning: they are put behind others.
AMBIENT: Final = frozenset({"rain", "sea_waves", "helicopter", "fire_crackling", "chainsaw", "clock_tick"})
#: Kinds that are short bursts of breath or voice, the hardest to tell from a cough: drawn four times as often.
_CLOSE: Final = frozenset({"person_sneeze", "dog_bark", "baby_cry"})
#: What a cough's own microphone recorded around it: the best witness against taking the microphone for the cough.
_ROOM: Final = "room"
_SPEECH: Final = "speech"

#: Voices higher and lower, faster and slower: with seven people, the cheapest way to more of them.
_SPEEDS: Final = (0.88, 1.0, 1.13)

#: Below the loudest frame of its recording, in dB: the cough itself; neither; certainly not.
_COUGH_DB: Final = -18.0
_DOUBTFUL_DB: Final = -28.0
_SILENT_DB: Final = -45.0
_ROOM_DB: Final = -30.0

_TINY: Final = 1e-12
#: The shortest scene, 0.23 s, is about the shortest recording that is taken at all (app/engines/audio/gate.py).
_SHORTEST_FRAMES: Final = 10
#: Vocal tracts longer and shorter (Jaitly, Hinton 2013): frequencies are read at a multiple of themselves.
_TRACTS: Final = tuple(float(factor) for factor in np.linspace(0.85, 1.18, 9))
#: What is left of a cough's recording: outside this many frames around it, if this many remain.
_MARGIN_FRAMES: Final = 7
_LEAST_ROOM: Final = 17

Power = NDArray[np.float32]
Marks = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as the front end makes them, with what is in them."""

    #: float32, shape (n, 128, 256, 1)
    windows: NDArray[np.float32]
    #: float32, shape (n,): 1 with a cough
    labels: NDArray[np.float32]
    #: float32, shape (n, 32): 1 in a cough, 0 outside, -1 where it cannot be told
    steps: NDArray[np.float32]


class Scenes:
    """Makes scenes out of recordings; the same seed, the same scenes."""

    def __init__(self, items: Sequence[Item], seed: int, known: dict[str, list[Power]] | None = None) -> None:
        """Prepare the recordings.

        :param known: file -> powers at each speed; kept by the caller, filled here, saves the next one the work.
        """
        known = {} if known is None else known
        self._random = np.random.default_rng(seed)
        self._coughs: defaultdict[str, list[list[Power]]] = defaultdict(list)
        self._others: defaultdict[str, list[list[Power]]] = defaultdict(list)
        for item in items:
            if item.file not in known:
                known[item.file] = [mel_power(_at_speed(item.samples, speed)) for speed in _SPEEDS]
            powers = known[item.file]
            if item.cough:
                self._coughs[item.group].append(powers)
                rooms = [room for room in map(_room, powers) if room is not None]
                if rooms:
                    self._others[_ROOM].append(rooms)
            elif item.kind in AMBIENT:
                self._others[item.kind].append(powers)
            else:
                self._others[item.kind].append([_without_silent_ends(power) for power in powers])
        self._all_coughs = [powers for group in self._coughs.values() for powers in group]
        self._kinds = [kind for kind in sorted(self._others) for _ in range(4 if kind in _CLOSE else 1)]
        self._ambient = sorted(AMBIENT & self._others.keys())
        noise = self._random.normal(scale=0.1, size=SAMPLE_RATE * 30).astype(np.float32)
        self._white = mel_power(noise)

    def batch(self, count: int) -> Batch:
        """New scenes, about half of them with a cough."""
        made = [self._scene() for _ in range(count)]
        return Batch(
            np.concatenate([scene[0] for scene in made]),
            np.array([scene[1] for scene in made], np.float32),
            np.stack([scene[2] for scene in made]),
        )

    def _chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _scene(self) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
        # Evenly on a logarithmic scale: recordings of half a second are as usual as those of five.
        shortest, longest = np.log(_SHORTEST_FRAMES), np.log(FRAMES + 1)
        length = int(np.exp(self._random.uniform(shortest, longest))) if self._chance(0.75) else FRAMES
        scene, marks = np.zeros((MELS, length), np.float32), np.zeros(length, np.float32)
        if self._chance(0.5):
            self._put_coughs(scene, marks)
        else:
            self._put_others(scene)
        self._put_background(scene)
        scene = self._recorded(scene)
        picture = window(relative_decibels(scene))
        self._mask(picture)
        filled = np.zeros(FRAMES, np.float32)
        filled[:length] = marks
        return picture, float((marks == 1).any()), _steps(filled)

    def _put_coughs(self, scene: Power, marks: Marks) -> None:
        for _ in range(1 if self._chance(0.6) else int(self._random.integers(2, 5))):
            power, own = self._cough()
            self._put(scene, _scaled(power, 10 ** self._random.uniform(-1, 0)), marks, own)
        if self._chance(0.35):
            self._put(scene, _scaled(self._other(self._kinds, most=FRAMES // 2), 10 ** self._random.uniform(-1.5, 0.3)))

    def _put_others(self, scene: Power) -> None:
        for _ in range(1 if self._chance(0.7) else 2):
            power = self._other(self._kinds) if self._chance(0.9) else self._knock()
            self._put(scene, _scaled(power, 10 ** self._random.uniform(-0.7, 0)))
        if self._chance(0.15):
            for _ in range(int(self._random.integers(1, 4))):
                self._put(scene, _scaled(self._knock(), 1.0))

    def _put(self, scene: Power, power: Power, marks: Marks | None = None, own: Marks | None = None) -> None:
        """Add a sound at a random place; a cough starts no later than its beginning fits."""
        length = scene.shape[1]
        spare = max(0, power.shape[1] - length)
        first = int(self._random.integers(0, spare + 1))
        if own is not None and spare:
            # A recording too short for the whole cough still begins before its loudest moment.
            first = min(first, max(0, int(power.sum(axis=0).argmax()) - 2))
            own = own[first:]
        power = power[:, first : first + length]
        at = int(self._random.integers(0, length - power.shape[1] + 1))
        here = slice(at, at + power.shape[1])
        scene[:, here] += power
        if marks is not None and own is not None:
            own, before = own[: power.shape[1]], marks[here]
            doubtful = np.isnan(own) | np.isnan(before)
            marks[here] = np.where((own == 1) | (before == 1), 1, np.where(doubtful, np.nan, 0))

    def _cough(self) -> tuple[Power, Marks]:
        """One cough with a random part of what was recorded around it; mostly people are drawn, not coughs."""
        groups = list(self._coughs.values())
        coughs = groups[int(self._random.integers(len(groups)))] if self._chance(0.75) else self._all_coughs
        power = self._version(coughs)
        level = _level(power)
        first = last = int(level.argmax())
        while first > 0 and level[first - 1] > _COUGH_DB:
            first -= 1
        while last < len(level) - 1 and level[last + 1] > _COUGH_DB:
            last += 1
        marks = np.where(level > _DOUBTFUL_DB, np.nan, 0).astype(np.float32)
        marks[max(0, first - 2) : last + 3] = np.nan
        marks[first : last + 1] = 1
        start = max(0, first - int(self._random.integers(2, 40)))
        end = last + 1 + int(self._random.integers(2, 40))
        return power[:, start:end], marks[start:end]

    def _other(self, kinds: Sequence[str], most: int = FRAMES) -> Power:
        kind = kinds[int(self._random.integers(len(kinds)))]
        if kinds is self._kinds and _SPEECH in self._others and self._chance(0.2):
            kind = _SPEECH
        power = self._version(self._others[kind])
        if kind == _SPEECH:
            power = self._several_words(power)
        length = min(most, power.shape[1])
        if self._chance(0.5):
            length = int(self._random.integers(min(20, length), length + 1))
        first = int(self._random.integers(0, power.shape[1] - length + 1))
        return power[:, first : first + length]

    def _several_words(self, power: Power) -> Power:
        words = [power]
        for _ in range(int(self._random.integers(0, 5))):
            word = self._version(self._others[_SPEECH])
            pause = np.zeros((MELS, int(self._random.integers(2, 20))), np.float32)
            words += [pause, word * (power.mean() / (word.mean() + _TINY))]
        return np.concatenate(words, axis=1)

    def _version(self, recordings: Sequence[Sequence[Power]]) -> Power:
        versions = recordings[int(self._random.integers(len(recordings)))]
        power = versions[int(self._random.integers(len(versions)))]
        return _warped(power, _TRACTS[int(self._random.integers(len(_TRACTS)))]) if self._chance(0.6) else power

    def _knock(self) -> Power:
        """A short burst that dies away: a knock, a clap, a dropped thing."""
        length = int(self._random.integers(3, 10))
        decay = np.exp(-np.arange(length) / self._random.uniform(0.4, 3)).astype(np.float32)
        return self._hiss(length) * decay * self._colour(8)

    def _hiss(self, length: int) -> Power:
        first = int(self._random.integers(0, self._white.shape[1] - length))
        return self._white[:, first : first + length]

    def _colour(self, decibels: float) -> Power:
        """A random smooth gain of the bands, shape (128, 1)."""
        knots = self._random.normal(size=6) * decibels
        gain = np.interp(np.linspace(0, 1, MELS), np.linspace(0, 1, 6), knots)
        return np.asarray(10 ** (gain / 10), np.float32)[:, np.newaxis]

    def _put_background(self, scene: Power) -> None:
        """Ambience 0 to 50 dB below the sound at full level, hiss as often, or nothing."""
        draw = self._random.random()
        if draw < 0.45 and self._ambient:  # noqa: PLR2004 - a share
            behind = self._other(self._ambient)
        elif draw < 0.75:  # noqa: PLR2004 - a share
            tilt = 10 ** (-np.linspace(0, 1, MELS) * self._random.uniform(0, 3))
            behind = self._hiss(FRAMES) * self._colour(6) * tilt[:, np.newaxis].astype(np.float32)
        else:
            return
        length = scene.shape[1]
        behind = np.tile(behind, (1, 1 + length // behind.shape[1]))[:, :length]
        scene += behind / (behind.sum(axis=0).mean() + _TINY) * 10 ** (-self._random.uniform(0, 5))

    def _recorded(self, scene: Power) -> Power:
        """Through some microphone and some sample rate, at some level."""
        scene = scene * self._colour(4)
        if self._chance(0.6):
            cut = self._random.uniform(3_200, 10_500)
            fall = np.minimum((_BAND_HZ - cut) / 125, 9)
            scene = scene * np.where(cut < _BAND_HZ, 10**-fall, 1).astype(np.float32)[:, np.newaxis]
        if self._chance(0.3):
            cut = self._random.uniform(60, 350)
            scene = scene * np.minimum(1, (_BAND_HZ / cut) ** 4).astype(np.float32)[:, np.newaxis]
        loudest = float(scene.sum(axis=0).max())
        level = 10 ** self._random.uniform(0, 4)
        return np.asarray(scene / (loudest + 1e-9) * level, np.float32)

    def _mask(self, picture: NDArray[np.float32]) -> None:
        """Some bands are taken out (SpecAugment, Park et al. 2019)."""
        if self._chance(0.4):
            first, height = int(self._random.integers(0, MELS - 18)), int(self._random.integers(3, 18))
            picture[:, first : first + height] = picture.min() if self._chance(0.5) else 0.0


def _at_speed(samples: Samples, speed: float) -> Samples:
    import soxr

    return samples if speed == 1 else np.asarray(soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE), np.float32)


def _level(power: Power) -> NDArray[np.float64]:
    level = 10 * np.log10(power.sum(axis=0) + 1e-10)
    return np.asarray(level - level.max(), np.float64)


def _without_silent_ends(power: Power) -> Power:
    heard = np.flatnonzero(_level(power) > _SILENT_DB)
    return power[:, heard[0] : heard[-1] + 1]


def _room(power: Power) -> Power | None:
    """A cough's recording without the cough, None if too little is left."""
    heard = np.flatnonzero(_level(power) > _ROOM_DB)
    before = power[:, : max(0, heard[0] - _MARGIN_FRAMES)]
    rest = np.concatenate([before, power[:, heard[-1] + _MARGIN_FRAMES :]], axis=1)
    return rest if rest.shape[1] >= _LEAST_ROOM and rest.max() > 0 else None


def _warped(power: Power, factor: float) -> Power:
    """The bands of a spectrum whose frequencies are multiplied."""
    position = np.interp(_BAND_HZ * factor, _BAND_HZ, np.arange(MELS))
    lower = np.minimum(position.astype(int), MELS - 2)
    share = (position - lower).astype(np.float32)[:, np.newaxis]
    warped: Power = power[lower] * (1 - share) + power[lower + 1] * share
    return warped


def _scaled(power: Power, level: float) -> Power:
    """With this mean power in its loudest quarter."""
    frames = np.sort(power.sum(axis=0))[-max(1, power.shape[1] // 4) :]
    scaled: Power = power * np.float32(level / (frames.mean() + _TINY))
    return scaled


def _steps(marks: Marks) -> NDArray[np.float32]:
    """A step is a cough when three of its eight frames are, and doubtful when fewer are or it cannot be told."""
    parts = marks.reshape(STEPS, _STEP_FRAMES)
    inside = (parts == 1).sum(axis=1)
    doubtful = np.isnan(parts).any(axis=1) | (inside > 0)
    return np.where(inside >= 3, 1, np.where(doubtful, -1, 0)).astype(np.float32)  # noqa: PLR2004 - a third of a step


def _band_hz() -> NDArray[np.float64]:
    """The middle of each mel band, by Slaney's scale (see app/engines/audio/log_mel.py)."""
    top = 15 + np.log(SAMPLE_RATE / 2 / 1000) / (np.log(6.4) / 27)
    mel = np.linspace(0, top, MELS + 2)[1:-1]
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))  # noqa: PLR2004 - 1 kHz


_BAND_HZ: Final = _band_hz()
