"""1:N through the API: enrolled people, their remaining photos and strangers, with the program's own threshold.

Enrols people from 1 to 5 photos each (one at least is kept back as a probe), trains, and asks
``POST /api/face/predict`` about every remaining photo and about strangers. The people come from the half of the
collection that calibration never saw, unless ``--half all``.

    python -m bench.recognition --photos FOLDER --model buffalo_sc-FOLDER|dlib [--people 200] [--strangers 200]
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from bench._lfw import half_of, photos_by_person
from bench._server import Client, running

MOST_ENROLLED = 5


def choose(
    folder: Path, half: str, people: int, strangers: int, seed: int
) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Whom to enrol (two photos at least), and who stays a stranger."""
    found = photos_by_person(folder)
    names = [name for name in found if half == "all" or half_of(name) == int(half)]
    random.Random(seed).shuffle(names)
    enrolled = [name for name in names if len(found[name]) > 1][:people]
    others = [name for name in names if name not in set(enrolled)][:strangers]
    return {name: found[name] for name in enrolled}, {name: found[name] for name in others}


def enrol(client: Client, name: str, photos: list[Path]) -> int:
    """Create the user and upload the photos."""
    answer = client.json("POST", "/api/users", {"name": name, "email": f"{name.lower()}@example.org"})
    user_id: int = answer.json["id"]
    files = [("files", path.name, path.read_bytes()) for path in photos]
    answer = client.form(f"/api/photos/{user_id}/upload/multiple", files)
    assert answer.status == 201, answer.body
    return user_id


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", required=True, help="FACE_MODEL of the server")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--strangers", type=int, default=200)
    parser.add_argument("--half", choices=["0", "1", "all"], default="1", help="1: never seen by calibration")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chosen, strangers = choose(args.photos, args.half, args.people, args.strangers, args.seed)

    with running(FACE_MODEL=args.model) as server:
        client = server.client()
        probes: list[tuple[int | None, Path]] = []
        photos_enrolled = 0
        for name, photos in chosen.items():
            count = min(len(photos) - 1, MOST_ENROLLED)
            user_id = enrol(client, name, photos[:count])
            photos_enrolled += count
            probes += [(user_id, path) for path in photos[count:]]
        trained = client.json("POST", "/api/training/start", {})
        assert trained.status == 200, trained.body
        probes += [(None, photos[0]) for photos in strangers.values()]

        genuine = first = accepted = impostors = named = no_face = 0
        wrong: list[str] = []
        threshold = 0.0
        for truth, path in probes:
            answer = client.form("/api/face/predict", [("file", path.name, path.read_bytes())])
            if answer.status == 422:
                no_face += 1
                genuine += truth is not None
                impostors += truth is None
                continue
            assert answer.status == 200, answer.body
            data = answer.json["data"]
            threshold = data["threshold"]
            best = data["all_predictions"][0]["user_id"] if data["all_predictions"] else None
            if truth is None:
                impostors += 1
                named += data["user_id"] is not None
                if data["user_id"] is not None:
                    wrong.append(f"stranger {path.name} taken for {data['name']} at {data['similarity']:.3f}")
            else:
                genuine += 1
                first += best == truth
                accepted += data["user_id"] == truth
                if data["user_id"] != truth:
                    wrong.append(f"{path.name}: {data['decision']}, best {best == truth}, {data['similarity']:.3f}")
        model = client.call("GET", "/api/face/model").json
        print(f"model {model['name']}  people {len(chosen)}  photos {photos_enrolled}  threshold {threshold:.3f}")
        print(f"genuine probes {genuine}  strangers {impostors}  without a face {no_face}")
        print(f"rank-1 {first / genuine:.4f}   FNIR {1 - accepted / genuine:.4f}   FPIR {named / impostors:.4f}")
        print("\n".join(wrong))


if __name__ == "__main__":
    main()
