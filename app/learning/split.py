"""Training, validation and test: the same share of every class in each, and no group in two of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.errors import TrainingDataNotUsable

IntArray = npt.NDArray[np.int64]

#: Shares of the source: a fifth is the test set, and a fifth of the rest is for validation.
TEST_SHARE: Final = 0.20
VALIDATION_SHARE: Final = 0.16

#: Training, validation, test.
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Split:
    """Positions in the list that was split, each array in ascending order."""

    train: IntArray
    validation: IntArray
    test: IntArray


def split(
    labels: Sequence[str],
    groups: Sequence[Hashable] | None = None,
    *,
    seed: int = 42,
    validation: float = VALIDATION_SHARE,
    test: float = TEST_SHARE,
) -> Split:
    """Divide examples so that every class has its share in every part.

    Groups are placed whole, those with the rarest class first, each where most of what it holds is missing. Without
    groups every example is a group of its own, and the shares of a class are exact up to rounding.

    :param groups: what must not be torn apart (a person, a recording), one for each label.
    :raises TrainingDataNotUsable: a class has fewer than three groups, or groups so entangled that a part stays
        without a class.
    """
    if groups is not None and len(groups) != len(labels):
        raise ValueError("One group for each label is needed.")
    classes, coded = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    members = _members(range(len(labels)) if groups is None else groups)
    held = np.stack([np.bincount(coded[rows], minlength=len(classes)) for rows in members])
    _check_groups(classes, held, "group" if groups is not None else "example")

    shares = np.array([1 - validation - test, validation, test])
    parts: list[list[int]] = [[], [], []]
    for group, part in _placed(held, shares, np.random.default_rng(seed)):
        parts[part].extend(members[group])
    train, checked, tested = (np.sort(np.array(part, dtype=np.int64)) for part in parts)
    _check_parts(classes, coded, (train, checked, tested))
    return Split(train, checked, tested)


def _members(groups: Sequence[Hashable]) -> list[list[int]]:
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        found[group].append(row)
    return list(found.values())


def _whole_shares(total: int, shares: npt.NDArray[np.float64]) -> IntArray:
    """Whole numbers that add up to `total`, in these shares, none of them zero."""
    exact = total * shares
    whole = np.maximum(np.floor(exact), 1)
    while whole.sum() < total:
        whole[np.argmax(exact - whole)] += 1
    while whole.sum() > total:
        whole[np.argmax(np.where(whole > 1, whole - exact, -np.inf))] -= 1
    return whole.astype(np.int64)


def _rarest_first(held: IntArray, random: np.random.Generator) -> list[int]:
    """Groups in the order of placing: by the rarest class they hold, then the largest, the rest by chance."""
    in_groups = (held > 0).sum(axis=0)
    rarest = np.where(held > 0, in_groups, np.iinfo(np.int64).max).min(axis=1)
    chance = random.permutation(len(held))
    return [int(group) for group in np.lexsort((chance, -held.sum(axis=1), rarest))]


def _placed(held: IntArray, shares: npt.NDArray[np.float64], random: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Each group with the part that lacks most of what it holds.

    As long as a class has as many groups left as parts that are without it, its groups go to those parts.
    """
    lack = np.stack([_whole_shares(int(total), shares) for total in held.sum(axis=0)], axis=1)
    without = np.ones_like(lack, dtype=bool)
    left = (held > 0).sum(axis=0)
    for group in _rarest_first(held, random):
        holds = held[group]
        present = holds > 0
        urgent = present & (left <= without.sum(axis=0))
        wanted = without[:, urgent].sum(axis=1)
        filled = np.minimum(lack[:, present], holds[present]).clip(min=0).sum(axis=1)
        room = lack[:, present].sum(axis=1)
        part = int(np.lexsort((room, filled, wanted))[-1])
        lack[part] -= holds
        without[part, present] = False
        left[present] -= 1
        yield group, part


def _check_groups(classes: npt.NDArray[np.str_], held: IntArray, what: str) -> None:
    in_groups = (held > 0).sum(axis=0)
    few = [f"{name} ({count})" for name, count in zip(classes, in_groups, strict=True) if count < _PARTS]
    if few:
        raise TrainingDataNotUsable(
            f"Every class needs at least {_PARTS} {what}s, one to train, one to validate, one to test: {_some(few)}."
        )


def _check_parts(classes: npt.NDArray[np.str_], coded: IntArray, parts: Sequence[IntArray]) -> None:
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        present = Counter(coded[part].tolist())
        absent = [str(label) for code, label in enumerate(classes) if not present[code]]
        if absent:
            raise TrainingDataNotUsable(
                f"The {name} set would have no example of {_some(absent)}: the groups are too few or too uneven."
            )


def _some(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
