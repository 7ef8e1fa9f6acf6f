"""Model files that somebody made in order to harm: nothing runs, nothing is written, nothing else is read."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.engines import keras_files
from app.engines.keras_serving import load_keras_model
from app.errors import ModelNotUsable

OLD = Path(__file__).parents[2] / "fixtures" / "keras2"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A small model of this version of Keras."""
    import keras

    folder = tmp_path_factory.mktemp("sound")
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax", name="last")])
    model.save(folder / "m.keras")
    return folder / "m.keras"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(path, content, *, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, data in content.items():
            made.writestr(name, data)
    return path


def refusal(path):
    """Why it is refused; nothing may have been written beside it."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(ModelNotUsable, match="cannot be used") as raised:
        load_keras_model(path)
    assert sorted(path.parent.rglob("*")) == before
    return raised.value.detail


def test_a_sound_one_loads(sound, tmp_path):
    assert load_keras_model(archive(tmp_path / "m.keras", members(sound))).classes == 3


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "/evil/evil.txt", "assets/../../evil.txt", "..\\evil.txt", "C:\\evil.txt", "assets\\..\\..\\evil"],
)
@pytest.mark.parametrize("old", [False, True], ids=["keras 3", "keras 2"])
def test_an_archive_that_wants_to_leave_its_folder_is_refused(sound, tmp_path, name, old):
    # Keras unpacks an archive with a fourth member.
    content = {**members(OLD / "breed.keras" if old else sound), name: b"evil", "assets/x": b""}
    assert "outside its folder" in refusal(archive(tmp_path / "m.keras", content))


def test_what_no_model_has_is_refused(sound, tmp_path):
    assert "run.py" in refusal(archive(tmp_path / "m.keras", {**members(sound), "run.py": b""}))


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_an_archive_without_one_of_its_parts_is_told(sound, tmp_path, name):
    content = {each: data for each, data in members(sound).items() if each != name}
    assert name in refusal(archive(tmp_path / "m.keras", content))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(sound, tmp_path):
    """One to be looked at, one to be loaded."""
    path = archive(tmp_path / "m.keras", members(sound))
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("config.json", members(sound)["config.json"])
    assert "two members" in refusal(path)


def test_an_archive_that_unpacks_into_too_much_is_refused(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_files, "MAX_BYTES", 1_000_000)
    content = {**members(sound), "assets/zeros": bytes(5_000_000)}
    path = archive(tmp_path / "m.keras", content, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    assert "unpacks to more" in refusal(path)


#: Ways to name a function in a configuration; each of them has worked with some version of Keras.
CALLS = {
    "a function of the system": {"module": "os", "class_name": "system", "config": {}, "registered_name": None},
    "a function as an object": {
        "module": "builtins",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    },
    "a function of Keras that turns the guard off": {
        "module": "keras.config",
        "class_name": "function",
        "config": "enable_unsafe_deserialization",
        "registered_name": "enable_unsafe_deserialization",
    },
    "a function of Keras that downloads": {
        "module": "keras.utils",
        "class_name": "get_file",
        "config": {"fname": "x", "origin": "http://127.0.0.1:9/x"},
        "registered_name": None,
    },
    "a program": {
        "module": "builtins",
        "class_name": "__lambda__",
        "config": {"code": "4wEAAAA=", "defaults": None, "closure": None},
        "registered_name": None,
    },
}


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("where", ["activation", "layer", "custom layer"])
def test_a_configuration_that_calls_something_is_refused(sound, tmp_path, monkeypatch, call, where):
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("it ran"))
    content = members(sound)
    config = json.loads(content["config.json"])
    layers = config["config"]["layers"]
    if where == "activation":
        layers[-1]["config"]["activation"] = CALLS[call]
    elif where == "layer":
        layers.insert(1, CALLS[call])
    else:
        layers.insert(1, {**CALLS[call], "build_config": {"input_shape": [None, 4]}, "name": "x"})
    refusal(archive(tmp_path / "m.keras", {**content, "config.json": json.dumps(config)}))
    import keras

    assert keras.src.saving.serialization_lib.in_safe_mode() is not False


def linked(path, plant):
    """A file of Keras 2 in which one array is somewhere else."""
    import h5py

    shutil.copyfile(OLD / "cough.h5", path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        name = next(name for name in group if name.startswith("dense"))
        inner = group[name][name]
        shape = inner["bias:0"].shape
        del inner["bias:0"]
        plant(inner, shape)
    return path


@pytest.fixture
def secret(tmp_path):
    """A file of somebody else's that the server may read."""
    path = tmp_path / "elsewhere" / "secret.bin"
    path.parent.mkdir()
    path.write_bytes(np.arange(64, dtype="<f4").tobytes())
    return path


def external_link(inner, _shape, secret):
    import h5py

    with h5py.File(secret.with_suffix(".h5"), "w") as other:
        other["x"] = np.zeros(8, np.float32)
    inner["bias:0"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "x")


def soft_link(inner, _shape, _secret):
    import h5py

    inner["bias:0"] = h5py.SoftLink("/model_weights")


def external_array(inner, shape, secret):
    inner.create_dataset("bias:0", shape=shape, dtype="<f4", external=[(str(secret), 0, 4 * shape[0])])


def virtual_array(inner, shape, secret):
    import h5py

    layout = h5py.VirtualLayout(shape=shape, dtype="<f4")
    layout[:] = h5py.VirtualSource(str(secret), "x", shape=shape)
    inner.create_virtual_dataset("bias:0", layout)


@pytest.mark.parametrize("plant", [external_link, soft_link, external_array, virtual_array])
def test_weights_that_lie_in_another_file_are_refused(tmp_path, secret, plant):
    path = linked(tmp_path / "m.h5", lambda inner, shape: plant(inner, shape, secret))
    assert any(word in refusal(path) for word in ("elsewhere", "another file"))


@pytest.mark.parametrize("plant", [external_link, external_array])
def test_they_are_refused_inside_an_archive_too(sound, tmp_path, secret, plant):
    import h5py

    content = members(sound)
    held = io.BytesIO(content["model.weights.h5"])
    with h5py.File(held, "r+") as file:
        inner = file["layers/dense/vars"]
        shape = inner["1"].shape
        del inner["1"]
        inner.move("0", "bias")  # the names that the planters use
        plant(inner, shape, secret)
        inner.move("bias:0", "1")
        inner.move("bias", "0")
    path = archive(tmp_path / "m.keras", {**content, "model.weights.h5": held.getvalue()})
    assert any(word in refusal(path) for word in ("elsewhere", "another file"))


def test_arrays_that_fill_the_memory_are_refused(tmp_path):
    """2 TB of nothing: HDF5 keeps no bytes for what was never written."""
    path = linked(tmp_path / "m.h5", lambda inner, _: inner.create_dataset("bias:0", shape=(10**6, 10**6), dtype="<f2"))
    assert path.stat().st_size < 200_000
    assert "larger than" in refusal(path)


def test_a_group_inside_itself_is_refused(tmp_path):
    import h5py

    path = tmp_path / "m.h5"
    shutil.copyfile(OLD / "cough.h5", path)
    with h5py.File(path, "r+") as file:
        file["model_weights/round"] = file["model_weights"]
    assert "in two places" in refusal(path)
