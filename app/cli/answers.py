"""What commands have in common: the services they call, and errors told in one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask import current_app

from app.container import Container
from app.errors import KenaliError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def container() -> Container:
    """The services of this app."""
    found: Container = current_app.extensions["kenali"]
    return found


def told(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A KenaliError ends the command with its message and exit status 1, without a trace."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except KenaliError as error:
            fields = [f"{field}: {problem}" for field, problem in (error.errors or {}).items()]
            raise click.ClickException("; ".join(fields) or error.detail) from None

    return run
