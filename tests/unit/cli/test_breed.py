"""flask breed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.forms import form
from tests.pictures import encode

KERAS_2 = Path(__file__).parents[2] / "fixtures" / "keras2"
RED = encode(np.full((48, 64, 3), (200, 20, 20), np.uint8))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A user's model that tells three colours apart, under a name of its own."""
    import keras

    folder = tmp_path_factory.mktemp("trained")
    model = keras.Sequential(
        [
            keras.layers.Input((24, 24, 3)),
            keras.layers.Conv2D(3, 1, use_bias=False, name="maps"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Softmax(),
        ]
    )
    model.get_layer("maps").set_weights([np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3) * 10])
    model.save(folder / "mine.keras")
    (folder / "class_indices.json").write_text(json.dumps({"0": "Red_dog", "1": "Green_dog", "2": "Blue_dog"}))
    return folder


def test_a_users_model_takes_over_at_the_next_request(app, client, trained):
    send = lambda: client.post("/api/breed/predict", **form(("file", "a.png", RED))).json  # noqa: E731
    assert send()["model"].startswith("squeezenet")
    done = app.test_cli_runner().invoke(args=["breed", "use", str(trained), "--scaling", "x/255"])
    assert done.exit_code == 0, done.output
    body = send()
    assert (body["predicted_breed"], len(body["top"])) == ("Red dog", 3)
    assert body["is_dog"] is False, "the built-in network still says what is no dog"
    assert client.get(body["heatmap_url"]).data.startswith(b"\x89PNG")
    model = client.get("/api/breed/model").json
    assert (model["kind"], model["classes"], model["scaling"]) == ("user", 3, "x/255")
    assert "3 classes" in app.test_cli_runner().invoke(args=["breed", "model"]).output
    models = app.extensions["kenali"].settings.models_dir
    assert {path.name for path in models.iterdir()} >= {"model.json", "class_indices.json"}
    assert [path for path in models.iterdir() if path.name.startswith(".breed-")] == []


def test_a_model_that_cannot_be_used_changes_nothing(app, client, trained, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "mine.keras").write_bytes((trained / "mine.keras").read_bytes())
    (broken / "class_indices.json").write_text('{"0": "only one"}')
    done = app.test_cli_runner().invoke(args=["breed", "use", str(broken)])
    assert done.exit_code == 1
    assert "the list of classes has 1" in done.output
    assert client.get("/api/breed/model").json["kind"] == "built-in"


def test_a_folder_without_a_model_is_told(app, tmp_path):
    done = app.test_cli_runner().invoke(args=["breed", "use", str(tmp_path)])
    assert done.exit_code == 1
    assert "one .keras or .h5 file" in done.output


@pytest.mark.parametrize("name", ["breed.h5", "breed.keras", "breed_2.15.keras"])
def test_a_model_of_keras_2_answers_as_it_did_there(app, client, tmp_path, name):
    """The source's network in small, saved by Keras 2 itself, with the source's scaling."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / name).write_bytes((KERAS_2 / name).read_bytes())
    (folder / "class_indices.json").write_text(json.dumps({"0": "A", "1": "B", "2": "C", "3": "D"}))
    done = app.test_cli_runner().invoke(args=["breed", "use", str(folder)])
    assert done.exit_code == 0, done.output
    for number, expected in enumerate(json.loads((KERAS_2 / "answers.json").read_text())[Path(name).stem]["answers"]):
        numbers = np.arange(number * 3072, (number + 1) * 3072)
        pixels = (numbers * numbers * 37 % 251).reshape(32, 32, 3).astype(np.uint8)
        body = client.post("/api/breed/predict", **form(("file", "a.png", encode(pixels)))).json
        assert body["predicted_breed"] == "ABCD"[int(np.argmax(expected))]
        found = {each["breed"]: float(each["confidence"].rstrip("%")) for each in body["top"]}
        assert [found[each] for each in "ABCD"] == pytest.approx([100 * each for each in expected], abs=0.011)
    assert client.get(body["heatmap_url"]).data.startswith(b"\x89PNG")


def test_the_model_before_goes_whatever_its_ending_was(app, client, tmp_path):
    for name in ("breed.h5", "breed.keras", "breed.h5"):
        folder = tmp_path / "theirs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes((KERAS_2 / name).read_bytes())
        (folder / "class_indices.json").write_text(json.dumps({"A": 0, "B": 1, "C": 2, "D": 3}))
        assert app.test_cli_runner().invoke(args=["breed", "use", str(folder)]).exit_code == 0
        models = app.extensions["kenali"].settings.models_dir
        (used,) = [path for path in models.iterdir() if path.stem == "dog_breed_classifier_final_model"]
        assert used.read_bytes() == (KERAS_2 / name).read_bytes()
        assert client.get("/api/breed/model").json["source"] == used.name
        (folder / name).unlink()


def test_without_the_gate_nobody_says_what_is_no_dog(make_app, trained):
    app = make_app(breed_dog_gate=False)
    app.test_cli_runner().invoke(args=["breed", "use", str(trained)])
    client = app.test_client()
    body = client.post("/api/breed/predict", **form(("file", "a.png", RED))).json
    assert (body["is_dog"], body["dog_probability"]) == (None, None)
    assert client.get("/api/breed/model").json["dog_cut"] is None
