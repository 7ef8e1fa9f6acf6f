"""Wire models and parsers of ``photos``."""

from __future__ import annotations

from typing import Final

from flask_restx import Namespace, fields

from app.api.base import UtcDateTime
from app.api.parsing import FileArgument, file_parser
from app.api.schemas.faces import box_model, face_models

ns = Namespace("photos", description="Photos of people: the pictures they are recognised by.")

#: Form fields that several files may come in; each may be repeated.
FILES_FIELDS: Final = ("files", "files[]")

upload_form = file_parser(ns, description="A JPEG or PNG picture with one face.")

# Swagger 2.0 knows no array of files. Two fields of type file are a valid document, and let "Try it out" send two.
upload_many_form = ns.parser()
for _field, _help in zip(
    FILES_FIELDS,
    ("JPEG or PNG pictures. Programs repeat this field; here it takes one file.", "The same: one more file."),
    strict=True,
):
    upload_many_form.add_argument(_field, type=FileArgument(), location="files", help=_help)

_stored_face = ns.model(
    "StoredFace",
    {
        "box": fields.Nested(box_model(ns), description="In the stored picture; it may reach past its edge."),
        "landmarks": fields.List(
            fields.List(fields.Float),
            description="[x, y] of: eye on the left, eye on the right, nose, left and right mouth corner.",
            example=[[82.1, 88.4], [141.9, 87.2], [112.3, 121.0], [87.5, 153.6], [138.2, 152.8]],
        ),
    },
)

photo = ns.model(
    "Photo",
    {
        "id": fields.Integer(example=1),
        "user_id": fields.Integer(example=1),
        "filename": fields.String(description="Your name for the file, cleaned.", example="photo1.jpg"),
        "filepath": fields.String(description="Where it is stored.", example="dataset/1/photo1-3f9a1c0b77de.jpg"),
        "width": fields.Integer(description="Of the stored picture.", example=224),
        "height": fields.Integer(description="Of the stored picture.", example=224),
        "created_at": UtcDateTime(example="2026-01-22T10:05:00.000Z"),
        "face": fields.Nested(
            face_models(ns), description="The face that was found in the original; detected is false without one."
        ),
        "warnings": fields.List(fields.String, description="What to do better, in sentences.", example=[]),
        "stored_face": fields.Nested(
            _stored_face, allow_null=True, description="The same face in the stored picture; null without one."
        ),
    },
)

_rejection = ns.model(
    "RejectedFile",
    {
        "filename": fields.String(example="notes.txt"),
        "code": fields.String(description="A stable word for programs.", example="unsupported_image"),
        "message": fields.String(example="This is not a JPEG or PNG picture: save it as one of them and try again."),
    },
)

enrolment = ns.model(
    "Enrolment",
    {
        "uploaded": fields.Integer(description="How many files were taken.", example=1),
        "files": fields.List(fields.Nested(photo), description="The files that were taken."),
        "rejected": fields.List(fields.Nested(_rejection), description="The others, and why."),
    },
)

deleted = ns.model("PhotoDeleted", {"message": fields.String(example="Photo deleted")})
