"""Group pictures composed of photos of single people, who is on each of them known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

#: People on one picture, at most.
MOST = 12
#: Side of the square that each person has, and how much of it their photo takes: people stand nearer or farther.
_CELL = 250
_SMALLEST = 0.6
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Group:
    """One composed picture."""

    path: Path
    #: names of the people on it
    people: tuple[str, ...]


def compose(people: dict[str, list[Path]], folder: Path, count: int, *, seed: int = 1) -> list[Group]:
    """``count`` pictures of 1 to 12 people each in ``folder``; nobody twice on one, photos of a person in turn."""
    rng = random.Random(seed)
    names = sorted(people)
    turns = dict.fromkeys(names, 0)
    groups = []
    for number in range(count):
        chosen = rng.sample(names, rng.randint(1, min(MOST, len(names))))
        photos = []
        for name in chosen:
            photos.append(people[name][turns[name] % len(people[name])])
            turns[name] += 1
        path = folder / f"group-{number:05d}.jpg"
        _picture(photos, rng).save(path, "JPEG", quality=_QUALITY)
        groups.append(Group(path, tuple(chosen)))
    return groups


def _picture(photos: Sequence[Path], rng: random.Random) -> PillowImage.Image:
    columns = math.ceil(math.sqrt(len(photos) * 4 / 3))
    rows = math.ceil(len(photos) / columns)
    noise = np.random.default_rng(rng.randrange(2**32)).integers(60, 190, (rows * 4, columns * 4, 3), np.uint8)
    ground = PillowImage.fromarray(noise).resize((columns * _CELL, rows * _CELL)).filter(ImageFilter.GaussianBlur(8))
    for place, photo in enumerate(photos):
        side = round(_CELL * rng.uniform(_SMALLEST, 1))
        left = place % columns * _CELL + rng.randint(0, _CELL - side)
        top = place // columns * _CELL + rng.randint(0, _CELL - side)
        with PillowImage.open(photo) as person:
            ground.paste(person.convert("RGB").resize((side, side), PillowImage.Resampling.LANCZOS), (left, top))
    return ground
