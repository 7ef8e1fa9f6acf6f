"""Breeds: accuracy, dog gate, and time of an answer beside the bare network.

python -m bench.breed --dogs DIR [--model DIR|resnet50v2|imagenet] [--scaling x/127.5-1] [--megapixels 12]

DIR holds one_per_class/ (one photo for each breed, named n02085620_Chihuahua.jpg) and not_dogs/. Without --model it is
about the built-in network; `resnet50v2` is the source's network with random weights, which is only timed; `imagenet` is
the network with downloaded weights (`flask breed download`), looked for in --weights, and skipped where they are not.
The cut of the gate is chosen on every second picture and reported on the others. With --megapixels, the photos that are
timed are enlarged to the size that a phone takes, and what scaling them down while they are decoded changes is printed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from app.container import Container
from app.db import BreedEntry
from app.engines.base import Image
from app.engines.beside_model import CLASSES_FILE
from app.engines.breed import squeezenet
from app.engines.breed.base import BreedEngine
from app.engines.breed.builtin import DOG_CUT, BuiltinBreeds
from app.engines.breed.imagenet import PUBLISHED, ImageNetBreeds
from app.engines.breed.install import install
from app.engines.breed.names import BREEDS, names_of
from app.engines.breed.user import MODEL_FILE, UserBreeds, find
from app.engines.keras_files import only_model
from app.services.history import Picture
from app.services.uploads import Upload
from bench._server import ROOT, Client, running
from bench._ways import APP, EMPTY, app_of, bare_stack, post_to, print_beside, times_of

CUTS = [round(0.05 * step, 2) for step in range(1, 17)]
UNSURE = 0.3
#: --model: the network with downloaded weights.
IMAGENET = "imagenet"
HTTP = "POST /api/breed/predict"
SERVICE = "the use case, in process: history included"
BARE = "bare network"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dogs", type=Path, required=True, help="holds one_per_class/ and not_dogs/")
    parser.add_argument("--model", type=Path, help="folder with a user's own model, resnet50v2, or imagenet")
    parser.add_argument("--weights", type=Path, default=ROOT / "models", help="folder with the downloaded weights")
    parser.add_argument("--scaling", help="of the user's model, if its model.json does not say")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=120, help="answers that are timed")
    parser.add_argument("--megapixels", type=float, help="of the photos that are timed; they are enlarged")
    return parser.parse_args()


def read(path: Path) -> Image:
    return read_bytes(path.read_bytes())


def read_bytes(data: bytes) -> Image:
    return np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB"))


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


def gate(engine: BreedEngine, dogs: list[Path], others: list[Path]) -> None:
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


def timed_files(options: argparse.Namespace, dogs: list[Path]) -> list[bytes]:
    """The photos as a client sends them."""
    if options.megapixels is None:
        return [path.read_bytes() for path in dogs]
    return [_enlarged(path, options.megapixels * 1_000_000) for path in dogs[:20]]


def _enlarged(path: Path, pixels: float) -> bytes:
    picture = PillowImage.open(path).convert("RGB")
    factor = (pixels / (picture.width * picture.height)) ** 0.5
    large = picture.resize(
        (round(picture.width * factor), round(picture.height * factor)), PillowImage.Resampling.BICUBIC
    )
    buffer = io.BytesIO()
    large.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def scaled_down(services: Container, options: argparse.Namespace, dogs: list[Path]) -> None:
    """What looking at fewer pixels of a large picture changes."""
    engine = services.breed.engine()
    known = [names_of(label).breed.casefold() for label in engine.labels]
    others = sorted((options.dogs / "not_dogs").iterdir())[:80]
    margins, passed, ranks = [], [], []
    for path in [*dogs, *others]:
        data = _enlarged(path, options.megapixels * 1_000_000)
        full, quick = engine.classify(read_bytes(data)), engine.classify(services.breed.pixels(data, engine))
        passed.append([scores.dog is not None and scores.dog >= DOG_CUT for scores in (full, quick)])
        if full.probabilities.argmax() != quick.probabilities.argmax():
            margins.append(float(np.diff(np.sort(full.probabilities)[-2:])[0]))
        if path in dogs:
            truth = known.index(breed_of(path))
            ranks.append([int((scores.probabilities > scores.probabilities[truth]).sum()) for scores in (full, quick)])
    by_rank, by_gate = np.array(ranks), np.array(passed)
    print(f"scaled down while decoding: {len(margins)} of {len(passed)} labels differ from a full decoding")
    print(f"  the two best were at most {max(margins, default=0):.3f} apart there")
    for place, name in ((1, "top-1"), (5, "top-5")):
        right = by_rank < place
        print(f"  {name}: {right[:, 1].sum()}, fully decoded {right[:, 0].sum()}, of {len(dogs)} dogs; "
              f"right only so {(right[:, 1] & ~right[:, 0]).sum()}, only the other way "
              f"{(right[:, 0] & ~right[:, 1]).sum()}")  # fmt: skip
    for name, rows in (("dogs", by_gate[: len(dogs)]), ("others", by_gate[len(dogs) :])):
        print(f"  {name} that pass as one: {rows[:, 1].sum()}, fully decoded {rows[:, 0].sum()}, of {len(rows)}")


def preparing(options: argparse.Namespace, images: list[Image]) -> dict[str, Callable[[int], object]]:
    """What the built-in network must be given whoever asks it."""
    if options.model is not None:
        return {}
    return {"    prepare (cut, resize, planes)": lambda number: squeezenet.prepare(images[number % len(images)])}


def an_entry() -> BreedEntry:
    """What an answer leaves in the history."""
    return BreedEntry(
        user_id=None,
        filename="dog.jpg",
        prediction="Beagle",
        confidence=0.9,
        processing_time_seconds=0.01,
        model="squeezenet-1.1@00000000",
        is_dog=True,
        top=[{"breed": "Beagle", "confidence": 0.9}] * 5,
    )


def forward_passes(options: argparse.Namespace) -> dict[str, Callable[[int], object]]:
    """The network alone, on one prepared picture."""
    if options.model is None:
        network = squeezenet.SqueezeNet(threads=options.threads)
        batch = np.zeros((1, 3, squeezenet.SIDE, squeezenet.SIDE), np.float32)
        return {BARE: lambda _: network(batch)}
    import keras
    import tensorflow as tf

    if str(options.model) == IMAGENET:
        model = getattr(keras.applications, PUBLISHED.function)(weights=str(options.weights / PUBLISHED.file))
    else:
        model = keras.models.load_model(only_model(options.model, find(options.model)), compile=False)
    batch = np.zeros((1, *model.input_shape[1:]), np.float32)
    bare = tf.function(lambda pixels: model(pixels, training=False))
    return {BARE: lambda _: bare(batch).numpy(), "model.predict": lambda _: model.predict(batch, verbose=0)}


def speed(options: argparse.Namespace, dogs: list[Path]) -> None:
    """Everything in turns: over HTTP, the use case, its engine, the bare network, HTTP without anything behind it."""
    files = timed_files(options, dogs)
    settings: dict[str, Any] = {
        "face_model": "dlib",
        "run_worker": False,
        "warm_models": False,
        # where there is no user's own
        "breed_model": "auto" if str(options.model) == IMAGENET else "squeezenet",
        "model_threads": options.threads,
    }
    environment = {name.upper(): str(value).lower() for name, value in settings.items()}
    with running(**environment) as server, bare_stack() as stack, app_of(server, **settings) as app:
        if str(options.model) == IMAGENET:
            (server.folder / "models").mkdir(exist_ok=True)
            (server.folder / "models" / PUBLISHED.file).symlink_to((options.weights / PUBLISHED.file).absolute())
        elif options.model is not None:
            install(options.model, server.folder / "models", scaling=options.scaling)
        client = server.client()
        services = app.extensions["kenali"]
        services.breed.warm()
        engine = services.breed.engine()

        def post(to: Client, path: str, number: int) -> None:
            answer = to.form(path, [("file", "dog.jpg", files[number % len(files)])])
            assert answer.status == 200, answer.body

        images = [services.breed.pixels(data, engine) for data in files]
        found = times_of(
            {
                HTTP: lambda number: post(client, "/api/breed/predict", number),
                APP: lambda number: post_to(app, "/api/breed/predict", "dog.jpg", files[number % len(files)]),
                SERVICE: lambda number: services.breed.predict(
                    Upload("dog.jpg", files[number % len(files)]), user_id=None
                ),
                "  decoding": lambda number: services.breed.pixels(files[number % len(files)], engine),
                "  engine: prepare, network, dog gate": lambda number: engine.classify(images[number % len(images)]),
                **preparing(options, images),
                "  row and picture": lambda number: services.breed_history.record(
                    an_entry(), Picture(files[number % len(files)][:40_000], "jpg")
                ),
                **forward_passes(options),
                EMPTY: lambda number: post(stack, "/predict", number),
            },
            options.rounds,
        )
        client.close()
        if options.megapixels and (options.model is None or str(options.model) == IMAGENET):
            scaled_down(services, options, dogs)
    print(f"{options.rounds} answers, {len(files)} photos, {np.median([len(data) for data in files]) / 1000:.0f} kB")
    print_beside(found, base=BARE, api=HTTP)


def agreement(engine: BreedEngine, options: argparse.Namespace, pictures: list[Path]) -> None:
    """How many answers carry the label of the bare model, fed as its author would."""
    import keras

    model = keras.models.load_model(only_model(options.model, find(options.model)), compile=False)
    height, width = model.input_shape[1:3]
    scale = {"x/127.5-1": lambda pixels: pixels / 127.5 - 1}.get(options.scaling, lambda pixels: pixels / 255)
    same = 0
    for path in pictures:
        small = PillowImage.open(path).convert("RGB").resize((width, height))
        bare = model(scale(np.asarray(small, np.float32))[np.newaxis].astype(np.float32), training=False)
        same += int(np.argmax(bare)) == int(np.argmax(engine.classify(read(path)).probabilities))
    print(f"same label as the bare Keras model: {same} of {len(pictures)}")


def random_resnet(folder: Path) -> Path:
    """A folder with the source's network as its training starts: what it costs, not what it says."""
    from app.learning.breed import Choices, build

    build(len(BREEDS), Choices(weights="none")).save(folder / MODEL_FILE)
    classes = {str(position): breed.label for position, breed in enumerate(BREEDS)}
    (folder / CLASSES_FILE).write_text(json.dumps(classes), encoding="utf-8")
    return folder


def main() -> None:
    """Print accuracy, gate and times."""
    options = arguments()
    dogs = sorted((options.dogs / "one_per_class").glob("*.jpg"))
    others = sorted((options.dogs / "not_dogs").iterdir())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.model is None:
            builtin = BuiltinBreeds(threads=options.threads)
            print(builtin.info.source)
            accuracy(builtin, dogs)
            gate(builtin, dogs, others)
        elif str(options.model) == IMAGENET:
            found = options.weights / PUBLISHED.file
            if not found.is_file():
                print(f"skipped: {PUBLISHED.file} is not in {options.weights} (flask breed download fetches it)")
                return
            downloaded = ImageNetBreeds(found, threads=options.threads)
            print(f"{downloaded.info.source}; nothing of it is measured on dogs but what follows")
            accuracy(downloaded, dogs)
            gate(downloaded, dogs, others)
        elif str(options.model) == "resnet50v2":
            options.model = random_resnet(folder)
            print("ResNet50V2 with the source's head, random weights")
        else:
            install(options.model, folder, scaling=options.scaling)
            engine = UserBreeds(folder / MODEL_FILE, threads=options.threads)
            print(f"{engine.info.key}, {engine.info.scaling}")
            accuracy(engine, dogs)
            agreement(engine, options, dogs + others)
        speed(options, dogs)


if __name__ == "__main__":
    main()
