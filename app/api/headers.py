"""Headers that every answer carries."""

from __future__ import annotations

from flask import Flask, Response, request

#: Swagger UI, as Flask-RESTX ships it, starts itself with an inline script and inline styles.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
#: JSON and pictures need nothing.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


def add_security_headers(app: Flask) -> None:
    """No sniffing, no framing, no referrers, and a content security policy."""

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "no-referrer")
        policy = DOCS_POLICY if request.path == "/api/docs" else DATA_POLICY
        headers.setdefault("Content-Security-Policy", policy)
        if request.path.startswith("/api/") and request.path not in {"/api/docs", "/api/swagger.json"}:
            headers.setdefault("Cache-Control", "no-store")
        return response
