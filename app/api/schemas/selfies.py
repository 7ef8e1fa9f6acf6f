"""Wire models of ``users/me/selfie``."""

from __future__ import annotations

from flask_restx import fields

from app.api.base import UtcDateTime
from app.api.parsing import file_parser
from app.api.schemas.faces import face_models
from app.api.schemas.users import ns

upload_form = file_parser(ns, description="A JPEG or PNG picture of you alone, from the front.")

_SELFIE = {
    "model": fields.String(description="The face model that has looked at it.", example="buffalo_l@1a2b3c4d"),
    "quality": fields.Float(description="How well your face can be seen, 0 to 1.", example=0.91),
    "image_url": fields.String(description="The picture, for you alone.", example="/api/users/me/selfie/image"),
    "created_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
}
selfie = ns.model("Selfie", _SELFIE)
stored = ns.model(
    "StoredSelfie",
    {
        **_SELFIE,
        "face": fields.Nested(face_models(ns)),
        "warnings": fields.List(
            fields.String,
            description="What could be better, for people.",
            example=["There are 2 faces; the largest one counts."],
        ),
    },
)
deleted = ns.model("SelfieDeleted", {"message": fields.String(example="Selfie deleted")})
