"""What the histories of the classifiers have in common over HTTP: whose it is, CSV, and the pictures' addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from functools import wraps
from typing import Any, Final

from flask import Response, request
from flask_restx import Namespace
from flask_restx.model import Model

from app.api.guard import caller
from app.api.paging import PAGE_PARAMS
from app.db import HistoryEntry
from app.db.users import Role
from app.errors import InvalidInput
from app.services.access import Via
from app.services.history import TIME_FORMAT

#: Where the pictures are, as the source has it; what is behind it need not be a folder of this name.
PICTURES_URL: Final = "/static/history_images"

#: For ``@ns.doc(params=…)`` of a history's list.
HISTORY_PARAMS: Final[dict[str, dict[str, Any]]] = {
    **PAGE_PARAMS,
    "user_id": {
        "in": "query",
        "type": "integer",
        "description": "Only this person's. People who sign in see their own whatever they ask for; admins see all.",
    },
    "format": {
        "in": "query",
        "type": "string",
        "enum": ["json", "csv"],
        "default": "json",
        "description": "csv: the whole list as a file, without pages.",
    },
}


def owner_id() -> int | None:
    """Whose entries the caller may see and delete; None is everybody's."""
    who = caller()
    sees_all = who.trusted or who.role is Role.ADMIN or who.via is Via.API_KEY
    return None if sees_all else who.user_id


def wanted_user_id() -> int | None:
    """Whose entries are listed: the caller's own, or for those who may see all, whom the query names."""
    own = owner_id()
    if own is not None:
        return own
    text = request.args.get("user_id", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(2**63)):
        raise InvalidInput(errors={"user_id": "the id of a user is needed"})
    return int(text)


def picture_url(key: str | None) -> str | None:
    """The address of a picture that goes with an entry."""
    return None if key is None else f"{PICTURES_URL}/{key}"


def timestamp(entry: HistoryEntry) -> str:
    """When it was asked, as the sources write it, in UTC."""
    return entry.created_at.astimezone(UTC).strftime(TIME_FORMAT)


def wants_csv() -> bool:
    """Whether the query asks for CSV; InvalidInput for any other format than json."""
    wanted = request.args.get("format", "json").lower()
    if wanted not in {"json", "csv"}:
        raise InvalidInput(errors={"format": "json or csv is needed"})
    return wanted == "csv"


def csv_response(lines: Iterator[str], filename: str) -> Response:
    """A CSV file, sent as it is written."""
    return Response(
        _with_mark(lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def _with_mark(lines: Iterator[str]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # Excel takes a file for UTF-8 only if it begins with this mark
    for line in lines:
        yield line.encode()


def listed_or_csv(ns: Namespace, model: Model) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marshal what an operation returns as a list, unless CSV is wanted: then it returns a Response of its own."""

    def decorate(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        marshalled: Callable[..., Any] = ns.marshal_list_with(model)(endpoint)

        @wraps(marshalled)
        def either(*args: Any, **kwargs: Any) -> Any:
            return endpoint(*args, **kwargs) if wants_csv() else marshalled(*args, **kwargs)

        return either

    return decorate
