"""Wire models of ``events/<id>/downloads``."""

from __future__ import annotations

from typing import Annotated, Final, Self

from flask_restx import fields
from pydantic import Field, model_validator

from app.api.base import UtcDateTime
from app.api.parsing import JsonBody
from app.api.schemas.events import ns
from app.services.events.downloads import MOST_PHOTOS
from app.services.events.files import Size

_SIZES: Final = (Size.ORIGINAL, Size.WEB)


class NewDownload(JsonBody):
    """Body of ``POST /api/events/<id>/downloads``."""

    image_ids: Annotated[
        list[Annotated[int, Field(strict=True)]] | None, Field(min_length=1, max_length=MOST_PHOTOS)
    ] = None
    all: bool = False
    size: Size = Size.ORIGINAL

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.all == (self.image_ids is not None):
            raise ValueError("either image_ids or all is needed")
        if self.size not in _SIZES:
            raise ValueError("size is original or web")
        return self


new_download = ns.model(
    "NewEventDownload",
    {
        "image_ids": fields.List(
            fields.Integer, description=f"Photos of the event, at most {MOST_PHOTOS}.", example=[7, 8]
        ),
        "all": fields.Boolean(description="All photos of the event, in place of `image_ids`.", example=False),
        "size": fields.String(
            enum=[size.value for size in _SIZES],
            default=Size.ORIGINAL.value,
            description="`original`, or `web`: at most 1600 pixels, much smaller files.",
            example=Size.ORIGINAL.value,
        ),
    },
)

_TIME = "2026-01-22T10:00:00.000Z"
download = ns.model(
    "EventDownload",
    {
        "id": fields.Integer(example=5),
        "event_id": fields.Integer(example=3),
        "size": fields.String(enum=[size.value for size in _SIZES], example="original"),
        "state": fields.String(
            enum=["queued", "running", "ready", "failed"], description="`ready`: fetch it.", example="ready"
        ),
        "done": fields.Integer(description="Photos that are in it.", example=12),
        "total": fields.Integer(description="Photos that were asked for.", example=12),
        "left_out": fields.Integer(description="Of those, not in it because they were deleted.", example=0),
        "size_bytes": fields.Integer(description="Of the ZIP file; null until it is ready.", example=29812034),
        "filename": fields.String(description="What the file is called.", example="Budi & Ani's wedding.zip"),
        "failure": fields.String(description="Why it failed, a stable word; else null.", example="storage_full"),
        "created_at": UtcDateTime(example=_TIME),
        "expires_at": UtcDateTime(description="When it is deleted; null until it is ready.", example=_TIME),
        "url": fields.String(
            description="Where the file is, good for you and for about an hour; null until it is ready.",
            example="/api/events/3/downloads/5/file?person=1&expires=1769083200&signature=9f86d081…",
        ),
    },
)
download_deleted = ns.model("EventDownloadDeleted", {"message": fields.String(example="Download deleted")})
