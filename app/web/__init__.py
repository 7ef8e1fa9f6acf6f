"""What a browser sees at ``/``. The tabbed interface comes with its own issue; until then, Swagger UI."""

from __future__ import annotations

from flask import Blueprint, Flask, redirect
from werkzeug.wrappers import Response

pages = Blueprint("web", __name__)


@pages.get("/")
@pages.get("/api")
@pages.get("/api/")
def home() -> Response:
    """The way to Swagger UI."""
    return redirect("/api/docs", code=307)


def register_web(app: Flask) -> None:
    """Mount the pages; before the API, which would claim ``/``."""
    app.register_blueprint(pages)
