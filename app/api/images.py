"""``/api/images``: the pictures of events, and ``/r/<share_code>``, the way to an event."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from flask import Blueprint, Response, redirect, request
from flask.views import MethodView
from werkzeug.wrappers import Response as BaseResponse
from werkzeug.wsgi import wrap_file

from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller, shown_link
from app.api.events import CLOSED_LINK
from app.api.guard import access, guarded
from app.api.headers import name_file
from app.api.schemas import events as wire
from app.errors import (
    EventImageNotFound,
    NotPermitted,
    PhotoFileMissing,
)
from app.services.access import Need
from app.services.events.files import Size

ns = wire.images

IMAGE = {"image_id": "The photo's id."}
_MEDIA_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}


@ns.route("/<int:image_id>")
@ns.doc(params=IMAGE)
class Image(Resource):
    """One photo of an event."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("delete_event_image")
    @raises(ns, EventImageNotFound, NotPermitted)
    @ns.marshal_with(wire.image_deleted)
    def delete(self, image_id: int) -> Any:
        """Delete a photo

        For the event's owner and admins. Files, faces and bookmarks of it go with it.
        """
        container().event_images.delete(event_caller(), image_id)
        return {"message": "Photo deleted"}


@ns.route("/<int:image_id>/<size>")
@ns.doc(params={**IMAGE, "size": {"in": "path", "enum": [size.value for size in Size], "description": "Which one."}})
class ImageFile(Resource):
    """The picture itself."""

    # Public, because an <img> sends no token: the signature in the address is looked at instead.
    @access(Need.PUBLIC, scope="events")
    @ns.doc("get_event_image", params={**wire.TOKEN_PARAM, **wire.LINK_PARAMS})
    @ns.produces(["image/jpeg", "image/png"])
    @ns.response(200, "The picture.")
    @ns.response(304, "You have it already (If-None-Match).")
    @raises(
        ns,
        *CLOSED_LINK,
        EventImageNotFound,
        PhotoFileMissing,
    )
    def get(self, image_id: int, size: str) -> Response:
        """A picture of an event

        `thumb` (400 pixels), `web` (1600 pixels) or `original` (without GPS and other metadata). Either by a signed
        address, as the lists show them, or for whoever may see the event.
        """
        file = container().event_images.open(event_caller(), image_id, _size(size), shown_link())
        response = Response(
            wrap_file(request.environ, file.file), mimetype=_MEDIA_TYPES[file.kind], direct_passthrough=True
        )
        response.content_length = file.bytes
        response.set_etag(f"{file.image.sha256[:32]}-{file.size}")
        # Kept by the browser of whoever may see it, and asked for each time: a deleted photo must not linger.
        response.headers["Cache-Control"] = "private, no-cache"
        name_file(response, "inline", file.image.filename)
        response.make_conditional(request)
        return response


def _size(text: str) -> Size:
    try:
        return Size(text)
    except ValueError:
        raise EventImageNotFound("A photo comes as original, web or thumb.") from None


class ShareLink(MethodView):
    """The link of an event. Outside /api: it is typed, printed and read aloud."""

    decorators: ClassVar[list[Any]] = [guarded]

    @access(Need.PUBLIC, scope="events")
    def get(self, share_code: str) -> BaseResponse:
        """The way to the event's page, or into an app."""
        services = container()
        event = services.events.find_shared(share_code)
        target = services.settings.event_link.replace("{id}", str(event.id)).replace("{share_code}", event.share_code)
        return redirect(target, code=307)


def blueprint() -> Blueprint:
    """``GET /r/<share_code>``."""
    found = Blueprint("share_links", __name__)
    found.add_url_rule("/r/<share_code>", view_func=ShareLink.as_view("share_link"))
    return found
