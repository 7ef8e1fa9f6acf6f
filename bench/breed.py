"""Breeds: accuracy, dog gate, and time of an answer beside the bare network.

python -m bench.breed --dogs DIR [--model DIR] [--scaling x/127.5-1]

DIR holds one_per_class/ (one photo for each breed, named n02085620_Chihuahua.jpg) and not_dogs/. Without --model it is
about the built-in network. The cut of the gate is chosen on every second picture and reported on the others.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from app.engines.base import Image
from app.engines.breed import squeezenet
from app.engines.breed.base import BreedEngine
from app.engines.breed.builtin import DOG_CUT, BuiltinBreeds
from app.engines.breed.gated import WithDogGate
from app.engines.breed.install import find_model, install
from app.engines.breed.names import names_of
from app.engines.breed.user import MODEL_FILE, UserBreeds
from bench._server import running

CUTS = [round(0.05 * step, 2) for step in range(1, 17)]
UNSURE = 0.3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dogs", type=Path, required=True, help="holds one_per_class/ and not_dogs/")
    parser.add_argument("--model", type=Path, help="folder with a user's own model")
    parser.add_argument("--scaling", help="of the user's model, if its model.json does not say")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=60, help="answers that are timed")
    return parser.parse_args()


def read(path: Path) -> Image:
    return np.asarray(PillowImage.open(path).convert("RGB"))


def breed_of(path: Path) -> str:
    return names_of(path.stem.replace("_", "-", 1)).breed.casefold()


def accuracy(engine: BreedEngine, dogs: list[Path]) -> None:
    known = [names_of(label).breed.casefold() for label in engine.labels]
    first, fifth, confident, unsure = [], [], [], []
    for path in dogs:
        if breed_of(path) not in known:
            print(f"  {path.name}: the model does not know this breed, left out")
            continue
        probabilities = engine.classify(read(path)).probabilities
        order = np.argsort(-probabilities)
        truth = known.index(breed_of(path))
        first.append(order[0] == truth)
        fifth.append(truth in order[:5])
        (unsure if probabilities[order[0]] < UNSURE else confident).append(order[0] == truth)
    print(f"accuracy on {len(first)} photos: top-1 {np.mean(first):.3f}, top-5 {np.mean(fifth):.3f}")
    for name, group in ((f"confidence >= {UNSURE}", confident), (f"confidence < {UNSURE}", unsure)):
        if group:
            print(f"  {name}: {len(group)} photos, top-1 {np.mean(group):.3f}")


def gate(dogs: list[Path], others: list[Path], threads: int) -> None:
    engine = BuiltinBreeds(threads=threads)
    sure = np.array([engine.classify(read(path)).dog for path in dogs])
    false = np.array([engine.classify(read(path)).dog for path in others])

    def rates(cut: float, half: int) -> tuple[float, float]:
        return float((sure[half::2] >= cut).mean()), float((false[half::2] >= cut).mean())

    best = max(passed - wrong for passed, wrong in (rates(cut, 0) for cut in CUTS))
    good = [cut for cut in CUTS if rates(cut, 0)[0] - rates(cut, 0)[1] >= best - 1e-9]
    print(f"gate, {len(sure)} dogs and {len(false)} others; best cuts on the first half: {good}; in use: {DOG_CUT}")
    for half, name in enumerate(("the half it was chosen on", "the other half")):
        passed, wrong = rates(DOG_CUT, half)
        print(f"  {name}: {passed:.3f} of dogs pass, {wrong:.3f} of others")


def median_ms(calls: dict[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """In turns, so that a busy moment of the machine hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 5):
        for name, call in calls.items():
            started = time.perf_counter()
            call(number)
            if number >= 5:  # warm by then
                times[name].append(time.perf_counter() - started)
    return {name: 1000 * float(np.median(values)) for name, values in times.items()}


def speed(options: argparse.Namespace, engine: BreedEngine, dogs: list[Path]) -> None:
    images = [read(path) for path in dogs]
    calls: dict[str, Callable[[int], object]] = {
        "answer (prepare, network, rank)": lambda number: engine.classify(images[number % len(images)])
    }
    if options.model is None:
        network = squeezenet.SqueezeNet(threads=options.threads)
        batch = squeezenet.prepare(images[0])
        calls["bare network"] = lambda _: network(batch)
    else:
        import keras
        import tensorflow as tf

        model = keras.models.load_model(find_model(options.model), compile=False)
        batch = np.zeros((1, *model.input_shape[1:]), np.float32)
        bare = tf.function(lambda pixels: model(pixels, training=False))
        gated = WithDogGate(engine, BuiltinBreeds(threads=options.threads))
        calls["answer with the dog gate"] = lambda number: gated.classify(images[number % len(images)])
        calls["bare network"] = lambda _: bare(batch).numpy()
        calls["model.predict"] = lambda _: model.predict(batch, verbose=0)
    settings = {"RUN_WORKER": "false", "FACE_MODEL": "dlib", "MODEL_THREADS": str(options.threads)}
    with running(**settings, WARM_MODELS="false") as server:
        if options.model is not None:
            install(options.model, server.folder / "models", scaling=options.scaling)
        client = server.client()
        files = [path.read_bytes() for path in dogs]
        calls["over HTTP, history included"] = lambda number: client.form(
            "/api/breed/predict", [("file", "dog.jpg", files[number % len(files)])]
        )
        found = median_ms(calls, options.rounds)
        client.close()
    for name, milliseconds in found.items():
        print(f"  {name:<34} p50 {milliseconds:7.1f} ms   {milliseconds / found['bare network']:5.2f} x bare")


def agreement(engine: BreedEngine, options: argparse.Namespace, pictures: list[Path]) -> None:
    """How many answers carry the label of the bare model, fed as its author would."""
    import keras

    model = keras.models.load_model(find_model(options.model), compile=False)
    height, width = model.input_shape[1:3]
    scale = {"x/127.5-1": lambda pixels: pixels / 127.5 - 1}.get(options.scaling, lambda pixels: pixels / 255)
    same = 0
    for path in pictures:
        small = PillowImage.open(path).convert("RGB").resize((width, height))
        bare = model(scale(np.asarray(small, np.float32))[np.newaxis].astype(np.float32), training=False)
        same += int(np.argmax(bare)) == int(np.argmax(engine.classify(read(path)).probabilities))
    print(f"same label as the bare Keras model: {same} of {len(pictures)}")


def main() -> None:
    options = arguments()
    dogs = sorted((options.dogs / "one_per_class").glob("*.jpg"))
    others = sorted((options.dogs / "not_dogs").iterdir())
    if options.model is None:
        engine: BreedEngine = BuiltinBreeds(threads=options.threads)
        print(engine.info.source)
        accuracy(engine, dogs)
        gate(dogs, others, options.threads)
    else:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            install(options.model, Path(folder), scaling=options.scaling)
            engine = UserBreeds(Path(folder) / MODEL_FILE, threads=options.threads)
        print(f"{engine.info.key}, {engine.info.scaling}")
        accuracy(engine, dogs)
        agreement(engine, options, dogs + others)
    speed(options, engine, dogs)


if __name__ == "__main__":
    main()
