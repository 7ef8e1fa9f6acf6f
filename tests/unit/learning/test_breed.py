"""flask train breed, from a folder of pictures to a model that is served."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.engines.keras_serving import load_keras_model
from app.learning.breed import MODEL_FILE, Choices, build, train
from app.learning.fitting import quiet_tensorflow
from tests.unit.learning.breeds import paint

ROOT = Path(__file__).parents[3]
SMALL = Choices(weights="none", side=32, batch_size=8, epochs=2)
OPTIONS = ["--weights", "none", "--image-size", "32", "--batch-size", "8", "--epochs", "2"]
WRITTEN = {MODEL_FILE, "class_indices.json", "model.json", "report.html"}

#: Trains as `SMALL` says and kills itself in the middle of the second epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
from app.learning.breed import Choices, train

def progress(step):
    if (step.epoch, step.batch) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[2]), Choices("none", 32, 8, 2), progress=progress)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Stanford Dogs in small, one file of it damaged."""
    root = paint(tmp_path_factory.mktemp("dogs") / "images" / "Images")
    (root / "n02085620-Chihuahua" / "broken.jpg").write_bytes(b"no picture")
    return root.parents[1]


@pytest.fixture(scope="module")
def killed(data, tmp_path_factory):
    """The output folder of a training that was killed in its second epoch."""
    output = tmp_path_factory.mktemp("trained")
    done = subprocess.run([sys.executable, "-c", KILLED, data, output], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    return output


@pytest.fixture(scope="module")
def resumed(data, killed):
    """The same folder after the training was started again; the epochs that were trained then."""
    state = json.loads((killed / "training" / "state.json").read_text())
    assert state["epochs_done"] == 1
    epochs = []
    trained = train(data, killed, SMALL, progress=lambda step: epochs.append(step.epoch))
    return trained, epochs


def test_a_killed_training_goes_on_with_the_epoch_it_was_in(resumed):
    trained, epochs = resumed
    assert set(epochs) == {2}
    assert trained.epochs == 2
    assert {path.name for path in trained.folder.iterdir()} == WRITTEN
    assert trained.skipped == {
        "n02085620-Chihuahua/broken.jpg": "This is not a JPEG or PNG picture: save it as one of them and try again."
    }


def test_what_is_written_is_what_the_source_writes_and_a_recipe(resumed):
    folder = resumed[0].folder
    assert json.loads((folder / "class_indices.json").read_text()) == {
        "0": "Chihuahua",
        "1": "Shih-Tzu",
        "2": "wire-haired_fox_terrier",
    }
    recipe = json.loads((folder / "model.json").read_text())
    assert recipe["scaling"] == "x/255"
    assert recipe["input_size"] == [32, 32, 3]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "broken.jpg" in page
    assert "2 of at most 2" in page


def test_the_server_uses_it_after_flask_breed_use(make_app, resumed, data):
    app = make_app()
    used = app.test_cli_runner().invoke(args=["breed", "use", str(resumed[0].folder)])
    assert used.exit_code == 0, used.output
    picture = io.BytesIO((data / "images" / "Images" / "n02086240-Shih-Tzu" / "0.jpg").read_bytes())
    answer = app.test_client().post("/api/breed/predict", data={"file": (picture, "dog.jpg")})
    assert answer.status_code == 200, answer.json
    assert {top["breed"].replace(" ", "_") for top in answer.json["top"]} == {
        "Chihuahua",
        "Shih-Tzu",
        "wire-haired_fox_terrier",
    }


def test_a_network_inside_a_network_shows_where_it_looked(tmp_path):
    quiet_tensorflow()
    import keras
    from keras import layers

    # The source's shape, in small: a convolutional base, called as one layer.
    base = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(4, 3, strides=2)], name="resnet50v2")
    model = keras.Sequential([layers.Input((16, 16, 3)), base, layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.save(tmp_path / "nested.keras")
    heat = load_keras_model(tmp_path / "nested.keras").attention(np.ones((1, 16, 16, 3), np.float32), 0)
    assert heat is not None
    assert heat.shape == (7, 7)


def test_a_finished_training_is_not_written_over_by_mistake(make_app, data, resumed):
    before = (resumed[0].folder / MODEL_FILE).stat().st_mtime_ns
    runner = make_app().test_cli_runner()
    done = runner.invoke(args=["train", "breed", "--data", data, "--output", resumed[0].folder, *OPTIONS])
    assert done.exit_code == 1
    assert "holds a finished training" in done.output
    assert (resumed[0].folder / MODEL_FILE).stat().st_mtime_ns == before


def test_the_command_trains_from_one_folder_a_class_with_the_weights_of_an_earlier_model(make_app, resumed, tmp_path):
    earlier = resumed[0].folder / MODEL_FILE
    options = ["--weights", earlier, "--image-size", "32", "--epochs", "1", "--scaling", "x/127.5-1"]
    data = paint(tmp_path / "data", ["Beagle", "Shih-Tzu"], each=5)
    done = make_app().test_cli_runner().invoke(args=["train", "breed", "--data", data, *options])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "instance" / "trained" / "breed"
    assert f"flask breed use {folder}" in done.output
    assert {path.name for path in folder.iterdir()} == WRITTEN
    assert json.loads((folder / "model.json").read_text())["scaling"] == "x/127.5-1"


def test_pictures_that_vanish_while_it_trains_are_told_and_the_training_goes_on_when_they_are_back(tmp_path):
    data = paint(tmp_path / "data", ["Beagle", "Shih-Tzu"], each=5)
    choices = replace(SMALL, epochs=1, batch_size=2)

    def move(step):
        if data.exists():
            data.rename(tmp_path / "elsewhere")

    with pytest.raises(FileNotFoundError):
        train(data, tmp_path / "out", choices, progress=move)
    (tmp_path / "elsewhere").rename(data)
    assert train(data, tmp_path / "out", choices).epochs == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "/nonexistent"], "no folder"),
        (["--weights", "/nonexistent.h5"], "there is no file"),
        (["--weights", "broken.h5"], "does not hold weights"),
        (["--weights", "broken.keras"], "does not hold weights"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(make_app, data, tmp_path, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    (tmp_path / "broken.keras").write_bytes(b"PK broken")
    given = ["--data", data, *OPTIONS, "--output", tmp_path / "out", *options]
    done = make_app().test_cli_runner().invoke(args=["train", "breed", *given])
    assert done.exit_code == 1
    assert told in done.output.splitlines()[-1]
    assert done.output.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_told_in_one_line(make_app, data, tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = (
        make_app()
        .test_cli_runner()
        .invoke(args=["train", "breed", "--data", data, *OPTIONS, "--output", tmp_path / "file" / "out"])
    )
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith("Error: ")
    assert "Not a directory" in done.output


def test_the_network_is_that_of_the_source():
    model = build(120, Choices(weights="none", side=32))
    base, *head = model.layers
    assert base.name == "resnet50v2"
    assert not base.trainable_weights
    assert [type(layer).__name__ for layer in head] == ["Flatten", "Dense", "BatchNormalization", "Dropout", "Dense"]
    assert head[1].units == 512
    assert head[3].rate == 0.5
    assert model.output_shape == (None, 120)
    assert type(model.optimizer).__name__ == "Adam"
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(1e-4)
