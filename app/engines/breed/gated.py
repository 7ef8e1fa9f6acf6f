"""A model that knows breeds only, behind one that also knows what is no dog."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.engines.base import Image
from app.engines.breed.base import BreedEngine, BreedModelInfo, BreedScores, Heat


class WithDogGate:
    """The engine itself; whether it is a dog, the built-in network says beside it."""

    def __init__(self, engine: BreedEngine, gate: BreedEngine) -> None:
        """:param gate: an engine whose answers say `dog`."""
        self._engine = engine
        self._gate = gate
        # Both leave Python while they compute: on two cores the gate costs less than its own time.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="dog-gate")

    @property
    def info(self) -> BreedModelInfo:
        """That of the model that names the breed."""
        return self._engine.info

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the model that names the breed."""
        return self._engine.labels

    def classify(self, image: Image) -> BreedScores:
        """Breeds from one model, `dog` from the other."""
        gate = self._pool.submit(self._gate.classify, image)
        scores = self._engine.classify(image)
        return BreedScores(scores.probabilities, gate.result().dog)

    def heat(self, image: Image, answer: int) -> Heat | None:
        """That of the model that names the breed."""
        return self._engine.heat(image, answer)
