"""Scenes to train the built-in cough network on: recordings mixed, moved, coloured, cut: only the cough tells.

In the collection every cough comes from one publisher and every other sound from two others, so length, bandwidth,
level and the silence around a sound tell the classes apart as well as the sound does. Here each scene, with a cough or
without, gets its length, its place, its background, its bandwidth and its colour by the same draw; and the label is
also given for every moment, so that what the coughs' own microphone recorded around a cough counts as no cough.

Everything is done on mel powers, which add up when sounds are mixed; only after that decibels are taken.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, MELS, SAMPLE_RATE
from app.engines.audio.log_mel import RANGE_DB, mel_power, relative_decibels
from app.learning.cough_collection import Item, Samples
from app.learning.cough_versions import as_recorded_elsewhere

#: Stretches of a window that get a label of their own: 8 frames, 0.19 s, about the length of a cough's first phase.
STEPS: Final = 32
_STEP_FRAMES: Final = FRAMES // STEPS
#: A scene is 3 s, half a window: training takes half the time, and the network looks at 1.3 s at once anyway.
SCENE_FRAMES: Final = FRAMES // 2
SCENE_STEPS: Final = SCENE_FRAMES // _STEP_FRAMES

#: Sounds without a beginning: they are put behind others.
AMBIENT: Final = frozenset({"rain", "sea_waves", "helicopter", "fire_crackling", "chainsaw", "clock_tick"})
#: What a cough's own microphone recorded around it: the best witness against taking the microphone for the cough.
_ROOM: Final = "room"
_SPEECH: Final = "speech"
#: How often a recorded kind is drawn, others once: short bursts of breath or voice are nearest to a cough.
_RECORDED_WEIGHTS: Final = {"person_sneeze": 4, "dog_bark": 3, "baby_cry": 3, _ROOM: 2, _SPEECH: 5}
#: The same for what is made up (`app.learning.cough_synthetic`).
_MADE_UP_WEIGHTS: Final = {_SPEECH: 4, "laughter": 3, "bursts": 2}
_MADE_UP: Final = 0.3

#: How each recording would sound from elsewhere: so many versions, the recording itself among them.
_VERSIONS: Final = 6
_AMBIENT_VERSIONS: Final = 3
_VERSIONS_SEED: Final = 3

#: Below the loudest frame of its recording, in dB: the cough itself; neither; certainly not.
_COUGH_DB: Final = -18.0
_DOUBTFUL_DB: Final = -28.0
_SILENT_DB: Final = -45.0
_ROOM_DB: Final = -30.0

_TINY: Final = 1e-12
#: The shortest scene, 0.23 s, is about the shortest recording that is taken at all (app/engines/audio/gate.py).
_SHORTEST_FRAMES: Final = 10
#: Of a cough that is cut off, so much of what follows its loudest frame is left at least.
_AFTER_PEAK: Final = 5
#: Vocal tracts longer and shorter (Jaitly, Hinton 2013): frequencies are read at a multiple of themselves.
_TRACTS: Final = (0.84, 1.19)
#: Spoken, coughed or barked faster or slower at the same pitch.
_TEMPI: Final = (0.8, 1.25)
#: What is left of a cough's recording: outside this many frames around it, if this many remain.
_MARGIN_FRAMES: Final = 7
_LEAST_ROOM: Final = 17

_T = TypeVar("_T")

Power = NDArray[np.float32]
Marks = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures as the front end makes them, but half as wide, with what is in them."""

    #: float32, shape (n, 128, 128, 1)
    pictures: NDArray[np.float32]
    #: float32, shape (n,): 1 with a cough
    labels: NDArray[np.float32]
    #: float32, shape (n, 16): 1 in a cough, 0 outside, -1 where it cannot be told
    steps: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Cough:
    """A recording of a cough, where it is marked, and the cough's first and last frame."""

    power: Power
    marks: Marks
    first: int
    last: int


class Scenes:
    """Makes scenes out of recordings; the same seed, the same scenes."""

    def __init__(
        self,
        items: Sequence[Item],
        seed: int,
        known: dict[str, list[Power]] | None = None,
        made_up: Mapping[str, Sequence[Power]] | None = None,
    ) -> None:
        """Prepare the recordings.

        :param known: file -> powers of each version; kept by the caller, filled here, saves the next one the work.
        :param made_up: kind -> powers of sounds that nobody recorded and that are no coughs.
        """
        known = {} if known is None else known
        self._random = np.random.default_rng(seed)
        self._coughs: defaultdict[str, list[list[_Cough]]] = defaultdict(list)
        self._recorded_others: defaultdict[str, list[list[Power]]] = defaultdict(list)
        for item in items:
            if item.file not in known:
                known[item.file] = _versions(item)
            powers = known[item.file]
            if item.cough:
                self._coughs[item.group].append([_found(power) for power in powers])
                rooms = [room for room in map(_room, powers) if room is not None]
                if rooms:
                    self._recorded_others[_ROOM].append(rooms)
            elif item.kind in AMBIENT:
                self._recorded_others[item.kind].append(powers)
            else:
                self._recorded_others[item.kind].append([_without_silent_ends(power) for power in powers])
        self._all_coughs = [versions for group in self._coughs.values() for versions in group]
        self._recorded_kinds = _weighted(self._recorded_others, _RECORDED_WEIGHTS)
        self._made_up = {kind: [[power] for power in powers] for kind, powers in (made_up or {}).items()}
        self._made_up_kinds = _weighted(self._made_up, _MADE_UP_WEIGHTS)
        self._ambient = sorted(AMBIENT & self._recorded_others.keys())
        noise = self._random.normal(scale=0.1, size=SAMPLE_RATE * 30).astype(np.float32)
        self._white = mel_power(noise)

    def batch(self, count: int) -> Batch:
        """New scenes, about half of them with a cough."""
        made = [self._scene() for _ in range(count)]
        return Batch(
            np.stack([scene[0] for scene in made])[..., np.newaxis],
            np.array([scene[1] for scene in made], np.float32),
            np.stack([scene[2] for scene in made]),
        )

    def _chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def _one_of(self, choices: Sequence[_T]) -> _T:
        return choices[int(self._random.integers(len(choices)))]

    def _scene(self) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
        # Evenly on a logarithmic scale: recordings of half a second are as usual as those of three.
        shortest, longest = np.log(_SHORTEST_FRAMES), np.log(SCENE_FRAMES + 1)
        length = int(np.exp(self._random.uniform(shortest, longest))) if self._chance(0.75) else SCENE_FRAMES
        scene, marks = np.zeros((MELS, length), np.float32), np.zeros(length, np.float32)
        if self._chance(0.5):
            self._put_coughs(scene, marks)
        else:
            self._put_others(scene)
        self._put_background(scene)
        # Silence is mostly after a recording, as the front end puts it; sometimes before it as well.
        first = int(self._random.integers(0, SCENE_FRAMES - length + 1)) if self._chance(0.3) else 0
        picture, filled = np.full((MELS, SCENE_FRAMES), -RANGE_DB, np.float32), np.zeros(SCENE_FRAMES, np.float32)
        picture[:, first : first + length] = relative_decibels(self._recorded(scene))
        filled[first : first + length] = marks
        self._mask(picture)
        return _standardised(picture), float((marks == 1).any()), _steps(filled)

    def _put_coughs(self, scene: Power, marks: Marks) -> None:
        for _ in range(1 if self._chance(0.6) else int(self._random.integers(2, 5))):
            power, own = self._cough()
            self._put(scene, _scaled(power, 10 ** self._random.uniform(-0.8, 0)), marks, own)
        if self._chance(0.35):
            self._put(scene, _scaled(self._other(most=SCENE_FRAMES // 2), 10 ** self._random.uniform(-1.5, 0.3)))

    def _put_others(self, scene: Power) -> None:
        for _ in range(1 if self._chance(0.6) else int(self._random.integers(2, 4))):
            power = self._other() if self._chance(0.93) else self._knock()
            self._put(scene, _scaled(power, 10 ** self._random.uniform(-0.7, 0)))
        if self._chance(0.12):
            for _ in range(int(self._random.integers(1, 4))):
                self._put(scene, _scaled(self._knock(), 1.0))

    def _put(self, scene: Power, power: Power, marks: Marks | None = None, own: Marks | None = None) -> None:
        """Add a sound at a random place; of a cough longer than the scene, its loudest moment is always there."""
        length = scene.shape[1]
        spare = max(0, power.shape[1] - length)
        earliest, latest = 0, spare
        if own is not None and spare:
            loudest = int(power.sum(axis=0).argmax())
            latest = min(spare, max(0, loudest - 2))
            earliest = min(latest, max(0, loudest - length + 1 + _AFTER_PEAK))
        first = int(self._random.integers(earliest, latest + 1))
        power = power[:, first : first + length]
        at = int(self._random.integers(0, length - power.shape[1] + 1))
        here = slice(at, at + power.shape[1])
        scene[:, here] += power
        if marks is not None and own is not None:
            own, before = own[first : first + length], marks[here]
            doubtful = np.isnan(own) | np.isnan(before)
            marks[here] = np.where((own == 1) | (before == 1), 1, np.where(doubtful, np.nan, 0))

    def _recorded_cough(self) -> _Cough:
        """Mostly people are drawn, not coughs."""
        coughs = self._one_of(list(self._coughs.values())) if self._chance(0.75) else self._all_coughs
        return self._one_of(self._one_of(coughs))

    def _cough(self) -> tuple[Power, Marks]:
        """One cough with a random part of what was recorded around it."""
        one = self._recorded_cough()
        start = max(0, one.first - int(self._random.integers(2, 40)))
        end = one.last + 1 + int(self._random.integers(2, 40))
        power, marks = one.power[:, start:end], one.marks[start:end]
        if self._chance(0.35):
            other = self._recorded_cough()
            power = _between(power, one.first - start, other, float(self._random.uniform(0.25, 0.75)))
        power = self._of_another_tract(power)
        if self._chance(0.5):
            at = self._tempo(power.shape[1])
            power, marks = _read_at(power, at), marks[np.round(at).astype(int)]
        return power, marks

    def _other(self, most: int = SCENE_FRAMES, kinds: Sequence[str] | None = None) -> Power:
        if kinds is None and self._made_up and self._chance(_MADE_UP):
            kind, sounds = self._one_of(self._made_up_kinds), self._made_up
        else:
            kind, sounds = self._one_of(kinds or self._recorded_kinds), self._recorded_others
        power = self._of_another_tract(self._one_of(self._one_of(sounds[kind])))
        if kind == _SPEECH and sounds is self._recorded_others:
            power = self._several_words(power)
        length = min(most, power.shape[1])
        if self._chance(0.5):
            length = int(self._random.integers(min(12, length), length + 1))
        first = int(self._random.integers(0, power.shape[1] - length + 1))
        power = power[:, first : first + length]
        if self._chance(0.4):
            power = _read_at(power, self._tempo(length))
        return power if power.any() else self._knock()

    def _several_words(self, power: Power) -> Power:
        words = [power]
        for _ in range(int(self._random.integers(0, 5))):
            word = self._one_of(self._one_of(self._recorded_others[_SPEECH]))
            pause = np.zeros((MELS, int(self._random.integers(2, 20))), np.float32)
            words += [pause, word * (power.mean() / (word.mean() + _TINY))]
        return np.concatenate(words, axis=1)

    def _of_another_tract(self, power: Power) -> Power:
        return _warped(power, float(self._random.uniform(*_TRACTS))) if self._chance(0.6) else power

    def _tempo(self, length: int) -> NDArray[np.float64]:
        """Where to read so many frames at another tempo."""
        return np.linspace(0, length - 1, max(2, round(length * self._random.uniform(*_TEMPI))))

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
        """Ambience 3 to 50 dB below the sound at full level, hiss nearly as often, or nothing."""
        draw = self._random.random()
        if draw < 0.45 and self._ambient:  # noqa: PLR2004 - a share
            behind = self._other(kinds=self._ambient)
        elif draw < 0.75:  # noqa: PLR2004 - a share
            tilt = 10 ** (-np.linspace(0, 1, MELS) * self._random.uniform(0, 3))
            behind = self._hiss(SCENE_FRAMES) * self._colour(6) * tilt[:, np.newaxis].astype(np.float32)
        else:
            return
        length = scene.shape[1]
        behind = np.tile(behind, (1, 1 + length // behind.shape[1]))[:, :length]
        scene += behind / (behind.sum(axis=0).mean() + _TINY) * 10 ** (-self._random.uniform(0.3, 5))

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
            picture[first : first + height] = -RANGE_DB if self._chance(0.5) else picture.mean()


def _versions(item: Item) -> list[Power]:
    """The recording, and what it might be from elsewhere; the same for every member and seed."""
    random = np.random.default_rng((_VERSIONS_SEED, zlib.crc32(item.file.encode())))
    count = _AMBIENT_VERSIONS if item.kind in AMBIENT else _VERSIONS
    others = [mel_power(as_recorded_elsewhere(item.samples, random)) for _ in range(count - 1)]
    return [mel_power(item.samples), *others]


def powers_of(sounds: Mapping[str, Sequence[Samples]]) -> dict[str, list[Power]]:
    """What `Scenes` takes as `made_up`."""
    return {kind: [_without_silent_ends(mel_power(sound)) for sound in several] for kind, several in sounds.items()}


def _weighted(kinds: Mapping[str, object], weights: Mapping[str, int]) -> list[str]:
    return [kind for kind in sorted(kinds) for _ in range(weights.get(kind, 1))]


def _level(power: Power) -> NDArray[np.float64]:
    level = 10 * np.log10(power.sum(axis=0) + 1e-10)
    return np.asarray(level - level.max(), np.float64)


def _found(power: Power) -> _Cough:
    level = _level(power)
    first = last = int(level.argmax())
    while first > 0 and level[first - 1] > _COUGH_DB:
        first -= 1
    while last < len(level) - 1 and level[last + 1] > _COUGH_DB:
        last += 1
    marks = np.where(level > _DOUBTFUL_DB, np.nan, 0).astype(np.float32)
    marks[max(0, first - 2) : last + 3] = np.nan
    marks[first : last + 1] = 1
    return _Cough(power, marks, first, last)


def _without_silent_ends(power: Power) -> Power:
    heard = np.flatnonzero(_level(power) > _SILENT_DB)
    return power[:, heard[0] : heard[-1] + 1]


def _room(power: Power) -> Power | None:
    """A cough's recording without the cough, None if too little is left."""
    heard = np.flatnonzero(_level(power) > _ROOM_DB)
    before = power[:, : max(0, heard[0] - _MARGIN_FRAMES)]
    rest = np.concatenate([before, power[:, heard[-1] + _MARGIN_FRAMES :]], axis=1)
    return rest if rest.shape[1] >= _LEAST_ROOM and rest.max() > 0 else None


def _between(power: Power, first: int, other: _Cough, share: float) -> Power:
    """Somebody between two who cough: the mean of their logarithms, the beginnings of both at one place."""
    at = np.arange(power.shape[1]) - first + other.first
    there = (at >= 0) & (at < other.power.shape[1])
    own, others = power / _loudest(power), other.power[:, np.clip(at, 0, other.power.shape[1] - 1)]
    # Below -80 dB nothing is heard of either.
    mixed = (own + 1e-8) ** (1 - share) * (others / _loudest(other.power) + 1e-8) ** share
    return np.asarray(np.where(there, mixed, own), np.float32)


def _loudest(power: Power) -> float:
    return float(power.sum(axis=0).max()) + _TINY


def _warped(power: Power, factor: float) -> Power:
    """The bands of a spectrum whose frequencies are multiplied."""
    warped: Power = _read_at(power.T, np.interp(_BAND_HZ * factor, _BAND_HZ, np.arange(MELS))).T
    return warped


def _read_at(power: Power, at: NDArray[np.float64]) -> Power:
    """Frames between frames."""
    before = np.minimum(at.astype(int), power.shape[1] - 2) if power.shape[1] > 1 else np.zeros(len(at), int)
    after = np.minimum(before + 1, power.shape[1] - 1)
    share = (at - before).astype(np.float32)
    read: Power = power[:, before] * (1 - share) + power[:, after] * share
    return read


def _scaled(power: Power, level: float) -> Power:
    """With this mean power in its loudest quarter."""
    frames = np.sort(power.sum(axis=0))[-max(1, power.shape[1] // 4) :]
    scaled: Power = power * np.float32(level / (frames.mean() + _TINY))
    return scaled


def _standardised(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `app.engines.audio.window` leaves it."""
    return np.asarray((picture - picture.mean()) / (picture.std() + _TINY), np.float32)


def _steps(marks: Marks) -> NDArray[np.float32]:
    """A step is a cough when three of its eight frames are, and doubtful when fewer are or it cannot be told."""
    parts = marks.reshape(-1, _STEP_FRAMES)
    inside = (parts == 1).sum(axis=1)
    doubtful = np.isnan(parts).any(axis=1) | (inside > 0)
    return np.where(inside >= 3, 1, np.where(doubtful, -1, 0)).astype(np.float32)  # noqa: PLR2004 - a third of a step


def _band_hz() -> NDArray[np.float64]:
    """The middle of each mel band, by Slaney's scale (see app/engines/audio/log_mel.py)."""
    top = 15 + np.log(SAMPLE_RATE / 2 / 1000) / (np.log(6.4) / 27)
    mel = np.linspace(0, top, MELS + 2)[1:-1]
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))  # noqa: PLR2004 - 1 kHz


_BAND_HZ: Final = _band_hz()
