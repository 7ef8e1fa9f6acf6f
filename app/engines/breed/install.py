"""Putting a user's model into MODELS_DIR: checked first, then moved into place file by file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from app.engines.beside_model import CLASSES_FILE, read_json
from app.engines.breed.base import BreedModelInfo
from app.engines.breed.recipe import RECIPE_FILE
from app.engines.breed.user import ENDINGS, STEM, UserBreeds, find
from app.engines.keras_files import only_model, workplace_in
from app.errors import ModelNotUsable

#: Name of the folders it works in.
_WORKPLACE: Final = ".breed-"


def install(folder: Path, models_dir: Path, *, scaling: str | None = None) -> BreedModelInfo:
    """Make the model in `folder` the one that `models_dir` has; what it is.

    It is loaded and run once before anything is replaced, so one that cannot be used changes nothing.

    :param scaling: written into its ``model.json``; for a model that was trained elsewhere and brings none.

    ModelNotUsable says what is wrong with it.
    """
    try:
        with workplace_in(models_dir, _WORKPLACE) as workplace:
            model = _copy(folder, workplace)
            if scaling is not None:
                _state(workplace / RECIPE_FILE, scaling)
            info = UserBreeds(workplace / model).info
            others = [STEM + ending for ending in ENDINGS if STEM + ending != model]
            # The model last: until it is there, the server goes on with what it had.
            for file in (CLASSES_FILE, RECIPE_FILE, model, *others):
                if (workplace / file).exists():
                    (workplace / file).replace(models_dir / file)
                else:
                    (models_dir / file).unlink(missing_ok=True)  # that of the model before
    except OSError as error:
        raise ModelNotUsable(f"The model could not be copied to {models_dir}: {error}.") from error
    return info


def _copy(folder: Path, workplace: Path) -> str:
    """Its files under the names they have in MODELS_DIR; the model's."""
    model = only_model(folder, find(folder))
    shutil.copyfile(model, workplace / (STEM + model.suffix))
    for file in (CLASSES_FILE, RECIPE_FILE):
        if (folder / file).is_file():
            shutil.copyfile(folder / file, workplace / file)
    return STEM + model.suffix


def _state(path: Path, scaling: str) -> None:
    stated = read_json(path) if path.exists() else {}
    if not isinstance(stated, dict):
        raise ModelNotUsable(f"{RECIPE_FILE} must be a JSON object.")
    kept = {name: value for name, value in stated.items() if name not in {"scale", "offset"}}
    path.write_text(json.dumps({**kept, "scaling": scaling}, indent=1) + "\n", encoding="utf-8")
