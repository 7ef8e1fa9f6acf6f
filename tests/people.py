"""Five people, cut out of the group photo inside the insightface wheel: real faces on every machine."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance

from app.engines.face.dlib import DlibEngine
from tests.pictures import GROUP_PHOTO


@dataclass(frozen=True, slots=True)
class Person:
    """One of the five, by the place from left to right."""

    portrait: PillowImage.Image

    def photo(self, light: float = 1.0, size: float = 1.0, quality: int = 92) -> bytes:
        """A JPEG of this person; other arguments make another photo."""
        width, height = self.portrait.size
        picture = self.portrait.resize((round(width * size), round(height * size)), PillowImage.Resampling.LANCZOS)
        buffer = io.BytesIO()
        ImageEnhance.Brightness(picture).enhance(light).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()


@cache
def five_people() -> tuple[Person, ...]:
    """The people of the group photo whom dlib finds (it misses the sixth), from left to right."""
    group = PillowImage.open(GROUP_PHOTO).convert("RGB")
    faces = sorted(DlibEngine().detect(np.asarray(group)), key=lambda face: face.box[0])
    assert len(faces) == 5
    people = []
    for face in faces:
        x, y = face.centre
        half = max(face.width, face.height)
        people.append(Person(group.crop((round(x - half), round(y - half), round(x + half), round(y + half)))))
    return tuple(people)
