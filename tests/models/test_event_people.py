"""Telling real faces of known people apart, with a real pack (docs/decisions/0073-event-people.md)."""

from __future__ import annotations

import numpy as np
import pytest

from app.engines.face.calibration import calibration_for
from app.engines.face.clustering import cluster
from app.services.events.people import joining_threshold
from bench._lfw import engine_of, labelled_face, photos_by_person, read
from bench.event_people import score
from tests.collections_ import BUFFALO_SC, LFW, needs_buffalo, needs_lfw


@needs_lfw
@needs_buffalo
@pytest.mark.slow
def test_known_people_are_told_apart():
    engine = engine_of(str(BUFFALO_SC))
    people = list(photos_by_person(LFW, fewest=4, most=4).values())[:40]
    vectors, truth = [], []
    for number, photos in enumerate(people):
        for photo in photos:
            image = read(photo)
            if faces := engine.detect(image):
                vectors.append(engine.embed(image, [labelled_face(image, faces)])[0])
                truth.append(number)
    labels = cluster(np.array(vectors, np.float32), joining_threshold(calibration_for(engine.info.name), len(vectors)))
    precision, recall = score(labels, np.array(truth))
    assert len(vectors) >= 150
    assert precision >= 0.98
    assert recall >= 0.95
    assert len(people) <= labels.max() + 1 <= len(people) + 4


def test_the_threshold_is_that_of_one_to_one_and_grows_with_the_event():
    for name in ("buffalo_sc", "dlib"):
        calibration = calibration_for(name)
        assert joining_threshold(calibration, 100) == pytest.approx(calibration.verification_threshold, abs=0.001)
        levels = [joining_threshold(calibration, faces) for faces in (0, 1000, 10_000, 100_000)]
        assert levels == sorted(levels)
        assert levels[0] < levels[-1] <= 1
