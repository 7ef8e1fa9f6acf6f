"""Wire models of ``drive-search``."""

from __future__ import annotations

from flask_restx import Namespace, fields
from pydantic import Field

from app.api.base import UtcDateTime
from app.api.parsing import JsonBody, body_model
from app.services.google.drive_url import MAX_LENGTH

ns = Namespace("drive-search", description="Finding yourself in a public Google Drive folder.")


class NewDriveSearch(JsonBody):
    """Body of ``POST /api/drive-search``; the same member as a field of a form, for whoever sends a picture along."""

    drive_url: str = Field(
        min_length=1,
        max_length=MAX_LENGTH,
        description="Link of a folder that is shared with anyone who has the link.",
        examples=["https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUvWxYz"],
    )


new_search = body_model(ns, "NewDriveSearch", NewDriveSearch)

_STATES = ["processing", "completed", "failed"]
_TIME = "2026-01-22T10:00:00.000Z"

progress = ns.model(
    "DriveProgress",
    {
        "found": fields.Integer(description="Pictures found in the folder so far.", example=2500),
        "analysed": fields.Integer(description="Of those, looked at, or left out.", example=1200),
        "listed": fields.Boolean(description="Whether the whole folder is listed.", example=True),
    },
)
problem = ns.model(
    "DriveProblem",
    {
        "code": fields.String(description="A stable word.", example="drive_folder_not_found"),
        "message": fields.String(
            example="The folder does not exist or is not public: share it with anyone who has the link."
        ),
    },
)
_search = {
    "search_id": fields.Integer(example=1),
    "status": fields.String(enum=_STATES, example="processing"),
    "message": fields.String(example="1200 of 2500 pictures have been looked at."),
}
started = ns.model("DriveSearchStarted", _search)
_told = {
    **_search,
    "drive_url": fields.String(example="https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUvWxYz"),
    "folder_name": fields.String(description="Null until it is known.", example="Wedding"),
    "progress": fields.Nested(progress),
    "truncated": fields.Boolean(
        description="Whether the folder holds more than is searched (GOOGLE_DRIVE_MAX_FILES, depth).", example=False
    ),
    "error": fields.Nested(problem, allow_null=True, description="Of a failed search."),
    "created_at": UtcDateTime(example=_TIME),
    "finished_at": UtcDateTime(description="Null until then.", example=_TIME),
}
search = ns.model("DriveSearch", _told)
skipped = ns.model(
    "DriveSkipped",
    {
        "code": fields.String(description="Why, a stable word.", example="unsupported_image"),
        "count": fields.Integer(description="Pictures.", example=12),
    },
)
face_coords = ns.model(
    "DriveFaceCoords",
    {
        "x": fields.Float(example=120.5),
        "y": fields.Float(example=80.0),
        "w": fields.Float(example=64.0),
        "h": fields.Float(example=80.0),
    },
)
match = ns.model(
    "DriveMatch",
    {
        "file_id": fields.String(description="Drive's id of the picture.", example="1ZyXwVuTsRqPoNmLkJiHgFeDcBa"),
        "name": fields.String(example="DSC_0815.jpg"),
        "link": fields.String(
            description="Where to look at it.",
            example="https://drive.google.com/file/d/1ZyXwVuTsRqPoNmLkJiHgFeDcBa/view",
        ),
        "width": fields.Integer(description="Of the upright picture, in pixels.", example=6000),
        "height": fields.Integer(example=4000),
        "face_coords": fields.Nested(face_coords, description="Your face, in pixels of the upright picture."),
        "similarity": fields.Float(description="Cosine with your selfie, -1 to 1.", example=0.6123),
        "band": fields.String(enum=["sure", "maybe"], description="How sure it is that it is you.", example="sure"),
    },
)
search_with_results = ns.model(
    "DriveSearchWithResults",
    {
        **_told,
        "skipped": fields.List(fields.Nested(skipped), description="Pictures that could not be looked at, by reason."),
        "results": fields.List(
            fields.Nested(match), description="Pictures with you, best first: one page of what was found so far."
        ),
    },
)
deleted = ns.model("DriveSearchDeleted", {"message": fields.String(example="Search deleted")})
