"""The weights of ImageNet for a training: fetched whole and checked, or not at all."""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np
import pytest

from app.engines.download import Limits
from app.engines.keras_files import HDF5_MAGIC
from app.errors import ModelDownloadFailed, ModelNotUsable
from app.learning import breed, imagenet_base
from app.learning.imagenet_base import FILE
from tests.http_server import Answer, serving
from tests.unit.engines.breed.published import save
from tests.unit.learning.breeds import paint

#: Passes for the published file where its checksum is expected.
BODY = HDF5_MAGIC + bytes(50_000)
IMPATIENT = Limits(connect_seconds=1.0, silence_seconds=0.3, max_bytes=200_000_000)


def md5(body):
    return hashlib.md5(body).hexdigest()  # noqa: S324


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keras's own folder, empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def models_dir(tmp_path):
    return tmp_path / "models"


def names(folder):
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_it_is_fetched_once(models_dir):
    with serving(Answer(BODY)) as (url, asked):
        path = imagenet_base.imagenet_base(models_dir, base_url=url, md5=md5(BODY))
        assert imagenet_base.imagenet_base(models_dir, base_url=url, md5=md5(BODY)) == path
    assert asked == [f"/files/{FILE}"]
    assert path.read_bytes() == BODY
    assert names(models_dir) == [FILE]


def test_what_keras_has_downloaded_is_not_fetched_again(models_dir, cache):
    cache.mkdir(parents=True)
    (cache / FILE).write_bytes(BODY)
    with serving(Answer(BODY)) as (url, asked):
        assert imagenet_base.imagenet_base(models_dir, base_url=url, md5=md5(BODY)) == cache / FILE
    assert asked == []


def test_half_a_file_that_keras_has_left_is_not_used(models_dir, cache):
    cache.mkdir(parents=True)
    (cache / FILE).write_bytes(BODY[:-1])
    with serving(Answer(BODY)) as (url, _):
        path = imagenet_base.imagenet_base(models_dir, base_url=url, md5=md5(BODY))
    assert (path, path.read_bytes()) == (models_dir / FILE, BODY)


def test_another_file_under_its_name_is_told_and_stays(models_dir):
    models_dir.mkdir()
    (models_dir / FILE).write_bytes(BODY)
    with pytest.raises(ModelNotUsable, match="not the published file"):
        imagenet_base.imagenet_base(models_dir)
    assert (models_dir / FILE).read_bytes() == BODY


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(BODY, silent_after=0), "timed out"),
        (Answer(BODY, silent_after=9000), "timed out"),
        (Answer(BODY, cut_after=9000), "could not be downloaded"),
        (Answer(BODY + b"."), "checksum"),
        (Answer(b"<!doctype html>"), "not an HDF5 file"),
        (Answer(b"no", status=404), "404"),
        (Answer(BODY, headers={"Content-Length": "2000000000"}), "2000000000 bytes are announced"),
    ],
    ids=["silent", "silent half-way", "cut off", "another file", "a web page", "not there", "too much"],
)
def test_a_download_that_fails_says_why_and_leaves_nothing(models_dir, answer, told):
    limits = IMPATIENT if answer.silent_after is not None else imagenet_base.LIMITS
    with serving(answer) as (url, _), pytest.raises(ModelDownloadFailed) as failed:
        imagenet_base.imagenet_base(models_dir, base_url=url, md5=md5(BODY), limits=limits)
    assert told in failed.value.detail
    assert FILE in failed.value.detail, "what to do instead"
    assert names(models_dir) == []


def test_the_command_that_cannot_fetch_them_ends_with_one_line_and_no_folder(make_app, tmp_path, monkeypatch):
    data = paint(tmp_path / "data", ["Beagle", "Shih-Tzu"], each=5)
    with serving(Answer(status=503)) as (url, asked):
        monkeypatch.setattr(breed, "imagenet_base", partial(imagenet_base.imagenet_base, base_url=url))
        given = ["--data", data, "--image-size", "32", "--output", tmp_path / "out"]
        done = make_app().test_cli_runner().invoke(args=["train", "breed", *given])
    assert asked == [f"/files/{FILE}"]
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith("Error: ")
    assert "503" in done.output.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_the_network_starts_from_them(models_dir, tmp_path, monkeypatch):
    """A file as Keras publishes it, with numbers by chance in it."""
    import keras

    keras.utils.set_random_seed(3)
    base = keras.applications.ResNet50V2(include_top=False, weights=None, input_shape=(32, 32, 3))
    save(base, tmp_path / "published.h5")
    body = (tmp_path / "published.h5").read_bytes()
    with serving(Answer(body)) as (url, _):
        monkeypatch.setattr(breed, "imagenet_base", partial(imagenet_base.imagenet_base, base_url=url, md5=md5(body)))
        model = breed.build(2, breed.Choices(weights="imagenet", side=32), weights_dir=models_dir)
    ours = model.get_layer(breed.BASE_NAME).get_weights()
    assert all(np.array_equal(own, given) for own, given in zip(ours, base.get_weights(), strict=True))
    assert names(models_dir) == [FILE]
