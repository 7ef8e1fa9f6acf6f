"""What a start costs and refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.config import Settings

ROOT = Path(__file__).parents[2]


def run(tmp_path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={**os.environ, "INSTANCE_DIR": str(tmp_path / "instance"), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_neither_tensorflow_nor_librosa_is_imported_by_a_working_app(tmp_path, database_url):
    code = (
        "import sys; from app import create_app; app = create_app(); app.test_client().get('/api/health');"
        "app.extensions['kenali'].gallery.active_engine();"
        "print([name for name in ('tensorflow', 'keras', 'librosa', 'numba') if name in sys.modules])"
    )
    done = run(tmp_path, "-c", code, DATABASE_URL=database_url, FACE_MODEL="dlib", DATASET_DIR=str(tmp_path / "d"))
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"HOST": "192.168.1.5"}, "ACCESS_MODE=token"),
        ({"PORT": "many"}, "PORT"),
        ({"ACCESS_MODE": "open"}, "ACCESS_MODE"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "PostgreSQL"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
    ],
)
def test_a_start_that_cannot_work_says_so_in_one_line(tmp_path, environment, told):
    done = run(tmp_path, str(ROOT / "run.py"), **environment)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Kenali cannot start: ")
    assert told in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("999.1.1.1", "HOST=999.1.1.1 is neither an address nor a name of this machine."),
        ("192.0.2.1", "Set HOST to another one."),  # RFC 5737: an address that no machine has
    ],
)
def test_a_host_that_is_not_this_machine_is_said_in_one_line(tmp_path, database_url, host, told):
    settings = {"HOST": host, "ACCESS_MODE": "token", "DATABASE_URL": database_url, "FACE_MODEL": "dlib"}
    done = run(tmp_path, str(ROOT / "run.py"), **settings, PORT="0")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Kenali cannot start: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_local_mode_refuses_to_bind_beyond_loopback():
    for host in ("::", "192.168.1.5", "example.org"):
        with pytest.raises(ValidationError, match="ACCESS_MODE=token"):
            Settings(_env_file=None, host=host)
        assert Settings(_env_file=None, host=host, access_mode="token").host == host


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PORT": "many"}, "PORT: a whole number is needed"),
        ({"TARGET_FPIR": "3"}, "TARGET_FPIR: a number below 0.5 is needed"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be reached"),
    ],
)
def test_a_command_that_cannot_start_says_so_in_one_line(tmp_path, environment, told):
    done = run(tmp_path, "-m", "flask", "--app", str(ROOT / "run"), "face", "models", **environment)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_without_admin_says_so_and_a_signal_ends_the_program_well(tmp_path, database_url, number):
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py")],
        cwd=tmp_path,
        env={
            **os.environ,
            "INSTANCE_DIR": str(tmp_path / "instance"),
            "DATASET_DIR": str(tmp_path / "dataset"),
            "DATABASE_URL": database_url,
            "FACE_MODEL": "dlib",
            "PORT": "0",
            "ACCESS_MODE": "token",
        },
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background would have made it deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    assert server.stderr is not None
    said = ""
    while "Kenali answers" not in said:
        line = server.stderr.readline()
        assert line, "it ended before it answered"
        said += line
    assert "flask --app run admin create" in said
    server.send_signal(number)
    _, told = server.communicate(timeout=60)
    assert server.returncode == 0
    assert "Stopping" in told
    assert "Traceback" not in told
