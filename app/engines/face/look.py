"""Every face of a photo at once: what is kept of one that is looked at in the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.engines.base import Embeddings, Face, FaceEngine, Image
from app.engines.face.quality import assess


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen on a photo."""

    faces: Sequence[Face]
    #: (n, 512), unit length
    embeddings: Embeddings
    #: 0 to 1, one for each face
    qualities: Sequence[float]

    def rows(self, **owner: Any) -> list[dict[str, Any]]:
        """A row for each face: whose it is (`owner`), embedding, box in upright pixels, score and quality."""
        return [
            {
                **owner,
                "embedding": embedding,
                "x": face.box[0],
                "y": face.box[1],
                "w": face.width,
                "h": face.height,
                "score": face.score,
                "quality": quality,
            }
            for face, embedding, quality in zip(self.faces, self.embeddings, self.qualities, strict=True)
        ]


def look_at(engine: FaceEngine, image: Image) -> Look:
    """Every face of a photo, with its embedding and how well it can be seen."""
    faces = engine.detect(image)
    return Look(faces, engine.embed(image, faces), [assess(image, face).score for face in faces])
