"""``/api/events/<id>/find-my-face``."""

from __future__ import annotations

from typing import Any

from app.api import events
from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller, image_form
from app.api.guard import access, caller_id
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import uploaded_files
from app.api.schemas import find_my_face as wire
from app.api.schemas.events import TOKEN_PARAM
from app.api.selfies import LOOKING_ERRORS
from app.db import Event
from app.errors import DifferentPeople, InvalidInput, ModelBusy, ModelNotUsable, NoSelfie
from app.services.access import Need
from app.services.events.access import EventCaller
from app.services.events.find_my_face import Found
from app.services.paging import Page, PageRequest

ns = events.ns


def _answer(who: EventCaller, event: Event, page: Page[Found], wanted: PageRequest) -> Any:
    body = [
        {
            "image": image_form(found.image, who, event),
            "face_coords": dict(zip("xywh", found.box, strict=True)),
            "similarity": found.similarity,
            "band": found.band.value,
            "new_since_last_visit": found.new,
        }
        for found in page.items
    ]
    return body, 200, {**page_headers(page, wanted), "Cache-Control": "private, no-store"}


@ns.route("/<int:event_id>/find-my-face")
@ns.doc(params=events.EVENT)
class FindMyFace(Resource):
    """The photos that a person is on."""

    @access(Need.PERSON, scope="events")
    @ns.doc("find_my_face", params={**PAGE_PARAMS, **TOKEN_PARAM})
    @raises(ns, InvalidInput, *events.CLOSED, NoSelfie, ModelBusy, ModelNotUsable)
    @ns.marshal_list_with(wire.found)
    def get(self, event_id: int) -> Any:
        """Photos of this event that I am on

        By your stored selfie (`POST /api/users/me/selfie`), best first, each photo once with the face that is most like
        you. For whoever may see the event's photos.
        """
        wanted, who = wanted_page(), event_caller()
        event, page = container().find_my_face.by_stored_selfie(who, caller_id(), event_id, wanted)
        return _answer(who, event, page, wanted)

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("find_face", params={**PAGE_PARAMS, **TOKEN_PARAM})
    @ns.expect(wire.selfie_form)
    @raises(ns, InvalidInput, *events.CLOSED, *LOOKING_ERRORS, DifferentPeople)
    @ns.marshal_list_with(wire.found)
    def post(self, event_id: int) -> Any:
        """Photos of this event by selfies that are not kept

        One to three pictures of one person (field `file` or `files`, repeated). Several are averaged, which finds more
        than the best of them alone.
        """
        wanted, who = wanted_page(), event_caller()
        files = uploaded_files(wire.SELFIE_FIELDS)
        event, page = container().find_my_face.by_selfies(who, event_id, files, wanted)
        return _answer(who, event, page, wanted)
