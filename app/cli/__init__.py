"""flask commands, one module per topic."""

from __future__ import annotations

from flask import Flask


def register_commands(app: Flask) -> None:
    """Add every command to ``flask``."""
    from app.cli.admin import admin
    from app.cli.apikey import apikey
    from app.cli.breed import breed
    from app.cli.cough import cough
    from app.cli.face import face
    from app.cli.openapi import openapi
    from app.cli.train import train
    from app.cli.worker import worker

    for command in (admin, apikey, breed, cough, face, openapi, train, worker):
        app.cli.add_command(command)
