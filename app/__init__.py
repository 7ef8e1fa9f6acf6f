"""Kenali: one self-hosted API that recognises."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

# Before numpy is imported: its BLAS would spread one small product over every core, and its threads would then spin in
# the way of the model's (docs/decisions/0034-no-spinning.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings
    from app.engines.face.registry import FaceEngines

ROOT = Path(__file__).parents[1]


def create_app(settings: Settings | None = None, *, face_engines: FaceEngines | None = None) -> Flask:
    """The Flask app with everything wired: database up and migrated, services built, routes mounted.

    Nothing runs in the background yet: `run.py` starts the worker and the warm-up. Raises KenaliError with one clear
    line if the program cannot start.

    :param settings: without them this is a ``flask`` command: they come from the environment, and an error ends it.
    :param face_engines: loaded ones to share, when several apps live in one process.
    """
    if settings is None:
        return _app_of_a_command()

    from flask import Flask

    from app.api.headers import add_security_headers
    from app.api.metrics import count_requests
    from app.api.origin import watch_origin
    from app.api.register import flask_settings, register_api
    from app.api.strictness import be_strict
    from app.api.upload_places import limit_uploads
    from app.cli import register_commands
    from app.container import build
    from app.web import register_web

    app = Flask(__name__, static_folder=str(ROOT / "static"))
    be_strict(app)
    app.config.from_mapping(flask_settings(settings))
    app.extensions["kenali"] = build(app, settings, face_engines)

    count_requests(app)
    watch_origin(app, settings)
    limit_uploads(app, settings)
    add_security_headers(app)
    register_web(app, settings)
    register_api(app)
    register_commands(app)
    return app


def _app_of_a_command() -> Flask:
    """The app for ``flask --app run …``, which would show a trace of whatever is raised but click's own errors."""
    from click import ClickException

    from app.config import load_settings
    from app.errors import KenaliError

    try:
        return create_app(load_settings())
    except KenaliError as error:
        raise ClickException(error.detail) from None
