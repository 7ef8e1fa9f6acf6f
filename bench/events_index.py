"""Indexing the photos of an event against the bare engine on the same pictures, and a worker killed three times.

Group pictures of 1 to 12 people are composed of a folder of people and uploaded over HTTP, and with them the real group
pictures of other folders (--real: every JPEG or PNG on which the bare engine sees several faces); a worker
(`flask worker`) looks at them. Its pace is taken from the times at which photos were finished, so that neither the
start of the program nor the loading of the model counts; decoding, storing and the queue do. The bare engine detects and
embeds the same pictures, already decoded, one by one in this process, before and after, and the two are averaged: the
machine may be busier at one time than at another. Where others use the machine too, the seconds of processor time for
each photo say more than the pace: those of the worker and of PostgreSQL, and those of the bare engine.

Then everything is looked at again, the worker is killed (kill -9) three times on the way, and each photo must have
been stored exactly once, with exactly the faces that the bare engine sees.

    python -m bench.events_index --photos FOLDER --model FOLDER|dlib [--pictures 1000] [--real FOLDER ...] [--kills 3]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, text

from app.db.connect import make_engine
from app.db.embedded import EmbeddedPostgres
from app.engines.base import FaceEngine
from bench._groups import Group, compose
from bench._lfw import engine_of, photos_by_person, read
from bench._server import ROOT, Client, Server, start
from bench.crash import postgres_of

TARGET = 0.8
#: Faces that make a group picture.
SEVERAL = 2
#: Files in one request, as a careful client sends them.
UPLOAD_AT_ONCE = 20
LOOK_SECONDS = 0.1
#: Without one more photo for so long, something is wrong.
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Bare:
    """What the bare engine did with all pictures."""

    faces: list[int]
    seconds: float
    #: with decoding
    seconds_from_files: float
    #: of the processor, without decoding
    cpu_seconds: float


def bare(engine: FaceEngine, groups: Sequence[Group]) -> Bare:
    """Detect and embed one by one."""
    faces, seconds, cpu = [], 0.0, 0.0
    began = time.perf_counter()
    for group in groups:
        image = read(group.path)
        started, cpu_started = time.perf_counter(), time.process_time()
        found = engine.detect(image)
        engine.embed(image, found)
        seconds += time.perf_counter() - started
        cpu += time.process_time() - cpu_started
        faces.append(len(found))
    return Bare(faces, seconds, time.perf_counter() - began, cpu)


def real_groups(engine: FaceEngine, folders: Sequence[Path]) -> list[Group]:
    """Photos on which several people are, each file once: an event stores no duplicate."""
    seen: set[bytes] = set()
    groups = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.suffix.lower() not in {".jpg", ".jpeg", ".png"}:
            continue
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest not in seen and len(found := engine.detect(read(path))) >= SEVERAL:
            groups.append(Group(path, ("somebody",) * len(found)))
        seen.add(digest)
    return groups


@contextmanager
def working(server: Server, model: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker beside the server; killed at the end."""
    folder = server.folder
    environment = {
        **os.environ,
        "INSTANCE_DIR": str(folder / "instance"),
        "DATASET_DIR": str(folder / "dataset"),
        "MODELS_DIR": str(folder / "models"),
        "HISTORY_DIR": str(folder / "history_images"),
        "FACE_MODEL": model,
    }
    with (folder / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "flask", "--app", str(ROOT / "run.py"), "worker"]
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def one(database: Engine, query: str) -> Any:
    """The one row of a query."""
    with database.connect() as connection:
        return connection.execute(text(query)).one()


def wait_for(database: Engine, photos: int) -> None:
    """Wait until so many photos are indexed."""
    best, since = -1, time.monotonic()
    while best < photos:
        (now,) = one(database, "SELECT count(*) FROM event_images WHERE state = 'indexed'")
        if now > best:
            best, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            raise RuntimeError(f"{now} of {photos} photos, and no more for {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def upload(client: Client, groups: Sequence[Group]) -> float:
    """Upload everything to a new event; seconds."""
    event = client.json("POST", "/api/events", {"name": "Measurement", "password": "measured"})
    assert event.status == 201, event.body
    started = time.perf_counter()
    for at in range(0, len(groups), UPLOAD_AT_ONCE):
        part = groups[at : at + UPLOAD_AT_ONCE]
        answer = client.form("/api/events/1/images", [("files", g.path.name, g.path.read_bytes()) for g in part])
        assert answer.status == 201, answer.body
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Pace:
    """What an undisturbed worker did."""

    photos_per_second: float
    #: of the processor, for each photo: the worker's, and PostgreSQL's with everything that it did meanwhile
    worker_cpu_seconds: float
    postgres_cpu_seconds: float


def cpu_seconds(*processes: psutil.Process) -> float:
    """Processor time of some processes so far; those that are gone count nothing."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def measure_pace(database: Engine, server: Server, model: str, photos: int) -> Pace:
    """From the first photo on, when the model is loaded."""
    with working(server, model) as worker:
        wait_for(database, 1)
        (done,) = one(database, "SELECT count(*) FROM event_images WHERE state = 'indexed'")
        process, postgres = psutil.Process(worker.pid), postgres_of(server.folder)
        worker_before, postgres_before = cpu_seconds(process), cpu_seconds(*postgres)
        wait_for(database, photos)
        worker_cpu, postgres_cpu = cpu_seconds(process) - worker_before, cpu_seconds(*postgres) - postgres_before
    first, last = one(database, "SELECT min(indexed_at), max(indexed_at) FROM event_images")
    return Pace(
        (photos - 1) / (last - first).total_seconds(), worker_cpu / (photos - done), postgres_cpu / (photos - done)
    )


def kill_on_the_way(database: Engine, server: Server, model: str, photos: int, kills: int) -> None:
    """Look at everything again, the worker killed after each further part of it."""
    answer = server.client().json("POST", "/api/events/1/index", {"all": True})
    assert answer.json["queued"] == photos, answer.body
    for kill in range(1, kills + 1):
        with working(server, model):
            wait_for(database, photos * kill // (kills + 1))
    with working(server, model):
        wait_for(database, photos)


def check(database: Engine, expected: list[int], changes_before: int) -> list[str]:
    """What is wrong after the kills."""
    with database.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT i.state, i.faces, count(f.id) FROM event_images i LEFT JOIN event_faces f ON f.image_id = i.id "
                "GROUP BY i.id ORDER BY i.id"
            )
        ).all()
    wrong = [
        f"photo {number}: {tuple(row)} instead of {faces} faces"
        for number, (row, faces) in enumerate(zip(rows, expected, strict=True), 1)
        if tuple(row) != ("indexed", faces, faces)
    ]
    (changes,) = one(database, "SELECT changes FROM events")
    # The old faces go and the new ones come, once for each photo that has any.
    stored = (changes - changes_before) / 2
    if stored != sum(faces > 0 for faces in expected):
        wrong.append(f"faces were stored {stored} times")
    return wrong


def main() -> None:
    """Print what was measured; exit 1 if something was lost, done twice, or too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders with real group pictures")
    parser.add_argument("--kills", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kenali-bench-") as name:
        folder = Path(name)
        (folder / "groups").mkdir()
        groups = compose(photos_by_person(args.photos), folder / "groups", args.pictures)
        engine = engine_of(args.model)
        real = real_groups(engine, args.real)
        groups += real
        people = sum(len(group.people) for group in groups)
        print(
            f"{len(groups)} pictures of {people} people, {people / len(groups):.1f} each; {len(real)} of them real, "
            f"of {sum(len(group.people) for group in real)}"
        )
        server = start(folder, FACE_MODEL=args.model, RUN_WORKER="false", WARM_MODELS="false")
        postgres = EmbeddedPostgres(folder / "instance")
        database = make_engine(postgres.start())
        seconds = upload(server.client(), groups)
        print(f"uploaded in {seconds:.1f} s, {len(groups) / seconds:.1f} photos/s")
        engine.detect(read(groups[0].path))
        before = bare(engine, groups)
        pace = measure_pace(database, server, args.model, len(groups))
        after = bare(engine, groups)
        alone = 2 * len(groups) / (before.seconds + after.seconds)
        from_files = 2 * len(groups) / (before.seconds_from_files + after.seconds_from_files)
        ratio = pace.photos_per_second / alone
        print(f"{sum(after.faces)} faces found; indexed {pace.photos_per_second:.2f} photos/s")
        print(f"bare engine {alone:.2f} photos/s, ratio {ratio:.2f} ({'ok' if ratio >= TARGET else 'TOO SLOW'})")
        print(f"bare engine with decoding {from_files:.2f} photos/s, ratio {pace.photos_per_second / from_files:.2f}")
        cpu_alone = (before.cpu_seconds + after.cpu_seconds) / 2 / len(groups)
        cpu = pace.worker_cpu_seconds + pace.postgres_cpu_seconds
        print(
            f"processor time for a photo: worker {1000 * pace.worker_cpu_seconds:.1f} ms, PostgreSQL "
            f"{1000 * pace.postgres_cpu_seconds:.1f} ms; bare engine {1000 * cpu_alone:.1f} ms, "
            f"ratio {cpu_alone / cpu:.2f}"
        )
        (changes,) = one(database, "SELECT changes FROM events")
        kill_on_the_way(database, server, args.model, len(groups), args.kills)
        wrong = check(database, after.faces, changes)
        print(f"worker killed {args.kills} times: {len(wrong)} problems", *wrong[:10], sep="\n")
        database.dispose()
        server.stop()
        postgres.stop()
    sys.exit(bool(wrong) or ratio < TARGET)


if __name__ == "__main__":
    main()
