"""Lists over HTTP: ``page`` and ``per_page`` in, ``X-Total-Count`` and ``Link`` out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import request

from app.errors import InvalidInput
from app.services.paging import MAX_PER_PAGE, Page, PageRequest

#: For ``@ns.doc(params=…)`` of a list.
PAGE_PARAMS: dict[str, dict[str, Any]] = {
    "page": {"in": "query", "type": "integer", "default": 1, "minimum": 1, "description": "Page, counted from 1."},
    "per_page": {
        "in": "query",
        "type": "integer",
        "default": MAX_PER_PAGE,
        "minimum": 1,
        "maximum": MAX_PER_PAGE,
        "description": "Items on a page.",
    },
}

#: Largest page number that PostgreSQL's OFFSET can follow.
_MAX_PAGE = 10_000_000


def _whole_number(name: str, default: int, highest: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    # isdecimal alone accepts other scripts' digits and numbers of any length
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(highest)) or not 1 <= int(text) <= highest:
        raise InvalidInput(errors={name: f"a whole number from 1 to {highest} is needed"})
    return int(text)


def wanted_page(size: str = "per_page", default: int = MAX_PER_PAGE) -> PageRequest:
    """The page that the query asks for; InvalidInput if it makes no sense.

    :param size: what the query calls the number of items on a page.
    """
    return PageRequest(
        page=_whole_number("page", 1, _MAX_PAGE),
        per_page=_whole_number(size, default, MAX_PER_PAGE),
    )


def page_headers(page: Page[Any], wanted: PageRequest, size: str = "per_page") -> dict[str, str]:
    """``X-Total-Count`` and, unless this is the last page, ``Link: rel="next"``."""
    headers = {"X-Total-Count": str(page.total)}
    if wanted.offset + wanted.per_page < page.total:
        query = {**request.args.to_dict(), "page": wanted.page + 1, size: wanted.per_page}
        headers["Link"] = f'<{request.base_url}?{urlencode(query)}>; rel="next"'
    return headers
