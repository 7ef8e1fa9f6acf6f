"""What every face engine is: the types that cross its border and the Protocol it keeps.

Pictures are RGB, ``uint8``, shape ``(height, width, 3)``. Coordinates are pixels of that picture, x before y, origin in
the upper left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Embeddings = NDArray[np.float32]

#: Every engine's vectors have this length; shorter ones are padded with zeros, which leaves the cosine unchanged.
EMBEDDING_SIZE = 512


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face."""

    #: left, top, right, bottom in pixels; may reach over the picture's edge.
    box: tuple[float, float, float, float]
    #: shape (5, 2): the eye on the picture's left, the eye on its right, nose tip, left and right mouth corner.
    landmarks: NDArray[np.float32]
    #: the detector's confidence, 0 to 1.
    score: float

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class FaceModelInfo:
    """Which model an engine runs, and under which terms."""

    #: ``buffalo_sc``, ``dlib``: a pack's name or the name of its folder.
    name: str
    #: ``insightface`` or ``dlib``.
    engine: str
    #: first 8 hex digits of the sha256 of the recogniser's weights.
    fingerprint: str
    #: name of the detector; landmarks of one detector are not reused with another.
    detector: str
    #: length of the vectors before padding.
    dimensions: int
    #: in words, for people who must decide whether they may use it.
    licence: str
    #: whether the licence allows commercial use.
    commercial_use: bool
    #: where the weights come from.
    source: str

    @property
    def key(self) -> str:
        """What is stored beside every embedding, ``buffalo_sc@1a2b3c4d``: two models never meet in one comparison."""
        return f"{self.name}@{self.fingerprint}"


class FaceEngine(Protocol):
    """Looks at pixels. Thread-safe: one instance serves every request."""

    @property
    def info(self) -> FaceModelInfo:
        """Name, licence and dimensions of the model."""

    def detect(self, image: Image) -> list[Face]:
        """Every face of the picture, the largest first. An empty list if there is none."""

    def embed(self, image: Image, faces: Sequence[Face]) -> Embeddings:
        """Embeddings of the given faces of one picture: float32, shape ``(len(faces), 512)``, unit length."""

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        """The same for faces of different pictures, in batches: shape ``(len(items), 512)``, unit length."""
