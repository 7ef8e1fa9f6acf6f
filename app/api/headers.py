"""Headers that every answer carries, and how a file is named in one."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

from flask import Flask, Response, request

#: Swagger UI, as Flask-RESTX ships it, starts itself with an inline script and inline styles.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
#: JSON and pictures need nothing.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

#: Whatever is answered.
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Pages of other sites may not even embed a photo.
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: For answers that the app does not make.
BARE_HEADERS = {**_ALWAYS, "Content-Security-Policy": DATA_POLICY, "Cache-Control": "no-store"}

#: What may stand in an encoded parameter as it is (attr-char of RFC 8187).
_PLAIN: Final = "!#$&+-.^_`|~"


def name_file(response: Response, how: str, filename: str) -> None:
    """Say what the file of an answer is called.

    A header carries no letter beyond Latin-1, so any other name is told twice: encoded (RFC 8187), and for old clients
    with what of it is ASCII.

    :param how: ``inline`` or ``attachment``.
    """
    if filename.isascii():
        response.headers.set("Content-Disposition", how, filename=filename)
        return
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode().strip()
    if not plain or plain.startswith("."):
        plain = f"file{plain}"
    names = {"filename": plain, "filename*": f"UTF-8''{quote(filename, _PLAIN)}"}
    response.headers.set("Content-Disposition", how, **names)


def add_security_headers(app: Flask) -> None:
    """No sniffing, no framing, no referrers, and a content security policy."""

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        policy = DOCS_POLICY if request.path == "/api/docs" else DATA_POLICY
        headers.setdefault("Content-Security-Policy", policy)
        if request.path.startswith("/api/") and request.path not in {"/api/docs", "/api/swagger.json"}:
            headers.setdefault("Cache-Control", "no-store")
        return response
