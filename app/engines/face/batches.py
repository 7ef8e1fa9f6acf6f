"""Splitting work into batches."""

from __future__ import annotations

from collections.abc import Iterator


def batches(total: int, largest: int) -> Iterator[slice]:
    """Slices that cover ``range(total)`` in order, none longer than ``largest``, of nearly equal length."""
    if largest < 1:
        raise ValueError("a batch holds at least one item")
    count = -(-total // largest)
    for index in range(count):
        yield slice(index * total // count, (index + 1) * total // count)
