"""Stand-ins that keep the same contracts as the real parts, and are quick."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from app.engines.base import EMBEDDING_SIZE, Embeddings, Face, FaceEngine, FaceModelInfo, Image

#: People that `picture_of` can paint: 0 to 11, 30 degrees of hue apart.
PEOPLE = 12
_GREY = 127
#: Colourful enough to be a face; survives JPEG.
_SATURATION = 90
_SMALLEST = 100


def picture_of(*people: int, width: int = 400, height: int = 300, side: int = 80) -> Image:
    """A grey picture with a coloured square for each person, the first in the middle, the others smaller beside it."""
    image = np.full((height, width, 3), _GREY, np.uint8)
    centres = [(width // 2, height // 2), (width // 6, height // 2), (width * 5 // 6, height // 2)]
    for number, (person, (x, y)) in enumerate(zip(people, centres, strict=False)):
        half = (side - 10 * number) // 2
        colour = colorsys.hsv_to_rgb(person % PEOPLE / PEOPLE, 1, 0.9)
        image[max(y - half, 0) : y + half, max(x - half, 0) : x + half] = [round(255 * part) for part in colour]
    return image


@dataclass
class FakeFaceEngine(FaceEngine):
    """Takes coloured squares for faces and their hue for the person: equal hues have cosine 1, others 0."""

    name: str = "fake"
    fingerprint: str = "00000000"
    #: pictures it has looked at, for tests that count.
    detected: list[tuple[int, ...]] = field(default_factory=list)
    embedded: int = 0

    @property
    def info(self) -> FaceModelInfo:
        return FaceModelInfo(
            name=self.name,
            engine="fake",
            fingerprint=self.fingerprint,
            detector="fake-squares",
            dimensions=EMBEDDING_SIZE,
            licence="none needed",
            commercial_use=True,
            source="tests/fakes.py",
        )

    def detect(self, image: Image) -> list[Face]:
        self.detected.append(image.shape)
        colourful = (np.ptp(image, axis=2) > _SATURATION).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(colourful)
        faces = [_face(*map(float, row[:4])) for row in stats[1:] if row[4] >= _SMALLEST]
        return sorted(faces, key=lambda face: -face.area)

    def embed(self, image: Image, faces: Sequence[Face]) -> Embeddings:
        return self.embed_many([(image, face) for face in faces])

    def embed_many(self, items: Sequence[tuple[Image, Face]]) -> Embeddings:
        self.embedded += len(items)
        vectors = np.zeros((len(items), EMBEDDING_SIZE), np.float32)
        for row, (image, face) in zip(vectors, items, strict=True):
            row[_person(image, face)] = 1
        return vectors


def _face(left: float, top: float, width: float, height: float) -> Face:
    points = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    landmarks = np.array([(left + x * width, top + y * height) for x, y in points], np.float32)
    return Face((left, top, left + width, top + height), landmarks, 0.9)


def _person(image: Image, face: Face) -> int:
    x, y = (round(value) for value in face.centre)
    patch = image[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].reshape(-1, 3).mean(axis=0) / 255
    hue, _, _ = colorsys.rgb_to_hsv(*patch)
    return round(hue * PEOPLE) % PEOPLE
