"""``/api/drive-search``: finding oneself in a public Google Drive folder."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from pydantic import ValidationError

from app.api.base import Resource, container, raises
from app.api.guard import access, caller_id
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body, uploaded_file
from app.api.schemas import drive_search as wire
from app.db import DriveSearch as Search
from app.db import DriveSearchState
from app.errors import (
    DriveFileNotReadable,
    DriveQuotaExceeded,
    DriveSearchNotFound,
    GoogleNotConfigured,
    GoogleUnavailable,
    ImageTooLarge,
    ImageTooSmall,
    InvalidDriveUrl,
    InvalidInput,
    ModelBusy,
    ModelNotUsable,
    NoFaceFound,
    NoSelfie,
    TooManySearches,
    UnsupportedImage,
    UserNotFound,
)
from app.services.access import Need
from app.services.google.drive_searches import DriveMatch
from app.validation import problems

ns = wire.ns

ID = {"search_id": "The search's id."}
FILE_ID = {**ID, "file_id": "Drive's id of the picture, as the results tell it."}
#: Each look costs a download from Drive; a picture that is changed there shows its old self for so long.
FOR_AN_HOUR = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}


def _wire_form(search: Search) -> dict[str, Any]:
    failed = search.state == DriveSearchState.FAILED
    return {
        "search_id": search.id,
        "status": search.state,
        "message": _message(search),
        "drive_url": search.drive_url,
        "folder_name": search.folder_name,
        "progress": {"found": search.listed, "analysed": search.analysed, "listed": search.pending is None},
        "truncated": search.truncated,
        "error": {"code": search.error_code, "message": search.error} if failed else None,
        "created_at": search.created_at,
        "finished_at": search.finished_at,
    }


def _message(search: Search) -> str:
    if search.state == DriveSearchState.FAILED:
        return search.error or "The search failed."
    if search.state == DriveSearchState.COMPLETED:
        return f"The search is complete: {search.listed} pictures."
    if search.pending is not None:
        return f"The folder is being listed: {search.listed} pictures so far."
    return f"{search.analysed} of {search.listed} pictures have been looked at."


def _match_form(match: DriveMatch) -> dict[str, Any]:
    return {
        "file_id": match.file_id,
        "name": match.name,
        "link": match.link,
        "width": match.width,
        "height": match.height,
        "face_coords": {name: round(getattr(match, name), 1) for name in ("x", "y", "w", "h")},
        "similarity": match.similarity,
        "band": match.band.value,
    }


def _wanted() -> tuple[str, bytes | None]:
    """The link, and the picture if one was sent along in a form."""
    if request.mimetype != "multipart/form-data":
        return parse_body(wire.NewDriveSearch).drive_url, None
    try:
        body = wire.NewDriveSearch.model_validate(request.form.to_dict())
    except ValidationError as error:
        raise InvalidInput(errors=problems(error, "form")) from None
    return body.drive_url, uploaded_file().data if request.files else None


@ns.route("")
class DriveSearches(Resource):
    """The signed-in person's searches."""

    @access(Need.PERSON, scope="events")
    @ns.doc("list_drive_searches", params=PAGE_PARAMS)
    @raises(ns, InvalidInput)
    @ns.marshal_list_with(wire.search)
    def get(self) -> Any:
        """My searches

        Newest first, without results. The number of all is in `X-Total-Count`, the next page in `Link`.
        """
        wanted = wanted_page()
        page = container().drive_searches.list(caller_id(), wanted)
        return [_wire_form(search) for search in page.items], 200, page_headers(page, wanted)

    @access(Need.PERSON, scope="events")
    @ns.doc("start_drive_search")
    @ns.expect(wire.new_search)
    @raises(
        ns,
        InvalidInput,
        InvalidDriveUrl,
        UserNotFound,
        NoSelfie,
        NoFaceFound,
        UnsupportedImage,
        ImageTooSmall,
        ImageTooLarge,
        TooManySearches,
        GoogleNotConfigured,
        ModelBusy,
        ModelNotUsable,
    )
    @ns.marshal_with(wire.started, code=202)
    def post(self) -> Any:
        """Search a Drive folder for me

        Looks in the folder and its subfolders for pictures of the signed-in person, in the background; ask
        `GET /api/drive-search/<id>` how far it is. The stored selfie says who you are; to use another picture, send a
        form (multipart/form-data) with the fields `drive_url` and `file` instead of JSON.
        """
        drive_url, selfie = _wanted()
        search = container().drive_searches.create(caller_id(), drive_url, selfie)
        return _wire_form(search), 202, {"Location": f"/api/drive-search/{search.id}"}


@ns.route("/<int:search_id>")
@ns.doc(params=ID)
class DriveSearch(Resource):
    """One search."""

    @access(Need.PERSON, scope="events")
    @ns.doc("get_drive_search", params=PAGE_PARAMS)
    @raises(ns, InvalidInput, DriveSearchNotFound)
    @ns.marshal_with(wire.search_with_results)
    def get(self, search_id: int) -> Any:
        """One search with its results

        Results come while the search is under way. `page` and `per_page` are those of the results, whose number is in
        `X-Total-Count`.
        """
        wanted = wanted_page()
        search, page = container().drive_searches.get(caller_id(), search_id, wanted)
        results = [_match_form(match) for match in page.items]
        skipped = [
            {"code": code, "count": count} for code, count in container().drive_searches.skipped(search_id).items()
        ]
        return {**_wire_form(search), "skipped": skipped, "results": results}, 200, page_headers(page, wanted)

    @access(Need.PERSON, scope="events")
    @ns.doc("delete_drive_search")
    @raises(ns, DriveSearchNotFound)
    @ns.marshal_with(wire.deleted)
    def delete(self, search_id: int) -> Any:
        """Delete a search

        With its results; one that is under way ends. What is known of the folder's pictures goes with the last search
        of it.
        """
        container().drive_searches.delete(caller_id(), search_id)
        return {"message": "Search deleted"}


@ns.route("/<int:search_id>/files/<file_id>/thumbnail")
@ns.doc(params=FILE_ID)
class DriveThumbnail(Resource):
    """A picture of a search, small."""

    @access(Need.PERSON, scope="events")
    @ns.doc("get_drive_thumbnail")
    @ns.produces(["image/jpeg"])
    @ns.response(200, "The picture, at most 400 pixels.")
    @raises(
        ns,
        DriveSearchNotFound,
        DriveFileNotReadable,
        DriveQuotaExceeded,
        UnsupportedImage,
        ImageTooSmall,
        ImageTooLarge,
        GoogleNotConfigured,
        GoogleUnavailable,
    )
    def get(self, search_id: int, file_id: str) -> Response:
        """A small picture of a result

        At most 400 pixels, upright, without metadata. It is fetched from Drive for this answer and not stored.
        """
        data = container().drive_pictures.thumbnail(caller_id(), search_id, file_id)
        return Response(data, mimetype="image/jpeg", headers=FOR_AN_HOUR)
