"""One face found at two scales is one face: non-maximum suppression."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: SCRFD's own value (insightface/model_zoo/scrfd.py).
_MAX_OVERLAP: Final = 0.4


def suppress(boxes: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which of the boxes remain, best score first.

    :param boxes: shape (n, 5): left, top, right, bottom, score.
    :returns: indices of boxes that share less than 40 % (intersection over union) with every better one.
    """
    order = np.argsort(-boxes[:, 4], kind="stable")
    left, top, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3]
    area = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    keep: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = np.maximum(area[best] + area[rest] - shared, np.finfo(np.float32).tiny)
        order = rest[shared / union <= _MAX_OVERLAP]
    return np.array(keep, dtype=np.intp)
