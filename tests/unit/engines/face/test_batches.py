"""Splitting into batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engines.face.batches import batches


@given(total=st.integers(0, 300), largest=st.integers(1, 40))
def test_batches_cover_everything_once_and_in_order(total, largest):
    covered = [index for part in batches(total, largest) for index in range(total)[part]]
    assert covered == list(range(total))


@given(total=st.integers(1, 300), largest=st.integers(1, 40))
def test_batches_are_as_few_as_possible_and_nearly_equal(total, largest):
    sizes = [part.stop - part.start for part in batches(total, largest)]
    assert max(sizes) <= largest
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-total // largest)


def test_an_empty_batch_is_no_batch():
    with pytest.raises(ValueError, match="at least one"):
        list(batches(3, 0))
