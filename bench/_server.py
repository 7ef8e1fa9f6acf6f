"""Kenali as a user runs it: ``python run.py`` in folders of its own, spoken to over HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Longest wait for the server to answer.
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def multipart(fields: Mapping[str, str], files: Sequence[tuple[str, str, bytes]]) -> tuple[bytes, str]:
    """A multipart/form-data body and its content type; files are (field, filename, bytes)."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, filename, data in files
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Client:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request; header names with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, body, named)
        except (ConnectionError, http.client.CannotSendRequest):  # the server closed an idle connection
            self._connection.close()
            self._connection.request(method, path, body, named)
        response = self._connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request with a JSON body."""
        data = None if body is None else json.dumps(body).encode()
        return self.call(method, path, data, Content_Type="application/json", **headers)

    def form(
        self, path: str, files: Sequence[tuple[str, str, bytes]], fields: Mapping[str, str] | None = None
    ) -> Answer:
        """One POST of a form with files."""
        body, content_type = multipart(fields or {}, files)
        return self.call("POST", path, body, Content_Type=content_type)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Server:
    """A running server."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
        self.port = port
        self.process = process
        self.folder = folder
        self.log = log

    def client(self) -> Client:
        """A new connection."""
        return Client(self.port)

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int | None = None, **settings: str) -> Server:
    """Start ``run.py`` with its data in ``folder`` and wait until it is healthy; on a free port unless one is given."""
    port = port or free_port()
    log = folder / "server.log"
    environment = {
        **os.environ,
        "INSTANCE_DIR": str(folder / "instance"),
        "DATASET_DIR": str(folder / "dataset"),
        "MODELS_DIR": str(folder / "models"),
        "HISTORY_DIR": str(folder / "history_images"),
        "PORT": str(port),
        **settings,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py")], cwd=folder, env=environment, stdout=output, stderr=output
        )
    server = Server(port, process, folder, log)
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        client = server.client()
        try:
            if client.call("GET", "/api/health").status == http.HTTPStatus.OK:
                return server
        except OSError:
            time.sleep(0.05)
        finally:
            client.close()
    server.stop()
    raise RuntimeError(f"the server did not answer: {log.read_text()[-2000:]}")


@contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server in a temporary folder, stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="kenali-bench-") as name:
        server = start(Path(name), **settings)
        try:
            yield server
        finally:
            server.stop()
