"""The classifiers: the built-in network's format, a user's own model, and which of them answers."""

from __future__ import annotations

import json

import pytest

from app.engines.audio import decibels
from app.engines.cough import CoughModels
from app.engines.cough.builtin import FOLDER, MANIFEST, NETWORK, BuiltInNetwork
from app.engines.cough.own_model import SOURCE_CLASSES, OwnModel, find, read_description
from app.errors import ModelNotUsable
from tests.recordings import bursts, tone
from tests.tiny_cough import save_keras, write_tiny

TONE = tone(3.0)


def ask(classifier, sound):
    return classifier.classify(decibels(sound), sound)


@pytest.fixture(params=[True, False], ids=["frames", "no frames"])
def network(request, tmp_path) -> BuiltInNetwork:
    return BuiltInNetwork(write_tiny(tmp_path, with_frames=request.param))


# --- the built-in network


def test_a_burst_is_a_cough_and_a_tone_is_none(network):
    heard, silent = ask(network, bursts(1.0)), ask(network, TONE)
    assert (heard.prediction, silent.prediction) == ("cough", "non-cough")
    assert heard.confidence > 0.5
    assert silent.confidence > 0.5
    assert sum(heard.scores.values()) == pytest.approx(1)
    assert silent.segments == []


def test_segments_are_where_the_coughs_are(network):
    found = ask(network, bursts(0.5, 2.0)).segments
    assert len(found) == 2
    for segment, start in zip(found, (0.5, 2.0), strict=True):
        assert segment.start == pytest.approx(start, abs=0.25)
        assert start < segment.end < start + 0.8
        assert 0.5 <= segment.score <= 1


def test_a_cough_behind_the_first_window_is_heard_and_placed(network):
    found = ask(network, bursts(8.5, seconds=10.0))
    assert found.prediction == "cough"
    assert found.segments[0].start == pytest.approx(8.5, abs=0.25)


def test_no_segment_ends_behind_the_recording(network):
    for seconds in (0.5, 1.0, 5.9, 6.1, 10.0):
        sound = bursts(seconds - 0.2, seconds=seconds)
        assert all(part.start <= part.end <= seconds for part in ask(network, sound).segments)


def test_a_cough_without_a_sure_segment_shows_the_most_probable_one(tmp_path):
    network = BuiltInNetwork(write_tiny(tmp_path, threshold=0.0, segment_threshold=1.0))
    assert len(ask(network, bursts(1.0)).segments) == 1


def test_the_calibration_is_applied_and_the_threshold_decides(tmp_path):
    shifted = BuiltInNetwork(write_tiny(tmp_path / "a", calibration={"slope": 1.0, "intercept": -100.0}))
    assert ask(shifted, bursts(1.0)).scores["cough"] < 1e-6
    strict = BuiltInNetwork(write_tiny(tmp_path / "b", threshold=1.0))
    answer = ask(strict, bursts(1.0))
    assert answer.prediction == "non-cough"
    assert answer.scores["cough"] > 0.5


@pytest.mark.parametrize(
    "manifest",
    [
        {"onnx_sha256": "0" * 64},
        {"classes": ["cough"]},
        {"threshold": 2},
        {"calibration": {"slope": -1.0, "intercept": 0.0}},
        {"calibration": {"slope": float("nan"), "intercept": 0.0}},
        {"name": None},
    ],
)
def test_a_wrong_manifest_makes_it_not_usable(tmp_path, manifest):
    with pytest.raises(ModelNotUsable):
        BuiltInNetwork(write_tiny(tmp_path, **manifest))


@pytest.mark.parametrize("name", [NETWORK, MANIFEST])
def test_a_missing_or_broken_file_makes_it_not_usable(tmp_path, name):
    folder = write_tiny(tmp_path)
    (folder / name).write_bytes(b"no such thing")
    with pytest.raises(ModelNotUsable):
        BuiltInNetwork(folder)
    (folder / name).unlink()
    with pytest.raises(ModelNotUsable):
        BuiltInNetwork(folder)


@pytest.mark.skipif(not (FOLDER / NETWORK).exists(), reason="the built-in network is not in this checkout")
def test_the_network_that_is_shipped_keeps_the_format():
    network = BuiltInNetwork()
    assert network.info.classes == ("cough", "non-cough")
    answer = ask(network, TONE)
    assert answer.prediction == "non-cough"
    assert (FOLDER / NETWORK).with_suffix(".md").exists()


# --- a user's own


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_users_model_answers_with_its_own_classes(tmp_path, ending):
    path = save_keras(tmp_path / f"cough_classifier_model.{ending}")
    (tmp_path / "cough_classifier_model.json").write_text('{"padding": "silence"}')
    own = OwnModel(path)
    assert own.info.classes == SOURCE_CLASSES
    assert not own.info.built_in
    heard, silent = ask(own, bursts(1.0, 4.5, seconds=6.0)), ask(own, tone(6.0))
    assert heard.prediction == "dry"
    assert silent.prediction == "non-cough"
    assert silent.segments == []
    assert set(heard.scores) == set(SOURCE_CLASSES)
    assert [part.start for part in heard.segments] == pytest.approx([1.0, 4.5], abs=0.1)


def test_a_users_model_is_told_its_padding_and_classes(tmp_path):
    path = save_keras(tmp_path / "cough_classifier_model.keras", classes=2)
    description = {"classes": ["no", "yes"], "padding": "silence", "test_set": {"balanced_accuracy": 0.91}, "more": 1}
    (tmp_path / "cough_classifier_model.json").write_text(json.dumps(description))
    own = OwnModel(path)
    assert own.info.classes == ("no", "yes")
    assert "0.91" in own.info.accuracy
    assert len(ask(own, TONE).scores) == 2


@pytest.mark.parametrize(
    ("model", "description"),
    [
        ({"classes": 4}, None),
        ({"shape": (128, 128, 1)}, None),
        ({}, '{"classes": ["a", "b"]}'),
        ({}, '{"classes": ["a", "a", "b"]}'),
        ({}, '{"classes": ["", "b", "c"]}'),
        ({}, '{"classes": ["a\\u0000", "b", "c"]}'),
        ({}, '{"classes": ["a\\ud800", "b", "c"]}'),
        ({}, json.dumps({"classes": ["a" * 201, "b", "c"]})),
        ({}, "[" * 100_000),
        ({}, '{"padding": "noise"}'),
        ({}, "[]"),
        ({}, "{"),
        ({}, "\xff"),
    ],
)
def test_a_model_that_does_not_fit_is_not_usable(tmp_path, model, description):
    path = save_keras(tmp_path / "cough_classifier_model.keras", **model)
    if description is not None:
        (tmp_path / "cough_classifier_model.json").write_bytes(description.encode("latin-1"))
    with pytest.raises(ModelNotUsable):
        OwnModel(path)


def test_without_a_description_a_model_is_the_sources(tmp_path):
    found = read_description(tmp_path / "cough_classifier_model.json")
    assert found.classes == SOURCE_CLASSES
    assert found.padding == "zeros"


def test_a_description_is_shown_as_far_as_it_can_be(tmp_path):
    path = tmp_path / "cough_classifier_model.json"
    path.write_text('{"licence": "mine\\u0000", "source": "\\ud800here", "test_set": {"balanced_accuracy": NaN}}')
    found = read_description(path)
    assert (found.licence, found.source, found.accuracy) == ("mine", "here", "not known")


# --- which one answers


def test_a_users_model_takes_precedence_as_soon_as_it_is_there(tmp_path):
    models = CoughModels(tmp_path / "models", built_in=write_tiny(tmp_path / "ours"))
    assert models.peek() is None
    assert models.active().info.built_in
    assert models.active() is models.active()
    path = save_keras(tmp_path / "models" / "cough_classifier_model.keras")
    assert find(tmp_path / "models") == path
    assert not models.active().info.built_in
    path.unlink()
    assert models.active().info.built_in


def test_a_broken_model_is_told_and_not_replaced_silently(tmp_path):
    models = CoughModels(tmp_path / "models", built_in=write_tiny(tmp_path / "ours"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "cough_classifier_model.h5").write_bytes(b"no model")
    with pytest.raises(ModelNotUsable, match=r"cough_classifier_model\.h5"):
        models.active()
    assert isinstance(models.peek(), ModelNotUsable)
