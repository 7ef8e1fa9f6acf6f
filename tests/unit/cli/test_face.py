"""flask face."""

from __future__ import annotations

import io
import shutil

import pytest

from app.config import Settings
from app.engines.face.registry import FaceEngines
from tests.collections_ import BUFFALO_SC, needs_buffalo
from tests.people import five_people


def enrol(client):
    user = client.post("/api/users", json={"name": "Ann", "email": "ann@example.org"}).json
    photo = (io.BytesIO(five_people()[0].photo()), "ann.jpg")
    client.post(f"/api/photos/{user['id']}/upload", data={"file": photo})
    assert client.post("/api/training/incremental", json={"user_id": user["id"]}).status_code == 200
    return user["id"]


def who(client):
    photo = (io.BytesIO(five_people()[0].photo(light=0.9)), "who.jpg")
    return client.post("/api/face/predict", data={"file": photo}).json["data"]["user_id"]


def test_the_model_in_use_is_marked(make_app):
    out = make_app().test_cli_runner().invoke(args=["face", "models"]).output
    lines = {line[2:].split()[0]: line for line in out.splitlines()}
    assert lines.keys() >= {"buffalo_l", "buffalo_m", "buffalo_s", "buffalo_sc", "antelopev2", "dlib"}
    assert lines["dlib"].startswith("* ")
    assert lines["buffalo_l"].startswith("  ")
    assert "non-commercial" in lines["buffalo_l"]


@pytest.mark.parametrize("command", [["use", "buffalo_s"], ["use", "no_such"], ["download", "no_such"], ["rollback"]])
def test_what_cannot_be_done_is_told_and_changes_nothing(make_app, command):
    app = make_app(models_dir="/nonexistent", face_model_url="http://127.0.0.1:1/")
    done = app.test_cli_runner().invoke(args=["face", *command])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert app.extensions["kenali"].gallery.live() is None


@needs_buffalo
def test_everybody_is_enrolled_anew_with_another_model_and_back(make_app, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(BUFFALO_SC, models / "buffalo_sc")
    engines = FaceEngines(Settings(_env_file=None, face_model="dlib", models_dir=models))
    app = make_app(face_engines=engines, models_dir=models)
    app.extensions["kenali"].start()
    client, runner = app.test_client(), app.test_cli_runner()
    user_id = enrol(client)
    assert client.get("/api/face/model").json["name"] == "dlib"

    done = runner.invoke(args=["face", "use", "buffalo_sc"])
    assert done.exit_code == 0, done.output
    assert "buffalo_sc is in use now" in done.output
    app.extensions["kenali"].gallery.changed()
    assert client.get("/api/face/model").json["name"] == "buffalo_sc"
    assert who(client) == user_id

    assert "dlib is in use again" in runner.invoke(args=["face", "rollback"]).output
    assert client.get("/api/face/model").json["name"] == "dlib"
    assert who(client) == user_id
