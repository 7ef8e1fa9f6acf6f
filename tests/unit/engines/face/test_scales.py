"""The sizes at which the detector sees a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engines.face.scales import STRIDE, WIDE, WIDEST, first_look, fit, second_look

SIDES = st.integers(1, 20_000)


@given(width=SIDES, height=SIDES)
def test_every_input_is_a_multiple_of_the_stride_and_bounded(width, height):
    for scale in (*first_look(width, height), *second_look(width, height)):
        assert scale.padded_width % STRIDE == scale.padded_height % STRIDE == 0
        assert 0 <= scale.padded_width - scale.width < STRIDE or scale.padded_width == STRIDE
        assert max(scale.padded_width, scale.padded_height) <= WIDEST


@given(width=SIDES, height=SIDES)
def test_no_picture_is_enlarged(width, height):
    for scale in (*first_look(width, height), *second_look(width, height)):
        assert scale.width <= width
        assert scale.height <= height


@given(width=st.integers(200, 5000), height=st.integers(200, 5000))
def test_proportions_are_kept(width, height):
    scale = fit(width, height, WIDE)
    assert scale.width / scale.height == pytest.approx(width / height, rel=0.02)


def test_a_small_photo_is_seen_once_at_its_own_size():
    assert [(scale.width, scale.padded_width) for scale in first_look(250, 250)] == [(250, 256)]


def test_a_large_photo_is_seen_at_640_and_from_close():
    wide, close = first_look(4000, 3000)
    assert (wide.width, wide.height) == (640, 480)
    assert close.width < wide.width


def test_a_large_photo_that_shows_nothing_is_seen_once_more_and_larger():
    (again,) = second_look(4000, 3000)
    assert (again.width, again.height) == (1280, 960)
