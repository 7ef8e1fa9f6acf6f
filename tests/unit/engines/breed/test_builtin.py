"""The built-in network: its weights are data, its names complete."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from app.engines.breed import squeezenet
from app.engines.breed.builtin import DOG_CUT, BuiltinBreeds
from app.engines.breed.heatmap import draw
from app.engines.breed.names import BREEDS, names_of
from app.engines.breed.unpickle import load_arrays
from app.errors import ModelNotUsable
from tests.collections_ import ROOT
from tests.pictures import gradient

DOGS = ROOT / "dogs"
needs_dogs = pytest.mark.skipif(
    not DOGS.is_dir(), reason="dog photos not found: KENALI_TEST_DATA names the folder above"
)


@pytest.fixture(scope="module")
def engine():
    return BuiltinBreeds(threads=2)


class Trap:
    def __reduce__(self):
        return os.mkdir, ("/nowhere/at/all",)


def test_arrays_in_lists_and_dictionaries_are_read():
    weights = {"a": [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(1)]}
    for protocol in (3, 4):  # 2 spells bytes as text, 5 hands arrays over in another way
        found = load_arrays(pickle.dumps(weights, protocol))
        np.testing.assert_array_equal(found["a"][0], weights["a"][0])


@pytest.mark.parametrize(
    "thing", [Trap(), print, np.load, pickle.loads, [np.zeros(1), {"x": os.system}]], ids=lambda thing: str(type(thing))
)
def test_a_pickle_that_refers_to_anything_else_is_refused(thing):
    with pytest.raises(pickle.UnpicklingError, match="no part of an array"):
        load_arrays(pickle.dumps(thing, 4))


@pytest.mark.parametrize("data", [b"", b"x", b"\x80\x04.", pickle.dumps([np.zeros(9)], 3)[:-20]])
def test_a_damaged_pickle_is_told(data):
    with pytest.raises(pickle.UnpicklingError):
        load_arrays(data)


@pytest.mark.parametrize(
    "content", [b"x", pickle.dumps({}, 2), pickle.dumps([1], 2), pickle.dumps({"conv1": [np.zeros(1), np.zeros(1)]}, 3)]
)
def test_weights_of_another_kind_are_told(monkeypatch, content):
    monkeypatch.setattr(squeezenet, "_find_weights", lambda: content)
    with pytest.raises(ModelNotUsable, match="damaged"):
        BuiltinBreeds()


def test_the_names_are_those_of_imagenets_dogs():
    assert len(BREEDS) == 121
    assert [breed.imagenet_index for breed in BREEDS] == [*range(151, 269), 273, 274, 275]
    assert len({breed.name for breed in BREEDS}) == len({breed.wnid for breed in BREEDS}) == 121
    assert [breed.wnid for breed in BREEDS] == sorted(breed.wnid for breed in BREEDS)


@pytest.mark.parametrize("label", ["n02085782-Japanese_spaniel", "n02085782_Japanese_spaniel", "japanese spaniel"])
def test_a_class_is_named_however_its_author_wrote_it(label):
    names = names_of(label)
    assert (names.breed.casefold(), names.english) == ("japanese spaniel", "Japanese Chin")


def test_an_unknown_class_keeps_its_name():
    assert names_of("Kintamani_dog").english == names_of("Kintamani_dog").breed == "Kintamani dog"


@pytest.mark.parametrize(("width", "height"), [(80, 60), (60, 80), (640, 33), (227, 227)])
def test_the_heat_map_lies_over_the_whole_picture(engine, width, height):
    heat = engine.heat(gradient(width, height), 0)
    rows, columns = heat.shape
    assert columns / rows == pytest.approx(width / height, rel=0.2)
    assert draw(gradient(width, height), heat).startswith(b"\x89PNG")


@needs_dogs
def test_on_one_photo_a_breed_it_is_as_good_as_it_says(engine):
    from PIL import Image as PillowImage

    read = lambda path: np.asarray(PillowImage.open(path).convert("RGB"))  # noqa: E731
    paths = sorted((DOGS / "one_per_class").glob("*.jpg"))
    first = fifth = dogs = 0
    for truth, path in enumerate(paths):
        scores = engine.classify(read(path))
        order = np.argsort(-scores.probabilities)
        first += order[0] == truth
        fifth += truth in order[:5]
        dogs += scores.dog >= DOG_CUT
    others = sorted((DOGS / "not_dogs").iterdir())
    wrong = sum(engine.classify(read(path)).dog >= DOG_CUT for path in others)
    assert first / len(paths) >= 0.68
    assert fifth / len(paths) >= 0.88
    assert dogs / len(paths) >= 0.95
    assert wrong / len(others) <= 0.02
