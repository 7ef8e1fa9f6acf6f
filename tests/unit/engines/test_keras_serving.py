"""A user's Keras model: what is served, and what is refused in words."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest

from app.engines.keras_serving import load_keras_model
from app.errors import ModelNotUsable

SIDE = 16
CLASSES = 3


def network(*, last="softmax", inputs=(SIDE, SIDE, 3), maps=True):
    import keras

    layers = keras.layers
    body = (
        [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.DepthwiseConv2D(3)] if maps else []
    )
    return keras.Sequential(
        [layers.Input(inputs), *body, layers.Flatten(), layers.Dense(CLASSES, activation=last)], name="tiny"
    )


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(1)
    return network()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "tiny.keras"
    model.save(path)
    return path


def batch(count=2):
    return np.random.default_rng(1).random((count, SIDE, SIDE, 3), np.float32)


def test_the_compiled_forward_answers_as_the_model_does(model, saved):
    loaded = load_keras_model(saved, input_shape=(SIDE, SIDE, 3), classes=CLASSES)
    assert (loaded.input_shape, loaded.classes) == ((SIDE, SIDE, 3), CLASSES)
    np.testing.assert_allclose(loaded(batch()), model(batch(), training=False).numpy(), atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_hdf5_file_is_served_alike(model, tmp_path):
    model.save(tmp_path / "tiny.h5")
    loaded = load_keras_model(tmp_path / "tiny.h5")
    np.testing.assert_allclose(loaded(batch()), model(batch(), training=False).numpy(), atol=1e-5)


def test_an_hdf5_file_of_keras_2_is_read(model, tmp_path):
    """Keras 2 said batch_input_shape instead of batch_shape, and groups for depthwise convolutions."""
    import h5py

    path = tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer.pop("module", None)
            layer.pop("registered_name", None)
            layer.pop("build_config", None)
            inner = layer["config"]
            inner["dtype"] = "float32"
            inner.pop("quantization_config", None)
            if layer["class_name"] == "InputLayer":
                inner["batch_input_shape"] = inner.pop("batch_shape")
                for name in ("optional", "ragged"):
                    inner.pop(name, None)
                inner["ragged"] = False
            if layer["class_name"] == "DepthwiseConv2D":
                inner["groups"] = 1
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
    np.testing.assert_allclose(load_keras_model(path)(batch()), model(batch(), training=False).numpy(), atol=1e-5)


def test_the_heat_map_covers_the_last_feature_maps(saved):
    heat = load_keras_model(saved).attention(batch(1), 0)
    assert heat.ndim == 2
    assert 0 <= heat.min() <= heat.max() <= 1


def test_a_model_without_feature_maps_has_no_heat_map(tmp_path):
    network(maps=False, inputs=(4,)).save(tmp_path / "flat.keras")
    assert load_keras_model(tmp_path / "flat.keras").attention(np.zeros((1, 4), np.float32), 0) is None


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_file_that_would_run_a_program_is_refused(tmp_path, monkeypatch, ending):
    import keras

    planted = tmp_path / "planted"
    monkeypatch.setenv("PLANTED", str(planted))
    # Without a closure: what it needs, it imports itself, as an attacker's would.
    run = lambda x: (__import__("pathlib").Path(__import__("os").environ["PLANTED"]).touch(), x)[1]  # noqa: E731
    trap = keras.Sequential([keras.layers.Input((4,)), keras.layers.Lambda(run)])
    trap.save(tmp_path / f"trap.{ending}")
    assert planted.exists(), "the trap works"
    planted.unlink()
    with pytest.raises(ModelNotUsable, match="cannot read it"):
        load_keras_model(tmp_path / f"trap.{ending}")
    assert not planted.exists()


@pytest.mark.parametrize(
    ("expected", "told"),
    [({"input_shape": (32, 32, 3)}, "is needed"), ({"classes": 7}, "has 7")],
)
def test_a_mismatch_is_told(saved, expected, told):
    with pytest.raises(ModelNotUsable, match=told):
        load_keras_model(saved, **expected)


@pytest.mark.parametrize(
    ("last", "inputs", "told"),
    [("linear", (SIDE, SIDE, 3), "softmax"), ("softmax", (SIDE, SIDE, 3), "")],
)
def test_answers_must_be_probabilities(tmp_path, last, inputs, told):
    model = network(last=last, inputs=inputs)
    model.layers[-1].bias.assign([5.0, -5.0, 0.0])
    model.save(tmp_path / "m.keras")
    if told:
        with pytest.raises(ModelNotUsable, match=told):
            load_keras_model(tmp_path / "m.keras")
    else:
        assert load_keras_model(tmp_path / "m.keras").classes == CLASSES


def test_open_sizes_are_refused(tmp_path):
    import keras

    layers = keras.layers
    model = keras.Sequential([layers.Input((None, None, 3)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "open.keras")
    with pytest.raises(ModelNotUsable, match="fixed sizes"):
        load_keras_model(tmp_path / "open.keras")


def damaged(data: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "text": b"hello",
        "half": data[: len(data) // 2],
        "hole": data[: len(data) // 3] + os.urandom(200) + data[len(data) // 3 + 200 :],
        "a zip of something else": _zip(),
        "hdf5 in name only": b"\x89HDF\r\n\x1a\n" + bytes(500),
    }


def _zip() -> bytes:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", "{}")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", list(damaged(bytes(1000))))
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_damaged_file_is_told_and_nothing_worse(saved, tmp_path, kind, ending):
    path = tmp_path / f"m.{ending}"
    path.write_bytes(damaged(saved.read_bytes())[kind])
    with pytest.raises(ModelNotUsable, match=f"m.{ending} cannot be used"):
        load_keras_model(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ModelNotUsable, match="cannot be read"):
        load_keras_model(tmp_path / "none.keras")
