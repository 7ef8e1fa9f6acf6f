"""The built-in engine: SqueezeNet 1.1, read at ImageNet's dog classes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.base import Image
from app.engines.breed import squeezenet
from app.engines.breed.base import BreedModelInfo, BreedScores, Heat
from app.engines.breed.names import BREEDS
from app.engines.breed.square import into_place

#: Smallest probability of "a dog" that counts as one: the best on every second picture of ``python -m bench.breed``.
#: It is used for the network with downloaded weights as well, where it is not measured.
DOG_CUT: Final = 0.2
#: Measured by ``python -m bench.breed``.
ACCURACY: Final[dict[str, Any]] = {
    "top_1": 0.711,
    "top_5": 0.942,
    "measured_on": "121 photos, one for each breed",
}

_COLUMNS: Final = np.array([breed.imagenet_index for breed in BREEDS])


class BuiltinBreeds:
    """Keeps `app.engines.breed.base.BreedEngine`."""

    def __init__(self, *, threads: int = 0) -> None:
        """:param threads: inside one call; 0 for every core."""
        self._network = squeezenet.SqueezeNet(threads=threads)
        self.info = BreedModelInfo(
            name="squeezenet-1.1",
            kind="built-in",
            fingerprint=self._network.fingerprint,
            licence=squeezenet.LICENCE,
            source=squeezenet.source(),
            input_size=(squeezenet.SIDE, squeezenet.SIDE),
            scaling="BGR minus the mean of ImageNet",
            accuracy=ACCURACY,
        )
        self.labels = tuple(breed.label for breed in BREEDS)

    def classify(self, image: Image) -> BreedScores:
        """Probabilities among all 1000 classes of ImageNet, so they add up to that of being a dog."""
        logits, _ = self._network(squeezenet.prepare(image))
        dogs = _softmax(logits[0])[_COLUMNS]
        return BreedScores(dogs, min(float(dogs.sum()), 1.0))

    def heat(self, image: Image, answer: int) -> Heat:
        """The class's own map in the last convolution, in its place within the whole picture."""
        _, maps = self._network(squeezenet.prepare(image))
        found = np.maximum(maps[0, _COLUMNS[answer]], 0)
        found = found / found.max() if found.max() > 0 else found
        return into_place(found, image, share=1.0)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max())
    shares: NDArray[np.float32] = powers / powers.sum()
    return shares
