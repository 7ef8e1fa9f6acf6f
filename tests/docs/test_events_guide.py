"""docs/events.md: its commands, with real curl against a real server, and what it says of errors."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from app import errors
from bench._server import start
from tests.docs.test_walkthrough import needs_curl
from tests.people import five_people

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"


@needs_curl
def test_the_commands_work_one_after_the_other(tmp_path: Path):
    for number, person in enumerate(five_people()[:2], 1):
        (tmp_path / f"photo{number}.jpg").write_bytes(person.photo())
    server = start(tmp_path, FACE_MODEL="dlib", WARM_MODELS="false")
    try:
        answers = []
        for command in re.findall(r"```bash\n(.*?)```", GUIDE.read_text(), re.DOTALL):
            told = command.replace("localhost:5000", f"127.0.0.1:{server.port}").rstrip() + " -s -w '\\n%{http_code}'"
            out = subprocess.run(["bash", "-c", told], cwd=tmp_path, capture_output=True, check=True, timeout=120)
            answers.append(out.stdout.decode().rpartition("\n"))
    finally:
        server.stop()
    assert [int(status) for _, _, status in answers] == [201, 201, 200, 202, 200, 200]
    created, uploaded, shown = (json.loads(body) for body, _, _ in answers[:3])
    assert (created["id"], created["date"]) == (1, "2026-01-22")
    assert [(image["duplicate"], image["rejected"]) for image in uploaded] == [(False, None)] * 2
    assert shown["total"] == 2
    assert json.loads(answers[5][0])["photos"] == 2
    assert (tmp_path / "event.svg").read_bytes().startswith(b"<?xml")


def test_the_errors_are_real():
    known = {kind.code: kind.status for kind in errors.KenaliError.__subclasses__()}
    rows = re.findall(r"^\| (`.*) \| (\d+) \|", GUIDE.read_text(), re.MULTILINE)
    assert len(rows) >= 7
    for codes, status in rows:
        for code in re.findall(r"`(\w+)`", codes):
            assert known[code] == int(status), code
