"""waitress, with the one error body for what never reaches the app: broken requests, too large ones."""

from __future__ import annotations

import json
from typing import Final

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import MultiSocketServer, TcpWSGIServer, create_server
from waitress.task import ErrorTask

from app.api.headers import BARE_HEADERS
from app.api.problem import problem_body
from app.config import Settings

#: More slow clients than this at once keep others out. waitress's 100 are too few: one page opens six.
CONNECTIONS: Final = 1000
#: A client that says nothing for so long is hung up on (never while its request is worked on).
IDLE_SECONDS: Final = 60
#: Cookies, tokens and masks fit into a fraction of it.
MAX_HEADER_BYTES: Final = 65_536

#: Status -> (code, message). What waitress itself says may quote the request.
_PROBLEMS: Final[dict[int, tuple[str, str]]] = {
    400: ("bad_request", "The request could not be understood."),
    413: ("request_too_large", "The request is too large."),
    431: ("headers_too_large", "The request's headers are too large."),
    501: ("not_implemented", "This way of sending a body is not supported."),
}
_UNFORESEEN: Final = ("internal_error", "Something went wrong on the server; its log says what.")


class ProblemTask(ErrorTask):
    """Answers what waitress refuses."""

    def execute(self) -> None:
        """Write the answer; the connection is closed after it."""
        status = int(self.request.error.code)
        code, message = _PROBLEMS.get(status, _UNFORESEEN)
        problem = problem_body(status, code, message)
        body = json.dumps(problem).encode()
        self.status = f"{status} {problem['title']}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.response_headers.extend(BARE_HEADERS.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def make_server(app: Flask, settings: Settings) -> TcpWSGIServer | MultiSocketServer:
    """Listen; OSError if the address cannot be had. `run` serves until a signal."""
    HTTPChannel.error_task_class = ProblemTask  # waitress has no other way to say so
    return create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.server_threads,
        max_request_body_size=settings.max_request_bytes,
        max_request_header_size=MAX_HEADER_BYTES,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        # select() ends at 1024 descriptors
        asyncore_use_poll=True,
        ident="Kenali",
    )
