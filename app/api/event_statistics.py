"""``/api/events/<id>/statistics``."""

from __future__ import annotations

from typing import Any

from app.api import events
from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller, image_form
from app.api.guard import access
from app.api.schemas import event_statistics as wire
from app.errors import EventNotFound, NotPermitted
from app.services.access import Need

ns = events.ns


@ns.route("/<int:event_id>/statistics")
@ns.doc(params=events.EVENT)
class EventStatistics(Resource):
    """An event in numbers."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("get_event_statistics")
    @raises(ns, EventNotFound, NotPermitted)
    @ns.marshal_with(wire.statistics)
    def get(self, event_id: int) -> Any:
        """My event in numbers

        For its owner and admins. People are groups of similar faces: an estimate, without names. In a large event they
        are counted in the background: while `state` is `computing`, `people` is that of the last time, or null. People
        who hide from the event are never among the `most_photographed`.
        """
        who = event_caller()
        event, told = container().event_people.statistics(who, event_id)
        body = {
            "photos": told.photos,
            "indexed": told.indexed,
            "failed": told.failed,
            "without_faces": told.without_faces,
            "faces": told.faces,
            "size_bytes": told.size_bytes,
            "people": told.people,
            "people_exact": told.people_exact,
            "visitors": told.visitors,
            "hidden": told.hidden,
            "most_photographed": [
                {
                    "photos": often.photos,
                    "pictures": [
                        {
                            "image": image_form(picture.image, who, event),
                            "face_coords": dict(zip("xywh", (round(side, 1) for side in picture.box), strict=True)),
                        }
                        for picture in often.pictures
                    ],
                }
                for often in told.most_photographed
            ],
            "state": told.state.value,
            "computed_at": told.computed_at,
        }
        return body, 200, {"Cache-Control": "private, no-store"}
