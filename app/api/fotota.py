"""``/api/fotota``: bookmarks."""

from __future__ import annotations

from typing import Any

from flask import request

from app.api.base import Resource, container, raises
from app.api.event_forms import event_callers, event_form, image_form
from app.api.guard import access, caller_id
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body
from app.api.schemas import fotota as wire
from app.errors import EventImageNotFound, InvalidInput, UserNotFound
from app.services.access import Need

ns = wire.ns

#: More digits than any id has.
_MOST_DIGITS = 19


def _ids() -> list[int]:
    parts = [part.strip() for part in ",".join(request.args.getlist("ids")).split(",") if part.strip()]
    good = all(part.isascii() and part.isdecimal() and len(part) < _MOST_DIGITS for part in parts)
    if not good or not 1 <= len(parts) <= wire.MOST_IDS:
        raise InvalidInput(errors={"ids": f"1 to {wire.MOST_IDS} ids of photos, separated by commas, are needed"})
    return [int(part) for part in parts]


@ns.route("")
class Fotota(Resource):
    """The signed-in person's bookmarks."""

    @access(Need.PERSON, scope="events")
    @ns.doc("list_bookmarks", params={**PAGE_PARAMS, **wire.TOKENS_PARAM})
    @raises(ns, InvalidInput)
    @ns.marshal_list_with(wire.group)
    def get(self) -> Any:
        """My bookmarks

        Grouped by event; pages are of events, the one with your last bookmark first. Photos are shown of your own
        events and of those whose token you send along: several tokens are separated by commas.
        """
        wanted = wanted_page()
        page = container().bookmarks.list(event_callers(), caller_id(), wanted)
        body = [
            {
                "event": event_form(group.view, group.who),
                "total": group.total,
                "images": [
                    {
                        "image": image_form(marked.image, group.who, group.view.event),
                        "bookmarked_at": marked.created_at,
                    }
                    for marked in group.marked
                ],
            }
            for group in page.items
        ]
        return body, 200, page_headers(page, wanted)

    @access(Need.PERSON, scope="events")
    @ns.doc("add_bookmarks", params=wire.TOKENS_PARAM)
    @ns.expect(wire.new_bookmarks)
    @raises(ns, InvalidInput, UserNotFound, EventImageNotFound)
    @ns.marshal_with(wire.kept)
    def post(self) -> Any:
        """Bookmark photos

        Of events that you may see. 404 if none of them is.
        """
        body = parse_body(wire.NewBookmarks)
        return container().bookmarks.add(event_callers(), caller_id(), body.image_ids)

    @access(Need.PERSON, scope="events")
    @ns.doc("remove_bookmarks", params=wire.IDS_PARAM)
    @raises(ns, InvalidInput)
    @ns.marshal_with(wire.removed)
    def delete(self) -> Any:
        """Remove bookmarks

        What is none is passed over.
        """
        return {"removed": container().bookmarks.remove(caller_id(), _ids())}
