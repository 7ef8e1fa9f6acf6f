"""A collection of short recordings with a ``manifest.csv``: what each is, and which must never be torn apart.

Columns: ``file`` (below the folder), ``label`` (``cough`` or ``non-cough``), ``kind`` (``rain``, ``speech``, …),
``source`` (who published it) and ``group`` (one person, or recordings that may share a take).
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import decode
from app.errors import TrainingDataNotUsable

MANIFEST: Final = "manifest.csv"
COUGH: Final = "cough"
NON_COUGH: Final = "non-cough"

#: One larger is no short recording.
_MAX_BYTES: Final = 20_000_000

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the manifest, with its sound."""

    file: str
    cough: bool
    kind: str
    source: str
    group: str
    #: 22 050 Hz mono, the first 10 s.
    samples: Samples


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything in a manifest, in its order."""

    items: tuple[Item, ...]
    #: of the manifest, so that a training is only continued with the same data.
    sha256: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and decode all; TrainingDataNotUsable says which line is wrong."""
        path = folder / MANIFEST
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise TrainingDataNotUsable(f"{path} cannot be read: {error.strerror}.") from error
        rows = list(csv.DictReader(raw.decode("utf-8").splitlines()))
        items = tuple(_item(folder, row, line) for line, row in enumerate(rows, 2))
        if not any(item.cough for item in items) or all(item.cough for item in items):
            raise TrainingDataNotUsable(f"{path} must list both coughs and other sounds.")
        return cls(items, hashlib.sha256(raw).hexdigest())

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Whether each is a cough."""
        return np.array([item.cough for item in self.items])

    def unheard(self, parts: int, networks: int = 1) -> NDArray[np.bool_]:
        """Which members of an ensemble train without each item, shape (items, parts * networks).

        Each part is trained without a share of every source: groups whole, shares as even as groups allow. A source
        with fewer groups than there are parts keeps a group from several of them.

        :param networks: members of each part; the first members of all parts come first.
        """
        sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for item in self.items:
            sizes[item.source][item.group] += 1
        share_of: dict[str, tuple[int, int]] = {}
        for source, groups in sizes.items():
            if len(groups) == 1:
                raise TrainingDataNotUsable(f"{source} is one group: without it, nothing of it would be trained on.")
            shares = min(parts, len(groups))
            held = [0] * shares
            largest_first = sorted(sorted(groups), key=lambda group: -groups[group])
            for group in largest_first if len(groups) > parts else sorted(groups):
                if group in share_of:
                    raise TrainingDataNotUsable(f"The group {group} stands under two sources.")
                share, size = held.index(min(held)), groups[group]
                share_of[group] = share, shares
                held[share] += size
        unheard = [
            [part % shares == share for part in range(parts)]
            for share, shares in (share_of[item.group] for item in self.items)
        ]
        return np.tile(np.array(unheard), networks)

    def only(self, rows: Sequence[int] | NDArray[np.int64]) -> list[Item]:
        """Some of the items."""
        return [self.items[int(row)] for row in rows]


def _item(folder: Path, row: dict[str, str], line: int) -> Item:
    try:
        path, label = folder / row["file"], row["label"]
        kind, source, group = row["kind"], row["source"], row["group"]
    except KeyError as error:
        raise TrainingDataNotUsable(f"{MANIFEST} has no column {error}.") from error
    if label not in (COUGH, NON_COUGH):
        raise TrainingDataNotUsable(f"{MANIFEST}, line {line}: the label is neither {COUGH} nor {NON_COUGH}.")
    try:
        samples = decode(path.read_bytes(), max_bytes=_MAX_BYTES).samples
    except Exception as error:
        raise TrainingDataNotUsable(f"{MANIFEST}, line {line}: {row['file']} cannot be read ({error}).") from error
    return Item(row["file"], label == COUGH, kind, source, group, samples)
