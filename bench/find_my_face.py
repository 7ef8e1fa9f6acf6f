"""Find my face: how long a query takes among the faces of one event, and what it finds.

How long: one event with so many faces (20 of each person, made so that two of one person have the cosine of real ones,
0.61 as measured for buffalo_sc) in an embedded PostgreSQL of its own. The product's own search, from memory and from
the database, alternately; both must find exactly the same. On a machine that others use, the elapsed time tells how
many they are: the load is printed, and the processor time of the search in memory (with OPENBLAS_NUM_THREADS=1, all of
it).

What: group pictures composed of real photos (with --photos and --model). Three photos of each person are their selfies
and on no picture. One selfie, and three combined by mean or by best score, at the default thresholds. And how much
longer it takes to look at every photo again for each search, as the program did that this one takes the place of.

    python -m bench.find_my_face [--faces 1000 100000] [--photos FOLDER --model FOLDER|dlib] [--pictures 300]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session, sessionmaker

from app.db import Event, EventFace
from app.db.connect import make_engine
from app.db.embedded import EmbeddedPostgres
from app.db.event_faces import Vectors
from app.db.migrate import upgrade
from app.db.session import make_sessions
from app.engines.face.calibration import calibration_for
from app.services.events.memory import EventMemory
from app.services.face_bands import Band, bands_for
from bench._groups import compose
from bench._lfw import engine_of, photos_by_person, read
from bench.vector_search import MODEL, People

FACES_OF_A_PERSON = 20
FACES_ON_A_PHOTO = 5
INSERT_AT_ONCE = 2000
SELFIES = 3
PATIENCE_SECONDS = 600.0


def make_event(sessions: sessionmaker[Session], photos: int) -> None:
    """One event, number 1, whose photos are numbered from 1."""
    with sessions.begin() as session:
        session.execute(text("TRUNCATE events, event_images, event_faces RESTART IDENTITY CASCADE"))
        session.execute(text("INSERT INTO events (name, password_hash, share_code) VALUES ('Bench', '', 'BENCH')"))
        session.execute(
            text(
                "INSERT INTO event_images (event_id, filename, storage_key, kind, sha256, width, height, size_bytes, "
                "state) SELECT 1, 'f', 'k' || n, 'jpg', 's' || n, 4000, 3000, 1, 'indexed' "
                "FROM generate_series(1, :n) n"
            ),
            {"n": photos},
        )


def store(sessions: sessionmaker[Session], vectors: Vectors, images: Sequence[int]) -> None:
    """Faces of the event, and the photo of each."""
    for at in range(0, len(vectors), INSERT_AT_ONCE):
        rows = []
        for number in range(at, min(at + INSERT_AT_ONCE, len(vectors))):
            box = {"x": 10.0 * (number % 300), "y": 50.0, "w": 80.0, "h": 100.0, "score": 0.9, "quality": 0.9}
            face = {"event_id": 1, "image_id": images[number], "model": MODEL, "embedding": vectors[number]}
            rows.append({**face, **box})
        with sessions.begin() as session:
            session.execute(insert(EventFace), rows)


def fill(sessions: sessionmaker[Session], people: People, faces: int) -> None:
    """The event, with made-up faces."""
    count = faces // FACES_OF_A_PERSON
    make_event(sessions, faces // FACES_ON_A_PHOTO + 1)
    rng = np.random.default_rng(1)
    number = 0
    for _ in range(FACES_OF_A_PERSON):
        order = rng.permutation(count)
        images = [face // FACES_ON_A_PHOTO + 1 for face in range(number, number + count)]
        store(sessions, people.photos(range(count))[order], images)
        number += count
    with sessions.begin() as session:
        session.execute(text("ANALYZE event_faces"))


def wait_for_copy(sessions: sessionmaker[Session], memory: EventMemory, probe: Vectors) -> float:
    """Search until the copy is there; seconds."""
    started = time.perf_counter()
    while time.perf_counter() - started < PATIENCE_SECONDS:
        with sessions() as session:
            event = session.get_one(Event, 1)
            if memory.holds(event, MODEL):
                return time.perf_counter() - started
            memory.search(session, event, MODEL, probe, lambda _: 0.3)
        time.sleep(0.02)
    raise SystemExit("the copy never came")


def query_times(database: Engine, faces: int, probes: int) -> None:
    """One size."""
    sessions = make_sessions(database)
    count = faces // FACES_OF_A_PERSON
    people = People(count)
    fill(sessions, people, faces)
    calibration = calibration_for("buffalo_sc")

    def least(searched: int) -> float:
        return bands_for(calibration, searched).maybe

    chosen = range(0, count, max(1, count // probes))
    asked = people.photos(chosen)
    memory, never = EventMemory(sessions, most_faces=max(faces, 1)), EventMemory(sessions, most_faces=0)
    copied = wait_for_copy(sessions, memory, asked[0])
    times: dict[str, list[float]] = {"memory": [], "database": []}
    work = []
    alike = 0
    for probe in asked:
        found = []
        for name, way in (("memory", memory), ("database", never)):
            with sessions() as session:
                event = session.get_one(Event, 1)
                started, worked = time.perf_counter(), time.thread_time()
                hits = way.search(session, event, MODEL, probe, least)
                times[name].append((time.perf_counter() - started) * 1000)
                if way is memory:
                    work.append((time.thread_time() - worked) * 1000)
            found.append(sorted(zip(hits.faces.image_ids.tolist(), hits.faces.boxes[:, 0].tolist(), strict=True)))
        alike += found[0] == found[1]
    told = "   ".join(
        f"{name} p50 {statistics.median(values):7.2f} ms, p95 {np.percentile(values, 95):7.2f}, best {min(values):6.2f}"
        for name, values in times.items()
    )
    print(
        f"{faces:>7} faces   {told}   memory's own work p50 {statistics.median(work):.2f} ms   "
        f"same answers {alike}/{len(asked)}   copied in {copied:.1f} s   load {os.getloadavg()[0]:.1f}"
    )


# --- what is found


def _mean(vectors: Vectors) -> Callable[[Vectors], Vectors]:
    mean = vectors.mean(axis=0)
    probe = mean / np.linalg.norm(mean)
    return lambda faces: faces @ probe


def _best(vectors: Vectors) -> Callable[[Vectors], Vectors]:
    return lambda faces: (faces @ vectors.T).max(axis=1)


def quality(sessions: sessionmaker[Session], photos: Path, model: str, pictures: int) -> None:
    """Recall and precision per person and photo, and what is saved by looking at each photo once."""
    engine = engine_of(model)
    calibration = calibration_for(engine.info.name)
    people = photos_by_person(photos, fewest=SELFIES + 1)
    selfies: dict[str, Vectors] = {}
    on_pictures: dict[str, list[Path]] = {}
    seconds: list[float] = []
    for name, paths in people.items():
        vectors = []
        for path in paths[:SELFIES]:
            image = read(path)
            if found := engine.detect(image):
                vectors.append(engine.embed(image, found[:1])[0])
        if len(vectors) == SELFIES:
            selfies[name] = np.array(vectors)
            on_pictures[name] = paths[SELFIES:]
    faces: list[Vectors] = []
    image_of: list[int] = []
    with tempfile.TemporaryDirectory(prefix="kenali-bench-") as folder:
        groups = compose(on_pictures, Path(folder), pictures)
        for number, group in enumerate(groups):
            image = read(group.path)
            started = time.perf_counter()
            found = engine.detect(image)
            faces.extend(engine.embed(image, found))
            seconds.append(time.perf_counter() - started)
            image_of.extend([number] * len(found))
    matrix, images = np.array(faces, np.float32), np.array(image_of)
    bands = bands_for(calibration, len(matrix))
    print(
        f"{len(groups)} pictures, {len(matrix)} faces, {len(selfies)} people, {engine.info.name}: "
        f"sure {bands.sure:.3f}, maybe {bands.maybe:.3f}"
    )
    make_event(sessions, len(groups))
    store(sessions, matrix, [number + 1 for number in image_of])
    probes = [vectors[0].astype(np.float32) for vectors in selfies.values()]
    search_ms = search_time(sessions, probes, bands.maybe)
    print(
        f"a search {search_ms:.2f} ms (p50 of {len(probes)}); looking at all photos again for each search "
        f"{sum(seconds):.1f} s, without reading them: {sum(seconds) * 1000 / search_ms:,.0f} times as long"
    )
    truth = {name: {at for at, group in enumerate(groups) if name in group.people} for name in selfies}
    for told, ways in (
        ("one selfie", [_mean(vectors[:1]) for vectors in selfies.values()]),
        ("three, mean", [_mean(vectors) for vectors in selfies.values()]),
        ("three, best", [_best(vectors) for vectors in selfies.values()]),
    ):
        for band, least in ((Band.SURE, bands.sure), (Band.MAYBE, bands.maybe)):
            _report(told, band, [set(images[way(matrix) >= least].tolist()) for way in ways], list(truth.values()))


def search_time(sessions: sessionmaker[Session], probes: Sequence[Vectors], least: float) -> float:
    """Median of one search each of the event, from memory, its row read; ms."""
    memory = EventMemory(sessions)
    wait_for_copy(sessions, memory, probes[0])
    times = []
    for probe in probes:
        with sessions() as session:
            started = time.perf_counter()
            event = session.get_one(Event, 1)
            memory.search(session, event, MODEL, probe, lambda _: least)
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _report(told: str, band: Band, found: Sequence[set[int]], truth: Sequence[set[int]]) -> None:
    right = [len(one & other) for one, other in zip(found, truth, strict=True)]
    recalls = [hits / len(other) for hits, other in zip(right, truth, strict=True) if other]
    precisions = [hits / len(one) for hits, one in zip(right, found, strict=True) if one]
    print(
        f"{told:<12} {'sure' if band is Band.SURE else 'sure+maybe':<10} per person: recall "
        f"{statistics.mean(recalls):.4f}, precision {statistics.mean(precisions):.4f}   of all: recall "
        f"{sum(right) / sum(map(len, truth)):.4f}, precision {sum(right) / max(sum(map(len, found)), 1):.4f}, "
        f"false {sum(map(len, found)) - sum(right)}"
    )


def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, nargs="*", default=[1000, 100_000])
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--pictures", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kenali-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "instance")
        database = make_engine(postgres.start())
        upgrade(database)
        for faces in args.faces:
            query_times(database, faces, args.probes)
        if args.photos and args.model:
            quality(make_sessions(database), args.photos, args.model, args.pictures)
        database.dispose()
        postgres.stop()


if __name__ == "__main__":
    main()
