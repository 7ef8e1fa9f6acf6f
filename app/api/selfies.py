"""``/api/users/me/selfie``: the picture by which a person is found on photos."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from app.api import users
from app.api.base import Resource, container, raises
from app.api.guard import access, caller_id
from app.api.parsing import uploaded_file
from app.api.schemas import selfies as wire
from app.db import Selfie as SelfieRow
from app.errors import (
    FaceNotClear,
    ImageTooLarge,
    ImageTooSmall,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    NoFaceFound,
    PhotoFileMissing,
    RequestTooLarge,
    SelfieInUse,
    SelfieNotFound,
    SeveralFaces,
    StorageFull,
    StorageUnavailable,
    UnsupportedImage,
    UserNotFound,
)
from app.services.access import Need
from app.services.face_report import face_report

ns = users.ns

#: What looking at a selfie may answer.
LOOKING_ERRORS = (
    MissingFile,
    UnsupportedImage,
    ImageTooSmall,
    ImageTooLarge,
    RequestTooLarge,
    NoFaceFound,
    SeveralFaces,
    FaceNotClear,
    ModelBusy,
    ModelNotUsable,
)


def _form(selfie: SelfieRow) -> dict[str, Any]:
    return {
        "model": selfie.model,
        "quality": round(selfie.quality, 3),
        "image_url": "/api/users/me/selfie/image",
        "created_at": selfie.created_at,
    }


@ns.route("/me/selfie")
class Selfie(Resource):
    """The signed-in person's selfie."""

    @access(Need.PERSON, scope="users")
    @ns.doc("get_my_selfie")
    @raises(ns, SelfieNotFound)
    @ns.marshal_with(wire.selfie)
    def get(self) -> Any:
        """My selfie

        What is known of it. Needs the person's own token, also in local mode.
        """
        return _form(container().selfies.get(caller_id()))

    @access(Need.PERSON, scope="users")
    @ns.doc("store_my_selfie")
    @ns.expect(wire.upload_form)
    @raises(ns, UserNotFound, *LOOKING_ERRORS, StorageFull, StorageUnavailable)
    @ns.marshal_with(wire.stored, code=201)
    def post(self) -> Any:
        """Store my selfie

        By it you are found on the photos of events and in Drive folders. Your face must be seen clearly, and nobody
        else's nearly as large. It replaces an earlier one; nobody else can see it.
        """
        found = container().selfies.store(caller_id(), uploaded_file().data)
        body = {
            **_form(found.selfie),
            "face": face_report(found.seen.face, found.seen.quality),
            "warnings": found.seen.warnings,
        }
        return body, 201, {"Location": "/api/users/me/selfie"}

    @access(Need.PERSON, scope="users")
    @ns.doc("delete_my_selfie")
    @raises(ns, UserNotFound, SelfieNotFound, SelfieInUse)
    @ns.marshal_with(wire.deleted)
    def delete(self) -> Any:
        """Delete my selfie

        With its picture. Not while you are hidden from an event: you are recognised there by it.
        """
        container().selfies.delete(caller_id())
        return {"message": "Selfie deleted"}


@ns.route("/me/selfie/image")
class SelfieImage(Resource):
    """The picture itself."""

    @access(Need.PERSON, scope="users")
    @ns.doc("get_my_selfie_image")
    @ns.produces(["image/jpeg"])
    @ns.response(200, "The picture, at most 1600 pixels.")
    @raises(ns, SelfieNotFound, PhotoFileMissing)
    def get(self) -> Response:
        """My selfie as a picture

        At most 1600 pixels, without metadata.
        """
        _, file = container().selfies.open(caller_id())
        response = Response(wrap_file(request.environ, file), mimetype="image/jpeg", direct_passthrough=True)
        response.headers["Cache-Control"] = "private, no-store"
        return response
