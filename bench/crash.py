"""kill -9 at random moments of upload, training and rebuild, and what is half done afterwards.

Each round starts the server on the same folders, lets several clients upload, train and search, kills it (every other
time together with its PostgreSQL) at a random moment, starts it again and compares database and disk. A fixed set of
people, enrolled before the first round, must be recognised by every search that is answered: a search that saw half
of a generation would miss one of them.

    python -m bench.crash --photos FOLDER [--model dlib] [--rounds 50]
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench._lfw import photos_by_person
from bench._server import Client, Server, start
from bench.recognition import enrol

FIXED = 6
CHANGING = 4
LONGEST_LIFE_SECONDS = 4.0
#: Beyond these, a changing person's photos are deleted again.
MOST_PHOTOS = 6


@dataclass
class Tally:
    """What was seen."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Something that must not happen."""
        self.problems.append(text)
        print("PROBLEM", text, flush=True)


def postgres_of(folder: Path) -> list[psutil.Process]:
    """The PostgreSQL processes of this instance: the postmaster and its children."""
    pid_file = folder / "instance" / "postgres" / "postmaster.pid"
    if not pid_file.exists():
        return []
    try:
        postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
        return [postmaster, *postmaster.children(recursive=True)]
    except (psutil.NoSuchProcess, ValueError, IndexError):
        return []


def kill(server: Server, *, with_database: bool) -> None:
    """As if the power had failed, or the kernel had run out of memory."""
    victims = postgres_of(server.folder) if with_database else []
    os.kill(server.process.pid, signal.SIGKILL)
    for process in victims:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    server.process.wait()


def compare(client: Client, folder: Path, tally: Tally) -> None:
    """Every row has its file, every file its row."""
    rows: set[str] = set()
    for user in client.call("GET", "/api/users").json:
        for page in itertools.count(1):
            photos = client.call("GET", f"/api/photos/{user['id']}?page={page}").json
            rows |= {photo["filepath"] for photo in photos}
            if len(photos) < 200:
                break
    dataset = folder / "dataset"
    files = {
        f"dataset/{path.relative_to(dataset)}"
        for path in dataset.rglob("*")
        if path.is_file() and path.parent != dataset
    }
    tally.counts["rows"] = len(rows)
    for name in sorted(rows - files):
        tally.problem(f"row without file: {name}")
    for name in sorted(files - rows):
        tally.problem(f"file without row: {name}")


def recognise(client: Client, fixed: dict[int, bytes], tally: Tally) -> None:
    """Every person of the fixed set is found."""
    for user_id, picture in fixed.items():
        answer = client.form("/api/face/predict", [("file", "probe.jpg", picture)])
        if answer.status != http.HTTPStatus.OK:
            if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE:
                tally.problem(f"search answered {answer.status}: {answer.body[:200]!r}")
            continue
        tally.counts["searches"] += 1
        found = [person["user_id"] for person in answer.json["data"]["all_predictions"]]
        if found[:1] != [user_id]:
            tally.problem(f"person {user_id} not found first: {answer.body[:300]!r}")


def work(server: Server, fixed: dict[int, bytes], changing: list[int], pictures: list[Path], tally: Tally) -> None:
    """Start clients that upload, delete, train and search until the server is gone."""
    rng = random.Random()

    def forever(step: str) -> None:
        client = server.client()
        try:
            while True:
                user_id = rng.choice(changing)
                if step == "upload":
                    path = rng.choice(pictures)
                    status = client.form(
                        f"/api/photos/{user_id}/upload", [("file", path.name, path.read_bytes())]
                    ).status
                elif step == "delete":
                    photos = client.call("GET", f"/api/photos/{user_id}").json
                    status = 0
                    for photo in photos[MOST_PHOTOS:]:
                        status = client.call("DELETE", f"/api/photos/{user_id}/{photo['id']}").status
                    time.sleep(0.2)
                elif step == "incremental":
                    status = client.json(
                        "POST", "/api/training/incremental", {"user_id": user_id, "force": True}
                    ).status
                elif step == "rebuild":
                    status = client.json("POST", "/api/training/start", {}).status
                else:
                    recognise(client, fixed, tally)
                    continue
                tally.counts[f"{step} {status}"] += 1
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return  # the server is gone: that is the point

    for step in ("upload", "upload", "delete", "incremental", "rebuild", "search"):
        threading.Thread(target=forever, args=(step,), daemon=True).start()


def main() -> None:
    """Print what was seen; exit 1 if anything was half done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="dlib")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    people = {name: photos for name, photos in photos_by_person(args.photos).items() if len(photos) > 1}
    names = random.Random(args.seed).sample(sorted(people), FIXED + CHANGING)
    pictures = [path for name in names[FIXED:] for path in people[name]]
    tally = Tally()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="kenali-crash-") as name:
        folder = Path(name)
        server = start(folder, FACE_MODEL=args.model)
        client = server.client()
        fixed = {enrol(client, name, people[name]): people[name][0].read_bytes() for name in names[:FIXED]}
        changing = [enrol(client, name, people[name]) for name in names[FIXED:]]
        trained = client.json("POST", "/api/training/start", {})
        assert trained.status == 200, trained.body
        for number in range(args.rounds):
            work(server, fixed, changing, pictures, tally)
            time.sleep(rng.uniform(0.05, LONGEST_LIFE_SECONDS))
            kill(server, with_database=number % 2 == 1)
            started = time.monotonic()
            server = start(folder, FACE_MODEL=args.model)
            client = server.client()
            compare(client, folder, tally)
            recognise(client, fixed, tally)
            print(
                f"round {number + 1}: up again in {time.monotonic() - started:.1f} s, {dict(tally.counts)}", flush=True
            )
        server.stop()
    print(f"{args.rounds} kills, {len(tally.problems)} problems, {dict(tally.counts)}")
    sys.exit(bool(tally.problems))


if __name__ == "__main__":
    main()
