"""Batches of examples for Keras that depend on nothing but the epoch: a training that was killed goes on with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.learning.fitting import quiet_tensorflow

#: What the randomness of one example comes from: the training's seed, the epoch, the example's row.
Seed: TypeAlias = tuple[int, int, int]
#: Rows of one batch, and a seed for each of them or None where nothing is augmented -> inputs.
Load: TypeAlias = Callable[[Sequence[int], Sequence[Seed] | None], NDArray[np.float32]]


def batches_of(
    rows: NDArray[np.int64],
    targets: NDArray[np.float32],
    load: Load,
    *,
    batch_size: int,
    augment_with: int | None = None,
) -> Any:
    """Batches of these rows: inputs as `load` makes them, and their targets.

    :param targets: one-hot, of all examples.
    :param augment_with: a seed: every epoch has an order and an augmentation of its own, the same in every run. None
        leaves order and examples alone.
    """
    quiet_tensorflow()
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        """Keeps `app.learning.fitting.EpochData`."""

        def __init__(self) -> None:
            super().__init__()
            self.epoch = 0
            self.failed: Exception | None = None

        def __len__(self) -> int:
            return math.ceil(len(rows) / batch_size)

        def __getitem__(self, batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            order = (
                rows if augment_with is None else np.random.default_rng((augment_with, self.epoch)).permutation(rows)
            )
            chosen = [int(row) for row in order[batch * batch_size : (batch + 1) * batch_size]]
            seeds = None if augment_with is None else [(augment_with, self.epoch, row) for row in chosen]
            try:
                return load(chosen, seeds), targets[chosen]
            except Exception as error:
                self.failed = error
                raise

    return Batches()


def probabilities_of(model: Any, batches: Any) -> NDArray[np.float32]:
    """What a model says of every example, in order: shape ``(examples, classes)``."""
    return np.concatenate([model.predict_on_batch(batches[batch][0]) for batch in range(len(batches))])
