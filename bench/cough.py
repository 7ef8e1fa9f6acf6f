"""What the API costs around the cough classifier: p50 of POST /api/cough/predict for 3 s, and the first call.

Each recording is asked about in turn over HTTP, through the use case in this process (history included), with the
engine alone, and bare (decode, log-mel, forward pass), so that a machine that slows down slows all of them. The server
is started with warm-up; the first call is timed from when it is healthy.

    python -m bench.cough [--data FOLDER] [--own cough_classifier_model.keras] [--calls 120]

Without --data 3 s are made up, half of them with bursts. With --own, a user's model is served instead of the built-in.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.db import CoughEntry
from app.engines.audio import SAMPLE_RATE, Window, decibels, decode, front_end, spectrogram_png
from app.engines.cough import builtin
from app.engines.cough.own_model import STEM
from app.engines.keras_serving import load_keras_model
from app.services.history import Picture
from app.services.uploads import Upload
from bench._server import Client, running
from bench._ways import APP, EMPTY, app_of, bare_stack, milliseconds, post_to, print_beside, times_of

SECONDS = 3.0
MAX_BYTES = 5_000_000
TARGET = 1.5
TARGET_FIRST_SECONDS = 2.0
HTTP = "POST /api/cough/predict"
SERVICE = "the use case, in process: history included"
ENGINE = "engine: log-mel, network, segments"
BARE = "bare: decode, log-mel, forward"


def recordings(folder: Path | None) -> list[bytes]:
    """Files of about 3 s, or made-up ones."""
    if folder is None:
        from tests.recordings import bursts, tone, wav

        return [wav(bursts(0.3 + number / 10) if number % 2 else tone(SECONDS)) for number in range(10)]
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix in {".wav", ".flac", ".ogg"}]
    return [data for data in files if abs(decode(data, max_bytes=MAX_BYTES).seconds - SECONDS) <= 0.1]


def forward(own: Path | None) -> Callable[[Window], Any]:
    """The network alone."""
    if own is not None:
        return load_keras_model(own)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # as the server does
    session = onnxruntime.InferenceSession(
        builtin.FOLDER / builtin.NETWORK, options, providers=["CPUExecutionProvider"]
    )
    names = {output.name for output in session.get_outputs()}
    outputs = [name for name in ("logit", "frames") if name in names]
    return lambda window: session.run(outputs, {"log_mel": window})


def an_entry() -> CoughEntry:
    """What an answer leaves in the history."""
    return CoughEntry(
        user_id=None,
        filename="cough.wav",
        prediction="cough",
        confidence=0.9,
        processing_time_seconds=0.01,
        model="kenali-cough@00000000",
        raw_scores={"cough": 0.9, "non-cough": 0.1},
        segments=[{"start": 0.1, "end": 0.4, "score": 0.9}],
    )


def predict_of_keras(own: Path) -> Callable[[Window], Any]:
    """What the source calls."""
    import keras

    model = keras.models.load_model(own, compile=False)
    return lambda window: model.predict(window, verbose=0)


def main() -> None:
    """Print the medians, their ratios, and the first call."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--own", type=Path)
    parser.add_argument("--calls", type=int, default=120)
    args = parser.parse_args()
    sounds = recordings(args.data)
    assert sounds, "no recording of 3 s there"
    run = forward(args.own)
    heard = [decode(data, max_bytes=MAX_BYTES).samples for data in sounds]
    seen = [front_end(samples) for samples in heard]

    settings: dict[str, Any] = {"face_model": "dlib", "run_worker": False}
    with tempfile.TemporaryDirectory(prefix="kenali-models-") as models:
        if args.own:
            shutil.copyfile(args.own, Path(models) / (STEM + args.own.suffix))
        with (
            running(MODELS_DIR=models, FACE_MODEL="dlib", RUN_WORKER="false") as server,
            bare_stack() as stack,
        ):
            client = server.client()

            def post(to: Client, path: str, number: int) -> None:
                answer = to.form(path, [("file", "cough.wav", sounds[number % len(sounds)])])
                assert answer.status == 200, answer.body

            first_ms = milliseconds(lambda: post(client, "/api/cough/predict", 0))
            time.sleep(10)  # the warm-up of faces and breeds goes on behind it
            with app_of(server, **settings, models_dir=Path(models), warm_models=False) as app:
                services = app.extensions["kenali"]
                engine = services.cough.engine()
                spectrograms = [decibels(samples) for samples in heard]
                pictures = [spectrogram_png(spectrogram) for spectrogram in spectrograms]
                ways: dict[str, Callable[[int], object]] = {
                    HTTP: lambda number: post(client, "/api/cough/predict", number),
                    APP: lambda number: post_to(app, "/api/cough/predict", "cough.wav", sounds[number % len(sounds)]),
                    SERVICE: lambda number: services.cough.predict(
                        Upload("cough.wav", sounds[number % len(sounds)]), user_id=None
                    ),
                    ENGINE: lambda number: engine.classify(
                        decibels(heard[number % len(sounds)]), heard[number % len(sounds)]
                    ),
                    BARE: lambda number: run(
                        front_end(decode(sounds[number % len(sounds)], max_bytes=MAX_BYTES).samples)
                    ),
                    "  decode": lambda number: decode(sounds[number % len(sounds)], max_bytes=MAX_BYTES),
                    "  log-mel": lambda number: front_end(heard[number % len(sounds)]),
                    "  forward": lambda number: run(seen[number % len(sounds)]),
                    "spectrogram's PNG": lambda number: spectrogram_png(spectrograms[number % len(sounds)]),
                    "row and picture": lambda number: services.cough_history.record(
                        an_entry(), Picture(pictures[number % len(sounds)], "png")
                    ),
                    EMPTY: lambda number: post(stack, "/predict", number),
                }
                if args.own:
                    predict = predict_of_keras(args.own)
                    ways["model.predict"] = lambda number: predict(seen[number % len(sounds)])
                found = times_of(ways, args.calls)
    print(f"{len(sounds)} recordings of {SECONDS:g} s ({SAMPLE_RATE} Hz after decoding), {args.calls} calls")
    print(f"first call {first_ms / 1000:.2f} s (target {TARGET_FIRST_SECONDS:g} s)")
    print_beside(found, base=BARE, api=HTTP)
    print(f"target {TARGET:g} x bare")


if __name__ == "__main__":
    main()
