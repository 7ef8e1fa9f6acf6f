"""Folders of pictures: layouts, what is left out, batches."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from app.engines.breed.recipe import Recipe
from app.engines.images import decode
from app.errors import TrainingDataNotUsable
from app.learning.pictures import Preparation, augment, batches, find_pictures
from app.learning.split import split
from tests.unit.learning.breeds import STANFORD, paint

PREPARATION = Preparation(32, "x/127.5-1")


@pytest.mark.parametrize("inside", ["", "images/Images", "Images"])
def test_stanford_dogs_are_read_as_unpacked_with_whole_names(tmp_path, inside):
    paint(tmp_path / inside)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "README.txt").write_text("about")
    found = find_pictures(tmp_path)
    assert found.classes == ("Chihuahua", "Shih-Tzu", "wire-haired_fox_terrier")
    assert len(found.paths) == 24
    assert found.skipped == {}


def test_one_folder_a_class_is_read_under_the_names_of_the_folders(tmp_path):
    paint(tmp_path, ["Beagle", "Shih-Tzu", "number n02"])
    (tmp_path / "Beagle" / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "Beagle" / "notes.txt").write_text("no picture")
    shutil.copytree(tmp_path / "Beagle", tmp_path / ".ipynb_checkpoints")
    assert find_pictures(tmp_path).classes == ("Beagle", "Shih-Tzu", "number n02")


def test_what_cannot_be_read_is_left_out_and_named(tmp_path):
    paint(tmp_path)
    whole = (tmp_path / STANFORD[0] / "0.jpg").read_bytes()
    (tmp_path / STANFORD[0] / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / STANFORD[1] / "text.png").write_bytes(b"hello")
    told = []
    found = find_pictures(tmp_path, checked=lambda done, total: told.append((done, total)))
    assert set(found.skipped) == {f"{STANFORD[0]}/half.jpg", f"{STANFORD[1]}/text.png"}
    assert len(found.paths) == len(found.labels) == len(found.digests) == 24
    assert told[-1] == (26, 26)


def test_folders_nothing_can_be_learnt_from_are_told(tmp_path):
    with pytest.raises(TrainingDataNotUsable, match="no folder"):
        find_pictures(tmp_path / "nowhere")
    with pytest.raises(TrainingDataNotUsable, match="no folders of pictures"):
        find_pictures(tmp_path)
    paint(tmp_path / "one", ["Beagle"])
    with pytest.raises(TrainingDataNotUsable, match="Fewer than two"):
        find_pictures(tmp_path / "one")
    paint(tmp_path / "twice", ["n02085620-Chihuahua", "Chihuahua"])
    with pytest.raises(TrainingDataNotUsable, match="Two folders stand for Chihuahua"):
        find_pictures(tmp_path / "twice")


def test_the_same_picture_twice_is_never_in_two_parts(tmp_path):
    paint(tmp_path)
    for name in range(8):
        shutil.copy(tmp_path / STANFORD[0] / f"{name}.jpg", tmp_path / STANFORD[0] / f"copy-{name}.jpg")
    found = find_pictures(tmp_path)
    parts = split(found.labels, found.digests)
    train, test = ({found.digests[row] for row in part} for part in (parts.train, parts.test))
    assert not train & test


def test_the_fingerprint_changes_with_any_picture_or_class_and_not_with_the_place(tmp_path):
    paint(tmp_path / "a")
    first = find_pictures(tmp_path / "a").fingerprint
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert find_pictures(tmp_path / "b").fingerprint == first
    last = (tmp_path / "b" / STANFORD[0] / "0.jpg").rename(tmp_path / "b" / STANFORD[0] / "last.jpg")
    assert find_pictures(tmp_path / "b").fingerprint != first  # the split goes by the order
    last.rename(tmp_path / "b" / STANFORD[1] / "moved.jpg")
    assert find_pictures(tmp_path / "b").fingerprint != first


def test_a_picture_is_prepared_exactly_as_the_server_prepares_it(tmp_path):
    found = find_pictures(paint(tmp_path))
    inputs, targets = batches(found, np.array([3, 20]), PREPARATION, batch_size=2)[0]
    image = decode(found.paths[20].read_bytes(), max_bytes=10**7, max_pixels=10**7)
    served = Recipe(found.classes, scaling="x/127.5-1").prepare(image, (32, 32))
    np.testing.assert_array_equal(inputs[1], served[0])
    assert [found.classes[row.argmax()] for row in targets] == [found.labels[3], found.labels[20]]


def test_epochs_differ_and_runs_do_not(tmp_path):
    found = find_pictures(paint(tmp_path))
    rows = np.arange(24)
    one, other = (batches(found, rows, PREPARATION, batch_size=5, augment_with=42) for _ in range(2))
    np.testing.assert_array_equal(one[0][0], other[0][0])
    other.epoch = 1
    assert not np.array_equal(one[0][0], other[0][0])
    assert len(one) == 5
    seen = np.concatenate([one[batch][1] for batch in range(5)])
    assert seen.sum(axis=0).tolist() == [8, 8, 8]


def test_augmentation_moves_a_picture_and_keeps_size_type_and_colours():
    image = np.zeros((40, 50, 3), np.uint8)
    image[:, :, 1] = 200
    image[10:20, 10:20] = 255
    turned = [augment(image, np.random.default_rng(seed)) for seed in range(20)]
    assert all(picture.shape == image.shape and picture.dtype == np.uint8 for picture in turned)
    assert len({picture.tobytes() for picture in turned}) == 20
    assert all(picture[:, :, 1].min() >= 199 for picture in turned)
