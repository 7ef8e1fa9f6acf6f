"""What the API costs around the model: p50 of POST /api/face/predict against decode + detect + embed alone.

Enrols people through the API, then asks about the same photos in turn: once over HTTP, once with the bare engine in
this process, so that a machine that slows down slows both.

    python -m bench.overhead --photos FOLDER --model buffalo_sc-FOLDER|dlib [--people 1000] [--probes 200]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bench._lfw import engine_of, photos_by_person, read
from bench._server import multipart, running
from bench.recognition import enrol


def milliseconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--probes", type=int, default=200)
    args = parser.parse_args()
    found = photos_by_person(args.photos)
    names = list(found)[: args.people]
    engine = engine_of(args.model)

    with running(FACE_MODEL=args.model) as server:
        client = server.client()
        for name in names:
            enrol(client, name, found[name][:1])
        assert client.json("POST", "/api/training/start", {}).status == 200
        probes = [path for name in names for path in found[name][1:]][: args.probes]

        def bare(path: Path) -> None:
            image = read(path)
            faces = engine.detect(image)
            engine.embed(image, faces[:1])

        over_http: list[float] = []
        alone: list[float] = []
        for number, path in enumerate(probes):
            body, content_type = multipart({}, [("file", path.name, path.read_bytes())])

            def predict(body: bytes = body, content_type: str = content_type) -> None:
                client.call("POST", "/api/face/predict", body, Content_Type=content_type)

            http_ms, bare_ms = (
                (milliseconds(predict), milliseconds(lambda path=path: bare(path)))
                if number % 2
                else (milliseconds(lambda path=path: bare(path)), milliseconds(predict))[::-1]
            )
            over_http.append(http_ms)
            alone.append(bare_ms)
        over_http, alone = over_http[10:], alone[10:]  # the first ones warm caches
        a, b = statistics.median(over_http), statistics.median(alone)
        print(f"people {len(names)}  probes {len(alone)}")
        print(f"p50 of POST /api/face/predict {a:.2f} ms   bare decode+detect+embed {b:.2f} ms   ratio {a / b:.3f}")


if __name__ == "__main__":
    main()
