"""docs/walkthrough.md, command by command, with real curl against a real server and real photos."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench._server import Server, start
from tests.collections_ import BUFFALO_SC, COUGHS, DOGS, LFW, needs_buffalo, needs_dogs_and_coughs, needs_lfw

WALKTHROUGH = Path(__file__).parents[2] / "docs" / "walkthrough.md"
PHOTOS = [
    *(f"photo{n}.jpg" for n in range(1, 6)),
    "test_face.jpg",
    "face.jpg",
    *(f"better_photo{n}.jpg" for n in range(1, 4)),
]
#: A person of LFW with eight photos: enough that what is asked about was not enrolled.
PERSON = "George_Clooney"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def commands() -> list[str]:
    return re.findall(r"```bash\n(.*?)```", WALKTHROUGH.read_text(), re.DOTALL)


@pytest.fixture
def own_photos(tmp_path: Path) -> Path:
    """Photos that every machine has: one person of the insightface wheel, a little different each time."""
    from PIL import Image, ImageEnhance

    spec = importlib.util.find_spec("insightface")
    group = Image.open(Path(spec.origin).parent / "data" / "images" / "t1.jpg").convert("RGB")
    width, height = group.size
    for number, name in enumerate(PHOTOS):
        # The person in the middle of the front; another light, another crop each time.
        crop = group.crop(
            (int(width * 0.36) + number, int(height * 0.22), int(width * 0.58), int(height * 0.75) - number)
        )
        ImageEnhance.Brightness(crop).enhance(0.9 + 0.02 * number).save(tmp_path / name, quality=92)
    return tmp_path


@pytest.fixture
def lfw_photos(tmp_path: Path) -> Path:
    photos = sorted((LFW / PERSON).glob("*.jpg"))
    for number, name in enumerate(PHOTOS):
        shutil.copy(photos[number % len(photos)], tmp_path / name)
    return tmp_path


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    servers: list[Server] = []

    def serve(model: str) -> Server:
        servers.append(start(tmp_path, FACE_MODEL=model))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


def walk(server: Server) -> list[tuple[int, Any]]:
    """Run every command; statuses and answers."""
    answers = []
    for command in commands():
        told = command.replace("localhost:5000", f"127.0.0.1:{server.port}").rstrip() + " -s -w '\\n%{http_code}'"
        out = subprocess.run(["bash", "-c", told], cwd=server.folder, capture_output=True, check=True, timeout=120)
        body, _, status = out.stdout.decode().rpartition("\n")
        answers.append((int(status), json.loads(body)))
    return answers


def check(answers: list[tuple[int, Any]]) -> None:
    user, one, many, incremental, rebuild, predict, password, face, better, again, face_again = answers
    assert [status for status, _ in answers] == [201, 201, 201, 200, 200, 200, 200, 200, 201, 200, 200]
    assert user[1].keys() == {"id", "name", "email", "role", "created_at"}
    assert one[1]["filename"] == "photo1.jpg"
    assert one[1]["filepath"].startswith("dataset/1/")
    assert (one[1]["width"], one[1]["height"]) == (224, 224)
    assert one[1]["face"]["detected"] is True
    assert many[1]["uploaded"] == 5
    assert [photo["filename"] for photo in many[1]["files"]] == [f"photo{n}.jpg" for n in range(1, 6)]
    assert incremental[1]["success"] is True
    assert incremental[1]["message"] == "Embeddings built for user 1"
    assert incremental[1]["data"].keys() >= {
        "user_id",
        "faces_processed",
        "embeddings_created",
        "processing_time_seconds",
        "timestamp",
    }
    assert incremental[1]["data"]["embeddings_created"] == 6
    assert rebuild[1]["message"] == "Face database built successfully"
    assert rebuild[1]["data"]["num_classes"] == 1
    assert rebuild[1]["data"]["total_faces"] == 6
    assert rebuild[1]["data"]["model_path"] == "models/face_db.npy"
    assert predict[1]["status"] == "success"
    assert predict[1]["data"]["user_id"] == 1
    assert predict[1]["data"]["all_predictions"][0]["name"] == "John Doe"
    assert password[1]["message"] == "Login successful"
    assert password[1]["data"]["token"]
    assert face[1]["message"] == "Face verification successful"
    assert face[1]["data"]["match"] is True
    assert face[1]["data"]["method"] == "PostgreSQL pgvector (1:1)"
    assert better[1]["uploaded"] == 3
    assert again[1]["success"] is True
    assert face_again[1]["data"]["match"] is True


@needs_curl
def test_the_walkthrough_works_on_any_machine(own_photos, serve):
    check(walk(serve("dlib")))


@needs_curl
@needs_lfw
@pytest.mark.parametrize("model", ["dlib", pytest.param(str(BUFFALO_SC), marks=needs_buffalo, id="buffalo_sc")])
def test_the_walkthrough_works_with_photos_of_a_real_person(lfw_photos, serve, model):
    check(walk(serve(model)))


def _same(shown: Any, seen: Any) -> bool:
    """Whether an answer is the one shown, but for times, and numbers that another processor may change a little."""
    if isinstance(shown, dict):
        return shown.keys() == seen.keys() and all(
            name in {"created_at", "timestamp", "processing_time_seconds"} or _same(shown[name], seen[name])
            for name in shown
        )
    if isinstance(shown, float):
        return abs(shown - seen) < 0.05
    return bool(shown == seen)


README = WALKTHROUGH.parents[1] / "README.md"


def shown_in_the_readme(position: int) -> tuple[str, list[Any]]:
    """A session with curl, and the answers that follow it."""
    readme = README.read_text()
    sessions = [block for block in re.findall(r"```bash\n(.*?)```", readme, re.DOTALL) if "curl" in block]
    answers = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert len(sessions) == len(answers) == 2
    return sessions[position], [json.loads(line) for line in answers[position].splitlines()]


def run_session(session: str, folder: Path, server: Server) -> list[Any]:
    """What the server answers to it."""
    session = session.replace("localhost:5000", f"127.0.0.1:{server.port}").replace("curl ", "curl -s -w '\\n' ")
    out = subprocess.run(["bash", "-ec", session], cwd=folder, capture_output=True, check=True, timeout=120, text=True)
    return [json.loads(line) for line in out.stdout.splitlines() if line]


@needs_curl
def test_the_session_of_the_readme_is_answered_as_the_readme_shows(tmp_path, serve):
    session, expected = shown_in_the_readme(0)
    packages = Path(importlib.util.find_spec("insightface").origin).parents[1]
    answers = run_session(session.replace(".venv/lib/python3*/site-packages", str(packages)), tmp_path, serve("dlib"))
    assert len(answers) == len(expected) == 5
    for seen, said in zip(answers, expected, strict=True):
        assert _same(said, seen), seen


@needs_curl
@needs_dogs_and_coughs
def test_a_dog_and_a_cough_are_answered_as_the_readme_shows(tmp_path, serve):
    session, (dog, cough) = shown_in_the_readme(1)
    shutil.copy(DOGS / "n02088364_beagle.jpg", tmp_path / "beagle.jpg")
    shutil.copy(COUGHS / "3-m-h-03.flac", tmp_path / "cough.flac")
    seen_dog, seen_cough = run_session(session, tmp_path, serve("dlib"))
    assert seen_dog.keys() == dog.keys()
    assert (seen_dog["predicted_breed"], seen_dog["is_dog"]) == (dog["predicted_breed"], dog["is_dog"])
    assert [each["breed"] for each in seen_dog["top"]] == [each["breed"] for each in dog["top"]]
    assert float(seen_dog["confidence"][:-1]) == pytest.approx(float(dog["confidence"][:-1]), abs=0.5)
    assert seen_cough.keys() == cough.keys()
    assert (seen_cough["prediction"], seen_cough["notice"]) == (cough["prediction"], cough["notice"])
    assert len(seen_cough["segments"]) == len(cough["segments"])
