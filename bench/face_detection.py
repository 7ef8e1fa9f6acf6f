"""Faces found and missed, and the time it takes: our choice of detector sizes beside bare insightface.

    python -m bench.face_detection --model DIR --lfw DIR [--photos DIR ...]

Four collections: photos as they are (--photos), LFW photos, selfies that a face fills (LFW faces cut closely and
enlarged to 1200 pixels), and group shots (24 LFW photos on a sheet, at three sizes).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from insightface.app import FaceAnalysis
from numpy.typing import NDArray

from app.engines.base import FaceEngine, Image
from app.errors import KenaliError
from bench._lfw import engine_of, photos_by_person, read

Boxes = NDArray[np.float32]
Detect = Callable[[Image], Boxes]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a pack")
    parser.add_argument("--lfw", type=Path, required=True, help="one folder a person")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="any folders of photos")
    parser.add_argument("--count", type=int, default=240, help="LFW photos to use")
    return parser.parse_args()


def ours(engine: FaceEngine) -> Detect:
    return lambda image: np.array([face.box for face in engine.detect(image)], np.float32).reshape(-1, 4)


def bare(model: str, sizes: Sequence[tuple[int, int]] | None) -> Detect:
    """FaceAnalysis as its README uses it, with detection alone; the conversion to BGR is counted."""
    analysis = FaceAnalysis(name=model, allowed_modules=["detection"], providers=["CPUExecutionProvider"])
    analysis.prepare(ctx_id=-1, det_size=list(sizes) if sizes else None)

    def detect(image: Image) -> Boxes:
        faces = analysis.get(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return np.array([face.bbox for face in faces], np.float32).reshape(-1, 4)

    return detect


def pictures(folder: Path) -> Iterator[Image]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            try:
                yield read(path)
            except KenaliError as error:
                print(f"  skipped {path.name}: {error.detail}")


def selfies(photos: Sequence[Image], share: float) -> list[Image]:
    """The middle of LFW photos, where the face is, cut to ``share`` of the photo and enlarged."""
    cut = [image[_middle(image.shape[0], share), _middle(image.shape[1], share)] for image in photos]
    return [np.asarray(cv2.resize(image, (1200, 1200), interpolation=cv2.INTER_CUBIC), np.uint8) for image in cut]


def groups(photos: Sequence[Image], side: int) -> list[Image]:
    """Sheets of 6x4 photos, each ``side`` pixels."""
    small = [np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8) for image in photos]
    sheets = [small[start : start + 24] for start in range(0, len(small) - 23, 24)]
    return [np.vstack([np.hstack(sheet[row * 6 : row * 6 + 6]) for row in range(4)]) for sheet in sheets]


def _middle(length: int, share: float) -> slice:
    cut = round(length * (1 - share) / 2)
    return slice(cut, length - cut)


def report(title: str, images: Sequence[Image], expected: int, detectors: dict[str, Detect]) -> None:
    print(f"\n{title}: {len(images)} pictures" + (f", {expected} faces in them" if expected else ""))
    for name, detect in detectors.items():
        detect(images[0])
        started = time.perf_counter()
        found = [detect(image) for image in images]
        each_ms = (time.perf_counter() - started) / len(images) * 1000
        faces = sum(len(boxes) for boxes in found)
        without = sum(not len(boxes) for boxes in found)
        print(f"  {name:<24} {faces:>5} faces, {without:>3} pictures without any, {each_ms:6.1f} ms a picture")


def main() -> None:
    options = arguments()
    detectors = {
        "Kenali": ours(engine_of(options.model)),
        "bare, its default": bare(options.model, None),
        "bare, 640": bare(options.model, [(640, 640)]),
        "bare, 320": bare(options.model, [(320, 320)]),
    }
    people = photos_by_person(options.lfw)
    lfw = [read(photos[0]) for photos in list(people.values())[: options.count]]
    report("LFW, one photo a person", lfw, len(lfw), detectors)
    for share in (0.7, 0.5, 0.4):
        report(f"selfies, the middle {share:.0%}", selfies(lfw[:48], share), 48, detectors)
    for side in (400, 250, 120):
        sheets = groups(lfw, side)
        report(f"groups of 24, {6 * side}x{4 * side}", sheets, 24 * len(sheets), detectors)
    for folder in options.photos:
        report(str(folder.name), list(pictures(folder)), 0, detectors)


if __name__ == "__main__":
    main()
