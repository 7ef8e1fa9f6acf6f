"""``/static/history_images/…``: the pictures of both histories, where the source has them."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from flask import Blueprint, Response
from flask.views import MethodView

from app.api.base import container
from app.api.guard import access, guarded
from app.api.histories import PICTURES_URL
from app.services.access import Need

_MEDIA_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}


class HistoryPicture(MethodView):
    """A picture of an entry. Nobody can guess its address, which is told to the entry's owner only."""

    decorators: ClassVar[list[Any]] = [guarded]

    @access(Need.PUBLIC, scope="operations")
    def get(self, key: str) -> Response:
        """The bytes of a picture; also of one that an <img> asks for, which sends no token."""
        data = container().history_pictures.read(key)
        response = Response(data, content_type=_MEDIA_TYPES[key.rpartition(".")[2]])
        # A deleted picture must not linger in a cache.
        response.headers["Cache-Control"] = "private, no-cache"
        return response


def blueprint() -> Blueprint:
    """``GET /static/history_images/<key>``; more specific than Flask's own ``/static``, so it comes first."""
    found = Blueprint("history_images", __name__)
    found.add_url_rule(f"{PICTURES_URL}/<path:key>", view_func=HistoryPicture.as_view("picture"))
    return found
