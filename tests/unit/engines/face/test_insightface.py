"""The engine around a pack, with models of a few kilobytes."""

import numpy as np
import pytest

from app.engines.base import Face
from app.engines.face.alignment import ARCFACE_TEMPLATE
from app.engines.face.insightface import InsightFaceEngine
from app.errors import ModelNotUsable
from tests.unit.engines.face import tiny_pack


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return InsightFaceEngine(tiny_pack.write_pack(tmp_path_factory.mktemp("packs") / "tiny"), threads=1)


def _picture_with_face(seed):
    random = np.random.default_rng(seed)
    image = random.integers(0, 255, (160, 160, 3), np.uint8)
    landmarks = (ARCFACE_TEMPLATE + random.uniform(0, 40, (1, 2))).astype(np.float32)
    return image, Face(box=(20, 20, 130, 130), landmarks=landmarks, score=0.9)


def test_the_fingerprint_is_that_of_the_recogniser(tmp_path):
    one = InsightFaceEngine(tiny_pack.write_pack(tmp_path / "one", seed=1), threads=1).info
    two = InsightFaceEngine(tiny_pack.write_pack(tmp_path / "two", seed=1), threads=1).info
    other = InsightFaceEngine(tiny_pack.write_pack(tmp_path / "three", seed=2), threads=1).info
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 8
    assert one.key == f"one@{one.fingerprint}"
    assert one.detector == "det_tiny"
    assert one.dimensions == 512
    assert not one.commercial_use


@pytest.mark.parametrize("count", [0, 1, 3, 16, 17, 40])
def test_a_batch_gives_what_each_face_gives_alone(engine, count):
    items = [_picture_with_face(seed) for seed in range(count)]
    together = engine.embed_many(items)
    assert together.shape == (count, 512)
    assert together.dtype == np.float32
    for vector, (image, face) in zip(together, items, strict=True):
        assert np.abs(vector - engine.embed(image, [face])[0]).max() < 1e-5
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_model_that_takes_one_picture_at_a_time_is_given_one(tmp_path, engine):
    folder = tiny_pack.write_pack(tmp_path / "fixed")
    (folder / "rec_tiny.onnx").write_bytes(tiny_pack.recogniser(batch=1))
    fixed = InsightFaceEngine(folder, threads=1)
    items = [_picture_with_face(seed) for seed in range(5)]
    assert np.abs(fixed.embed_many(items) - engine.embed_many(items)).max() < 1e-5


def test_other_models_of_the_pack_are_not_loaded(tmp_path):
    folder = tiny_pack.write_pack(tmp_path / "crowded")
    (folder / "genderage.onnx").write_bytes(b"not even a model")
    assert InsightFaceEngine(folder, threads=1).info.name == "crowded"


def test_a_pack_that_does_not_load_says_which_file(tmp_path):
    folder = tiny_pack.write_pack(tmp_path / "broken")
    (folder / "rec_tiny.onnx").write_bytes(tiny_pack.recogniser()[:-100])
    with pytest.raises(ModelNotUsable, match="recogniser"):
        InsightFaceEngine(folder, threads=1)


def test_the_recogniser_sees_red_as_red(tmp_path, engine):
    """ArcFace was trained on RGB: the red plane is the first."""
    reds = np.zeros((112, 112, 3), np.uint8)
    reds[..., 0] = 255
    face = Face(box=(0, 0, 112, 112), landmarks=ARCFACE_TEMPLATE.astype(np.float32), score=1.0)
    weights = np.random.default_rng(0).normal(size=(3, 512))
    expected = np.array([1.0, -1.0, -1.0]) @ weights
    got = engine.embed(reds, [face])[0]
    assert float(got @ (expected / np.linalg.norm(expected))) > 0.999
