"""``/api/events``."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, TypeVar

from flask import Response, request

from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller, event_form, image_form, share_link, taken_form
from app.api.guard import access, caller_id
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body, uploaded_files
from app.api.schemas import events as wire
from app.errors import (
    AccountLocked,
    EventAccessRequired,
    EventNotFound,
    EventTokenExpired,
    EventTokenInvalid,
    InvalidInput,
    MediaLinkExpired,
    MediaLinkInvalid,
    MissingFile,
    NoPhotoAccepted,
    NotAuthenticated,
    NotPermitted,
    RequestTooLarge,
    ServerBusy,
    StorageFull,
    StorageUnavailable,
    TokenExpired,
    TokenInvalid,
    WrongEventPassword,
)
from app.services.access import Need
from app.services.events.images import ImageOrder
from app.services.paging import Page
from app.services.qr import QrFormat, qr_code

ns = wire.ns

EVENT = {"event_id": "The event's id."}
#: What a caller may be told who has not opened an event.
CLOSED = (EventNotFound, EventAccessRequired, EventTokenInvalid, EventTokenExpired)
#: And one who shows a signed address, or none.
CLOSED_LINK = (NotAuthenticated, TokenInvalid, TokenExpired, *CLOSED[1:], MediaLinkInvalid, MediaLinkExpired)

Choice = TypeVar("Choice", bound=StrEnum)


class _Direction(StrEnum):
    ASC = "asc"
    DESC = "desc"


def _choice(name: str, default: Choice) -> Choice:
    """What the query chooses; InvalidInput for anything else."""
    kind = type(default)
    try:
        return kind(request.args.get(name) or default)
    except ValueError:
        raise InvalidInput(errors={name: f"one of {', '.join(kind)} is needed"}) from None


@ns.route("")
class Events(Resource):
    """All events."""

    @access(Need.ADMIN, scope="events")
    @ns.doc("create_event")
    @ns.expect(wire.new_event)
    @raises(ns, InvalidInput, ServerBusy)
    @ns.marshal_with(wire.event, code=201)
    def post(self) -> Any:
        """Create an event

        Yours, if you are signed in; otherwise (local mode, an API key) the installation's. Next: upload photos, then
        send `link` and the password to your guests.
        """
        body = parse_body(wire.NewEvent)
        who = event_caller()
        view = container().events.create(
            who, name=body.name, password=body.password, description=body.description or "", date=body.date
        )
        return event_form(view, who), 201, {"Location": f"/api/events/{view.event.id}"}


@ns.route("/search")
class Search(Resource):
    """Events by name."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("search_events", params={**PAGE_PARAMS, **wire.TOKEN_PARAM, "q": "Part of the name."})
    @raises(ns, InvalidInput)
    @ns.marshal_list_with(wire.event)
    def get(self) -> Any:
        """Find events by name

        Newest first. Photos, link and numbers are shown only of events that you may see: your own, and the one that
        you opened if you send its token along.
        """
        text = request.args.get("q", "").strip()
        if not text:
            raise InvalidInput(errors={"q": "part of the event's name is needed"})
        wanted, who = wanted_page(), event_caller()
        page = container().events.search(who, text, wanted)
        return [event_form(view, who) for view in page.items], 200, page_headers(page, wanted)


@ns.route("/my-events")
class MyEvents(Resource):
    """The caller's own events."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("list_my_events", params=PAGE_PARAMS)
    @raises(ns, InvalidInput)
    @ns.marshal_list_with(wire.event)
    def get(self) -> Any:
        """Events that I made

        Newest first. Without signing in (local mode) or with an API key: all events.
        """
        wanted, who = wanted_page(), event_caller()
        page = container().events.mine(who, wanted)
        return [event_form(view, who) for view in page.items], 200, page_headers(page, wanted)


@ns.route("/<int:event_id>")
@ns.doc(params=EVENT)
class Event(Resource):
    """One event."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("get_event", params=wire.TOKEN_PARAM)
    @raises(ns, EventNotFound)
    @ns.marshal_with(wire.event)
    def get(self, event_id: int) -> Any:
        """One event

        Anybody who is signed in may know its name, description, day and owner. Whoever may see its photos is also told
        how far they are: `indexed` of `total`.
        """
        who = event_caller()
        return event_form(container().events.get(who, event_id), who)

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("update_event")
    @ns.expect(wire.event_change)
    @raises(ns, InvalidInput, EventNotFound, NotPermitted, ServerBusy)
    @ns.marshal_with(wire.event)
    def put(self, event_id: int) -> Any:
        """Change an event

        For its owner and admins. What is left out stays as it is; null (or an empty text) clears the description or the
        date. A new password ends every token and every picture's
        address.
        """
        body = parse_body(wire.EventChange)
        who, given = event_caller(), body.model_fields_set
        view = container().events.update(
            who,
            event_id,
            name=body.name,
            password=body.password,
            description=(body.description or "") if "description" in given else None,
            date=body.date,
            clear_date="date" in given and body.date is None,
        )
        return event_form(view, who)

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("delete_event")
    @raises(ns, EventNotFound, NotPermitted)
    @ns.marshal_with(wire.event_deleted)
    def delete(self, event_id: int) -> Any:
        """Delete an event

        For its owner and admins. Photos, faces, bookmarks and downloads of it go with it. There is no way back.
        """
        container().events.delete(event_caller(), event_id)
        return {"message": "Event deleted"}


@ns.route("/<int:event_id>/access")
@ns.doc(params=EVENT)
class Access(Resource):
    """Opening an event."""

    @access(Need.PERSON, scope="events")
    @ns.doc("open_event")
    @ns.expect(wire.opening)
    @raises(ns, InvalidInput, EventNotFound, WrongEventPassword, AccountLocked, ServerBusy)
    @ns.marshal_with(wire.event_token)
    def post(self, event_id: int) -> Any:
        """Open an event with its password

        The token is good for two hours, for you and this event alone; send it as `X-Event-Token`. Too many wrong
        passwords lock you out of this event for a while.
        """
        body = parse_body(wire.Opening)
        token = container().event_access.open(event_id, caller_id(), body.password)
        return {"event_access_token": token.token, "token_type": "bearer", "expires_at": token.expires_at}


@ns.route("/<int:event_id>/qr")
@ns.doc(params=EVENT)
class QrCode(Resource):
    """The link as a picture."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("get_event_qr_code", params=wire.QR_PARAMS)
    @ns.produces(["image/svg+xml", "image/png"])
    @ns.response(200, "The QR code.")
    @raises(ns, InvalidInput, *CLOSED)
    def get(self, event_id: int) -> Response:
        """The event's link as a QR code

        To be printed or shown to guests, who still need the password. For whoever may see the event.
        """
        kind = _choice("format", QrFormat.SVG)
        event = container().events.get_visible(event_caller(), event_id)
        content_type = "image/svg+xml" if kind is QrFormat.SVG else "image/png"
        return Response(qr_code(share_link(event), kind), content_type=content_type)


def _page_of_images(event_id: int, *, for_owner: bool) -> Any:
    wanted, who = wanted_page("limit", wire.DEFAULT_LIMIT), event_caller()
    event, page = container().event_images.list(
        who,
        event_id,
        wanted,
        order=_choice("sort_by", ImageOrder.CREATED_AT),
        descending=_choice("sort_order", _Direction.DESC) is _Direction.DESC,
        for_owner=for_owner,
    )
    body = {
        "total_items": page.total,
        "total_pages": math.ceil(page.total / wanted.per_page),
        "current_page": wanted.page,
        "limit": wanted.per_page,
        "items": [image_form(image, who, event) for image in page.items],
    }
    return body, 200, page_headers(Page(page.items, page.total), wanted, "limit")


@ns.route("/<int:event_id>/images")
@ns.doc(params=EVENT)
class Images(Resource):
    """The photos of an event."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("list_event_images", params={**wire.LIST_PARAMS, **wire.TOKEN_PARAM})
    @raises(ns, InvalidInput, *CLOSED)
    @ns.marshal_with(wire.image_page)
    def get(self, event_id: int) -> Any:
        """The photos of an event

        For whoever may see them. The addresses of the pictures are signed: they work in an `<img>`, for you and for
        about an hour.
        """
        return _page_of_images(event_id, for_owner=False)

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("upload_event_images")
    @ns.expect(wire.upload_form)
    @raises(
        ns, MissingFile, NoPhotoAccepted, EventNotFound, NotPermitted, RequestTooLarge, StorageFull, StorageUnavailable
    )
    @ns.marshal_list_with(wire.taken, code=201)
    def post(self, event_id: int) -> Any:
        """Upload photos

        For the owner and admins. Repeat the form field `files` for each file. The answer has one entry for each file,
        in order: the photo, `duplicate` if the event had it already, or why it was `rejected`. A request may hold 200
        MB (`MAX_REQUEST_MB`): send hundreds of photos in several. Faces are looked for in the background.
        """
        who = event_caller()
        files = container().event_images.add_many(who, event_id, uploaded_files(wire.FILES_FIELDS))
        event = container().events.get(who, event_id).event
        return [taken_form(file, who, event) for file in files], 201


@ns.route("/<int:event_id>/my-event-images")
@ns.doc(params=EVENT)
class MyEventImages(Resource):
    """The photos of one's own event."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("list_my_event_images", params=wire.LIST_PARAMS)
    @raises(ns, InvalidInput, EventNotFound, NotPermitted)
    @ns.marshal_with(wire.image_page)
    def get(self, event_id: int) -> Any:
        """The photos of my event

        The same list, for the owner and admins only.
        """
        return _page_of_images(event_id, for_owner=True)


@ns.route("/<int:event_id>/index")
@ns.doc(params=EVENT)
class Index(Resource):
    """Looking for faces again."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("index_event_again")
    @ns.expect(wire.look_again)
    @raises(ns, InvalidInput, EventNotFound, NotPermitted)
    @ns.marshal_with(wire.queued, code=202)
    def post(self, event_id: int) -> Any:
        """Look at photos again

        For the owner and admins: those that failed, or `all`. After a change of the face model this happens by itself.
        """
        body = parse_body(wire.LookAgain)
        return {"queued": container().event_images.look_again(event_caller(), event_id, everything=body.all)}, 202
