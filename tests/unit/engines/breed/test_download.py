"""The three kinds of breed model: which one answers, and how the middle one gets here."""

from __future__ import annotations

import logging
import shutil
import threading

import numpy as np
import pytest

from app.config import Settings
from app.engines.breed import imagenet, registry
from app.engines.breed.registry import BreedEngines
from app.engines.breed.user import MODEL_FILE
from app.engines.download import Limits
from app.errors import ModelDownloadFailed, ModelNotUsable, StorageFull
from tests.forms import form
from tests.http_server import Answer, serving
from tests.pictures import png

#: For servers that fall silent, where a test waits for it; elsewhere the machine may be busy.
IMPATIENT = Limits(connect_seconds=1.0, silence_seconds=0.3, max_bytes=100_000_000)
#: Such a file begins in this way.
HEAD = imagenet.HDF5_MAGIC + bytes(5000)


@pytest.fixture
def models_dir(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def make_engines(models_dir, quick):
    def make(url="http://127.0.0.1:9/", *, limits=imagenet.LIMITS, network=quick.network, **settings):
        given = Settings(_env_file=None, models_dir=models_dir, breed_model_url=url, model_threads=2, **settings)
        return BreedEngines(given, network=network, limits=limits)

    return make


@pytest.fixture
def in_place(models_dir, quick):
    """The file is there, as if it had been copied by hand."""
    models_dir.mkdir()
    shutil.copyfile(quick.path, models_dir / quick.network.file)
    return models_dir / quick.network.file


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def names(folder):
    return [path.name for path in folder.iterdir()] if folder.exists() else []


# --- which one


def test_without_anything_the_built_in_network_answers_and_says_how_to_get_more(make_engines):
    engines = make_engines()
    assert engines.active().info.kind == "built-in"
    assert engines.choice().kind == "built-in"
    assert "flask breed download" in engines.choice().why


def test_weights_that_lie_there_are_used(make_engines, in_place):
    engines = make_engines()
    assert (engines.peek(), engines.choice().kind) == (None, "imagenet")
    assert engines.active().info.kind == engines.peek().info.kind == "imagenet"
    assert in_place.name in engines.choice().why


def test_squeezenet_when_it_was_asked_for(make_engines, in_place):
    engines = make_engines(breed_model="squeezenet")
    assert engines.active().info.kind == "built-in"
    assert engines.choice().why == "BREED_MODEL=squeezenet."


def test_ones_own_model_comes_first(make_engines, in_place):
    engines = make_engines()
    (in_place.parent / MODEL_FILE).write_bytes(b"broken")
    assert engines.choice().kind == "user"
    with pytest.raises(ModelNotUsable, match="class_indices"):
        engines.active()


def test_a_damaged_file_is_told_once_and_the_built_in_network_answers(make_engines, in_place, caplog):
    in_place.write_bytes(in_place.read_bytes()[:-1000])
    engines = make_engines()
    assert engines.active().info.kind == "built-in"
    assert engines.active().info.kind == engines.peek().info.kind == "built-in"
    (told,) = warnings(caplog)
    assert "not the published file" in told
    assert engines.choice().kind == "built-in"
    assert "not the published file" in engines.choice().why


def test_a_file_of_another_network_is_told_and_the_built_in_network_answers(
    make_engines, in_place, monkeypatch, caplog
):
    """Right checksum, wrong network: what a new version of Keras could make of it."""
    engines = make_engines()
    monkeypatch.setattr(
        imagenet.ImageNetBreeds, "_build", lambda _self, keras: keras.applications.MobileNetV2(weights=None)
    )
    assert engines.active().info.kind == "built-in"
    (told,) = warnings(caplog)
    assert f"{in_place.name} cannot be used" in told


def test_a_file_that_comes_later_is_noticed(make_engines, models_dir, quick):
    engines = make_engines()
    assert engines.active().info.kind == "built-in"
    models_dir.mkdir()
    shutil.copyfile(quick.path, models_dir / "part")
    (models_dir / "part").rename(models_dir / quick.network.file)
    assert engines.active().info.kind == "imagenet"


# --- the download


def test_it_is_downloaded_and_takes_over(make_engines, models_dir, published, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    loaded = []
    load = imagenet.load_keras_weights
    monkeypatch.setattr(imagenet, "load_keras_weights", lambda *a, **k: loaded.append(a) or load(*a, **k))
    with serving(Answer(published.body)) as (url, asked):
        engines = make_engines(url, network=published.network)
        before = engines.active()
        engines.improve()
        engines.improve()
    assert asked == [f"/files/{published.network.file}"]
    assert names(models_dir) == [published.network.file]
    assert before.info.kind == "built-in"
    assert engines.active().info.key == f"efficientnetv2-b0@{engines.active().info.fingerprint}"
    assert engines.choice().kind == "imagenet"
    assert len(loaded) == 1, "nobody waits for a second loading"
    said = warnings(caplog)
    assert any("Apache" in line for line in said)
    assert any("from now on" in line for line in said)
    assert any("100 %" in record.getMessage() for record in caplog.records)


def test_while_it_arrives_it_is_told_how_far_it_is(make_engines, quick):
    seen = []
    with serving(Answer(quick.body)) as (url, _):
        engines = make_engines(url)
        engines.download(lambda *_: seen.append((engines.progress(), engines.choice())))
    assert all(progress[1] == len(quick.body) for progress, _ in seen)
    assert {choice.kind for _, choice in seen} == {"built-in"}
    assert "mobilenet is being downloaded: 17 of 17 MB" in seen[-1][1].why
    assert engines.progress() is None


def broken(quick):
    half = len(quick.body) // 2
    flipped = bytearray(quick.body)
    flipped[half] ^= 1
    return {
        "silent from the beginning": (Answer(quick.body, silent_after=0), "timed out"),
        "silent after a while": (Answer(quick.body, silent_after=half), "timed out"),
        "cut off": (Answer(quick.body, cut_after=half), "could not be downloaded"),
        "cut off, of unknown length": (Answer(quick.body[:half], headers={"Content-Length": None}), "checksum"),
        "a bit is another one": (Answer(bytes(flipped)), "checksum"),
        "another file": (Answer(HEAD), "checksum"),
        "a login page": (Answer(b"<!doctype html><title>Wi-Fi</title>"), "not an HDF5 file"),
        "nothing": (Answer(b""), "0 of 0 bytes"),
        "not there": (Answer(b"no", status=404), "404"),
        "forbidden": (Answer(b"no", status=403), "403"),
        "too much": (Answer(HEAD, headers={"Content-Length": "2000000000"}), "2000000000 bytes are announced"),
    }


@pytest.mark.parametrize("case", [
    "silent from the beginning", "silent after a while", "cut off", "cut off, of unknown length",
    "a bit is another one", "another file", "a login page", "nothing", "not there", "forbidden", "too much",
])  # fmt: skip
def test_a_download_that_fails_is_one_line_and_changes_nothing(make_engines, models_dir, quick, caplog, case):
    answer, told = broken(quick)[case]
    with serving(answer) as (url, _):
        engines = make_engines(url, limits=IMPATIENT if case.startswith("silent") else imagenet.LIMITS)
        engines.improve()
    (line,) = warnings(caplog)
    assert told in line.casefold() or told in line
    assert "\n" not in line
    assert all(record.exc_info is None for record in caplog.records), "no trace"
    assert names(models_dir) == []
    assert engines.active().info.kind == "built-in"
    assert told in engines.choice().why.casefold() or told in engines.choice().why
    assert engines.progress() is None


def test_every_way_to_fail_was_tried(quick):
    assert len(broken(quick)) == 11


def test_without_a_network_it_is_one_line(make_engines, models_dir, caplog):
    with serving(Answer()) as (url, _):
        pass  # nobody listens there any more
    engines = make_engines(url)
    engines.improve()
    (line,) = warnings(caplog)
    assert "refused" in line
    assert "BREED_MODEL=squeezenet" in line
    assert engines.active().info.kind == "built-in"


def test_a_failure_is_forgotten_once_it_works(make_engines, quick):
    with serving(Answer(status=503)) as (url, _):
        engines = make_engines(url)
        engines.improve()
    assert "503" in engines.choice().why
    with serving(Answer(quick.body)) as (url, _):
        engines._url = url
        engines.improve()
    assert engines.active().info.kind == "imagenet"


def test_a_full_disk_is_told_as_such(make_engines, models_dir, quick, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imagenet, "fetch", full)
    with pytest.raises(StorageFull):
        make_engines().download()
    assert names(models_dir) == []


@pytest.mark.parametrize("why", ["own model", "squeezenet", "there already"])
def test_nothing_is_downloaded_that_would_not_be_used(make_engines, models_dir, quick, why):
    models_dir.mkdir()
    if why == "own model":
        (models_dir / MODEL_FILE).write_bytes(b"")
    if why == "there already":
        shutil.copyfile(quick.path, models_dir / quick.network.file)
    with serving(Answer(quick.body)) as (url, asked):
        make_engines(url, breed_model="squeezenet" if why == "squeezenet" else "auto").improve()
    assert asked == []


def test_a_damaged_file_is_replaced_when_it_is_asked_for(make_engines, in_place, quick):
    """Not by itself: somebody may have put it there."""
    in_place.write_bytes(HEAD)
    with serving(Answer(quick.body)) as (url, asked):
        engines = make_engines(url)
        engines.improve()
        assert (asked, in_place.read_bytes()) == ([], HEAD)
        assert engines.active().info.kind == "built-in"
        engines.download()
        engines.download()
    assert len(asked) == 1
    assert in_place.read_bytes() == quick.body
    assert engines.active().info.kind == "imagenet"


def test_a_failed_download_leaves_the_file_that_was_there(make_engines, in_place, quick):
    in_place.write_bytes(HEAD)
    with serving(Answer(status=500)) as (url, _), pytest.raises(ModelDownloadFailed, match="500"):
        make_engines(url).download()
    assert in_place.read_bytes() == HEAD


def test_requests_are_answered_meanwhile(make_engines, quick):
    arrived, go_on = threading.Event(), threading.Event()

    def hold(done, total):
        arrived.set()
        go_on.wait(60)

    with serving(Answer(quick.body)) as (url, _):
        engines = make_engines(url)
        thread = threading.Thread(target=engines.download, args=(hold,))
        thread.start()
        assert arrived.wait(60)
        image = np.zeros((64, 64, 3), np.uint8)
        during = engines.active()
        during.classify(image)
        go_on.set()
        thread.join(120)
    assert during.info.kind == "built-in"
    assert engines.active().info.kind == "imagenet"
    assert during.classify(image).dog is not None, "who holds the old one can go on with it"


# --- the whole server


@pytest.fixture
def make_server(make_app, quick, monkeypatch):
    def make(url, *, network=quick.network, **settings):
        monkeypatch.setattr(imagenet, "PUBLISHED", network)
        return make_app(breed_model_url=url, breed_model="auto", model_threads=2, **settings)

    return make


def ask(client):
    found = client.post("/api/breed/predict", **form(("file", "a.png", png(256, 256))))
    assert found.status_code == 200, found.json
    return found.json


def health(client):
    return next(part for part in client.get("/api/health").json["parts"] if part["name"] == "breed_model")


def test_never_inside_a_request(make_server, quick):
    with serving(Answer(quick.body)) as (url, asked):
        client = make_server(url).test_client()
        assert ask(client)["model"].startswith("squeezenet")
        assert client.get("/api/breed/model").json["kind"] == "built-in"
        client.get("/api/breed/classes")
        client.get("/api/health")
    assert asked == []


def test_after_start_it_comes_by_itself_and_everything_says_so(make_server, published, models_dir):
    with serving(Answer(published.body)) as (url, asked):
        app = make_server(url, network=published.network, warm_models=True)
        client = app.test_client()
        app.extensions["kenali"].start()
        (warm_up,) = [thread for thread in threading.enumerate() if thread.name == "warm-up"]
        warm_up.join(240)
        assert not warm_up.is_alive()
    assert len(asked) == 1
    answer = ask(client)
    assert answer["model"].startswith("efficientnetv2-b0@")
    assert client.get(answer["heatmap_url"]).data.startswith(b"\x89PNG")
    model = client.get("/api/breed/model").json
    assert (model["kind"], model["classes"], model["dog_cut"]) == ("imagenet", 121, 0.2)
    assert "MODELS_DIR" in model["why"]
    said = health(client)
    assert said["ok"]
    assert (said["facts"]["kind"], said["facts"]["why"]) == ("imagenet", model["why"])
    told = app.test_cli_runner().invoke(args=["breed", "model"]).output
    assert "(imagenet)" in told
    assert model["why"] in told


def test_an_answer_from_before_keeps_its_model_and_its_map_is_refused(make_server, quick):
    with serving(Answer(quick.body)) as (url, _):
        app = make_server(url)
        client = app.test_client()
        before = ask(client)
        app.extensions["kenali"].breed_engines.improve()
        after = ask(client)
    assert [entry["model"] for entry in client.get("/api/breed/history").json] == [after["model"], before["model"]]
    assert client.get(before["heatmap_url"]).status_code == 409


def test_flask_breed_download(make_server, quick, models_dir):
    with serving(Answer(quick.body)) as (url, _):
        app = make_server(url)
        done = app.test_cli_runner().invoke(args=["breed", "download"])
    assert done.exit_code == 0, done.output
    assert str(models_dir / quick.network.file) in done.output
    assert "Apache" in done.output
    assert "not in use" not in done.output
    assert ask(app.test_client())["model"].startswith("mobilenet@")


def test_flask_breed_download_says_when_it_is_not_used(make_server, in_place):
    app = make_server("http://127.0.0.1:9/", models_dir=in_place.parent)
    (in_place.parent / MODEL_FILE).write_bytes(b"")
    done = app.test_cli_runner().invoke(args=["breed", "download"])
    assert done.exit_code == 0, done.output
    assert f"not in use: Your own model, {MODEL_FILE}" in done.output


def test_flask_breed_download_that_fails_says_why(make_server, models_dir):
    with serving(Answer(status=404)) as (url, _):
        done = make_server(url).test_cli_runner().invoke(args=["breed", "download"])
    assert done.exit_code == 1
    assert "404" in done.output
    assert "Traceback" not in done.output
    assert names(models_dir) == []


def test_health_tells_how_far_a_download_is(make_server, quick, monkeypatch):
    told = []
    with serving(Answer(quick.body)) as (url, _):
        app = make_server(url)
        client = app.test_client()
        ask(client)
        monkeypatch.setattr(registry, "log_progress", lambda _: lambda *_: told.append(health(client)))
        app.extensions["kenali"].breed_engines.improve()
    assert told[-1]["ok"]
    assert told[-1]["facts"]["download"] == {"bytes": len(quick.body), "total_bytes": len(quick.body)}
    assert "being downloaded" in told[-1]["facts"]["why"]
    assert "download" not in health(client)["facts"]
