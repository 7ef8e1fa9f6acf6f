"""``/api/events/<id>/downloads``."""

from __future__ import annotations

from typing import IO, Any, BinaryIO, cast
from urllib.parse import urlencode

from flask import Response, after_this_request, request
from werkzeug.datastructures import Range
from werkzeug.wsgi import wrap_file

from app.api import events
from app.api.base import Resource, container, raises
from app.api.event_forms import event_caller, shown_link
from app.api.guard import access
from app.api.headers import name_file
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body
from app.api.schemas import event_downloads as wire
from app.api.schemas.events import LINK_PARAMS, TOKEN_PARAM
from app.errors import (
    DownloadNotFound,
    DownloadNotReady,
    DownloadTooLarge,
    EventImageNotFound,
    EventNotFound,
    InvalidInput,
    RangeNotSatisfiable,
    StorageFull,
    TooManyDownloads,
)
from app.services.access import Need
from app.services.events.downloads import DownloadView

ns = events.ns

_PARAMS = {**events.EVENT, "download_id": "The download's id."}
#: Names a person's photos, and changes from second to second.
_FRESH = {"Cache-Control": "private, no-store"}


def _form(view: DownloadView) -> dict[str, Any]:
    download, link = view.download, view.link
    url = None
    if link is not None:
        query = urlencode({"person": link.person, "expires": link.expires, "signature": link.signature})
        url = f"/api/events/{view.event.id}/downloads/{download.id}/file?{query}"
    return {
        "id": download.id,
        "event_id": view.event.id,
        "size": download.size,
        "state": download.state,
        "done": download.done,
        "total": download.total,
        "left_out": download.left_out,
        "size_bytes": download.bytes,
        "filename": view.filename,
        "failure": download.failure,
        "created_at": download.created_at,
        "expires_at": download.expires_at,
        "url": url,
    }


@ns.route("/<int:event_id>/downloads")
@ns.doc(params=events.EVENT)
class Downloads(Resource):
    """The caller's downloads of an event."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("list_event_downloads", params={**PAGE_PARAMS, **TOKEN_PARAM})
    @raises(ns, InvalidInput, *events.CLOSED)
    @ns.marshal_list_with(wire.download)
    def get(self, event_id: int) -> Any:
        """My downloads of this event

        Newest first. Those of others are shown to nobody.
        """
        wanted = wanted_page()
        page = container().event_downloads.list(event_caller(), event_id, wanted)
        return [_form(view) for view in page.items], 200, {**page_headers(page, wanted), **_FRESH}

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("create_event_download", params=TOKEN_PARAM)
    @ns.expect(wire.new_download)
    @raises(ns, InvalidInput, *events.CLOSED, EventImageNotFound, DownloadTooLarge, TooManyDownloads, StorageFull)
    @ns.marshal_with(wire.download, code=202)
    def post(self, event_id: int) -> Any:
        """Ask for photos as a ZIP file

        Name photos in `image_ids`, or ask for `all`. The file is made in the background: look at the download again
        until its `state` is `ready`; its `url` then works in a plain link, for you and for about an hour. It is kept
        for a day (`DOWNLOAD_HOURS`). Photos that are not there any more are left out and counted. Who asks for the same
        photos again gets the same download.
        """
        body = parse_body(wire.NewDownload)
        view = container().event_downloads.create(event_caller(), event_id, body.image_ids, body.size)
        return _form(view), 202, {"Location": f"/api/events/{event_id}/downloads/{view.download.id}", **_FRESH}


@ns.route("/<int:event_id>/downloads/<int:download_id>")
@ns.doc(params=_PARAMS)
class Download(Resource):
    """One of them."""

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("get_event_download", params=TOKEN_PARAM)
    @raises(ns, *events.CLOSED, DownloadNotFound)
    @ns.marshal_with(wire.download)
    def get(self, event_id: int, download_id: int) -> Any:
        """How far a download is

        `done` of `total` photos; `ready` with a `url`, or `failed` with the reason in `failure`.
        """
        return _form(container().event_downloads.get(event_caller(), event_id, download_id)), 200, _FRESH

    @access(Need.SIGNED_IN, scope="events")
    @ns.doc("delete_event_download", params=TOKEN_PARAM)
    @raises(ns, *events.CLOSED, DownloadNotFound)
    @ns.marshal_with(wire.download_deleted)
    def delete(self, event_id: int, download_id: int) -> Any:
        """Delete a download

        One that is being made is stopped. Otherwise it goes by itself when it expires.
        """
        container().event_downloads.delete(event_caller(), event_id, download_id)
        return {"message": "Download deleted"}


@ns.route("/<int:event_id>/downloads/<int:download_id>/file")
@ns.doc(params=_PARAMS)
class DownloadFile(Resource):
    """The ZIP file itself."""

    # Public, because a link sends no token: the signature in the address is looked at instead.
    @access(Need.PUBLIC, scope="events")
    @ns.doc("get_event_download_file", params={**TOKEN_PARAM, **LINK_PARAMS})
    @ns.produces(["application/zip"])
    @ns.response(200, "The ZIP file.")
    @ns.response(206, "A part of it (Range).")
    @ns.response(304, "You have it already (If-None-Match).")
    @raises(
        ns,
        *events.CLOSED_LINK,
        EventNotFound,
        DownloadNotFound,
        DownloadNotReady,
        RangeNotSatisfiable,
    )
    def get(self, event_id: int, download_id: int) -> Response:
        """The ZIP file

        By the signed `url` of the download, or with your token and the event's. An interrupted download can go on
        (`Range`). None of the photos carries GPS or other metadata.
        """
        found = container().event_downloads.open(event_caller(), event_id, download_id, shown_link())
        try:
            return _file_response(found.file, found.bytes, found.filename, found.etag)
        except BaseException:
            found.file.close()
            raise


def _file_response(file: BinaryIO, length: int, filename: str, etag: str) -> Response:
    response = Response(mimetype="application/zip", direct_passthrough=True)
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-cache"
    name_file(response, "attachment", filename)
    begin, end = 0, length
    if (wanted := _wanted_part(etag)) is not None:
        part = wanted.range_for_length(length)
        if part is None:
            after_this_request(lambda refusal: _with_length(refusal, length))
            raise RangeNotSatisfiable
        begin, end = part
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{length}"
    response.response = wrap_file(request.environ, cast("IO[bytes]", _Part(file, begin, end)))
    response.content_length = end - begin
    if response.status_code == 200:  # noqa: PLR2004
        response.make_conditional(request, accept_ranges=False)
    return response


def _wanted_part(etag: str) -> Range | None:
    """The one part that is asked for; None for the whole, also if it is of another file, or several are asked for."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or request.method != "GET":
        return None
    condition = request.if_range
    return wanted if condition.date is None and condition.etag in {None, etag} else None


def _with_length(refusal: Response, length: int) -> Response:
    refusal.headers["Content-Range"] = f"bytes */{length}"
    return refusal


class _Part:
    """A part of a file as a file: what servers want that send files without a thread of ours."""

    def __init__(self, file: BinaryIO, begin: int, end: int) -> None:
        self._file = file
        self._begin = begin
        self._end = end
        file.seek(begin)

    def read(self, size: int = -1) -> bytes:
        left = max(self._end - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))

    def tell(self) -> int:
        return self._file.tell() - self._begin

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: self._begin, 1: self._file.tell(), 2: self._end}[whence]
        return self._file.seek(base + offset) - self._begin

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
