"""Non-maximum suppression."""

import numpy as np

from app.engines.face.overlap import suppress


def test_the_better_of_two_boxes_on_one_face_remains():
    boxes = np.array([[0, 0, 100, 100, 0.7], [4, 4, 104, 104, 0.9]], np.float32)
    assert suppress(boxes).tolist() == [1]


def test_neighbours_remain():
    boxes = np.array([[0, 0, 100, 100, 0.7], [90, 0, 190, 100, 0.9]], np.float32)
    assert suppress(boxes).tolist() == [1, 0]


def test_no_boxes_are_no_boxes():
    assert suppress(np.empty((0, 5), np.float32)).tolist() == []


def test_empty_boxes_do_not_divide_by_zero():
    boxes = np.array([[5, 5, 5, 5, 0.7], [5, 5, 5, 5, 0.6]], np.float32)
    assert set(suppress(boxes)) <= {0, 1}
