"""Photos of named people, one folder a person, and their embeddings: what the face measurements share."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.config import Settings
from app.engines import images
from app.engines.base import Embeddings, Face, FaceEngine, Image
from app.engines.face.dlib import DlibEngine
from app.engines.face.insightface import InsightFaceEngine

_SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Features:
    """Embeddings of a collection; rows where no face was found are left out."""

    #: person of each row, and their name
    person: NDArray[np.int64]
    names: tuple[str, ...]
    #: of the faces in the original pictures: what a probe is
    originals: Embeddings
    #: of the stored 224x224 JPEG crops: what the gallery is
    crops: Embeddings
    #: pictures without a face
    missed: int

    def half(self, which: int) -> Features:
        """The people of one half. The halves depend on the names alone, so they are the same for every model."""
        rows = np.array([half_of(self.names[person]) == which for person in self.person], dtype=bool)
        return Features(self.person[rows], self.names, self.originals[rows], self.crops[rows], self.missed)


def half_of(name: str) -> int:
    """0: to calibrate on, 1: to report on."""
    return hashlib.sha256(name.encode()).digest()[0] % 2


def photos_by_person(folder: Path, *, fewest: int = 1, most: int = 1000) -> dict[str, list[Path]]:
    """Name -> photos, both in alphabetical order; only people with ``fewest`` photos, and ``most`` of each."""
    people = {person.name: sorted(person.glob("*.jpg")) for person in sorted(folder.iterdir()) if person.is_dir()}
    return {name: photos[:most] for name, photos in people.items() if len(photos) >= fewest}


def engine_of(model: str) -> FaceEngine:
    """``dlib`` or the folder of a pack."""
    return DlibEngine() if model == "dlib" else InsightFaceEngine(Path(model), threads=0)


def read(path: Path) -> Image:
    """A picture the way the product decodes it."""
    return images.decode(
        path.read_bytes(),
        max_bytes=_SETTINGS.max_upload_bytes,
        max_pixels=_SETTINGS.max_image_megapixels * 1_000_000,
    )


def stored(image: Image, face: Face) -> tuple[Image, Face]:
    """What remains of a photo after its upload: the crop, through JPEG and back, and the face in it."""
    crop = images.face_crop(image, face)
    kept = images.decode(images.encode_jpeg(crop.image), max_bytes=10**7, max_pixels=10**6)
    return kept, Face(box=crop.box, landmarks=crop.landmarks, score=face.score)


def labelled_face(image: Image, faces: Sequence[Face]) -> Face:
    """The face that the folder's name speaks of: in LFW the one nearest the centre, in 17 of 4286 not the largest."""
    middle_x, middle_y = image.shape[1] / 2, image.shape[0] / 2
    return min(faces, key=lambda face: math.hypot(face.centre[0] - middle_x, face.centre[1] - middle_y))


def features_of(engine: FaceEngine, people: Mapping[str, Sequence[Path]], cache: Path | None = None) -> Features:
    """Embeddings of the labelled face of every photo, from the original and from the stored crop."""
    names = tuple(people)
    if cache and cache.is_file():
        kept = np.load(cache)
        return Features(kept["person"], names, kept["originals"], kept["crops"], int(kept["missed"]))
    person: list[int] = []
    originals: list[Embeddings] = []
    crops: list[Embeddings] = []
    missed = 0
    started = time.monotonic()
    for number, photos in enumerate(people.values()):
        for path in photos:
            image = read(path)
            faces = engine.detect(image)
            if not faces:
                missed += 1
                continue
            face = labelled_face(image, faces)
            vectors = engine.embed_many([(image, face), stored(image, face)])
            person.append(number)
            originals.append(vectors[0])
            crops.append(vectors[1])
    print(f"{len(person)} faces, {missed} pictures without one, {time.monotonic() - started:.0f} s")
    found = Features(np.array(person), names, np.array(originals), np.array(crops), missed)
    if cache:
        np.savez(cache, person=found.person, originals=found.originals, crops=found.crops, missed=missed)
    return found
