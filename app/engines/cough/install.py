"""Putting a user's model into MODELS_DIR: checked first, then moved into place."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from app.engines.cough.base import CoughModelInfo
from app.engines.cough.own_model import DESCRIPTION, ENDINGS, STEM, OwnModel, find
from app.engines.keras_files import only_model
from app.errors import ModelNotUsable

#: What a training calls the description, and the list of classes that the source's notebooks write.
RECIPE_FILE: Final = "model.json"
CLASSES_FILE: Final = "class_indices.json"


def install(folder: Path, models_dir: Path) -> CoughModelInfo:
    """Make the model in `folder` the one that `models_dir` has; what it is.

    It is loaded and run once before anything is replaced, so one that cannot be used changes nothing.

    ModelNotUsable says what is wrong with it.
    """
    model = only_model(folder, find(folder))
    description = _description(folder)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        # Beside its destination: the last step is a rename.
        with tempfile.TemporaryDirectory(prefix=".cough-", dir=models_dir) as name:
            workplace = Path(name)
            path = workplace / (STEM + model.suffix)
            shutil.copyfile(model, path)
            if description:
                (workplace / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
            info = OwnModel(path).info
            _move(path, models_dir)
    except OSError as error:
        raise ModelNotUsable(f"The model could not be copied to {models_dir}: {error}.") from error
    return info


def _move(path: Path, models_dir: Path) -> None:
    # The model last: until it is there, the server goes on with what it had.
    description = path.with_name(DESCRIPTION)
    if description.exists():
        description.replace(models_dir / DESCRIPTION)
    else:
        (models_dir / DESCRIPTION).unlink(missing_ok=True)  # that of the model before
    path.replace(models_dir / path.name)
    for ending in ENDINGS:
        if ending != path.suffix:
            (models_dir / (STEM + ending)).unlink(missing_ok=True)


def _description(folder: Path) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    for name in (RECIPE_FILE, DESCRIPTION):
        if (folder / name).is_file():
            stated = _object(folder / name)
    if "classes" not in stated and (folder / CLASSES_FILE).is_file():
        stated["classes"] = _classes(folder / CLASSES_FILE)
    return stated


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelNotUsable(f"{path.name} is no JSON.") from error
    if not isinstance(found, dict):
        raise ModelNotUsable(f"{path.name} must be a JSON object.")
    return found


def _classes(path: Path) -> list[str]:
    """Position -> name, or Keras's own way round, name -> position."""
    found = _object(path)
    try:
        if all(isinstance(position, int) for position in found.values()):
            found = {str(position): name for name, position in found.items()}
        return [str(found[str(position)]) for position in range(len(found))]
    except KeyError as error:
        raise ModelNotUsable(f"{path.name} has no class {error}.") from error
