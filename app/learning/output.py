"""What a training leaves behind: the model, its classes, how to feed it, how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app.learning.evaluation import Evaluation
from app.learning.run_folder import RECIPE_FILE, write_json

CLASSES_FILE: Final = "class_indices.json"
REPORT_FILE: Final = "report.html"


def write_model(
    folder: Path,
    file_name: str,
    model: Any,
    *,
    classes: Sequence[str],
    recipe: Mapping[str, Any],
    tested: Evaluation,
) -> Path:
    """Write `file_name` (.keras), ``class_indices.json`` and ``model.json`` into `folder`.

    The model is written without its optimizer, a third of the size; class indices are those of the source:
    position -> name.

    :param recipe: how an input is prepared, for ``model.json``.
    """
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name
    written = folder / f"being-written-{file_name}"
    keras.Model(model.inputs, model.outputs, name=path.stem).save(written)
    written.replace(path)
    write_json(folder / CLASSES_FILE, {str(position): name for position, name in enumerate(classes)})
    write_json(
        folder / RECIPE_FILE,
        {
            **recipe,
            "classes": list(classes),
            "test_set": {
                "examples": tested.examples,
                "accuracy": round(tested.accuracy, 4),
                "balanced_accuracy": round(tested.balanced_accuracy, 4),
            },
        },
    )
    return path
