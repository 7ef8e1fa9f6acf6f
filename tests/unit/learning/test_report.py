"""report.html says what happened, and asks no other host for anything."""

from __future__ import annotations

import re

import numpy as np
import pytest

from app.learning.evaluation import evaluate
from app.learning.report import Drawing, Report, curves, write_report

HISTORY = [
    {"accuracy": 0.5, "val_accuracy": 0.4, "loss": 1.0, "val_loss": 1.2},
    {"accuracy": 0.9, "val_accuracy": 0.8, "loss": 0.3, "val_loss": 0.6},
]


def probabilities(*rows):
    return np.array(rows, np.float32)


def test_figures_of_an_evaluation_are_those_counted_by_hand():
    truth = np.array([0, 0, 0, 1])
    tested = evaluate(truth, probabilities([0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]), ["dry", "wet"])
    assert tested.accuracy == 0.75
    assert tested.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert tested.confusion.tolist() == [[2, 1], [0, 1]]
    assert tested.rows[1].precision == 0.5
    assert tested.loss == pytest.approx(-np.log([0.9, 0.8, 0.3, 0.6]).mean())
    assert tested.top5_accuracy is None


def test_the_right_class_among_the_first_five_counts_with_more_than_five_classes():
    ranked = np.eye(7, dtype=np.float32)[[0, 0]] + np.arange(7, 0, -1) / 100
    assert evaluate(np.array([4, 6]), ranked, [f"c{n}" for n in range(7)]).top5_accuracy == 0.5


def test_the_file_holds_everything_and_reaches_for_nothing(tmp_path):
    classes = ["<script>alert(1)</script>", "$x_1$ & Co"]
    tested = evaluate(np.array([0, 1]), probabilities([0.9, 0.1], [0.2, 0.8]), classes)
    path = tmp_path / "report.html"
    write_report(path, Report("A <b> title", {"Seed": "42"}, HISTORY, tested, ["3 files were left out."]))
    page = path.read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "A &lt;b&gt; title" in page
    assert "3 files were left out." in page
    assert "100.00%" in page
    for link in re.findall(r"(?:src|href)=[\"']([^\"']*)", page):
        assert link.startswith(("#", "data:")), link
    assert list(tmp_path.iterdir()) == [path]


def test_a_hundred_and_twenty_classes_fit(tmp_path):
    tested = evaluate(np.arange(120), np.eye(120, dtype=np.float32), [f"breed {n}" for n in range(120)])
    write_report(tmp_path / "report.html", Report("Many", {}, HISTORY, tested))
    assert "Right class among the first five" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_notebook_can_show_a_drawing():
    assert Drawing(curves(HISTORY))._repr_svg_().startswith("<svg")
