"""Labelled recordings of coughs in three layouts: COUGHVID v3, a ``manifest.csv``, one folder for each class."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, SAMPLE_RATE, decibels, decode
from app.engines.cough.base import NON_COUGH
from app.errors import KenaliError, TrainingDataNotUsable
from app.learning.cough_collection import MANIFEST

DRY: Final = "dry"
WET: Final = "wet"

#: Where COUGHVID v3 keeps its table; other releases first.
_COUGHVID_TABLES: Final = ("metadata_compiled.csv", "public_dataset/metadata_compiled.csv")
#: Physicians who may have judged a recording.
_EXPERTS: Final = (1, 2, 3, 4)
#: What COUGHVID calls a recording in which a physician hears no cough.
_NO_COUGH: Final = "no_cough"
#: COUGHVID's own detector: its authors take 0.8 and above as a cough (Orlandic et al. 2021). Where no physician has
#: judged, a recording counts as none at a fifth or less.
_SURELY_NONE: Final = 0.2

_ENDINGS: Final = frozenset({".wav", ".mp3", ".ogg", ".flac", ".m4a", ".aac", ".webm"})
_MAX_BYTES: Final = 20_000_000
_SHORTEST_SECONDS: Final = 0.2
_THREADS: Final = 2

#: float16, shape (128, up to 256): decibels of the first window. Half precision is 0.06 dB at worst, half the memory.
Spectrogram = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Recordings:
    """What was found."""

    layout: str
    #: relative to the folder
    files: tuple[str, ...]
    labels: tuple[str, ...]
    #: what must not be torn apart: a person, a take, or the content where neither is known
    groups: tuple[str, ...]
    spectrograms: tuple[Spectrogram, ...]
    #: of content, label and group of everything, in this order: all that the split depends on
    fingerprint: str
    #: file -> why it is left out
    skipped: dict[str, str]
    #: rows of a table without a clear label
    unlabelled: int

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the network's outputs."""
        return tuple(sorted(set(self.labels)))

    @property
    def positions(self) -> NDArray[np.int64]:
        """The class of each, as a position in `classes`."""
        return np.array([self.classes.index(label) for label in self.labels])


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    label: str
    #: None where nobody says which recordings belong together
    group: str | None


def find_recordings(data: Path, *, checked: Callable[[int, int], None] | None = None) -> Recordings:
    """The recordings below `data`, each decoded once.

    :raises TrainingDataNotUsable: none of the layouts, or fewer than two classes that can be read.
    """
    if not data.is_dir():
        raise TrainingDataNotUsable(f"There is no folder {data}.")
    layout, entries, unlabelled = _entries(data)
    kept: list[tuple[_Entry, str, Spectrogram]] = []
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        heard = pool.map(_listen, (entry.path for entry in entries))
        for done, (entry, found) in enumerate(zip(entries, heard, strict=True), 1):
            if isinstance(found, str):
                skipped[entry.path.relative_to(data).as_posix()] = found
            else:
                kept.append((entry, *found))
            if checked is not None:
                checked(done, len(entries))
    if len({entry.label for entry, _, _ in kept}) < 2:  # noqa: PLR2004 - the least there is to tell apart
        raise TrainingDataNotUsable(
            f"{data} ({layout}) has recordings of fewer than two classes that can be read; {len(skipped)} cannot, "
            f"{unlabelled} have no clear label."
        )
    return Recordings(
        layout,
        tuple(entry.path.relative_to(data).as_posix() for entry, _, _ in kept),
        tuple(entry.label for entry, _, _ in kept),
        tuple(entry.group or digest for entry, digest, _ in kept),
        tuple(spectrogram for _, _, spectrogram in kept),
        _fingerprint((entry.label, entry.group or "", digest) for entry, digest, _ in kept),
        skipped,
        unlabelled,
    )


def _entries(data: Path) -> tuple[str, list[_Entry], int]:
    for name in _COUGHVID_TABLES:
        table = data / name
        if table.is_file():
            return ("COUGHVID", *_of_coughvid(table))
    if (data / MANIFEST).is_file():
        return (MANIFEST, *_of_manifest(data / MANIFEST))
    return "one folder for each class", _of_folders(data), 0


def _of_coughvid(table: Path) -> tuple[list[_Entry], int]:
    """Recordings that physicians agree on, and those that are surely no cough; how many rows are neither."""
    entries, unlabelled = [], 0
    for row in _rows(table, {"uuid", "cough_detected"}):
        label = coughvid_label(row)
        path = _beside(table.parent, row["uuid"])
        if label is None or path is None:
            unlabelled += 1
        else:
            # COUGHVID does not say who coughed: every recording is a group of its own.
            entries.append(_Entry(path, label, None))
    return entries, unlabelled


def coughvid_label(row: Mapping[str, str]) -> str | None:
    """``dry``, ``wet`` or ``non-cough`` by the majority of the physicians; None when they differ or do not know."""
    votes: Counter[str] = Counter()
    judged = False
    for expert in _EXPERTS:
        quality, kind = row.get(f"quality_{expert}") or "", row.get(f"cough_type_{expert}") or ""
        judged = judged or bool(quality or kind)
        if quality == _NO_COUGH:
            votes[NON_COUGH] += 1
        elif kind in (DRY, WET):
            votes[kind] += 1
    if votes:
        (first, most), *others = votes.most_common()
        return first if not others or others[0][1] < most else None
    return None if judged or not _surely_none(row) else NON_COUGH


def _surely_none(row: Mapping[str, str]) -> bool:
    try:
        return float(row["cough_detected"]) <= _SURELY_NONE
    except (KeyError, TypeError, ValueError):
        return False


def _beside(folder: Path, uuid: str) -> Path | None:
    # The table is somebody's download: a name that leads elsewhere is none of its recordings.
    if not uuid or Path(uuid).name != uuid:
        return None
    candidates = (folder / (uuid + ending) for ending in sorted(_ENDINGS))
    return next((path for path in candidates if path.is_file()), None)


def _of_manifest(table: Path) -> tuple[list[_Entry], int]:
    """Its recordings; how many rows say no label."""
    root = table.parent.resolve()
    entries, unlabelled = [], 0
    for row in _rows(table, {"file", "label", "group"}):
        label = row["label"].strip()
        if not label:
            unlabelled += 1
            continue
        path = table.parent / row["file"]
        if not path.resolve().is_relative_to(root):
            raise TrainingDataNotUsable(f"{table} names a file outside its folder: {row['file']}.")
        entries.append(_Entry(path, label, row["group"] or None))
    return entries, unlabelled


def _of_folders(data: Path) -> list[_Entry]:
    """``CLASS/file``, or ``CLASS/GROUP/file`` where a group is a person or a take."""
    entries = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts
            if path.suffix.lower() in _ENDINGS and not path.name.startswith("."):
                entries.append(_Entry(path, folder.name, inside[0] if len(inside) > 1 else None))
    if not entries:
        raise TrainingDataNotUsable(
            f"{data} is no COUGHVID folder, has no {MANIFEST}, and no folders of recordings, one for each class."
        )
    return entries


def _rows(table: Path, needed: set[str]) -> Iterator[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = needed - set(reader.fieldnames or ())
            if missing:
                raise TrainingDataNotUsable(f"{table} has no column {', '.join(sorted(missing))}.")
            for row in reader:
                yield {name: value or "" for name, value in row.items() if isinstance(name, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingDataNotUsable(f"{table} cannot be read: {error}.") from error


def _listen(path: Path) -> tuple[str, Spectrogram] | str:
    """Sha256 and spectrogram, or what is wrong."""
    try:
        data = path.read_bytes()
        samples = decode(data, max_bytes=_MAX_BYTES).samples
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except KenaliError as error:
        return error.detail
    if len(samples) < _SHORTEST_SECONDS * SAMPLE_RATE:
        return "it is too short"
    if not samples.any():
        return "it is silent"
    return hashlib.sha256(data).hexdigest(), decibels(samples)[:, :FRAMES].astype(np.float16)


def _fingerprint(found: Iterator[tuple[str, str, str]]) -> str:
    whole = hashlib.sha256()
    for label, group, digest in found:
        whole.update(f"{label}\0{group}\0{digest}\n".encode())
    return whole.hexdigest()
