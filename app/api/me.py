"""``/api/me``: what belongs to the signed-in person."""

from __future__ import annotations

from typing import Any

from app.api.base import Resource, container, raises
from app.api.guard import access, caller_id
from app.api.histories import picture_url
from app.api.schemas import me as wire
from app.db import HistoryEntry
from app.errors import LastAdmin, UserNotFound
from app.services.access import Need
from app.services.history import percent
from app.services.privacy import PersonalData

ns = wire.ns


def _wire_form(data: PersonalData) -> dict[str, Any]:
    account = data.account
    return {
        "exported_at": data.exported_at,
        "account": {
            "id": account.id,
            "name": account.name,
            "email": account.email,
            "role": account.role,
            "created_at": account.created_at,
            "updated_at": account.updated_at,
            "has_password": data.has_password,
            "failed_sign_ins": data.failed_sign_ins,
        },
        "photos": [
            {
                "id": photo.id,
                "filename": photo.filename,
                "width": photo.width,
                "height": photo.height,
                "size_bytes": photo.size_bytes,
                "sha256": photo.sha256,
                "created_at": photo.created_at,
                "face": photo.face,
                "image_url": f"/api/photos/{account.id}/{photo.id}/image",
            }
            for photo in data.photos
        ],
        "embeddings": data.embeddings,
        "sessions": data.sessions,
        "jobs": data.jobs,
        "breed_history": [_history_form(entry) for entry in data.breed_history],
        "cough_history": [_history_form(entry) for entry in data.cough_history],
        "events": data.events,
        "event_visits": data.event_visits,
        "bookmarks": data.bookmarks,
        "selfies": [
            {
                "model": selfie.model,
                "quality": selfie.quality,
                "created_at": selfie.created_at,
                "image_url": "/api/users/me/selfie/image",
            }
            for selfie in data.selfies
        ],
        "downloads": data.downloads,
        "drive_searches": data.drive_searches,
        "identities": data.identities,
    }


def _history_form(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "filename": entry.filename,
        "prediction": entry.prediction,
        "confidence": percent(entry.confidence),
        "model": entry.model,
        "created_at": entry.created_at,
        "image_url": picture_url(entry.picture_key),
    }


@ns.route("")
class Account(Resource):
    """The signed-in account."""

    @access(Need.PERSON, scope="users")
    @ns.doc("delete_my_account")
    @raises(ns, UserNotFound, LastAdmin)
    @ns.marshal_with(wire.deleted)
    def delete(self) -> Any:
        """Delete my account

        With everything that belongs to it: photos, embeddings, histories, sessions, files, and the events that you
        made. There is no way back. Needs the person's own token, also in local mode.
        """
        container().privacy.delete(caller_id())
        return {"message": "Account deleted"}


@ns.route("/export")
class Export(Resource):
    """Everything of the signed-in person."""

    @access(Need.PERSON, scope="users")
    @ns.doc("export_my_data")
    @raises(ns, UserNotFound)
    @ns.marshal_with(wire.export)
    def get(self) -> Any:
        """Everything that is kept about me

        One document; the pictures themselves are behind `image_url`. Needs the person's own token, also in local mode.
        """
        headers = {"Content-Disposition": 'attachment; filename="kenali-export.json"', "Cache-Control": "no-store"}
        return _wire_form(container().privacy.export(caller_id())), 200, headers
