"""The network with ImageNet's weights: it answers as the bare Keras model does, at the dog classes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image as PillowImage

from app.config import Settings
from app.engines.breed.imagenet import PUBLISHED, ImageNetBreeds
from app.engines.breed.names import BREEDS
from app.engines.breed.square import into_place
from app.errors import ModelNotUsable
from tests.unit.engines.breed.published import save

COLUMNS = [breed.imagenet_index for breed in BREEDS]


@pytest.fixture(scope="module")
def engine(published):
    return ImageNetBreeds(published.path, published.network, threads=2)


def picture(number, height=256, width=256):
    """Blurred chance: every one is another, and none is flat."""
    small = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(PillowImage.fromarray(small).resize((width, height), PillowImage.Resampling.BICUBIC))


def bare(model, pixels):
    """What somebody writes who has only read the documentation of Keras."""
    return model(keras.applications.efficientnet_v2.preprocess_input(pixels[np.newaxis]), training=False).numpy()[0]


def test_labels_and_probabilities_are_those_of_the_bare_model(engine, published):
    best = set()
    for number in range(8):
        image = picture(number)
        # Of 256 pixels the 224 in the middle, untouched: nothing here is left to a way of resizing.
        expected = bare(published.model, image[16:240, 16:240].astype(np.float32))
        found = engine.classify(image)
        np.testing.assert_allclose(found.probabilities, expected[COLUMNS], atol=1e-5)
        assert engine.labels[found.probabilities.argmax()] == BREEDS[expected[COLUMNS].argmax()].label
        assert found.dog == pytest.approx(expected[COLUMNS].sum(), abs=1e-4)
        best.add(int(found.probabilities.argmax()))
    assert len(best) > 1, "the pictures are told apart"


@pytest.mark.parametrize("size", [(300, 500), (500, 300), (640, 640), (60, 90)])
def test_other_pictures_are_cut_and_resized_as_its_authors_do(engine, published, size):
    image = picture(3, *size)
    side = 224 / 256 * min(size)
    left, top = (size[1] - side) / 2, (size[0] - side) / 2
    square = PillowImage.fromarray(image).resize(
        (224, 224), PillowImage.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    expected = bare(published.model, np.asarray(square, np.float32))
    np.testing.assert_allclose(engine.classify(image).probabilities, expected[COLUMNS], atol=1e-5)


def test_the_preprocessing_is_the_architectures_own(tmp_path):
    """Another network, which wants -1 to 1, and whose function writes into what it is given."""
    model = keras.applications.MobileNetV2(weights=None)
    path = tmp_path / "mobile.h5"
    save(model, path)
    network = replace(
        PUBLISHED,
        module="mobilenet_v2",
        function="MobileNetV2",
        file=path.name,
        md5=hashlib.md5(path.read_bytes()).hexdigest(),  # noqa: S324
    )
    image = picture(1)
    before = image.copy()
    engine = ImageNetBreeds(path, network)
    expected = keras.applications.mobilenet_v2.preprocess_input(image[16:240, 16:240].astype(np.float32))
    np.testing.assert_allclose(engine.prepare(image)[0], expected, atol=1e-6)
    np.testing.assert_array_equal(image, before)
    assert engine.info.scaling == "keras.applications.mobilenet_v2.preprocess_input"


def test_it_says_what_it_is(engine, published):
    info = engine.info
    assert (info.kind, info.name, info.input_size) == ("imagenet", "efficientnetv2-b0", (224, 224))
    assert info.fingerprint == hashlib.sha256(published.body).hexdigest()[:8]
    assert "Apache" in info.licence
    assert "not measured" in info.accuracy["measured_on"]
    assert "gate's cut" in info.accuracy["measured_on"]
    assert len(engine.labels) == len(set(engine.labels)) == 121


def test_the_heat_map_lies_over_what_was_looked_at(engine):
    image = picture(2, 300, 600)
    heats = [engine.heat(image, answer) for answer in np.argsort(-engine.classify(image).probabilities)[:5]]
    seen = [heat for heat in heats if heat.max() > 0]
    for heat in seen:
        rows, columns = heat.shape
        assert columns / rows == pytest.approx(2, abs=0.1)
        side = 0.875 * rows
        outside = heat.copy()
        middle = round(columns / 2)
        outside[:, round(middle - side / 2) - 1 : round(middle + side / 2) + 1] = 0
        assert outside.max() == 0, "nothing was seen left and right of the square"
        assert heat.max() == pytest.approx(1)
    assert max(np.abs(heat - seen[0]).max() for heat in seen) > 0.05, "another breed, another map"


def test_the_heat_map_is_grad_cam(engine, published):
    """Before a mean and one layer, the gradient of log p(c) is W(c) - sum p(k) W(k), everywhere the same."""
    image = picture(5)
    last = keras.Model(published.model.inputs[0], published.model.get_layer("top_activation").output)
    pixels = image[16:240, 16:240].astype(np.float32)
    maps, shares = last(pixels[np.newaxis], training=False).numpy()[0], bare(published.model, pixels)
    kernel = published.model.layers[-1].get_weights()[0]
    for answer in np.argsort(-shares[COLUMNS])[:3]:
        expected = np.maximum(maps @ (kernel[:, COLUMNS[answer]] - kernel @ shares), 0)
        expected /= max(expected.max(), 1e-12)
        np.testing.assert_allclose(
            engine.heat(image, int(answer)), into_place(expected.astype(np.float32), image, share=0.875), atol=0.01
        )


def test_a_map_is_put_back_into_its_place():
    """A spot in the corner of the square: as far from the picture's corner as the square is."""
    found = np.zeros((7, 7), np.float32)
    found[0, 0] = 1
    placed = into_place(found, np.zeros((256, 512, 3), np.uint8), share=0.875)
    top, left = (round(each.mean()) for each in np.nonzero(placed > 0.5))
    cell = placed.shape[0] / 256
    assert top == pytest.approx((16 + 16) * cell, abs=2)
    assert left == pytest.approx((144 + 16) * cell, abs=2)


def test_address_and_checksum_are_those_of_the_installed_keras():
    from keras.src.applications import efficientnet_v2

    assert efficientnet_v2.WEIGHTS_HASHES["b0"][0] == PUBLISHED.md5
    assert Settings(_env_file=None).breed_model_url == efficientnet_v2.BASE_WEIGHTS_PATH
    model = getattr(keras.applications, PUBLISHED.function)(weights=None)
    assert f"{model.name}.h5" == PUBLISHED.file
    assert model.input_shape == (None, PUBLISHED.side, PUBLISHED.side, 3)


def test_a_file_that_is_not_the_published_one_is_refused(published):
    with pytest.raises(ModelNotUsable, match=r"not the published file.*flask breed download"):
        ImageNetBreeds(published.path, PUBLISHED)


def test_weights_of_another_network_are_refused(tmp_path, published):
    path = tmp_path / "x.h5"
    save(keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1000)]), path)
    network = replace(published.network, md5=hashlib.md5(path.read_bytes()).hexdigest())  # noqa: S324
    with pytest.raises(ModelNotUsable, match=r"x\.h5 cannot be used"):
        ImageNetBreeds(path, network)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ModelNotUsable, match="cannot be read"):
        ImageNetBreeds(tmp_path / "none.h5")
