"""The one error body, ``application/problem+json`` (RFC 9457), for every route and for unknown URLs."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Response, json
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.errors import DatabaseUnavailable, InvalidInput, KenaliError, RequestTooLarge

log = logging.getLogger(__name__)

#: An embedded database that was killed is back after about as long.
DATABASE_RETRY_SECONDS = 2

#: HTTP errors that Flask and Werkzeug raise themselves: status -> (code, message).
HTTP_PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address. The list of addresses is at /api/docs."),
    405: ("method_not_allowed", "This address does not take this method; the Allow header names those it takes."),
    406: ("not_acceptable", "The answer is JSON; the Accept header rules it out."),
    411: ("length_required", "Send a Content-Length header."),
    415: ("unsupported_media_type", "The body has a type that this address does not take."),
}


def problem_body(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """The members of one error; ``message`` repeats ``detail`` for clients of Flask-RESTX."""
    body: dict[str, Any] = {
        "type": f"urn:kenali:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "message": detail,
    }
    body.update(members)
    return body


def _response(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    response = Response(json.dumps(body), status=body["status"], mimetype="application/problem+json")
    response.headers.update(headers or {})
    response.headers["Cache-Control"] = "no-store"
    return response


def _from_kenali(error: KenaliError) -> Response:
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = f'Bearer realm="kenali", error="{error.code}"'
    members = dict(error.extra)
    if error.errors:
        members["errors"] = error.errors
    return _response(problem_body(error.status, error.code, error.detail, **members), headers)


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _from_kenali(RequestTooLarge())
    if status < HTTPStatus.BAD_REQUEST:  # a redirect
        return Response(error.get_response().get_data(), status=status, headers=dict(error.get_headers()))
    # Flask-RESTX's parsers put {field: what is wrong} there.
    data = getattr(error, "data", None)
    if isinstance(data, dict) and isinstance(data.get("errors"), dict):
        return _from_kenali(InvalidInput(errors={str(k): str(v) for k, v in data["errors"].items()}))
    code, message = HTTP_PROBLEMS.get(status, (HTTPStatus(status).phrase.lower().replace(" ", "_"), error.description))
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return _response(problem_body(status, code, message or HTTPStatus(status).phrase), headers)


def respond(error: Exception) -> Response:
    """The answer to any exception. What nobody foresaw is logged with its trace and told without it."""
    if isinstance(error, KenaliError):
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("%s: %s", error.code, error.detail)
        return _from_kenali(error)
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        log.error("The database does not answer: %s", " ".join(str(error.orig).split()))
        return _from_kenali(DatabaseUnavailable(retry_after_seconds=DATABASE_RETRY_SECONDS))
    if isinstance(error, PoolTimeout):
        log.error("No database connection became free")
        return _from_kenali(DatabaseUnavailable(retry_after_seconds=DATABASE_RETRY_SECONDS))
    log.error("Unforeseen error", exc_info=error)
    return _response(problem_body(500, "internal_error", "Something went wrong on the server; its log says what."))
