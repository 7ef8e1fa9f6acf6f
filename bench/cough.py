"""What the API costs around the cough classifier: p50 of POST /api/cough/predict for 3 s, and the first call.

Each recording is asked about in turn over HTTP and bare in this process (decode, log-mel, forward pass), so that a
machine that slows down slows both. The server is started with warm-up; the first call is timed from when it is healthy.

    python -m bench.cough [--data FOLDER] [--own cough_classifier_model.keras] [--calls 100]

Without --data 3 s are made up, half of them with bursts. With --own, a user's model is served instead of the built-in.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.engines.audio import FRAMES, MELS, SAMPLE_RATE, Window, decode, front_end
from app.engines.cough import builtin
from app.engines.cough.own_model import STEM
from app.engines.keras_serving import load_keras_model
from bench._server import multipart, running
from bench.overhead import milliseconds

SECONDS = 3.0
MAX_BYTES = 5_000_000
TARGET = 1.5
TARGET_FIRST_SECONDS = 2.0


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


def main() -> None:
    """Print both medians, their ratio, where the bare time goes, and the first call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--own", type=Path)
    parser.add_argument("--calls", type=int, default=100)
    args = parser.parse_args()
    sounds = recordings(args.data)
    assert sounds, "no recording of 3 s there"
    run = forward(args.own)
    run(np.zeros((1, MELS, FRAMES, 1), np.float32))

    with tempfile.TemporaryDirectory(prefix="kenali-models-") as models:
        if args.own:
            shutil.copyfile(args.own, Path(models) / (STEM + args.own.suffix))
        with running(MODELS_DIR=models, FACE_MODEL="dlib") as server:
            client = server.client()

            def ask(data: bytes) -> None:
                body, content_type = multipart({}, [("file", "cough.wav", data)])
                answer = client.call("POST", "/api/cough/predict", body, Content_Type=content_type)
                assert answer.status == 200, answer.body

            first_ms = milliseconds(lambda: ask(sounds[0]))
            time.sleep(10)  # the warm-up of faces and breeds goes on behind it
            over_http: list[float] = []
            parts: list[tuple[float, float, float]] = []
            for number in range(args.calls + 10):
                data = sounds[number % len(sounds)]
                over_http.append(milliseconds(lambda data=data: ask(data)))
                started = time.perf_counter()
                samples = decode(data, max_bytes=MAX_BYTES).samples
                decoded = time.perf_counter()
                window = front_end(samples)
                seen = time.perf_counter()
                run(window)
                done = time.perf_counter()
                parts.append((1000 * (decoded - started), 1000 * (seen - decoded), 1000 * (done - seen)))
    over_http, parts = over_http[10:], parts[10:]  # the first ones warm caches
    http_ms = statistics.median(over_http)
    bare_ms = statistics.median(sum(each) for each in parts)
    decode_ms, mel_ms, forward_ms = (statistics.median(column) for column in zip(*parts, strict=True))
    print(f"{len(sounds)} recordings of {SECONDS:g} s ({SAMPLE_RATE} Hz after decoding), {args.calls} calls")
    print(f"first call {first_ms / 1000:.2f} s (target {TARGET_FIRST_SECONDS:g} s)")
    print(f"p50 of POST /api/cough/predict {http_ms:.1f} ms")
    print(f"bare {bare_ms:.1f} ms: decode {decode_ms:.1f}, log-mel {mel_ms:.1f}, forward {forward_ms:.1f}")
    print(f"ratio {http_ms / bare_ms:.2f} (target {TARGET:g})")


if __name__ == "__main__":
    main()
