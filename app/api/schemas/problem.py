"""The Swagger model of the one error body, and how operations list their errors."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flask_restx import Model, fields

from app.errors import KenaliError

#: Registered once, with the Api (`app.api.register`), because every namespace refers to it.
PROBLEM = Model(
    "Problem",
    {
        "type": fields.String(example="urn:kenali:problem:user_not_found"),
        "title": fields.String(example="Not Found"),
        "status": fields.Integer(example=404),
        "detail": fields.String(example="There is no such user."),
        "code": fields.String(description="A stable word for programs.", example="user_not_found"),
        "message": fields.String(description="The same as detail.", example="There is no such user."),
        "errors": fields.Raw(description="Field -> what is wrong with it.", example={"email": "no address"}),
    },
)


def error_responses(*errors: type[KenaliError]) -> dict[str, tuple[str, Model, dict[str, Any]]]:
    """Errors grouped by status, as Flask-RESTX keeps documented responses."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for error in errors:
        first_line = (error.__doc__ or error.code).strip().splitlines()[0]
        by_status[error.status].append(f"`{error.code}`: {first_line}")
    return {str(status): ("\n\n".join(lines), PROBLEM, {}) for status, lines in by_status.items()}
