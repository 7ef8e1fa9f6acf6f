"""Wire models of ``events/<id>/statistics``."""

from __future__ import annotations

from flask_restx import fields

from app.api.base import UtcDateTime
from app.api.schemas.events import image, ns
from app.api.schemas.find_my_face import face_coords

_TIME = "2026-01-22T10:00:00.000Z"

_picture = ns.model(
    "StatisticsPicture",
    {
        "image": fields.Nested(image),
        "face_coords": fields.Nested(face_coords, description="Where the face is."),
    },
)
_often = ns.model(
    "MostPhotographed",
    {
        "photos": fields.Integer(description="Photos with this face.", example=42),
        "pictures": fields.List(fields.Nested(_picture), description="Some of them, the most typical first."),
    },
)
statistics = ns.model(
    "EventStatistics",
    {
        "photos": fields.Integer(example=120),
        "indexed": fields.Integer(description="Of those, looked at by the face model in use.", example=118),
        "failed": fields.Integer(description="Of those, not to be looked at.", example=0),
        "without_faces": fields.Integer(description="Indexed photos on which no face was found.", example=9),
        "faces": fields.Integer(description="Faces found on them.", example=431),
        "size_bytes": fields.Integer(description="Of all originals.", example=297724080),
        "people": fields.Integer(
            description="Groups of similar faces, an estimate of how many people; null until they were counted.",
            example=64,
        ),
        "people_exact": fields.Boolean(
            description="Whether they are those of all photos as they are now; an estimate all the same.", example=True
        ),
        "visitors": fields.Integer(description="People who have opened the event.", example=37),
        "hidden": fields.Integer(description="People who do not want to be found in it.", example=1),
        "most_photographed": fields.List(
            fields.Nested(_often), description="Whoever is on most photos first. No names, no people who hide."
        ),
        "state": fields.String(
            enum=["ready", "computing", "failed"],
            description="Of `people` and `most_photographed`: `computing`, ask again in a moment; `failed`, there are "
            "too many faces, or the server's log says why.",
            example="ready",
        ),
        "computed_at": UtcDateTime(
            description="When people were counted; or null.", example="2026-01-22T10:00:00.000Z"
        ),
    },
)
