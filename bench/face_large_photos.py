"""What 224x224 costs a large photo: genuine and impostor similarities from originals and from stored crops.

Takes a folder of photos whose names say who is on them (``obama-1080p.jpg``, ``train/biden/biden2.jpg``), leaves out
copies and group pictures, and compares every photo of at least ``--megapixels`` with every other photo: once from the
original, once from the stored crop of the large one, once with both as stored crops.

    python -m bench.face_large_photos --photos FOLDER --model buffalo_sc-FOLDER|dlib [--megapixels 2]
"""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.engines.base import Embeddings
from bench._lfw import engine_of, read, stored

#: People of the collection, as file and folder names spell them.
NAMES = ("obama", "biden", "alex", "lin-manuel", "kit", "john", "rose")


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo of one person."""

    name: str
    file: str
    megapixels: float
    original: Embeddings
    crop: Embeddings


def person_of(path: Path) -> str | None:
    """Who is on the photo; None where the name says nothing or names two."""
    found = {name for name in NAMES if re.search(name, f"{path.parent.name}/{path.name}".lower())}
    found = {"kit" if name == "john" else name for name in found}
    return found.pop() if len(found) == 1 else None


def samples(folder: Path, model: str) -> list[Sample]:
    """Every distinct photo with exactly one named person and one face."""
    engine = engine_of(model)
    seen: set[str] = set()
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"}):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        name = person_of(path)
        if name is None or digest in seen:
            continue
        seen.add(digest)
        image = read(path)
        faces = engine.detect(image)
        if not faces:
            print(f"no face: {path.name}")
            continue
        vectors = engine.embed_many([(image, faces[0]), stored(image, faces[0])])
        found.append(Sample(name, path.name, image.shape[0] * image.shape[1] / 1e6, vectors[0], vectors[1]))
    return found


def main() -> None:
    """Print medians and the accuracy at the best cut of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--megapixels", type=float, default=2.0)
    args = parser.parse_args()
    found = samples(args.photos, args.model)
    large = [sample for sample in found if sample.megapixels >= args.megapixels]
    pairs = [(one, other) for one in large for other in found if one is not other]
    same = np.array([one.name == other.name for one, other in pairs])
    print(f"{len(found)} photos, {len(large)} of them large; {same.sum()} genuine and {(~same).sum()} impostor pairs")
    ways = {
        "both originals": [float(one.original @ other.original) for one, other in pairs],
        "stored crop of the large one": [float(one.crop @ other.original) for one, other in pairs],
        "both stored crops": [float(one.crop @ other.crop) for one, other in pairs],
    }
    for way, similarities in ways.items():
        values = np.array(similarities)
        accuracy = max(np.mean((values >= cut) == same) for cut in np.unique(values))
        print(
            f"{way:<30} accuracy {accuracy:.4f}   genuine median {np.median(values[same]):.4f} "
            f"min {values[same].min():.4f}   impostor max {values[~same].max():.4f}"
        )


if __name__ == "__main__":
    main()
