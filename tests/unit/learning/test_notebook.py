"""The notebook runs from its first cell to its last, on generated pictures."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from app.learning.breed import MODEL_FILE
from tests.unit.learning.breeds import paint

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "dog-breed-classifier.ipynb"


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def run_cell(source, namespace):
    """Run a cell as Jupyter does: what its last line says is what it shows."""
    body = ast.parse(source).body
    shown = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), namespace)  # noqa: S102 - that is the test
    if shown is None:
        return None
    return eval(compile(ast.Expression(shown.value), "cell", "eval"), namespace)  # noqa: S307 - the same


def test_every_cell_runs_and_the_result_can_be_served(cells, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(NOTEBOOK.parent)
    chosen = {
        "DATA": str(paint(tmp_path / "dogs")),
        "OUTPUT": str(tmp_path / "trained"),
        "WEIGHTS": "none",
        "SIDE": 32,
        "EPOCHS": 1,
        "BATCH_SIZE": 8,
    }
    namespace, drawings = {}, 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        shown = run_cell("".join(cell["source"]), namespace)
        if "parameters" in cell["metadata"].get("tags", []):
            assert chosen.keys() <= namespace.keys()
            namespace.update(chosen)
        if hasattr(shown, "_repr_svg_"):
            drawings += shown._repr_svg_().startswith("<svg")
    assert drawings == 3
    assert {path.name for path in (tmp_path / "trained").iterdir()} == {
        MODEL_FILE,
        "class_indices.json",
        "model.json",
        "report.html",
    }
    assert "24 pictures of 3 breeds" in capsys.readouterr().out


def test_it_is_committed_without_output(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_every_step_is_explained_before_it_is_taken(cells):
    kinds = [cell["cell_type"] for cell in cells]
    assert kinds[0] == "markdown"
    assert kinds.count("markdown") >= 8
