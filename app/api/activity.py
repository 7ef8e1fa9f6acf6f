"""``/api/activity``."""

from __future__ import annotations

from typing import Any

from app.api.base import Resource, container, raises
from app.api.event_forms import event_callers, event_form
from app.api.guard import access, caller_id
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.schemas import fotota as wire
from app.errors import InvalidInput
from app.services.access import Need

ns = wire.activity


@ns.route("/me/recent")
class Recent(Resource):
    """Events that the signed-in person opened."""

    @access(Need.PERSON, scope="events")
    @ns.doc("list_recent_events", params={**PAGE_PARAMS, **wire.TOKENS_PARAM})
    @raises(ns, InvalidInput)
    @ns.marshal_list_with(wire.recent)
    def get(self) -> Any:
        """Events that I opened

        The last one first. Photos and numbers are shown of your own events and of those whose token you send along.
        """
        wanted = wanted_page()
        page = container().event_activity.recent(event_callers(), caller_id(), wanted)
        body = [
            {
                "event": event_form(recent.view, recent.who),
                "last_opened_at": recent.last_opened_at,
                "new_images": recent.new_images,
            }
            for recent in page.items
        ]
        return body, 200, page_headers(page, wanted)
