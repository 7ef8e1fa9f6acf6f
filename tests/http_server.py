"""A server on loopback that behaves, or that does not."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What the server says, and how."""

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    protocol: str = "HTTP/1.0"
    #: bytes after which the connection breaks
    cut_after: int | None = None
    #: bytes after which the server falls silent until the test ends
    silent_after: int | None = None


@contextmanager
def serving(answer):
    """The base URL of a server on loopback, and the paths that were asked for."""
    asked = []
    finished = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = answer.protocol

        def do_GET(self):
            asked.append(self.path)
            with suppress(ConnectionError):  # the client has had enough
                self.reply()

        def reply(self):
            self.send_response(answer.status)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            if answer.cut_after is not None:
                self.wfile.write(answer.body[: answer.cut_after])
            elif answer.silent_after is not None:
                self.wfile.write(answer.body[: answer.silent_after])
                self.wfile.flush()
                finished.wait(10)
            else:
                self.wfile.write(answer.body)
            self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/files/", asked
    finally:
        finished.set()
        server.shutdown()
        server.server_close()
