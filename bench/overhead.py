"""What the API costs around the model: p50 of POST /api/face/predict against decode + detect + embed alone.

Enrols people through the API, then asks about the same photos in turn: over HTTP, with this project's engine alone,
with the bare insightface package, and of an empty Flask-RESTX endpoint on waitress, so that a machine that slows down
slows all of them. The last one is what HTTP costs whatever stands behind it.

    python -m bench.overhead --photos FOLDER --model buffalo_sc-FOLDER|dlib [--people 1000] [--probes 200]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from bench._lfw import engine_of, photos_by_person, read
from bench._server import ROOT, Client, free_port, multipart, running
from bench.recognition import enrol

ENGINE = "decode + detect + embed, this engine"
EMPTY = "an empty endpoint of Flask-RESTX, waitress"
#: Probes that only warm caches.
WARM_UP = 10
PAUSE_SECONDS = 0.03


def milliseconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def peer_of(model: str) -> Callable[[Path], object] | None:
    """The bare package on the same pack, its detector at 320 pixels; None for dlib."""
    if model == "dlib":
        return None
    from insightface.app import FaceAnalysis

    analysis = FaceAnalysis(
        name=model, allowed_modules=["detection", "recognition"], providers=["CPUExecutionProvider"]
    )
    analysis.prepare(ctx_id=-1, det_size=(320, 320))
    # insightface reads BGR
    return lambda path: analysis.get(np.asarray(PillowImage.open(path).convert("RGB"))[:, :, ::-1], max_num=1)


@contextmanager
def bare_stack() -> Iterator[Client]:
    """A client of `bench._bare_stack`."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench._bare_stack", str(port)], cwd=ROOT) as process:
        try:
            client = Client(port)
            for _ in range(200):
                try:
                    client.call("GET", "/")
                    break
                except OSError:
                    client.close()
                    time.sleep(0.05)
            yield client
        finally:
            process.terminate()


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--probes", type=int, default=200)
    args = parser.parse_args()
    found = photos_by_person(args.photos)
    names = list(found)[: args.people]
    engine = engine_of(args.model)

    with running(FACE_MODEL=args.model) as server, bare_stack() as stack:
        client = server.client()
        for name in names:
            enrol(client, name, found[name][:1])
        assert client.json("POST", "/api/training/start", {}).status == 200
        probes = [path for name in names for path in found[name][1:]][: args.probes]

        def bare(path: Path) -> None:
            image = read(path)
            faces = engine.detect(image)
            engine.embed(image, faces[:1])

        ways: dict[str, Callable[[Path, bytes, str], object]] = {
            "POST /api/face/predict": lambda _path, body, kind: client.call(
                "POST", "/api/face/predict", body, Content_Type=kind
            ),
            EMPTY: lambda _path, body, kind: stack.call("POST", "/predict", body, Content_Type=kind),
            ENGINE: lambda path, _body, _kind: bare(path),
        }
        peer = peer_of(args.model)
        if peer:
            ways["decode + detect + embed, bare insightface"] = lambda path, _body, _kind: peer(path)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number, path in enumerate(probes):
            body, content_type = multipart({}, [("file", path.name, path.read_bytes())])
            order = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
            for name in order:
                # Threads of the one before may still spin for a while, and would slow the next one.
                time.sleep(PAUSE_SECONDS)
                times[name].append(milliseconds(lambda way=ways[name]: way(path, body, content_type)))  # noqa: B023
        medians = {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
        ours = medians["POST /api/face/predict"]
        print(f"people {len(names)}  probes {len(probes) - WARM_UP}")
        for name, median in medians.items():
            print(f"{name:<44} p50 {median:6.2f} ms   API / this {ours / median:.3f}")
        print(f"the engine and the empty endpoint together: API / this {ours / (medians[ENGINE] + medians[EMPTY]):.3f}")


if __name__ == "__main__":
    main()
