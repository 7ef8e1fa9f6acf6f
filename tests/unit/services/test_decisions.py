"""From similarities to a decision."""

import pytest

from app.services.decisions import Decision, decide


@pytest.mark.parametrize(
    ("similarities", "quality_ok", "decision"),
    [
        ([], True, Decision.UNKNOWN),
        ([], False, Decision.LOW_QUALITY),
        ([0.29], True, Decision.UNKNOWN),
        ([0.29], False, Decision.LOW_QUALITY),
        ([0.3], True, Decision.MATCH),
        ([0.3], False, Decision.MATCH),
        ([0.5, 0.41], True, Decision.AMBIGUOUS),
        ([0.5, 0.39], True, Decision.MATCH),
        ([0.35, 0.29], True, Decision.AMBIGUOUS),
        ([0.05, -0.4], True, Decision.UNKNOWN),
    ],
)
def test_the_decision_follows_threshold_lead_and_quality(similarities, quality_ok, decision):
    assert decide(similarities, threshold=0.3, margin=0.1, quality_ok=quality_ok) is decision
