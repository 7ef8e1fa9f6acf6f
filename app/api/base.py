"""What every namespace builds on: the Api, the Resource, wire fields that recur, and how errors are documented."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import flask_restx
from flask import Response, current_app
from flask_restx import fields

from app.api.guard import guarded
from app.api.problem import respond
from app.container import Container
from app.errors import KenaliError

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Api(flask_restx.Api):
    """Flask-RESTX's Api with one error shape.

    `handle_error` is overridden as a whole: handlers registered with ``@api.errorhandler`` match in the order of their
    registration, leak across namespaces, and let an X-Fields mask erase the error.
    """

    def handle_error(self, e: Exception) -> Response:
        """The one error body, whatever was raised."""
        return respond(e)


class Resource(flask_restx.Resource):
    """A resource whose methods state who may call them (`app.api.guard.access`)."""

    # Not method_decorators: those run after the validation of the body, and a 400 would come before the 401.
    decorators = (guarded,)


def container() -> Container:
    """The services of this app."""
    found: Container = current_app.extensions["kenali"]
    return found


class UtcDateTime(fields.Raw):
    """A time: ISO 8601 in UTC, milliseconds, ``Z``."""

    __schema_type__ = "string"
    __schema_format__ = "date-time"

    def format(self, value: datetime) -> str:
        """The wire form of a timezone-aware time."""
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem_model(api: flask_restx.Namespace | flask_restx.Api) -> Any:
    """The Swagger model of the one error body."""
    return api.model(
        "Problem",
        {
            "type": fields.String(example="urn:kenali:problem:user_not_found"),
            "title": fields.String(example="Not Found"),
            "status": fields.Integer(example=404),
            "detail": fields.String(example="There is no such user."),
            "code": fields.String(description="A stable word for programs.", example="user_not_found"),
            "message": fields.String(description="The same as detail.", example="There is no such user."),
            "errors": fields.Raw(description="Field -> what is wrong with it.", example={"email": "…"}),
        },
    )


def raises(ns: flask_restx.Namespace, *errors: type[KenaliError]) -> Callable[[Endpoint], Endpoint]:
    """Document the errors that an operation answers with, grouped by status."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for error in errors:
        first_line = (error.__doc__ or error.code).strip().splitlines()[0]
        by_status[error.status].append(f"`{error.code}`: {first_line}")

    def decorate(endpoint: Endpoint) -> Endpoint:
        for status, lines in by_status.items():
            endpoint = ns.response(status, "\n\n".join(lines), problem_model(ns))(endpoint)
        return endpoint

    return decorate
