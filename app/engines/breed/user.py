"""A user's own Keras model."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.engines.base import Image
from app.engines.breed.base import BreedModelInfo, BreedScores, Heat
from app.engines.breed.recipe import read_recipe
from app.engines.keras_serving import load_keras_model
from app.errors import ModelNotUsable

#: In MODELS_DIR. The first is what the source and a training call it; the second is what older Keras wrote.
STEM: Final = "dog_breed_classifier_final_model"
ENDINGS: Final = (".keras", ".h5")
MODEL_FILE: Final = STEM + ENDINGS[0]
_CHANNELS: Final = 3


def find(models_dir: Path) -> Path | None:
    """The user's model, if there is one."""
    return next((path for ending in ENDINGS if (path := models_dir / (STEM + ending)).is_file()), None)


class UserBreeds:
    """Keeps `app.engines.breed.base.BreedEngine`."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """:param path: the model; ``class_indices.json`` and ``model.json`` lie beside it."""
        self._recipe = read_recipe(path.parent)
        self.labels = self._recipe.labels
        self._model = load_keras_model(path, classes=len(self.labels), threads=threads)
        shape = self._model.input_shape
        if len(shape) != _CHANNELS or shape[2] != _CHANNELS:
            raise ModelNotUsable(f"The model {path.name} cannot be used: it takes {shape}, not RGB pictures.")
        self._size = (shape[0], shape[1])
        if self._recipe.input_size not in {None, self._size}:
            raise ModelNotUsable(
                f"The model {path.name} cannot be used: it takes {self._size}, "
                f"and model.json says {self._recipe.input_size}."
            )
        self.info = BreedModelInfo(
            name=path.stem,
            kind="user",
            fingerprint=self._model.fingerprint,
            licence=self._recipe.licence,
            source=path.name,
            input_size=self._size,
            scaling=self._recipe.scaling,
            accuracy=self._recipe.accuracy,
        )

    def classify(self, image: Image) -> BreedScores:
        """Probabilities of the model's classes; it has none for "no dog"."""
        return BreedScores(self._model(self._recipe.prepare(image, self._size))[0])

    def heat(self, image: Image, answer: int) -> Heat | None:
        """Grad-CAM; the model was shown the whole picture."""
        return self._model.attention(self._recipe.prepare(image, self._size), answer)
