"""``flask openapi``: the document behind Swagger UI."""

from __future__ import annotations

import json

import click
from flask import current_app
from flask.cli import with_appcontext


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Print /api/swagger.json."""
    answer = current_app.test_client().get("/api/swagger.json")
    click.echo(json.dumps(answer.json, indent=2, ensure_ascii=False, sort_keys=True))
