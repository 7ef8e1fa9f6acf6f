"""flask breed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.forms import form
from tests.pictures import encode

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
    assert "one .keras file" in done.output


def test_without_the_gate_nobody_says_what_is_no_dog(make_app, trained):
    app = make_app(breed_dog_gate=False)
    app.test_cli_runner().invoke(args=["breed", "use", str(trained)])
    client = app.test_client()
    body = client.post("/api/breed/predict", **form(("file", "a.png", RED))).json
    assert (body["is_dog"], body["dog_probability"]) == (None, None)
    assert client.get("/api/breed/model").json["dog_cut"] is None
