"""How well the faces of an event are told apart into people, how long it takes, and in how much memory.

How well: faces of named people (--photos, with --model). The people of one half, by their names, are what the joining
threshold is chosen from; those of the other half are what is reported. Of all pairs of faces that are put together,
which share is of one person (precision); of all pairs of one person, which share is put together (recall); and the
number of groups beside that of people. Beside average linkage, which the product uses: connected parts (single
linkage) and scikit-learn's HDBSCAN.

How long: made-up faces, 20 of each person, two of one person as alike as real ones are (bench/vector_search.py).

    python -m bench.event_people [--photos FOLDER --model FOLDER|dlib [--cache FILE]] [--faces 2000 10000 100000]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engines.face.calibration import Calibration, calibration_for
from app.engines.face.clustering import Labels, Vectors, cluster
from app.services.events.people import joining_threshold
from bench._lfw import Features, engine_of, features_of, photos_by_person
from bench.vector_search import People

#: False match rates whose thresholds are tried.
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-6)
FACES_OF_A_PERSON = 20
#: People with so many photos are those whom the organiser of an event would miss.
OFTEN = 5


def score(labels: Labels, truth: NDArray[np.int64]) -> tuple[float, float]:
    """Precision and recall over pairs of faces."""
    _, cells = np.unique(np.stack([labels, truth]), axis=1, return_counts=True)
    together = _pairs(cells)
    return together / max(_pairs(np.bincount(labels)), 1), together / max(_pairs(np.bincount(truth)), 1)


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def largest_is_one_person(labels: Labels, truth: NDArray[np.int64], groups: int = 12) -> float:
    """Of the largest groups, the share of faces that are of the group's main person."""
    largest = np.argsort(-np.bincount(labels))[:groups]
    own = [int(np.bincount(truth[labels == label]).max()) for label in largest]
    return sum(own) / sum(int((labels == label).sum()) for label in largest)


def connected(vectors: Vectors, least: float) -> Labels:
    """Single linkage."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(csr_array(vectors @ vectors.T >= least), directed=False)
    return labels.astype(np.int64)


def hdbscan(vectors: Vectors) -> Labels:
    """Scikit-learn's, at its most permissive; noise is people of one face."""
    from sklearn.cluster import HDBSCAN

    labels = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit_predict(vectors).astype(np.int64)
    noise = labels < 0
    labels[noise] = labels.max(initial=-1) + 1 + np.arange(int(noise.sum()))
    return labels


def quality(features: Features, calibration: Calibration) -> None:
    """Both halves; a table each."""
    ways: dict[str, Callable[[Vectors, float], Labels]] = {"average": cluster, "single": connected}
    for told, half in (("to choose from", features.half(0)), ("to report", features.half(1)), ("both", features)):
        vectors = half.originals.astype(np.float32)
        truth = np.unique(half.person, return_inverse=True)[1].astype(np.int64)
        sizes = np.bincount(truth)
        print(f"\n{told}: {len(truth)} faces of {len(sizes)} people, {int((sizes >= OFTEN).sum())} on {OFTEN} or more")
        for name, way in ways.items():
            for rate in RATES:
                least = calibration.threshold_at(rate)
                labels = way(vectors, least)
                _row(f"{name}, FMR {rate:g} ({least:.3f})", labels, truth)
        _row("HDBSCAN", hdbscan(vectors), truth)
        least = joining_threshold(calibration, len(truth))
        _row(f"the product ({least:.3f})", cluster(vectors, least), truth)


def _row(name: str, labels: Labels, truth: NDArray[np.int64]) -> None:
    precision, recall = score(labels, truth)
    harmonic = 2 * precision * recall / max(precision + recall, 1e-9)
    groups = int(labels.max()) + 1
    print(
        f"{name:<28} precision {precision:.4f}   recall {recall:.4f}   F1 {harmonic:.4f}   {groups:>5} groups for "
        f"{int(truth.max()) + 1} people   largest twelve {largest_is_one_person(labels, truth):.3f}"
    )


def pace(faces: int) -> None:
    """One size, made up."""
    count = faces // FACES_OF_A_PERSON
    people = People(count)
    truth = np.tile(np.arange(count), FACES_OF_A_PERSON)
    vectors = np.concatenate([people.photos(range(count)) for _ in range(FACES_OF_A_PERSON)]).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    labels = cluster(vectors, joining_threshold(calibration_for("buffalo_sc"), faces))
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    precision, recall = score(labels, truth)
    print(
        f"{faces:>7} faces   {seconds:7.1f} s ({work:.1f} s of processor)   {(peak - before) / 1024:.0f} MB beside the "
        f"{vectors.nbytes / 2**20:.0f} MB of the faces   precision {precision:.4f}, recall {recall:.4f}   "
        f"{int(labels.max()) + 1} groups for {count}   load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept from one run to the next (.npz)")
    parser.add_argument("--faces", type=int, nargs="*", default=[2000, 10_000])
    args = parser.parse_args()
    if bool(args.photos) != bool(args.model):
        sys.exit("--photos and --model belong together")
    if args.photos:
        engine = engine_of(args.model)
        features = features_of(engine, photos_by_person(args.photos), args.cache)
        print(f"{engine.info.name}, {features.missed} photos without a face")
        quality(features, calibration_for(engine.info.name))
    for faces in args.faces:
        pace(faces)


if __name__ == "__main__":
    main()
