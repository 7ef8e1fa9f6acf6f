"""The histories of the classifiers over HTTP: list, CSV, delete, and the pictures' addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import wraps
from typing import Any, Final

from flask import Response, request
from flask_restx import Namespace
from flask_restx.model import Model

from app.api.base import Resource, raises
from app.api.guard import access, caller
from app.api.paging import page_headers, wanted_page
from app.api.schemas.histories import DELETE_PARAMS, LIST_PARAMS, MAX_IDS, deleted_model, deletions_model
from app.db import HistoryEntry
from app.db.users import Role
from app.errors import HistoryEntryNotFound, InvalidInput, NotPermitted
from app.services.access import Need, Via
from app.services.history import GUESTS, TIME_FORMAT, History, Whose

#: Where the pictures are, as the source has it; what is behind it need not be a folder of this name.
PICTURES_URL: Final = "/static/history_images"

#: Unknown parameters that an error names.
_NAMED: Final = 10
_MAX_DIGITS: Final = len(str(2**63))


@dataclass(frozen=True)
class HistoryOf:
    """What is a history's own."""

    #: namespace, for API keys; also in the names of operations and files.
    scope: str
    #: the service, once a request is there.
    service: Callable[[], History[Any]]
    #: of one entry.
    model: Model
    #: an entry as that model wants it.
    form: Callable[[Any], dict[str, Any]]
    #: column -> what is in it.
    csv: Mapping[str, Callable[[Any], Any]]


def add_history(ns: Namespace, of: HistoryOf) -> None:
    """``/history`` and ``/history/<id>`` of a namespace."""
    scope = of.scope

    @ns.route("/history")
    class History(Resource):
        """What was asked before."""

        @access(Need.SIGNED_IN, scope=scope)
        @ns.doc(f"list_{scope}_history", params=LIST_PARAMS)
        @ns.produces(["application/json", "text/csv"])
        @raises(ns, InvalidInput)
        @listed_or_csv(ns, of.model)
        def get(self) -> Any:
            """What was asked before, newest first

            People see their own entries, admins everybody's. `format=csv` sends the whole list as a file.
            """
            whose = _whose_list()
            if wants_csv():
                return csv_response(of.service().csv(of.csv, whose=whose), f"{scope}-history.csv")
            wanted = wanted_page()
            page = of.service().list(wanted, whose=whose).map(of.form)
            return page.items, 200, page_headers(page, wanted)

        @access(Need.SIGNED_IN, scope=scope)
        @ns.doc(f"delete_{scope}_history", params=DELETE_PARAMS)
        @raises(ns, InvalidInput, NotPermitted)
        @ns.marshal_with(deletions_model(ns))
        def delete(self) -> Any:
            """Delete many entries of the history

            Your own; with `ids` only these of them. Admins may name somebody else's, with `user_id` or `ids`; nobody
            else can. They are gone with their pictures when the answer is there: nothing asks again, and there is no
            way back.
            """
            ids = _named_ids()
            deleted = of.service().delete_many(whose=_whose_deletion(ids), ids=ids)
            return {"message": f"{deleted} {'entry' if deleted == 1 else 'entries'} deleted", "deleted": deleted}

    @ns.route("/history/<int:entry_id>")
    @ns.doc(params={"entry_id": "The entry's id."})
    class Entry(Resource):
        """One of them."""

        @access(Need.SIGNED_IN, scope=scope)
        @ns.doc(f"delete_{scope}_entry")
        @raises(ns, HistoryEntryNotFound)
        @ns.marshal_with(deleted_model(ns))
        def delete(self, entry_id: int) -> Any:
            """Delete an entry of the history

            Its picture goes with it.
            """
            of.service().delete(entry_id, owner_id=owner_id())
            return {"message": "Entry deleted"}


def owner_id() -> int | None:
    """Whose entries the caller may see and delete; None is everybody's."""
    who = caller()
    sees_all = who.trusted or who.role is Role.ADMIN or who.via is Via.API_KEY
    return None if sees_all else who.user_id


def _whose_list() -> Whose:
    """The caller's own, or for those who may see all, whom the query names."""
    own = owner_id()
    return _named_person() if own is None else own


def _whose_deletion(ids: list[int] | None) -> Whose:
    """The same for deleting: never everybody's, unless the entries are named; and nobody's instead of another's."""
    unknown = request.args.keys() - DELETE_PARAMS.keys()
    if unknown:  # a slip of the pen must not widen what is deleted
        raise InvalidInput(errors=dict.fromkeys(sorted(unknown)[:_NAMED], "there is no such parameter"))
    own, named = owner_id(), _named_person()
    if own is not None:
        if named not in {None, own}:
            raise NotPermitted("Only an admin may delete what somebody else has asked.")
        return own
    if named is None and ids is None:
        named = caller().user_id
        if named is None:
            raise InvalidInput(
                errors={"user_id": f"say whose entries: a person's id or {GUESTS}; or name them with ids"}
            )
    return named


def _named_person() -> Whose:
    """Whom the query names; None if nobody."""
    text = request.args.get("user_id", "")
    if not text:
        return None
    if text == GUESTS:
        return GUESTS
    return _id_of(text, "user_id", f"the id of a user, or {GUESTS}, is needed")


def _named_ids() -> list[int] | None:
    """The entries that the query names; None if it does not."""
    if "ids" not in request.args:
        return None
    wanted = f"1 to {MAX_IDS} ids of entries are needed, with commas between them"
    texts = ",".join(request.args.getlist("ids")).split(",")
    if len(texts) > MAX_IDS:
        raise InvalidInput(errors={"ids": wanted})
    return [_id_of(text.strip(), "ids", wanted) for text in texts]


def _id_of(text: str, name: str, wanted: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > _MAX_DIGITS:
        raise InvalidInput(errors={name: wanted})
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
