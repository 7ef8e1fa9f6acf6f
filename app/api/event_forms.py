"""Events and their photos as they go over the wire, with the signed addresses of the pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request

from app.api.base import container
from app.api.guard import caller
from app.api.schemas.events import TOKEN_HEADER
from app.db import Event, EventImage
from app.errors import MediaLinkInvalid
from app.services.events.access import EventCaller, Link
from app.services.events.events import EventView
from app.services.events.files import Size
from app.services.events.images import Taken

#: Event tokens in one call.
MOST_TOKENS = 20
#: More digits than any id or time has.
_MOST_DIGITS = 19
_SIGNATURE_PARTS = ("person", "expires", "signature")


def event_caller() -> EventCaller:
    """Who makes this call, with the event token that came along."""
    return EventCaller(caller(), request.headers.get(TOKEN_HEADER))


def event_callers() -> list[EventCaller]:
    """Who makes this call, with each of the event tokens that came along, separated by commas; at least one caller."""
    tokens = [token.strip() for token in request.headers.get(TOKEN_HEADER, "").split(",")][:MOST_TOKENS]
    return [EventCaller(caller(), token or None) for token in tokens]


def image_url(image_id: int, size: Size, who: EventCaller, event: Event) -> str:
    """The address of a picture, good for this caller, who may see the event, and for about an hour."""
    link = container().event_access.link(image_id, size, who, event)
    query = urlencode({"person": link.person, "expires": link.expires, "signature": link.signature})
    return f"/api/images/{image_id}/{size}?{query}"


def shown_link() -> Link | None:
    """The signature in the query; None if there is none, MediaLinkInvalid if it is none of ours."""
    parts = [request.args.get(name) for name in _SIGNATURE_PARTS]
    if all(part is None for part in parts):
        return None
    person, expires, signature = (part or "" for part in parts)
    if not all(number.isascii() and number.isdecimal() and len(number) < _MOST_DIGITS for number in (person, expires)):
        raise MediaLinkInvalid
    return Link(int(person), int(expires), signature)


def share_link(event: Event) -> str:
    """What guests are sent."""
    base = container().settings.public_url or request.host_url.rstrip("/")
    return f"{base}/r/{event.share_code}"


def event_form(view: EventView, who: EventCaller) -> dict[str, Any]:
    """One event. Nothing that leads to a picture unless the caller may see it; never the password or its hash."""
    event, progress = view.event, view.progress
    return {
        "id": event.id,
        "name": event.name,
        "description": event.description,
        "date": event.date,
        "owner": view.owner and {"id": view.owner.id, "name": view.owner.name},
        "images_preview": [image_url(image.id, Size.THUMB, who, event) for image in view.preview],
        "access": view.visible,
        "can_edit": view.manageable,
        "share_code": event.share_code if view.visible else None,
        "link": share_link(event) if view.visible else None,
        "total": progress and progress.total,
        "indexed": progress and progress.indexed,
        "failed": progress and progress.failed,
        "faces": progress and progress.faces,
        "hidden_people": view.hidden_people,
        "created_at": event.created_at,
        "updated_at": event.updated_at,
    }


def image_form(image: EventImage, who: EventCaller, event: Event) -> dict[str, Any]:
    """One photo, for a caller who may see the event."""
    return {
        "id": image.id,
        "id_event": image.event_id,
        "file_name": image.filename,
        "url": image_url(image.id, Size.WEB, who, event),
        "thumbnail_url": image_url(image.id, Size.THUMB, who, event),
        "original_url": image_url(image.id, Size.ORIGINAL, who, event),
        "width": image.width,
        "height": image.height,
        "size_bytes": image.size_bytes,
        "state": image.state,
        "failure": image.failure,
        "faces": image.faces,
        "created_at": image.created_at,
        "indexed_at": image.indexed_at,
    }


def taken_form(file: Taken, who: EventCaller, event: Event) -> dict[str, Any]:
    """What became of one file."""
    form: dict[str, Any] = image_form(file.image, who, event) if file.image else {"file_name": file.filename}
    return {**form, "duplicate": file.duplicate, "rejected": file.rejection}
