"""Wire models of ``events/<id>/find-my-face`` and ``…/hide-me``."""

from __future__ import annotations

from flask_restx import fields

from app.api.parsing import FileArgument
from app.api.schemas.events import image, ns

#: Form fields that one-off selfies may come in.
SELFIE_FIELDS = ("file", "files", "files[]")

selfie_form = ns.parser()
selfie_form.add_argument("file", type=FileArgument(), location="files", help="A JPEG or PNG picture of you alone.")
selfie_form.add_argument(
    "files", type=FileArgument(), location="files", help="One more. Programs repeat this field: three in all."
)

face_coords = ns.model(
    "EventFaceCoords",
    {
        "x": fields.Float(description="Left edge, pixels of the upright original.", example=120.5),
        "y": fields.Float(description="Upper edge.", example=80.0),
        "w": fields.Float(description="Width.", example=64.0),
        "h": fields.Float(description="Height.", example=80.0),
    },
)
found = ns.model(
    "FoundFace",
    {
        "image": fields.Nested(image),
        "face_coords": fields.Nested(face_coords, description="Your face; the best one, if there are several."),
        "similarity": fields.Float(description="Cosine with your selfie, -1 to 1.", example=0.6123),
        "band": fields.String(enum=["sure", "maybe"], description="How sure it is that it is you.", example="sure"),
        "new_since_last_visit": fields.Boolean(
            description="Uploaded since you opened the event the time before; false at your first visit.",
            example=False,
        ),
    },
)
hiding = ns.model(
    "Hiding", {"hidden": fields.Boolean(description="Whether nobody else finds you in this event.", example=True)}
)
