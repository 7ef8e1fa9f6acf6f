"""model.json and class_indices.json."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from app.engines.breed.recipe import read_recipe
from app.errors import ModelNotUsable
from tests.pictures import gradient


def write(folder, indices=None, **stated):
    if indices is not None:
        (folder / "class_indices.json").write_text(json.dumps(indices))
    if stated:
        (folder / "model.json").write_text(json.dumps(stated))
    return folder


@pytest.mark.parametrize("indices", [{"0": "a", "1": "b"}, {"b": 1, "a": 0}])
def test_both_ways_to_number_classes_are_read(tmp_path, indices):
    assert read_recipe(write(tmp_path, indices)).labels == ("a", "b")


def test_without_model_json_pictures_are_fed_as_in_the_source(tmp_path):
    fed = read_recipe(write(tmp_path, {"0": "a"})).prepare(gradient(80, 60), (10, 20))
    bare = np.asarray(PillowImage.fromarray(gradient(80, 60)).resize((20, 10)), np.float32) / 255
    np.testing.assert_array_equal(fed, bare[np.newaxis])


@pytest.mark.parametrize("stated", [{"scaling": "x/127.5-1"}, {"scale": 1 / 127.5, "offset": -1}])
def test_another_scaling_can_be_stated(tmp_path, stated):
    fed = read_recipe(write(tmp_path, {"0": "a"}, **stated)).prepare(np.full((4, 4, 3), 255, np.uint8), (4, 4))
    np.testing.assert_allclose(fed, 1, atol=1e-6)


@pytest.mark.parametrize(
    ("indices", "stated", "told"),
    [
        (None, {}, "missing"),
        ([], {}, "JSON object"),
        ({}, {}, "JSON object"),
        ({"0": "a", "2": "b"}, {}, "from 0 on"),
        ({"a": 0, "b": 0}, {}, "from 0 on"),
        ({"x": "a"}, {}, "whole number"),
        ({"0": ""}, {}, "name"),
        ({"0": "a", "1": "a"}, {}, "same name"),
        ({"0": "a", "1": "b"}, {"classes": ["b", "a"]}, "another order"),
        ({"0": "a"}, {"scaling": "x/256"}, "scaling"),
        ({"0": "a"}, {"scaling": ["x/255"]}, "scaling"),
        ({"0": "a"}, {"interpolation": "magic"}, "interpolation"),
        ({"0": "a"}, {"scale": "big"}, "numbers"),
        ({"0": "a"}, {"scale": float("nan")}, "numbers"),
        ({"0": "a"}, {"scale": 1e300}, "numbers"),
        ({"0": "a\0"}, {}, "shown"),
        ({"0": "a"}, {"size": [224]}, "size"),
        ({"0": "a"}, {"colour": "BGR"}, "colour"),
        ({"0": "a"}, {"kind": "cough"}, "kind"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path, indices, stated, told):
    with pytest.raises(ModelNotUsable, match=told):
        read_recipe(write(tmp_path, indices, **stated))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[1]", b'"x"', b"null"])
@pytest.mark.parametrize("name", ["model.json", "class_indices.json"])
def test_other_files_under_these_names_are_told(tmp_path, name, content):
    write(tmp_path, {"0": "a"})
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelNotUsable):
        read_recipe(tmp_path)


def test_only_figures_that_an_answer_can_hold_are_taken(tmp_path):
    stated = {"accuracy": 0.5, "top_5": float("nan"), "loss": float("inf"), "note": "good"}
    recipe = read_recipe(write(tmp_path, {"0": "a"}, test_set=stated, licence="mine\0\ud800"))
    assert recipe.accuracy == {"accuracy": 0.5, "measured_on": "the test set of its training"}
    assert recipe.licence == "mine"
