"""Training against the bare engine: incremental of 20 photos and a full rebuild of 1000, over HTTP, queueing included.

The bare engine detects and embeds the same stored crops one by one, already decoded, in this process and in the same
run. Each is measured several times in turn, and the medians are compared. Training takes over the landmarks that the
upload found; the last lines show a rebuild that has to find every face again, as after a change of the detector.

    python -m bench.training_throughput --photos FOLDER --model buffalo_sc-FOLDER|dlib [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from app.db.connect import make_engine
from app.db.embedded import EmbeddedPostgres
from app.engines.base import FaceEngine, Image
from bench._lfw import engine_of, photos_by_person, read
from bench._server import Client, Server, running
from bench.recognition import enrol

INCREMENTAL_PHOTOS = 20
REBUILD_PHOTOS = 1000
TARGET = 0.8


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def bare(engine: FaceEngine, crops: list[Image]) -> None:
    """Detect and embed one by one."""
    for crop in crops:
        engine.embed(crop, engine.detect(crop)[:1])


def rebuild(client: Client) -> None:
    """A full rebuild, waited for."""
    answer = client.json("POST", "/api/training/start", {})
    assert answer.status == 200, answer.body


def incremental(client: Client, user_id: int) -> None:
    """All photos of a user, waited for."""
    answer = client.json("POST", "/api/training/incremental", {"user_id": user_id, "force": True})
    assert answer.status == 200, answer.body
    assert answer.json["data"]["embeddings_created"] >= INCREMENTAL_PHOTOS - 1, answer.json


def compare(name: str, photos: int, ours: list[float], alone: list[float]) -> None:
    """One line of the table."""
    a, b = photos / statistics.median(ours), photos / statistics.median(alone)
    verdict = "ok" if a / b >= TARGET else "TOO SLOW"
    print(f"{name:<28} {a:8.1f} photos/s   bare engine {b:8.1f}   ratio {a / b:.2f}   {verdict}")


def measure(server: Server, engine: FaceEngine, photos: dict[str, list[Path]], rounds: int) -> None:
    """Enrol, then measure in turn."""
    client = server.client()
    paths = [path for person in photos.values() for path in person][:REBUILD_PHOTOS]
    users = [
        enrol(client, f"user-{start}", paths[start : start + INCREMENTAL_PHOTOS])
        for start in range(0, len(paths), INCREMENTAL_PHOTOS)
    ]
    first = users[0]
    dataset = server.folder / "dataset"
    few = [read(path) for path in sorted((dataset / str(first)).glob("*.jpg"))]
    all_crops = [read(path) for path in sorted(dataset.glob("*/*.jpg"))]
    incremental(client, first)
    bare(engine, few)

    ours, alone = [], []
    for _ in range(rounds):
        alone.append(seconds(lambda: bare(engine, few)))
        ours.append(seconds(lambda: incremental(client, first)))
    compare(f"incremental, {len(few)} photos", len(few), ours, alone)

    ours, alone = [], []
    for _ in range(max(1, rounds // 2)):
        alone.append(seconds(lambda: bare(engine, all_crops)))
        ours.append(seconds(lambda: rebuild(client)))
    compare(f"rebuild, {len(all_crops)} photos", len(all_crops), ours, alone)

    postgres = EmbeddedPostgres(server.folder / "instance")
    database = make_engine(postgres.start())
    with database.begin() as connection:
        connection.execute(text("UPDATE photos SET detector = 'another'"))
    database.dispose()
    again = [seconds(lambda: rebuild(client))]
    compare("rebuild, faces found again", len(all_crops), again, alone)
    few_again = [seconds(lambda: incremental(client, first)) for _ in range(rounds)]
    few_alone = [seconds(lambda: bare(engine, few)) for _ in range(rounds)]
    compare("incremental, found again", len(few), few_again, few_alone)
    postgres.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with running(FACE_MODEL=args.model) as server:
        measure(server, engine_of(args.model), photos_by_person(args.photos), args.rounds)


if __name__ == "__main__":
    main()
