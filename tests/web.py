"""Fixtures on the whole app: real PostgreSQL, real dlib engine, Flask's test client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings
from app.engines.face.registry import FaceEngines

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def dlib_engines(tmp_path_factory: pytest.TempPathFactory) -> FaceEngines:
    """Loaded once for the whole run; dlib's weights are always there."""
    return FaceEngines(Settings(_env_file=None, face_model="dlib", models_dir=tmp_path_factory.mktemp("models")))


@pytest.fixture
def make_app(database_url: str, tmp_path: Path, dlib_engines: FaceEngines) -> Iterator[MakeApp]:
    """Make an app with empty tables and folders of its own; keyword arguments are settings."""
    made: list[Flask] = []

    def make(*, face_engines: FaceEngines | None = None, **settings: Any) -> Flask:
        defaults: dict[str, Any] = {
            "database_url": database_url,
            "instance_dir": tmp_path / "instance",
            "dataset_dir": tmp_path / "dataset",
            "models_dir": tmp_path / "models",
            "history_dir": tmp_path / "history_images",
            "events_dir": tmp_path / "events",
            "face_model": "dlib",
            "warm_models": False,
            "password_cost": 4,
        }
        app = create_app(
            Settings(_env_file=None, **{**defaults, **settings}), face_engines=face_engines or dlib_engines
        )
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["kenali"].stop()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The app in local mode, with the worker running as it does in run.py."""
    app = make_app()
    app.extensions["kenali"].start()
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client on this machine."""
    return app.test_client()
