"""Requests that bring pictures take a place first.

A picture of 50 megapixels is 150 MB once it is unpacked, and a second of work. Who sends many at once must take neither
all memory nor every thread: half of the threads stay with everybody else, and a few pictures at a time are unpacked.
"""

from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, g, request

from app.config import Settings
from app.engines.face.gate import Gate


def limit_uploads(app: Flask, settings: Settings) -> None:
    """Let a few uploads in, a few more wait, and answer the others 503 with ``Retry-After``."""
    most = max(1, settings.server_threads // 2)
    # One is unpacked while the model looks at another.
    inside = min(2 * settings.model_concurrency, most)
    gate = Gate(inside=inside, waiting=min(settings.model_queue, most - inside))

    @app.before_request
    def take() -> None:
        if request.mimetype == "multipart/form-data":
            places = ExitStack()
            places.enter_context(gate.enter())
            g.upload_place = places

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        places: ExitStack | None = g.pop("upload_place", None)
        if places is not None:
            places.close()
