"""How long ``python run.py`` takes until it is healthy: on fresh folders, and again on the same ones.

python -m bench.startup [--rounds 5] [--model dlib]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench._server import start

TARGET_SECONDS = 5.0


def seconds_to_health(folder: Path, model: str) -> float:
    """Start, wait for health, stop."""
    begun = time.perf_counter()
    server = start(folder, FACE_MODEL=model)
    taken = time.perf_counter() - begun
    server.stop()
    return taken


def main() -> None:
    """Print medians and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="dlib")
    args = parser.parse_args()
    first, again = [], []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory(prefix="kenali-start-") as name:
            first.append(seconds_to_health(Path(name), args.model))
            again.append(seconds_to_health(Path(name), args.model))
    for what, times in (("first start, database made", first), ("later start", again)):
        print(f"{what:<28} median {statistics.median(times):.2f} s   slowest {max(times):.2f} s")
    print(f"target: healthy within {TARGET_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
