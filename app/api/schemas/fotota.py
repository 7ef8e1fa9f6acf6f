"""Wire models of ``fotota`` and ``activity``."""

from __future__ import annotations

from typing import Annotated, Any, Final

from flask_restx import Namespace, fields
from pydantic import Field

from app.api.base import UtcDateTime
from app.api.parsing import JsonBody
from app.api.schemas.events import TOKEN_HEADER, event, image

ns = Namespace("fotota", description="Photos of events that you keep a note of.")
activity = Namespace("activity", description="What you did lately.")

#: Photos in one call.
MOST_IDS: Final = 1000


class NewBookmarks(JsonBody):
    """Body of ``POST /api/fotota``."""

    image_ids: Annotated[list[Annotated[int, Field(strict=True)]], Field(min_length=1, max_length=MOST_IDS)]


new_bookmarks = ns.model(
    "NewBookmarks",
    {
        "image_ids": fields.List(
            fields.Integer, required=True, description=f"Photos, at most {MOST_IDS}.", example=[7, 8]
        )
    },
)

TOKENS_PARAM: Final[dict[str, dict[str, Any]]] = {
    TOKEN_HEADER: {
        "in": "header",
        "type": "string",
        "description": "The `event_access_token` of an event; those of several, separated by commas.",
    }
}
IDS_PARAM: Final[dict[str, dict[str, Any]]] = {
    "ids": {
        "in": "query",
        "type": "string",
        "required": True,
        "description": f"Ids of photos, separated by commas, at most {MOST_IDS}.",
    }
}

_marked = ns.model(
    "BookmarkedImage",
    {
        "image": fields.Nested(image),
        "bookmarked_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
    },
)
group = ns.model(
    "BookmarksOfEvent",
    {
        "event": fields.Nested(event),
        "total": fields.Integer(description="Your bookmarks in this event.", example=2),
        "images": fields.List(
            fields.Nested(_marked),
            description="The last one first. Empty if you may not see the event's photos now: open it, send its token.",
        ),
    },
)
kept = ns.model(
    "BookmarksAdded",
    {
        "added": fields.List(fields.Integer, description="Bookmarked now.", example=[7]),
        "known": fields.List(fields.Integer, description="Bookmarked before.", example=[8]),
        "not_found": fields.List(
            fields.Integer, description="Not there, or of an event that you may not see.", example=[99]
        ),
    },
)
removed = ns.model("BookmarksRemoved", {"removed": fields.Integer(description="How many there were.", example=2)})
recent = activity.model(
    "RecentEvent",
    {
        "event": fields.Nested(event),
        "last_opened_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
        "new_images": fields.Integer(
            description="Photos that came since then; null if you may not see them now.", example=3
        ),
    },
)
