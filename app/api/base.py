"""What every namespace builds on: the Api, the Resource, wire fields that recur, and how errors are documented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import flask_restx
from flask import Response, current_app, request
from flask_restx import fields

from app.api.document import completed
from app.api.guard import guarded
from app.api.masks import check_mask
from app.api.problem import respond
from app.api.schemas.problem import error_responses
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

    @cached_property
    def __schema__(self) -> dict[str, Any]:
        """The document behind Swagger UI."""
        return completed(super().__schema__)


class Resource(flask_restx.Resource):
    """A resource whose methods state who may call them (`app.api.guard.access`)."""

    # Not method_decorators: those run after the validation of the body, and a 400 would come before the 401.
    decorators = (guarded,)

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Check the mask, then answer."""
        endpoint = getattr(self, "get" if request.method == "HEAD" else request.method.lower(), None)
        if endpoint is not None:
            check_mask(endpoint)
        return super().dispatch_request(*args, **kwargs)


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


class Rounded(fields.Float):
    """A number that nobody reads past two decimals."""

    def format(self, value: float) -> float:
        """The wire form."""
        return round(float(value), 2)


def raises(ns: flask_restx.Namespace, *errors: type[KenaliError]) -> Callable[[Endpoint], Endpoint]:
    """Document the errors that an operation answers with, grouped by status."""
    decorate: Callable[[Endpoint], Endpoint] = ns.doc(responses=error_responses(*errors))
    return decorate
