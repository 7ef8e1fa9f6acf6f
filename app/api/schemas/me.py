"""Wire models of ``me``: what belongs to a person."""

from __future__ import annotations

from flask_restx import Namespace, fields

from app.api.base import UtcDateTime

ns = Namespace("me", description="Everything that belongs to you: read it, delete it.")

_TIME = "2026-01-22T10:00:00.000Z"

_account = ns.model(
    "ExportedAccount",
    {
        "id": fields.Integer(example=1),
        "name": fields.String(example="John Doe"),
        "email": fields.String(example="john@email.com"),
        "role": fields.String(example="user"),
        "created_at": UtcDateTime(example=_TIME),
        "updated_at": UtcDateTime(example=_TIME),
        "has_password": fields.Boolean(example=True),
        "failed_sign_ins": fields.Integer(description="That still count towards the lockout.", example=0),
    },
)
_photo = ns.model(
    "ExportedPhoto",
    {
        "id": fields.Integer(example=3),
        "filename": fields.String(example="holiday.jpg"),
        "width": fields.Integer(example=224),
        "height": fields.Integer(example=224),
        "size_bytes": fields.Integer(example=11873),
        "sha256": fields.String(example="9f86d081884c7d65…"),
        "created_at": UtcDateTime(example=_TIME),
        "face": fields.Raw(description="What was seen on it.", example={"detected": True}),
        "image_url": fields.String(description="The picture itself.", example="/api/photos/1/3/image"),
    },
)
_embedding = ns.model(
    "ExportedEmbedding",
    {
        "id": fields.Integer(example=7),
        "photo_id": fields.Integer(example=3),
        "model": fields.String(example="buffalo_l"),
        "generation": fields.Integer(example=1),
        "quality": fields.Float(example=0.91),
        "created_at": UtcDateTime(example=_TIME),
    },
)
_session = ns.model(
    "ExportedSession",
    {
        "id": fields.String(example="8b6f7c1e-30a5-4f0e-9b57-1f0f8a4d9a51"),
        "method": fields.String(example="password"),
        "created_at": UtcDateTime(example=_TIME),
        "refreshed_at": UtcDateTime(example=_TIME),
        "expires_at": UtcDateTime(example=_TIME),
        "revoked_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
    },
)
_job = ns.model(
    "ExportedJob",
    {
        "id": fields.Integer(example=12),
        "kind": fields.String(example="incremental"),
        "state": fields.String(example="succeeded"),
        "created_at": UtcDateTime(example=_TIME),
        "finished_at": UtcDateTime(example=_TIME),
    },
)
_asked = ns.model(
    "ExportedHistoryEntry",
    {
        "id": fields.Integer(example=5),
        "filename": fields.String(example="rex.jpg"),
        "prediction": fields.String(example="Japanese spaniel"),
        "confidence": fields.String(example="97.31%"),
        "model": fields.String(example="squeezenet-1.1@4fae1b2c"),
        "created_at": UtcDateTime(example=_TIME),
        "image_url": fields.String(
            description="The picture, or that of the sound.",
            example="/static/history_images/5f0c1d2e3a4b/1/0123456789abcdef0123456789abcdef.jpg",
        ),
    },
)
_event = ns.model(
    "ExportedEvent",
    {
        "id": fields.Integer(example=3),
        "name": fields.String(example="Budi & Ani's wedding"),
        "description": fields.String(example="Party in the garden."),
        "date": fields.Date(example="2026-01-22"),
        "share_code": fields.String(example="7KQ2XW9RTB4M"),
        "created_at": UtcDateTime(example=_TIME),
        "updated_at": UtcDateTime(example=_TIME),
    },
)
_visit = ns.model(
    "ExportedEventVisit",
    {
        "event_id": fields.Integer(example=3),
        "last_opened_at": UtcDateTime(example=_TIME),
        "previous_opened_at": UtcDateTime(example=_TIME),
        "hidden": fields.Boolean(description="Whether your face is not to be found there.", example=False),
    },
)
_bookmark = ns.model(
    "ExportedBookmark", {"image_id": fields.Integer(example=7), "created_at": UtcDateTime(example=_TIME)}
)
_selfie = ns.model(
    "ExportedSelfie",
    {
        "model": fields.String(example="buffalo_l@1a2b3c4d"),
        "quality": fields.Float(example=0.91),
        "created_at": UtcDateTime(example=_TIME),
        "image_url": fields.String(description="The picture itself.", example="/api/users/me/selfie/image"),
    },
)
_download = ns.model(
    "ExportedDownload",
    {
        "id": fields.Integer(example=2),
        "event_id": fields.Integer(example=3),
        "state": fields.String(example="ready"),
        "total": fields.Integer(description="Photos.", example=12),
        "created_at": UtcDateTime(example=_TIME),
        "expires_at": UtcDateTime(example=_TIME),
    },
)
_drive_search = ns.model(
    "ExportedDriveSearch",
    {
        "id": fields.Integer(example=4),
        "drive_url": fields.String(example="https://drive.google.com/drive/folders/1AbC"),
        "state": fields.String(example="completed"),
        "created_at": UtcDateTime(example=_TIME),
        "finished_at": UtcDateTime(example=_TIME),
    },
)
_identity = ns.model(
    "ExportedIdentity",
    {
        "provider": fields.String(example="google"),
        "subject": fields.String(description="Your account's id there.", example="110169484474386276334"),
        "email": fields.String(example="john@gmail.com"),
        "created_at": UtcDateTime(example=_TIME),
    },
)
export = ns.model(
    "PersonalData",
    {
        "exported_at": UtcDateTime(example=_TIME),
        "account": fields.Nested(_account),
        "photos": fields.List(fields.Nested(_photo)),
        "embeddings": fields.List(fields.Nested(_embedding)),
        "sessions": fields.List(fields.Nested(_session)),
        "jobs": fields.List(fields.Nested(_job)),
        "breed_history": fields.List(fields.Nested(_asked)),
        "cough_history": fields.List(fields.Nested(_asked)),
        "events": fields.List(fields.Nested(_event)),
        "event_visits": fields.List(fields.Nested(_visit)),
        "bookmarks": fields.List(fields.Nested(_bookmark)),
        "selfies": fields.List(fields.Nested(_selfie)),
        "downloads": fields.List(fields.Nested(_download)),
        "drive_searches": fields.List(fields.Nested(_drive_search)),
        "identities": fields.List(fields.Nested(_identity)),
    },
)
deleted = ns.model("AccountDeleted", {"message": fields.String(example="Account deleted")})
