"""Wire models and parsers of ``events`` and ``images``."""

from __future__ import annotations

import re
from datetime import date as Date  # noqa: N812 - a member below is called date
from datetime import datetime
from typing import Annotated, Any, Final

from flask_restx import Namespace, fields
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.api.base import UtcDateTime
from app.api.parsing import FileArgument, JsonBody, body_model
from app.api.schemas.users import Name
from app.services.events.images import ImageOrder
from app.services.paging import MAX_PER_PAGE

ns = Namespace("events", description="Events: photos behind a password, to be found by a face.")
images = Namespace("images", description="The photos of events.")

#: Form fields that several files may come in; each may be repeated.
FILES_FIELDS: Final = ("files", "files[]")
#: What the header is called that opens an event.
TOKEN_HEADER: Final = "X-Event-Token"  # noqa: S105 - the name of a header
#: Photos on a page, unless the query says otherwise.
DEFAULT_LIMIT: Final = 50

#: Everything that is not text in lines.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _lines(value: str) -> str:
    value = value.replace("\r\n", "\n")
    if _CONTROL.search(value):
        raise ValueError("control characters are not allowed")
    return value


def _day(value: Any) -> Any:
    """A day, or the day of a time; as text, because JSON has neither."""
    if value is None or value == "":
        return None
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise ValueError("a date such as 2026-01-22 is needed") from None


Description = Annotated[str, AfterValidator(_lines), Field(max_length=5000)]
Day = Annotated[Date | None, BeforeValidator(_day)]
#: Blanks around a password may be meant.
Password = Annotated[str, StringConstraints(strip_whitespace=False)]


class NewEvent(JsonBody):
    """Body of ``POST /api/events``."""

    name: Name = Field(description="What guests look for.", examples=["Budi & Ani's wedding"])
    description: Description | None = Field(
        None, description="Several lines, if you like.", examples=["Party in the garden."]
    )
    date: Day = Field(None, description="The day of it.", examples=["2026-01-22"])
    password: Password = Field(description="What guests open it with.", examples=["BudiAni2026"])


class EventChange(JsonBody):
    """Body of ``PUT /api/events/<id>``: what is left out stays."""

    name: Name | None = Field(None, description="What guests look for.", examples=["Budi & Ani's wedding"])
    description: Description | None = Field(
        None, description="Several lines, if you like; null for none.", examples=["Moved inside."]
    )
    date: Day = Field(None, description="The day of it; null for none.", examples=["2026-01-23"])
    password: Password | None = Field(
        None,
        description="A new one: whoever opened the event with the old one must open it again.",
        examples=["Ani2026"],
    )


class Opening(JsonBody):
    """Body of ``POST /api/events/<id>/access``."""

    password: Password = Field(description="The event's password.", examples=["BudiAni2026"])


class LookAgain(JsonBody):
    """Body of ``POST /api/events/<id>/index``."""

    all: bool = Field(default=False, description="All photos, not only those that failed.", examples=[False])


new_event = body_model(ns, "NewEvent", NewEvent)
event_change = body_model(ns, "EventChange", EventChange)
opening = body_model(ns, "EventOpening", Opening)
look_again = body_model(ns, "LookAgain", LookAgain)

# Swagger 2.0 knows no array of files. Two fields of type file are a valid document, and let "Try it out" send two.
upload_form = ns.parser()
for _field, _help in zip(
    FILES_FIELDS,
    ("JPEG or PNG pictures. Programs repeat this field; here it takes one file.", "The same: one more file."),
    strict=True,
):
    upload_form.add_argument(_field, type=FileArgument(), location="files", help=_help)

TOKEN_PARAM: Final[dict[str, dict[str, Any]]] = {
    TOKEN_HEADER: {
        "in": "header",
        "type": "string",
        "description": "The `event_access_token` of `…/access`; the owner and admins need none.",
    }
}
LINK_PARAMS: Final[dict[str, dict[str, Any]]] = {
    "person": {"in": "query", "type": "integer", "description": "Part of a signed address."},
    "expires": {"in": "query", "type": "integer", "description": "Part of a signed address."},
    "signature": {"in": "query", "type": "string", "description": "Part of a signed address."},
}
QR_PARAMS: Final[dict[str, dict[str, Any]]] = {
    **TOKEN_PARAM,
    "format": {
        "in": "query",
        "type": "string",
        "enum": ["svg", "png"],
        "default": "svg",
        "description": "svg prints at any size.",
    },
}
LIST_PARAMS: Final[dict[str, dict[str, Any]]] = {
    "page": {"in": "query", "type": "integer", "default": 1, "minimum": 1, "description": "Page, counted from 1."},
    "limit": {
        "in": "query",
        "type": "integer",
        "default": DEFAULT_LIMIT,
        "minimum": 1,
        "maximum": MAX_PER_PAGE,
        "description": "Photos on a page.",
    },
    "sort_by": {
        "in": "query",
        "type": "string",
        "enum": [order.value for order in ImageOrder],
        "default": ImageOrder.CREATED_AT.value,
        "description": "By when they came, or by name.",
    },
    "sort_order": {
        "in": "query",
        "type": "string",
        "enum": ["asc", "desc"],
        "default": "desc",
        "description": "Which comes first.",
    },
}

_TIME = "2026-01-22T10:00:00.000Z"
_URL = "/api/images/7/{}?person=1&expires=1769083200&signature=9f86d081…"

_owner = ns.model("EventOwner", {"id": fields.Integer(example=1), "name": fields.String(example="Budi")})

event = ns.model(
    "Event",
    {
        "id": fields.Integer(example=3),
        "name": fields.String(example="Budi & Ani's wedding"),
        "description": fields.String(example="Party in the garden."),
        "date": fields.Date(description="The day of it, or null.", example="2026-01-22"),
        "owner": fields.Nested(_owner, allow_null=True, description="null: the installation's own."),
        "images_preview": fields.List(
            fields.String,
            description="Addresses of up to four photos; empty for whoever has not opened the event.",
            example=[_URL.format("thumb")],
        ),
        "access": fields.Boolean(description="Whether you may see its photos.", example=True),
        "can_edit": fields.Boolean(description="Whether you may change it.", example=False),
        "share_code": fields.String(description="null for whoever has not opened it.", example="7KQ2XW9RTB4M"),
        "link": fields.String(
            description="To be sent to guests, who still need the password; null for whoever has not opened it.",
            example="http://127.0.0.1:5000/r/7KQ2XW9RTB4M",
        ),
        "total": fields.Integer(description="Photos; null for whoever has not opened it.", example=120),
        "indexed": fields.Integer(description="Of those, looked at by the face model in use.", example=118),
        "failed": fields.Integer(description="Of those, not to be looked at: see the photo's `failure`.", example=0),
        "faces": fields.Integer(description="Faces found on them.", example=431),
        "hidden_people": fields.Integer(
            description="People who do not want to be found in it; null for whoever may not change it.", example=0
        ),
        "created_at": UtcDateTime(example=_TIME),
        "updated_at": UtcDateTime(example=_TIME),
    },
)

event_token = ns.model(
    "EventToken",
    {
        "event_access_token": fields.String(description="Send it as `X-Event-Token`.", example="eyJhbGciOi…"),
        "token_type": fields.String(example="bearer"),
        "expires_at": UtcDateTime(example="2026-01-22T12:00:00.000Z"),
    },
)

_IMAGE = {
    "id": fields.Integer(example=7),
    "id_event": fields.Integer(example=3),
    "file_name": fields.String(description="Your name for the file, cleaned.", example="IMG_0042.jpg"),
    "url": fields.String(
        description="At most 1600 pixels, JPEG. Good for you and for about an hour: list again for a new one.",
        example=_URL.format("web"),
    ),
    "thumbnail_url": fields.String(description="At most 400 pixels, JPEG.", example=_URL.format("thumb")),
    "original_url": fields.String(
        description="As it was sent, without GPS and other metadata.", example=_URL.format("original")
    ),
    "width": fields.Integer(description="Of the original, upright.", example=4032),
    "height": fields.Integer(description="Of the original, upright.", example=3024),
    "size_bytes": fields.Integer(description="Of the original.", example=2481034),
    "state": fields.String(
        enum=["queued", "indexed", "failed"], description="Whether its faces are known.", example="indexed"
    ),
    "failure": fields.String(description="Why it failed, a stable word; else null.", example="photo_file_missing"),
    "faces": fields.Integer(description="How many were found.", example=4),
    "created_at": UtcDateTime(example=_TIME),
    "indexed_at": UtcDateTime(example=_TIME),
}
image = ns.model("EventImage", _IMAGE)

_rejection = ns.model(
    "EventImageRejection",
    {
        "code": fields.String(description="A stable word for programs.", example="unsupported_image"),
        "message": fields.String(example="This is not a JPEG or PNG picture: save it as one of them and try again."),
    },
)
taken = ns.model(
    "TakenImage",
    {
        **_IMAGE,
        "duplicate": fields.Boolean(description="The event had this file already; this is it.", example=False),
        "rejected": fields.Nested(_rejection, allow_null=True, description="Why it was not taken; null if it was."),
    },
)

image_page = ns.model(
    "EventImagePage",
    {
        "total_items": fields.Integer(example=120),
        "total_pages": fields.Integer(example=3),
        "current_page": fields.Integer(example=1),
        "limit": fields.Integer(example=50),
        "items": fields.List(fields.Nested(image)),
    },
)

queued = ns.model("QueuedImages", {"queued": fields.Integer(description="Photos to be looked at again.", example=2)})
event_deleted = ns.model("EventDeleted", {"message": fields.String(example="Event deleted")})
image_deleted = ns.model("EventImageDeleted", {"message": fields.String(example="Photo deleted")})
