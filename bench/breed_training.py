"""Breed training at the source's size: pictures per second, against the bare forward pass; disk and memory it needs.

python -m bench.breed_training [--classes 120] [--each 5] [--side 224]

Pictures are generated and weights are by chance: this measures time and space, not accuracy.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from app.learning.breed import Choices, build, train, training_batches
from app.learning.pictures import find_pictures
from app.learning.progress import Step
from app.learning.split import split

#: An ordinary size of a picture in Stanford Dogs.
SIZE = (375, 500, 3)
BATCHES = 4


def paint(root: Path, classes: int, each: int) -> None:
    random = np.random.default_rng(0)
    for number in range(classes):
        folder = root / f"n{number:08d}-breed_{number}"
        folder.mkdir(parents=True)
        for name in range(each):
            coarse = random.integers(0, 255, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize(SIZE[1::-1]).save(folder / f"{name}.jpg")


def bare(data: Path, choices: Choices) -> tuple[float, float]:
    """Pictures per second of loading and augmenting alone, and of the forward pass alone."""
    pictures = find_pictures(data)
    batches, _ = training_batches(pictures, split(pictures.labels, pictures.digests), choices)
    began = time.perf_counter()
    loaded = [batches[number][0] for number in range(BATCHES)]
    loading = time.perf_counter() - began
    model = build(len(pictures.classes), choices)
    model.predict_on_batch(loaded[0])
    began = time.perf_counter()
    for batch in loaded:
        model.predict_on_batch(batch)
    count = sum(len(batch) for batch in loaded)
    return count / loading, count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=120)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--side", type=int, default=224)
    given = parser.parse_args()
    choices = Choices("none", given.side, epochs=1)
    largest = 0
    with tempfile.TemporaryDirectory() as folder:
        data, output = Path(folder, "data"), Path(folder, "out")
        paint(data, given.classes, given.each)

        reached: dict[bool, float] = {}
        steps: list[tuple[int, float]] = []

        def progress(step: Step) -> None:
            nonlocal largest
            reached[step.complete] = time.perf_counter()
            if step.complete:
                largest = sum(path.stat().st_size for path in (output / "training").glob("*.keras"))
            else:
                steps.append((step.batch, step.seconds))

        began = time.perf_counter()
        trained = train(data, output, choices, progress=progress)
        whole = time.perf_counter() - began
        model_bytes = sum(path.stat().st_size for path in output.iterdir())
        loading, forward = bare(data, choices)
        # The first batch waits for TensorFlow to trace the network.
        (first, first_seconds), (last, last_seconds) = steps[0], steps[-1]
        rate = (last - first) * choices.batch_size / max(last_seconds - first_seconds, 1e-9)
        after = reached[True] - reached[False]
        print(f"{given.classes} classes, {given.classes * given.each} pictures, {given.side} x {given.side}")
        print(f"training            {rate:8.1f} pictures/s")
        print(f"forward pass alone  {forward:8.1f} pictures/s   training / forward: {rate / forward:.2f}")
        print(f"load and augment    {loading:8.1f} pictures/s")
        print(f"validate and write  {after:8.1f} s, checkpoint {largest / 1e6:.0f} MB")
        print(f"model folder        {model_bytes / 1e6:8.0f} MB")
        print(f"whole run           {whole:8.1f} s, {trained.epochs} epoch")
        print(f"peak memory         {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:8.1f} GB")


if __name__ == "__main__":
    main()
