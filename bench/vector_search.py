"""1:N search in SQL: exact and by index, how long, and how often the index finds the right person.

People are random directions with five photos each, made so that two photos of one person have the cosine of real ones
(0.61, as measured for buffalo_sc). The search is the product's own statement, on an embedded PostgreSQL of its own.

    python -m bench.vector_search [--photos 3000 20000 50000 100000] [--probes 200]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.db import vectors
from app.db.connect import check, make_engine
from app.db.embedded import EmbeddedPostgres
from app.db.migrate import upgrade
from app.db.session import make_sessions
from app.db.vectors import NewEmbedding, Vector

MODEL = "bench@00000000"
PHOTOS_PER_PERSON = 5
GENUINE_COSINE = 0.61
INSERT_AT_ONCE = 5000


class People:
    """Photos of random people."""

    def __init__(self, people: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._centres = self._unit(self._rng.normal(size=(people, 512)))

    def photos(self, people: range) -> Vector:
        """One more photo of each: unit vectors whose cosine with another photo of the person is 0.61 on average."""
        noise = self._unit(self._rng.normal(size=(len(people), 512)))
        share = np.sqrt(GENUINE_COSINE)
        return self._unit(share * self._centres[people] + np.sqrt(1 - GENUINE_COSINE) * noise)

    @staticmethod
    def _unit(raw: np.ndarray) -> Vector:
        unit: Vector = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
        return unit


def fill(sessions: sessionmaker[Session], people: People, count: int) -> int:
    """Replace the gallery; the id of the new generation."""
    with sessions.begin() as session:
        session.execute(text("TRUNCATE users, photos, face_generations, face_embeddings RESTART IDENTITY CASCADE"))
        session.execute(
            text("INSERT INTO users (name, email) SELECT 'P' || n, n || '@x' FROM generate_series(1, :n) n"),
            {"n": count},
        )
        session.execute(
            text(
                "INSERT INTO photos (user_id, filename, storage_key, width, height, size_bytes, sha256) "
                "SELECT u, 'f', u || '/' || k, 224, 224, 1, '' FROM generate_series(1, :k) k, generate_series(1, :n) u"
            ),
            {"n": count, "k": PHOTOS_PER_PERSON},
        )
        session.execute(text("INSERT INTO face_generations (model, state) VALUES (:m, 'live')"), {"m": MODEL})
    photo = 0
    for _ in range(PHOTOS_PER_PERSON):
        for start in range(0, count, INSERT_AT_ONCE):
            some = range(start, min(start + INSERT_AT_ONCE, count))
            rows = [
                NewEmbedding(user + 1, photo + number + 1, vector, 1.0)
                for number, (user, vector) in enumerate(zip(some, people.photos(some), strict=True))
            ]
            photo += len(rows)
            with sessions.begin() as session:
                vectors.insert(session, 1, MODEL, rows)
    return 1


def ask(sessions: sessionmaker[Session], probes: Vector, expected: range) -> tuple[float, float]:
    """Median milliseconds of a search, and the share of probes whose person came first."""
    times, hits = [], 0
    for probe, person in zip(probes, expected, strict=True):
        started = time.perf_counter()
        with sessions() as session:
            found = vectors.search(session, MODEL, probe, top_k=5)
        times.append((time.perf_counter() - started) * 1000)
        hits += found.people_found[0].user_id == person + 1
    return statistics.median(times), hits / len(times)


def measure(database: Engine, photos: int, probes: int) -> None:
    """One size."""
    sessions = make_sessions(database)
    count = photos // PHOTOS_PER_PERSON
    people = People(count)
    vectors.drop_index(database, 1)  # of the size before: inserting into it would take minutes
    generation = fill(sessions, people, count)
    vectors.refresh_statistics(database)
    chosen = range(0, count, max(1, count // probes))
    asked = people.photos(chosen)
    exact_ms, exact_hits = ask(sessions, asked, chosen)
    started = time.perf_counter()
    vectors.build_index(database, generation)
    built = time.perf_counter() - started
    with sessions.begin() as session:
        recall, _ = vectors.measure_recall(session, generation, probes=probes)
        session.execute(text("UPDATE face_generations SET indexed = true"))
    ask(sessions, asked[:20], chosen[:20])
    index_ms, index_hits = ask(sessions, asked, chosen)
    print(
        f"{photos:>8} photos {count:>7} people   exact {exact_ms:7.2f} ms, first {exact_hits:.3f}   "
        f"index {index_ms:6.2f} ms, first {index_hits:.3f}, recall as told {recall:.3f}, built in {built:.0f} s"
    )


def main() -> None:
    """One line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[3000, 20_000, 50_000, 100_000])
    parser.add_argument("--probes", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kenali-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "instance")
        database = make_engine(postgres.start())
        print(check(database))
        upgrade(database)
        for photos in args.photos:
            measure(database, photos, args.probes)
        database.dispose()
        postgres.stop()


if __name__ == "__main__":
    main()
