"""``/api/photos``."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, send_file

from app.api.base import Resource, container, raises
from app.api.guard import access, in_path
from app.api.idempotency import IDEMPOTENCY_PARAM, idempotency_key
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import uploaded_file, uploaded_files
from app.api.schemas import photos as wire
from app.errors import (
    IdempotencyKeyReused,
    ImageTooLarge,
    ImageTooSmall,
    InvalidInput,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    NoPhotoAccepted,
    PhotoFileMissing,
    PhotoNotFound,
    RequestTooLarge,
    StorageFull,
    StorageUnavailable,
    UnsupportedImage,
    UserNotFound,
)
from app.services.access import Need

ns = wire.ns

USER = {"user_id": "The user's id."}
PHOTO = {**USER, "photo_id": "The photo's id."}

#: What storing any photo may answer.
STORING_ERRORS = (UserNotFound, RequestTooLarge, ModelBusy, ModelNotUsable, StorageFull, StorageUnavailable)


@ns.route("/<int:user_id>/upload")
@ns.doc(params=USER)
class Upload(Resource):
    """One new photo."""

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("upload_photo", params=IDEMPOTENCY_PARAM)
    @ns.expect(wire.upload_form)
    @raises(
        ns,
        InvalidInput,
        MissingFile,
        IdempotencyKeyReused,
        UnsupportedImage,
        ImageTooSmall,
        ImageTooLarge,
        *STORING_ERRORS,
    )
    @ns.marshal_with(wire.photo, code=201)
    def post(self, user_id: int) -> Any:
        """Upload a photo

        The largest face is found in the original and the square around it is stored as a 224x224 JPEG. `face` says how
        well it can be seen, `warnings` what to do better. Next: train.
        """
        photo = container().photos.add(user_id, uploaded_file(), idempotency_key())
        return photo, 201, {"Location": f"/api/photos/{user_id}/{photo.id}"}


@ns.route("/<int:user_id>/upload/multiple")
@ns.doc(params=USER)
class UploadMany(Resource):
    """Several new photos."""

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("upload_photos")
    @ns.expect(wire.upload_many_form)
    @raises(ns, MissingFile, NoPhotoAccepted, *STORING_ERRORS)
    @ns.marshal_with(wire.enrolment, code=201)
    def post(self, user_id: int) -> Any:
        """Upload several photos

        Each file is taken or rejected by itself. Repeat the form field `files` (or `files[]`) for each file.
        """
        enrolment = container().photos.add_many(user_id, uploaded_files(wire.FILES_FIELDS))
        return {
            "uploaded": len(enrolment.accepted),
            "files": enrolment.accepted,
            "rejected": enrolment.rejected,
        }, 201


@ns.route("/<int:user_id>")
@ns.doc(params=USER)
class Photos(Resource):
    """A user's photos."""

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("list_photos", params=PAGE_PARAMS)
    @raises(ns, InvalidInput, UserNotFound)
    @ns.marshal_list_with(wire.photo)
    def get(self, user_id: int) -> Any:
        """List a user's photos

        In the order they came. The number of all photos is in `X-Total-Count`, the next page in `Link`.
        """
        wanted = wanted_page()
        page = container().photos.list(user_id, wanted)
        return page.items, 200, page_headers(page, wanted)


@ns.route("/<int:user_id>/<int:photo_id>")
@ns.doc(params=PHOTO)
class Photo(Resource):
    """One photo."""

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("get_photo")
    @raises(ns, UserNotFound, PhotoNotFound)
    @ns.marshal_with(wire.photo)
    def get(self, user_id: int, photo_id: int) -> Any:
        """One photo

        What is known of it: the face, its quality, and what to do better. The picture is at `…/image`.
        """
        return container().photos.get(user_id, photo_id)

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("delete_photo")
    @raises(ns, UserNotFound, PhotoNotFound)
    @ns.marshal_with(wire.deleted)
    def delete(self, user_id: int, photo_id: int) -> Any:
        """Delete a photo

        File, row and embedding go together.
        """
        container().photos.delete(user_id, photo_id)
        return {"message": "Photo deleted"}


@ns.route("/<int:user_id>/<int:photo_id>/image")
@ns.doc(params=PHOTO)
class PhotoImage(Resource):
    """The picture itself."""

    @access(Need.OWNER, scope="photos", subject=in_path("user_id"))
    @ns.doc("get_photo_image")
    @ns.produces(["image/jpeg"])
    @ns.response(200, "The 224x224 JPEG.")
    @ns.response(304, "You have it already (If-None-Match).")
    @raises(ns, UserNotFound, PhotoNotFound, PhotoFileMissing)
    def get(self, user_id: int, photo_id: int) -> Response:
        """The stored JPEG

        224x224 pixels; a browser that has it already gets 304.
        """
        file = container().photos.file(user_id, photo_id)
        response = send_file(
            io.BytesIO(file.data),
            mimetype="image/jpeg",
            download_name=file.photo.filepath.rpartition("/")[2],
            etag=file.photo.sha256,
            last_modified=file.photo.created_at,
        )
        # Kept by the browser of whoever may see it, and asked for each time: a deleted photo must not linger.
        response.headers["Cache-Control"] = "private, no-cache"
        return response
