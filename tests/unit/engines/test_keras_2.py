"""Models that Keras 2 itself saved (tests/fixtures/make_keras2.py) answer as they answered there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.engines.cough import CoughModels
from app.engines.keras_2 import is_of_keras_2
from app.engines.keras_serving import load_keras_model
from app.errors import ModelNotUsable

HERE = Path(__file__).parents[2] / "fixtures" / "keras2"
ANSWERS = json.loads((HERE / "answers.json").read_text())
SERVED = sorted(path.name for path in HERE.iterdir() if path.suffix in {".h5", ".keras"} and "lambda" not in path.name)


def inputs(shape, count=2):
    """Those of tests/fixtures/make_keras2.py."""
    numbers = np.arange(count * np.prod(shape), dtype=np.int64)
    return (numbers * numbers * 37 % 251 / 255).reshape(count, *shape).astype(np.float32)


def recorded(path):
    return np.array(ANSWERS[path.stem]["answers"])


@pytest.mark.parametrize("name", SERVED)
def test_it_answers_as_it_did_in_keras_2(name):
    model = load_keras_model(HERE / name)
    assert list(model.input_shape) == ANSWERS[Path(name).stem]["input_shape"]
    np.testing.assert_allclose(model(inputs(model.input_shape)), recorded(HERE / name), atol=2e-6)


def test_every_kind_of_file_is_among_them():
    """The test above is about something."""
    assert {Path(name).stem.partition("_")[0] for name in SERVED} == {"breed", "cough", "recurrent", "functional"}
    assert {ANSWERS[Path(name).stem]["keras"] for name in SERVED} == {"2.13.1", "2.15.0"}


@pytest.mark.parametrize("name", ["breed.h5", "breed.keras", "functional.h5", "cough.h5"])
def test_the_heat_map_follows_the_answer(name):
    model = load_keras_model(HERE / name)
    shown = inputs(model.input_shape, 1)
    heats = [model.attention(shown, answer) for answer in range(model.classes)]
    assert all(0 <= heat.min() <= heat.max() <= 1 for heat in heats)
    assert any(np.abs(heats[0] - heat).max() > 0.1 for heat in heats[1:]), "another answer, another map"


@pytest.mark.parametrize("name", ["with_lambda.h5", "with_lambda.keras"])
def test_what_would_run_a_program_is_refused(name):
    with pytest.raises(ModelNotUsable, match="Lambda"):
        load_keras_model(HERE / name)


def test_an_h5_file_under_the_other_name_is_read_too(tmp_path):
    """TensorFlow before 2.12 wrote HDF5 under any of these endings."""
    shutil.copyfile(HERE / "breed.h5", tmp_path / "model.keras")
    model = load_keras_model(tmp_path / "model.keras")
    np.testing.assert_allclose(model(inputs(model.input_shape)), recorded(HERE / "breed.h5"), atol=2e-6)


def test_the_sources_cough_model_takes_over(tmp_path):
    """Legacy HDF5, without a word beside it: dry, non-cough and wet, in this order."""
    shutil.copyfile(HERE / "cough.h5", tmp_path / "cough_classifier_model.h5")
    model = CoughModels(tmp_path).active()
    assert model.info.classes == ("dry", "non-cough", "wet")
    assert not model.info.built_in
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 0.1, 22_050).astype(np.float32)
    answer = model.classify(rng.uniform(-80, 0, (128, 44)).astype(np.float32), samples)
    assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-5)


def changed(path, target, change):
    """The same file, with another configuration."""
    import h5py

    shutil.copyfile(path, target)
    with h5py.File(target, "r+") as file:
        file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))
    return target


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ({"class_name": "os.system", "config": {}}, "os.system"),
        ({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}, "io.write_file"),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "StringLookup"),
        (
            {"class_name": "Dense", "config": {"units": 3, "activation": {"class_name": "function", "config": "x"}}},
            "author",
        ),
        ({"class_name": "LSTM", "config": {"units": 3, "time_major": True}}, "time_major"),
        ({"class_name": "BatchNormalization", "config": {"axis": [1, 3]}}, "several axes"),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else "",
)
def test_only_known_layers_are_built(tmp_path, layer, told):
    def change(config):
        config["config"]["layers"].insert(2, layer)
        return config

    with pytest.raises(ModelNotUsable, match=told):
        load_keras_model(changed(HERE / "cough.h5", tmp_path / "m.h5", change))


def test_weights_in_an_unknown_order_are_refused(tmp_path):
    """A mean and a scale have one shape: mixed up, they would load, and answer nonsense."""
    import h5py

    path = tmp_path / "m.h5"
    shutil.copyfile(HERE / "cough.h5", path)
    with h5py.File(path, "r+") as file:
        group = next(group for name, group in file["model_weights"].items() if name.startswith("batch_norm"))
        group.attrs["weight_names"] = np.roll(group.attrs["weight_names"], 1)
    with pytest.raises(ModelNotUsable, match="unknown order"):
        load_keras_model(path)


def test_weights_alone_are_told(tmp_path):
    import h5py

    path = tmp_path / "m.h5"
    shutil.copyfile(HERE / "cough.h5", path)
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    with pytest.raises(ModelNotUsable, match="weights only"):
        load_keras_model(path)


@pytest.mark.parametrize("name", ["breed.h5", "breed.keras", "breed_2.15.keras"])
def test_a_damaged_file_is_told_and_nothing_worse(tmp_path, name):
    """Forty bytes in twelve places."""
    data = (HERE / name).read_bytes()
    path = tmp_path / name
    told = []
    for number in range(12):
        at = len(data) * number // 12
        path.write_bytes(data[:at] + bytes(byte ^ 0x5A for byte in data[at : at + 40]) + data[at + 40 :])
        try:
            load_keras_model(path)  # a flipped weight is still a weight
        except ModelNotUsable as error:
            told.append(error.detail)
    assert told
    assert all(name in detail for detail in told)


def test_what_keras_3_saved_goes_another_way(tmp_path):
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.save(tmp_path / "new.keras")
    assert not is_of_keras_2(tmp_path / "new.keras", "keras")
    assert is_of_keras_2(HERE / "breed.keras", "keras")
    assert is_of_keras_2(HERE / "breed.h5", "h5")
