"""Putting a user's model into MODELS_DIR: checked first, then moved into place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from app.engines.beside_model import CLASSES_FILE, indexed_names, read_json
from app.engines.cough.base import CoughModelInfo
from app.engines.cough.own_model import DESCRIPTION, ENDINGS, STEM, OwnModel, find
from app.engines.keras_files import only_model, workplace_in
from app.errors import ModelNotUsable

#: What a training calls the description.
RECIPE_FILE: Final = "model.json"
#: Name of the folders it works in.
_WORKPLACE: Final = ".cough-"


def install(folder: Path, models_dir: Path) -> CoughModelInfo:
    """Make the model in `folder` the one that `models_dir` has; what it is.

    It is loaded and run once before anything is replaced, so one that cannot be used changes nothing.

    ModelNotUsable says what is wrong with it.
    """
    model = only_model(folder, find(folder))
    description = _description(folder)
    try:
        with workplace_in(models_dir, _WORKPLACE) as workplace:
            path = workplace / (STEM + model.suffix)
            shutil.copyfile(model, path)
            if description:
                (workplace / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
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
        stated["classes"] = indexed_names(read_json(folder / CLASSES_FILE))
    return stated


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise ModelNotUsable(f"{path.name} must be a JSON object.")
    return found
