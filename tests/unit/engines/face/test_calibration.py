"""Thresholds and probabilities."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engines.face.calibration import FOLDER, Calibration, calibration_for
from app.engines.face.catalogue import DLIB, PUBLISHED_NAMES

MODELS = sorted(path.stem for path in FOLDER.glob("*.json"))
models = st.sampled_from(MODELS)
rates = st.floats(1e-4, 0.4)


def test_every_known_model_has_a_manifest():
    assert {*PUBLISHED_NAMES, DLIB} <= set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_manifests_say_where_their_numbers_come_from(model):
    calibration = calibration_for(model)
    assert calibration.model == model
    assert calibration.basis in {"measured", "published"}
    assert len(calibration.source) > 40


@pytest.mark.parametrize("model", MODELS)
def test_tails_fall_in_rate_and_rise_in_threshold(model):
    rates, thresholds = zip(*calibration_for(model).tail, strict=True)
    assert list(rates) == sorted(rates, reverse=True)
    assert list(thresholds) == sorted(set(thresholds))


@pytest.mark.parametrize("model", MODELS)
def test_a_manifest_survives_the_round_trip(model):
    calibration = calibration_for(model)
    assert Calibration.from_manifest(json.loads(json.dumps(calibration.to_manifest()))) == calibration


@given(model=models, people=st.integers(1, 10_000_000), fpir=rates)
def test_more_people_and_fewer_errors_need_more_similarity(model, people, fpir):
    calibration = calibration_for(model)
    threshold = calibration.threshold(people, fpir)
    assert threshold <= calibration.threshold(people * 2, fpir) <= 1.0
    assert threshold <= calibration.threshold(people, fpir / 2)


@given(model=models)
def test_the_rows_of_the_tail_are_met_exactly(model):
    calibration = calibration_for(model)
    for rate, threshold in calibration.tail:
        assert calibration.threshold_at(rate) == pytest.approx(threshold)


def test_the_tail_is_continued_in_a_straight_line():
    calibration = calibration_for("buffalo_sc")
    (rate1, low), (rate2, high) = calibration.tail[-2:]
    beyond = rate2 * rate2 / rate1
    assert calibration.threshold_at(beyond) == pytest.approx(high + (high - low))


@pytest.mark.parametrize("people", [0, -3])
def test_an_empty_gallery_counts_as_one_person(people):
    calibration = calibration_for("buffalo_sc")
    assert calibration.threshold(people, 0.01) == calibration.threshold(1, 0.01)
    assert calibration.probability(0.5, people) == calibration.probability(0.5)


@given(model=models, similarity=st.floats(-1, 1), people=st.integers(1, 10**9))
def test_probabilities_are_probabilities(model, similarity, people):
    calibration = calibration_for(model)
    probability = calibration.probability(similarity, people)
    assert 0 <= probability <= 1
    assert probability <= calibration.probability(min(similarity + 0.01, 1), people)
    assert calibration.probability(similarity, people * 10) <= probability


@pytest.mark.parametrize("name", ["my_pack", "../../secrets", "", "fallback/../buffalo_sc"])
def test_an_unknown_model_gets_cautious_thresholds_and_says_so(name, caplog):
    calibration_for.cache_clear()
    calibration = calibration_for(name)
    assert calibration.model == "fallback"
    assert "cautious" in caplog.text
    for known in PUBLISHED_NAMES:
        for people in (1, 200, 100_000):
            assert calibration.threshold(people, 0.01) >= calibration_for(known).threshold(people, 0.01)
