"""Which faces are of one person, without knowing anybody: average linkage (docs/decisions/0073-event-people.md).

Two groups become one while the mean cosine between the faces of the one and those of the other is at least a threshold.
Of unit vectors that mean is the product of the groups' sums, divided by their sizes: so a group is one vector, and
nothing of n² is ever in memory. Groups whose faces are nowhere similar enough never meet, which is why only pairs above
the threshold are looked at, each connected part of them by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]

#: Faces whose similarities to all are in memory together: 100 MB at 100 000 faces.
_ROWS_AT_ONCE: Final = 256
#: Most similar faces of a face that are looked at. More of them are of a group that these lead to.
MOST_NEIGHBOURS: Final = 32

#: Called now and then; ends the work by raising.
Check = Callable[[], None]


def cluster(vectors: Vectors, least: float, *, check: Check = lambda: None) -> Labels:
    """The group of each face: 0, 1, 2 ... in the order of their first faces.

    :param vectors: shape (n, 512), unit length; float32.
    :param least: the smallest mean cosine of a group with another that it is joined with.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = len(vectors)
    if not count:
        return np.zeros(0, np.int64)
    pairs = _similar_pairs(vectors, least, check)
    graph = csr_array((np.ones(len(pairs.first), np.int8), (pairs.first, pairs.second)), shape=(count, count))
    _, part_of = connected_components(graph, directed=False)
    parts = part_of[pairs.first]
    order = np.argsort(parts, kind="stable")
    roots = np.arange(count)
    for rows in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1):
        for one, other in _joins(vectors, pairs.take(rows), least, check):
            roots[other] = one
    _, labels = np.unique(_found(roots), return_inverse=True)
    return labels.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of faces, each once, and how similar they are."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    similarities: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp]) -> _Pairs:
        return _Pairs(self.first[rows], self.second[rows], self.similarities[rows])


def _similar_pairs(vectors: Vectors, least: float, check: Check) -> _Pairs:
    """Pairs of faces that are similar enough: of each face, those with its nearest."""
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]] = []
    for at in range(0, len(vectors), _ROWS_AT_ONCE):
        check()
        block = vectors[at : at + _ROWS_AT_ONCE] @ vectors.T
        own = np.arange(len(block))
        block[own, own + at] = -1.0  # not with itself
        rows, columns = np.nonzero(block >= least)
        crowded = np.flatnonzero(np.bincount(rows, minlength=len(block)) > MOST_NEIGHBOURS)
        if len(crowded):
            keep = ~np.isin(rows, crowded)
            nearest = np.argpartition(block[crowded], -MOST_NEIGHBOURS, axis=1)[:, -MOST_NEIGHBOURS:]
            rows = np.concatenate([rows[keep], np.repeat(crowded, MOST_NEIGHBOURS)])
            columns = np.concatenate([columns[keep], nearest.ravel()])
        found.append((rows + at, columns, block[rows, columns]))
    first, second, similarities = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # A face may be among the nearest of another and not the other way round: each pair once, the smaller face first.
    low, high = np.minimum(first, second), np.maximum(first, second)
    _, once = np.unique(low * len(vectors) + high, return_index=True)
    return _Pairs(low[once], high[once], similarities[once])


def _joins(vectors: Vectors, pairs: _Pairs, least: float, check: Check) -> Iterator[tuple[int, int]]:
    """Average linkage of the faces of one connected part: (group, group that goes up in it), both by a face of them."""
    sums = {face: vectors[face] for face in {*pairs.first.tolist(), *pairs.second.tolist()}}
    sizes = dict.fromkeys(sums, 1)
    near: dict[int, set[int]] = {face: set() for face in sums}
    #: how often a group has grown: what the heap says of an earlier state counts no more
    grown = dict.fromkeys(sums, 0)
    heap = []
    for one, other, similarity in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.similarities.tolist(), strict=True
    ):
        near[one].add(other)
        near[other].add(one)
        heap.append((-similarity, one, other, 0, 0))
    heapq.heapify(heap)
    while heap:
        _, one, other, at_one, at_other = heapq.heappop(heap)
        if grown.get(one) != at_one or grown.get(other) != at_other:
            continue
        check()
        if len(near[one]) < len(near[other]):
            one, other = other, one
        yield one, other
        sums[one] = sums[one] + sums.pop(other)
        sizes[one] += sizes.pop(other)
        grown[one] += 1
        del grown[other]
        around = (near.pop(one) | near.pop(other)) - {one, other}
        near[one] = set()
        if not around:
            continue
        others = list(around)
        means = np.array([sums[group] for group in others]) @ sums[one]
        means /= np.array([sizes[group] for group in others], np.float32) * sizes[one]
        for group, mean in zip(others, means.tolist(), strict=True):
            near[group].discard(other)
            # Neither was near enough, or together they are not: nor will be what they are joined with.
            if mean < least:
                near[group].discard(one)
                continue
            near[group].add(one)
            near[one].add(group)
            heapq.heappush(heap, (-mean, one, group, grown[one], grown[group]))


def _found(roots: NDArray[np.intp]) -> NDArray[np.intp]:
    """The last of each chain."""
    while True:
        above = roots[roots]
        if np.array_equal(above, roots):
            return roots
        roots = above
