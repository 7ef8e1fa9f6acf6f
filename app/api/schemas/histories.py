"""Wire models and query parameters that the histories of the classifiers have in common."""

from __future__ import annotations

from typing import Any, Final

from flask_restx import Model, Namespace, fields

from app.api.paging import PAGE_PARAMS
from app.services.history import GUESTS

#: Most entries that one call may name.
MAX_IDS: Final = 1000

_WHOSE: Final = {"in": "query", "type": "string"}

#: For ``@ns.doc(params=…)`` of a history's list.
LIST_PARAMS: Final[dict[str, dict[str, Any]]] = {
    **PAGE_PARAMS,
    "user_id": {
        **_WHOSE,
        "description": f"Only this person's, or `{GUESTS}` for those without one. People who sign in see their own "
        "whatever they ask for; admins see all.",
    },
    "format": {
        "in": "query",
        "type": "string",
        "enum": ["json", "csv"],
        "default": "json",
        "description": "csv: the whole list as a file, without pages.",
    },
}

#: For ``@ns.doc(params=…)`` of deleting many.
DELETE_PARAMS: Final[dict[str, dict[str, Any]]] = {
    "user_id": {
        **_WHOSE,
        "description": f"Whose: a person's id, or `{GUESTS}`. Left out, it is yourself; who is nobody in particular "
        "(local mode, API keys) must say it, or name entries.",
    },
    "ids": {
        "in": "query",
        "type": "string",
        "description": f"Only these entries: ids with commas between them, {MAX_IDS} at most. Those that are not "
        "there, or not theirs, are left alone.",
    },
}


def deleted_model(ns: Namespace) -> Model:
    """What is answered when one entry is gone."""
    return ns.model("HistoryEntryDeleted", {"message": fields.String(example="Entry deleted")})


def deletions_model(ns: Namespace) -> Model:
    """What is answered when several are."""
    return ns.model(
        "HistoryEntriesDeleted",
        {
            "message": fields.String(example="3 entries deleted"),
            "deleted": fields.Integer(description="How many there were.", example=3),
        },
    )
