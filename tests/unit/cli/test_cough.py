"""flask cough."""

from __future__ import annotations

import json
import os

import pytest

from app.engines.cough import NOTICE, CoughModels
from tests.tiny_cough import save_keras, write_tiny
from tests.unit.learning import coughs


@pytest.fixture
def runner(make_app, monkeypatch, tmp_path):
    monkeypatch.setattr(
        CoughModels.__init__, "__kwdefaults__", {"threads": 0, "built_in": write_tiny(tmp_path / "ours")}
    )
    return make_app().test_cli_runner()


def test_the_model_in_use_is_told(runner):
    out = runner.invoke(args=["cough", "model"]).output
    assert "(built-in): cough, non-cough" in out
    assert NOTICE in out


@pytest.mark.parametrize(
    ("name", "stated", "classes"),
    [
        ("cough_classifier_model.h5", {}, "dry, non-cough, wet"),
        ("mine.keras", {"model.json": {"classes": ["a", "b", "c"]}}, "a, b, c"),
        ("mine.keras", {"class_indices.json": {"0": "a", "1": "b", "2": "c"}}, "a, b, c"),
        ("mine.keras", {"class_indices.json": {"c": 2, "a": 0, "b": 1}}, "a, b, c"),
    ],
)
def test_a_trained_model_is_put_in_its_place(runner, tmp_path, name, stated, classes):
    models = tmp_path / "models"
    models.mkdir()
    (models / "cough_classifier_model.h5").write_bytes(b"the one before")
    (models / "cough_classifier_model.json").write_text("{}")
    path = save_keras(tmp_path / "trained" / name)
    for file, content in stated.items():
        (path.with_name(file)).write_text(json.dumps(content))
    done = runner.invoke(args=["cough", "use", str(path.parent)])
    assert done.exit_code == 0, done.output
    assert classes in done.output
    assert classes in runner.invoke(args=["cough", "model"]).output
    left = {file.name for file in models.iterdir()}
    assert left == {f"cough_classifier_model{path.suffix}"} | ({"cough_classifier_model.json"} if stated else set())


def test_what_a_killed_command_left_behind_goes_after_a_day(runner, tmp_path):
    fresh, old = (tmp_path / "models" / f".cough-{name}" for name in ("fresh", "old"))
    for left in (fresh, old):
        left.mkdir(parents=True)
        (left / "half.keras").write_bytes(b"half")
    os.utime(old, (0, 0))
    path = save_keras(tmp_path / "trained" / "mine.keras")
    assert runner.invoke(args=["cough", "use", str(path.parent)]).exit_code == 0
    assert (fresh.exists(), old.exists()) == (True, False)


def test_a_folder_that_cannot_be_written_is_told_by_the_training(runner, tmp_path):
    (tmp_path / "file").write_text("no folder")
    root = coughs.folders(tmp_path / "data", people=3, each=1)
    done = runner.invoke(args=["train", "cough", "--data", str(root), "--output", str(tmp_path / "file" / "out")])
    assert done.exit_code == 1
    assert "Error: Not a directory" in done.output


@pytest.mark.parametrize("content", [{}, {"a.keras": b"", "b.keras": b""}, {"a.h5": b"no model"}])
def test_what_cannot_be_used_is_told_and_changes_nothing(runner, tmp_path, content):
    folder = tmp_path / "trained"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    done = runner.invoke(args=["cough", "use", str(folder)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert not list((tmp_path / "models").glob("*"))
