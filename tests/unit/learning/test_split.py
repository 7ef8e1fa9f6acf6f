"""Every class in every part, no group in two."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import TrainingDataNotUsable
from app.learning.split import split


def parts_of(found):
    return found.train, found.validation, found.test


def test_each_class_has_its_share_to_the_nearest_whole_example():
    labels = [f"breed {number % 7}" for number in range(700)]
    for part, share in zip(parts_of(split(labels)), (64, 16, 20), strict=True):
        assert set(Counter(labels[row] for row in part).values()) == {share}


def test_the_same_seed_splits_alike_and_another_does_not():
    labels = ["a", "b"] * 50
    assert np.array_equal(split(labels, seed=1).test, split(labels, seed=1).test)
    assert not np.array_equal(split(labels, seed=1).test, split(labels, seed=2).test)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=80), st.integers(0, 5))
def test_whatever_the_groups_nothing_is_lost_torn_apart_or_absent(examples, seed):
    labels = [label for label, _ in examples]
    groups = [group for _, group in examples]
    try:
        found = split(labels, groups, seed=seed)
    except TrainingDataNotUsable:
        return
    parts = parts_of(found)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(examples)))
    held = [{groups[row] for row in part} for part in parts]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]
    assert all({labels[row] for row in part} == set(labels) for part in parts)


def test_seven_people_of_equal_size_are_divided_five_one_one():
    labels, groups = ["cough"] * 140, [row // 20 for row in range(140)]
    assert [len(part) for part in parts_of(split(labels, groups))] == [100, 20, 20]


def test_three_examples_of_a_class_are_enough_and_two_are_told_by_name():
    assert [len(part) for part in parts_of(split(list("aaabbb")))] == [2, 2, 2]
    with pytest.raises(TrainingDataNotUsable, match=r"rare \(2\)"):
        split(["rare"] * 2 + ["often"] * 20)
    with pytest.raises(TrainingDataNotUsable, match=r"group.*rare \(1\)"):
        split(["rare"] * 9 + ["often"] * 20, ["one person"] * 9 + list(range(20)))
