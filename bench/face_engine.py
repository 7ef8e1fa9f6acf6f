"""Time of detection and embedding beside bare insightface.app.FaceAnalysis, picture by picture in turns.

python -m bench.face_engine --model DIR --lfw DIR
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from insightface.app import FaceAnalysis

from app.engines.base import Image
from app.engines.face.quality import assess
from bench._lfw import engine_of, photos_by_person, read


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a pack, or dlib")
    parser.add_argument("--lfw", type=Path, required=True, help="one folder a person")
    parser.add_argument("--count", type=int, default=100, help="photos to use")
    return parser.parse_args()


def bare(model: str, sizes: list[tuple[int, int]] | None) -> Callable[[Image], object]:
    analysis = FaceAnalysis(
        name=model, allowed_modules=["detection", "recognition"], providers=["CPUExecutionProvider"]
    )
    analysis.prepare(ctx_id=-1, det_size=sizes)
    return lambda image: analysis.get(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def main() -> None:
    options = arguments()
    engine = engine_of(options.model)
    images = [read(photos[0]) for photos in list(photos_by_person(options.lfw).values())[: options.count]]
    faces = [engine.detect(image)[:1] for image in images]
    images = [image for image, found in zip(images, faces, strict=True) if found]
    faces = [found for found in faces if found]
    calls: dict[str, Callable[[Image], object]] = {
        "Kenali: all faces": lambda image: engine.embed(image, engine.detect(image)),
        "Kenali: largest face": lambda image: engine.embed(image, engine.detect(image)[:1]),
        "Kenali: detect": engine.detect,
    }
    if options.model != "dlib":
        calls["bare, its default"] = bare(options.model, None)
        calls["bare, 640"] = bare(options.model, [(640, 640)])
        calls["bare, 320"] = bare(options.model, [(320, 320)])
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn, image in enumerate([images[0], *images]):
        for name, call in calls.items():
            started = time.perf_counter()
            call(image)
            if turn:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    for name, seconds in times.items():
        print(f"{name:<24} p50 {np.median(seconds) * 1000:7.2f} ms")
    items = [(image, found[0]) for image, found in zip(images, faces, strict=True)]
    for batch in (1, 4, 16, 64) if options.model != "dlib" else (1, 4):
        started = time.perf_counter()
        for start in range(0, len(items), batch):
            engine.embed_many(items[start : start + batch])
        print(f"embed_many of {batch:<11} {(time.perf_counter() - started) / len(items) * 1000:11.2f} ms a face")
    started = time.perf_counter()
    for image, face in items:
        assess(image, face)
    print(f"quality {(time.perf_counter() - started) / len(items) * 1000:28.2f} ms a face")


if __name__ == "__main__":
    main()
