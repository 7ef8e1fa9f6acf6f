"""What spoils a comparison, and by how much: where the cuts of app/engines/face/quality.py come from.

    python -m bench.face_quality --model DIR --lfw DIR [--count 300]

One photo of a person is spoiled step by step (blur, darkness, brightness, size) and compared with another, untouched
photo of the same person. For each step: the verdict's own measure, how often the verdict is bad, and how many genuine
comparisons fall under the model's 1:1 threshold. The last table sorts untouched photos by their angles.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from app.engines.base import FaceEngine, Image
from app.engines.face.calibration import calibration_for
from app.engines.face.quality import FaceQuality, assess
from bench._lfw import engine_of, labelled_face, photos_by_person, read

Spoil = Callable[[Image], Image]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a pack, or dlib")
    parser.add_argument("--lfw", type=Path, required=True, help="one folder a person")
    parser.add_argument("--count", type=int, default=300, help="people to use")
    return parser.parse_args()


def blurred(sigma: float) -> Spoil:
    return lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def moved(length: int) -> Spoil:
    kernel = np.full((1, length), 1 / length)
    return lambda image: np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def exposed(factor: float) -> Spoil:
    """Multiplied in linear light (gamma 2.2), with a little sensor noise, and clipped."""
    random = np.random.default_rng(5)

    def apply(image: Image) -> Image:
        linear = (image / 255.0) ** 2.2 * factor + random.normal(0, 0.001, image.shape)
        return (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).round().astype(np.uint8)

    return apply


def shrunk(factor: float) -> Spoil:
    return lambda image: np.asarray(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
    )


def turned(degrees: float) -> Spoil:
    def apply(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return apply


STEPS: dict[str, Spoil] = {
    "untouched": lambda image: image,
    **{f"blur, sigma {sigma:g} px": blurred(sigma) for sigma in (1, 1.5, 2, 2.5, 3, 4, 5)},
    **{f"motion, {length} px": moved(length) for length in (5, 9, 13, 17)},
    **{f"light x {factor:g}": exposed(factor) for factor in (0.2, 0.1, 0.05, 0.02, 0.01, 0.005)},
    **{f"light x {factor:g}": exposed(factor) for factor in (2, 4, 8, 16)},
    **{f"turned {degrees}°": turned(degrees) for degrees in (15, 30, 40, 50, 60, 75)},
    **{f"size x {factor:g}": shrunk(factor) for factor in (0.5, 0.4, 0.3, 0.25, 0.2, 0.15)},
}


def main() -> None:
    options = arguments()
    engine = engine_of(options.model)
    people = photos_by_person(options.lfw, fewest=2, most=2)
    couples = [(read(photos[0]), read(photos[1])) for photos in list(people.values())[: options.count]]
    cut = calibration_for(engine.info.name).verification_threshold
    print(f"{len(couples)} people, {engine.info.key}, 1:1 threshold {cut}\n")
    print(f"{'':<20} found  sharp 10%/50%/90%  bright    px     bad  of these: rejected | of the good: rejected")
    untouched: list[tuple[FaceQuality, float]] = []
    for name, spoil in STEPS.items():
        seen = compare(engine, [(spoil(probe), other) for probe, other in couples])
        untouched = untouched or seen
        show(name, seen, len(couples), cut)
    angles(untouched, cut)


def compare(engine: FaceEngine, couples: Sequence[tuple[Image, Image]]) -> list[tuple[FaceQuality, float]]:
    found = []
    for probe, other in couples:
        faces, others = engine.detect(probe), engine.detect(other)
        if faces and others:
            face, reference = labelled_face(probe, faces), labelled_face(other, others)
            vectors = engine.embed_many([(probe, face), (other, reference)])
            found.append((assess(probe, face), float(vectors[0] @ vectors[1])))
    return found


def show(name: str, seen: Sequence[tuple[FaceQuality, float]], total: int, cut: float) -> None:
    if not seen:
        print(f"{name:<20} {0:5.1%}")
        return
    similarity = np.array([value for _, value in seen])
    bad = np.array([not quality.ok for quality, _ in seen])
    sharpness = np.quantile([quality.sharpness for quality, _ in seen], (0.1, 0.5, 0.9))
    brightness = np.median([quality.brightness for quality, _ in seen])
    size = np.median([quality.size_px for quality, _ in seen])
    rejected_bad = f"{(similarity[bad] < cut).mean():6.1%}" if bad.any() else "     -"
    rejected_good = f"{(similarity[~bad] < cut).mean():6.1%}" if (~bad).any() else "     -"
    low, middle, high = sharpness
    print(
        f"{name:<20} {len(seen) / total:5.1%}   {low:.2f} {middle:.2f} {high:.2f}      {brightness:.2f}  {size:5.0f}"
        f"  {bad.mean():6.1%}   {rejected_bad}              {rejected_good}"
    )


def angles(seen: Sequence[tuple[FaceQuality, float]], cut: float) -> None:
    print("\nuntouched photos by angle: share of all, rejected")
    for name, low, high in (
        ("yaw", 0, 15), ("yaw", 15, 25), ("yaw", 25, 35), ("yaw", 35, 45), ("yaw", 45, 90),
        ("pitch", 0, 15), ("pitch", 15, 25), ("pitch", 25, 35), ("pitch", 35, 90),
        ("roll", 0, 10), ("roll", 10, 20), ("roll", 20, 90),
    ):  # fmt: skip
        similarity = np.array([value for quality, value in seen if low <= abs(getattr(quality, name)) < high])
        rejected = f"{(similarity < cut).mean():6.1%}" if len(similarity) else ""
        print(f"  {name:<6} {low:>2} to {high:<3} {len(similarity) / len(seen):6.1%} {rejected}")


if __name__ == "__main__":
    main()
