"""``/api/events/<id>/hide-me``."""

from __future__ import annotations

from typing import Any

from app.api import events
from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller
from app.api.guard import access, caller_id
from app.api.schemas import find_my_face as wire
from app.api.schemas.events import TOKEN_PARAM
from app.errors import NoSelfie, UserNotFound
from app.services.access import Need

ns = events.ns


@ns.route("/<int:event_id>/hide-me")
@ns.doc(params={**events.EVENT, **TOKEN_PARAM})
class HideMe(Resource):
    """Not to be found in an event."""

    @access(Need.PERSON, scope="events")
    @ns.doc("am_i_hidden")
    @raises(ns, *events.CLOSED)
    @ns.marshal_with(wire.hiding)
    def get(self, event_id: int) -> Any:
        """Whether I am hidden from this event

        Nobody else is told.
        """
        return container().find_my_face.is_hidden(event_caller(), caller_id(), event_id)

    @access(Need.PERSON, scope="events")
    @ns.doc("hide_me")
    @raises(ns, *events.CLOSED, UserNotFound, NoSelfie)
    @ns.marshal_with(wire.hiding)
    def put(self, event_id: int) -> Any:
        """Hide me from this event

        Faces that match your stored selfie are no longer found by anybody else in this event, its owner included; you
        find them as before. The photos stay. The owner is told how many people are hidden, not who.
        """
        return container().find_my_face.hide(event_caller(), caller_id(), event_id)

    @access(Need.PERSON, scope="events")
    @ns.doc("show_me")
    @raises(ns, *events.CLOSED)
    @ns.marshal_with(wire.hiding)
    def delete(self, event_id: int) -> Any:
        """Let me be found again

        By whoever has a picture of you and may see the event.
        """
        return container().find_my_face.show(event_caller(), caller_id(), event_id)
