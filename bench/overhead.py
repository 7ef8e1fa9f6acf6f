"""What the API costs around the model: p50 of POST /api/face/predict against decode + detect + embed alone.

Enrols people through the API, then asks about the same photos in turn: over HTTP, with this project's engine alone,
with the bare insightface package, and of an empty Flask-RESTX endpoint on waitress, so that a machine that slows down
slows all of them. The last one is what HTTP costs whatever stands behind it.

    python -m bench.overhead --photos FOLDER --model buffalo_sc-FOLDER|dlib [--people 1000] [--probes 200]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from bench._lfw import engine_of, photos_by_person, read
from bench._server import Client, multipart, running
from bench._ways import EMPTY, WARM_UP, bare_stack, medians_ms
from bench.recognition import enrol

ENGINE = "decode + detect + embed, this engine"


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

        bodies = [multipart({}, [("file", path.name, path.read_bytes())]) for path in probes]

        def post(to: Client, path: str, number: int) -> None:
            body, content_type = bodies[number]
            assert to.call("POST", path, body, Content_Type=content_type).status == 200

        ways: dict[str, Callable[[int], object]] = {
            "POST /api/face/predict": lambda number: post(client, "/api/face/predict", number),
            EMPTY: lambda number: post(stack, "/predict", number),
            ENGINE: lambda number: bare(probes[number]),
        }
        peer = peer_of(args.model)
        if peer:
            ways["decode + detect + embed, bare insightface"] = lambda number: peer(probes[number])
        medians = medians_ms(ways, len(probes) - WARM_UP)
        ours = medians["POST /api/face/predict"]
        print(f"people {len(names)}  probes {len(probes) - WARM_UP}")
        for name, median in medians.items():
            print(f"{name:<44} p50 {median:6.2f} ms   API / this {ours / median:.3f}")
        print(f"the engine and the empty endpoint together: API / this {ours / (medians[ENGINE] + medians[EMPTY]):.3f}")


if __name__ == "__main__":
    main()
