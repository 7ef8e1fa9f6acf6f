"""A Drive folder of 2500 pictures over 3 pages, with faults injected and the server killed three times.

A local server speaks the Drive API (tests/fake_google.py). One request in ten goes wrong: 500, 429, 403 for going too
fast, a connection that ends in the middle, and a few times silence. `python run.py` searches the folder for one person
and is killed (kill -9) three times on the way. Each picture must have been analysed exactly once, the search be
completed, and the memory of the last server be flat, from its first pictures to the half of the folder and from there
to its end. Then a second person searches the same folder: nothing is fetched.

    python -m bench.drive_search --photos FOLDER --model buffalo_sc-FOLDER|dlib [--files 2500] [--calm]

--calm leaves out the faults and the kills: what is left is the memory of one server from beginning to end.

With more files than the collection has photos, some of them have the same content under another name.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench._lfw import photos_by_person
from bench._server import Client, Server, multipart, start
from tests.fake_google import API_KEY, CUT, SILENCE, FakeGoogle, Fault, drive_error

FOLDER = "bench-folder-2500"
URL = f"https://drive.google.com/drive/folders/{FOLDER}"
FAULT_RATE = 0.1
#: Each costs the client its patience with a silent connection, twenty seconds.
SILENCES = 2
KILL_AT = (0.1, 0.2, 0.3)
#: Pictures after which the last server's memory is looked at first: the model is loaded, buffers are grown.
SETTLED = 200
#: Growth of the resident memory from then to the end that still counts as flat: the recogniser keeps the memory of its
#: largest run, four faces, and a picture with so many may come late; the allocator keeps some of what requests used.
FLAT_MB = 25
#: The same from half of the pictures to the end.
FLAT_HALF_MB = 10
LOOK_SECONDS = 0.25


def faults(seed: int) -> Any:
    """What goes wrong with which request; the same at each run as far as the requests are."""
    rng = random.Random(seed)
    silences = [SILENCE] * SILENCES
    kinds = [Fault(500), Fault(503, b"<html>"), Fault(429), drive_error(403, "userRateLimitExceeded"), CUT]

    def choose(kind: str, _what: str) -> Fault | None:
        if rng.random() >= FAULT_RATE:
            return None
        if kind == "media" and silences and rng.random() < 0.02:
            return silences.pop()
        return rng.choice(kinds)

    return choose


def sign_up(client: Client, name: str) -> str:
    """The token of a new person."""
    email = f"{name.lower()}@bench.example"
    client.json("POST", "/api/users", {"name": name, "email": email, "password": "secure123"})
    answer = client.json("POST", "/api/auth/login-pass-verify", {"email": email, "password": "secure123"})
    token: str = answer.json["data"]["token"]
    return token


def search(client: Client, token: str, selfie: Path) -> int:
    """The id of a new search with this picture."""
    body, content_type = multipart({"drive_url": URL}, [("file", "me.jpg", selfie.read_bytes())])
    answer = client.call("POST", "/api/drive-search", body, Content_Type=content_type, Authorization=f"Bearer {token}")
    assert answer.status == 202, answer.body
    number: int = answer.json["search_id"]
    return number


def state(client: Client, token: str, number: int) -> dict[str, Any]:
    """The search as the API tells it."""
    answer = client.call("GET", f"/api/drive-search/{number}", Authorization=f"Bearer {token}")
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    return told


def follow(server: Server, token: str, number: int, until: float) -> tuple[dict[str, Any], list[tuple[int, float]]]:
    """Wait until so many pictures are done or the search ends; the memory (MB) by pictures done."""
    client, process = server.client(), psutil.Process(server.process.pid)
    memory = []
    while True:
        told = state(client, token, number)
        memory.append((told["progress"]["analysed"], process.memory_info().rss / 1e6))
        if told["status"] != "processing" or told["progress"]["analysed"] >= until:
            client.close()
            return told, memory
        time.sleep(LOOK_SECONDS)


def main() -> None:  # noqa: PLR0915 - one measurement, told from beginning to end
    """Print what was seen; exit 1 if anything was lost, done twice, or grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="dlib")
    parser.add_argument("--files", type=int, default=2500)
    parser.add_argument("--calm", action="store_true", help="without faults and kills")
    args = parser.parse_args()
    people = photos_by_person(args.photos)
    (who, own), (other, others) = [
        (name, photos) for name, photos in sorted(people.items(), key=lambda item: -len(item[1]))
    ][5:7]
    selfie, second_selfie = own[0], others[0]
    paths = [path for photos in people.values() for path in photos if path not in {selfie, second_selfie}]
    wanted = [path for path in paths if path.parent.name in {who, other}]
    everybody_else = [path for path in paths if path not in set(wanted)]
    times, left = divmod(args.files - len(wanted), len(everybody_else))
    rng = random.Random(1)
    chosen = [*wanted, *everybody_else * times, *rng.sample(everybody_else, left)]
    rng.shuffle(chosen)
    listed = {f"file-{number:05}-{path.parent.name}"[:60]: path for number, path in enumerate(chosen)}

    with FakeGoogle() as google, tempfile.TemporaryDirectory(prefix="kenali-drive-") as folder:
        google.folder(FOLDER)
        for file_id, path in listed.items():
            google.picture(file_id, FOLDER, path.read_bytes, md5=f"{file_id}-1", size=path.stat().st_size)
        settings = {
            "FACE_MODEL": args.model,
            "GOOGLE_API_KEY": API_KEY,
            "GOOGLE_DRIVE_URL": f"{google.url}/drive/v3",
            "PASSWORD_COST": "4",
            "ACCESS_TOKEN_MINUTES": "1440",
            "EVENTS_DIR": f"{folder}/events",
        }
        server = start(Path(folder), **settings)
        first, second = sign_up(server.client(), "First"), sign_up(server.client(), "Second")
        if not args.calm:
            google.chaos = faults(seed=3)
        began = time.monotonic()
        number = search(server.client(), first, selfie)
        kills = () if args.calm else KILL_AT
        for share in kills:
            told, _ = follow(server, first, number, share * args.files)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            print(f"killed after {told['progress']['analysed']} of {told['progress']['found']} pictures", flush=True)
            server = start(Path(folder), **settings)
        told, memory = follow(server, first, number, args.files + 1)
        seconds = time.monotonic() - began
        fetched = dict(google.downloads)
        twice = {file_id: times for file_id, times in fetched.items() if times > 1}
        settled = next(mb for done, mb in memory if done >= memory[0][0] + SETTLED)
        half = next(mb for done, mb in memory if done >= args.files / 2)
        growth, late_growth = memory[-1][1] - settled, memory[-1][1] - half
        peak = max(mb for _, mb in memory)

        found = {result["name"] for result in told["results"] if result["band"] == "sure"}
        names = {f"{file_id}.jpg" for file_id, path in listed.items() if path.parent.name == who}
        pages = len({seen.path for seen in google.seen if seen.kind == "list"})
        requests = len(google.seen)

        google.chaos = lambda _kind, _what: None
        google.downloads.clear()
        began = time.monotonic()
        again, _ = follow(server, second, search(server.client(), second, second_selfie), args.files + 1)
        again_seconds = time.monotonic() - began
        server.stop()

    print(f"status {told['status']}, {told['progress']}, error {told['error']}")
    wrong = "none" if args.calm else f"one in {1 / FAULT_RATE:.0f}"
    print(f"{pages} pages, {requests} requests, {wrong} went wrong; {seconds:.0f} s, {len(kills)} kills")
    grown = f"{half:.0f} MB at half of them, {memory[-1][1]:.0f} MB at the end ({growth:+.1f}), peak {peak:.0f} MB"
    print(f"fetched: {len(fetched)} files; twice: {len(twice)} (in flight when the server was killed)")
    print(f"memory of the last server: {settled:.0f} MB after its first {SETTLED} pictures, {grown}")
    print(f"sure: {len(found)} pictures, of {who} {len(found & names)} of {len(names)}")
    print(f"second person: {again['status']} in {again_seconds:.1f} s, {sum(google.downloads.values())} files fetched")
    good = (
        told["status"] == again["status"] == "completed"
        and told["progress"]["found"] == told["progress"]["analysed"] == len(fetched) == args.files
        and len(twice) <= len(KILL_AT)
        and not google.downloads
        and growth <= FLAT_MB
        and late_growth <= FLAT_HALF_MB
    )
    print("good" if good else "NOT GOOD")
    sys.exit(not good)


if __name__ == "__main__":
    main()
