"""Which faces are of one person: the same as SciPy's average linkage, in less memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from app.engines.base import EMBEDDING_SIZE
from app.engines.face import clustering
from app.engines.face.clustering import cluster


def faces_of(people: int, each: int, *, alike: float, seed: int = 1) -> np.ndarray:
    """Unit vectors; two of one person have this cosine on average."""
    rng = np.random.default_rng(seed)

    def unit(raw: np.ndarray) -> np.ndarray:
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)

    centres = np.repeat(unit(rng.normal(size=(people, EMBEDDING_SIZE))), each, axis=0)
    noise = unit(rng.normal(size=(people * each, EMBEDDING_SIZE)))
    faces = unit(np.sqrt(alike) * centres + np.sqrt(1 - alike) * noise).astype(np.float32)
    return faces[rng.permutation(len(faces))]


def same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("least", [0.03, 0.06, 0.09, 0.13, 0.2, 0.35])
def test_it_is_average_linkage(least, monkeypatch):
    # So little alike that most joins are close calls, and with every neighbour looked at.
    monkeypatch.setattr(clustering, "MOST_NEIGHBOURS", 10_000)
    faces = faces_of(20, 15, alike=0.12)
    expected = fcluster(linkage(faces.astype(np.float64), "average", "cosine"), 1 - least, "distance")
    found = cluster(faces, least)
    assert same_groups(found, expected)
    assert 1 < found.max() < len(faces)


def test_people_who_differ_are_told_apart_though_few_neighbours_are_looked_at(monkeypatch):
    monkeypatch.setattr(clustering, "MOST_NEIGHBOURS", 4)
    monkeypatch.setattr(clustering, "_ROWS_AT_ONCE", 7)
    faces = faces_of(9, 40, alike=0.61)
    labels = cluster(faces, 0.3)
    assert np.bincount(labels).tolist() == [40] * 9


def test_groups_are_numbered_in_the_order_of_their_first_faces():
    faces = np.eye(3, EMBEDDING_SIZE, dtype=np.float32)[[2, 0, 2, 1, 0]]
    assert cluster(faces, 0.5).tolist() == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_faces(count):
    faces = np.eye(2, EMBEDDING_SIZE, dtype=np.float32)[:count]
    assert cluster(faces, 0.5).tolist() == list(range(count))


def test_copies_of_one_face_are_one_person():
    faces = np.tile(np.eye(1, EMBEDDING_SIZE, dtype=np.float32), (300, 1))
    assert set(cluster(faces, 0.9).tolist()) == {0}


def test_a_chain_of_people_who_resemble_their_neighbours_is_not_one_person():
    # Each is alike the next one, the ends are strangers: single linkage would join them all.
    angles = np.linspace(0, np.pi, 13)
    faces = np.zeros((13, EMBEDDING_SIZE), np.float32)
    faces[:, 0], faces[:, 1] = np.cos(angles), np.sin(angles)
    labels = cluster(faces, 0.8)
    assert labels[0] != labels[-1]
    assert labels.max() >= 2


def test_nothing_of_the_square_of_the_faces_is_in_memory():
    faces = faces_of(200, 20, alike=0.61)
    cluster(faces[:10], 0.3)  # what is imported is no part of it
    tracemalloc.start()
    cluster(faces, 0.3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All similarities would be 64 MB.
    assert peak < 32_000_000


def test_it_ends_when_it_is_told_to():
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        cluster(faces_of(2, 2, alike=0.61), 0.3, check=stop)
