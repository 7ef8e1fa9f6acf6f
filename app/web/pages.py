"""The addresses of the tabs, and of what a page needs.

Every tab has its own URL, and each of them is answered with the same shell, with that tab in front.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, json, redirect, render_template
from flask_babel import get_locale
from flask_compress import Compress
from werkzeug.wrappers import Response as AnyResponse

from app.config import AccessMode, Settings
from app.version import VERSION
from app.web.assets import STYLE, TEMPLATES, Asset, Assets, AssetSet
from app.web.language import LANGUAGES, remember_choice
from app.web.tabs import GROUPS, TABS, Tab

STATIC = Path(__file__).parents[2] / "static"

#: Nothing inline, nothing from elsewhere, and no way to turn text into markup (Trusted Types).
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
#: Camera and microphone for this page, and nothing else that asks a person for permission.
PERMISSIONS = "camera=(self), microphone=(self), geolocation=(), display-capture=(), payment=(), usb=()"

_FOR_GOOD = "public, max-age=31536000, immutable"


def blueprint(settings: Settings, compress: Compress) -> Blueprint:
    """All pages, compressed."""
    pages = Blueprint("web", __name__, template_folder=str(TEMPLATES))
    pages.after_request(compress.after_request)
    pages.add_url_rule("/", "home", lambda: _shell(settings, TABS[0]))
    for tab in TABS:
        pages.add_url_rule(tab.path, tab.key, lambda tab=tab: _shell(settings, tab), strict_slashes=False)
    for path in ("/api", "/api/"):
        pages.add_url_rule(path, "api", _to_swagger)
    pages.add_url_rule("/assets/<version>/<path:name>", "asset", _asset)
    return pages


def _shell(settings: Settings, active: Tab) -> Response:
    assets = _assets().current()
    language = str(get_locale())
    page = render_template(
        "shell.html",
        groups=GROUPS,
        tabs=TABS,
        active=active,
        language=language,
        languages=LANGUAGES,
        asset=assets.url,
        modules=[assets.url(name) for name in assets.names("js/core")],
        style=assets.url(STYLE),
        # Strangers of token mode are not told which version this is.
        version=VERSION if settings.access_mode is AccessMode.LOCAL else None,
        # In the order of the tabs: the first is what is shown at "/".
        config=json.dumps(_config(settings, assets, language), sort_keys=False),
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Permissions-Policy"] = PERMISSIONS
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Language"] = language
    response.vary.update({"Accept-Language", "Cookie"})
    remember_choice(response)
    return response


def _config(settings: Settings, assets: AssetSet, language: str) -> dict[str, object]:
    """What scripts have to know before they ask anything; ``core/config.js`` reads it."""
    messages = f"messages/{language}.json"
    return {
        "access": settings.access_mode.value,
        "assets": f"/assets/{assets.version}/",
        "messages": assets.url(messages) if messages in assets.files else None,
        "faceLogin": settings.face_login,
        "driveSearch": bool(settings.google_api_key),
        "maxUploadBytes": settings.max_upload_bytes,
        "maxAudioBytes": settings.max_audio_bytes,
        "maxRequestBytes": settings.max_request_bytes,
        "tabs": {
            tab.key: {"path": tab.path, "title": str(tab.title), "needsSession": tab.needs_session} for tab in TABS
        },
    }


def _asset(version: str, name: str) -> Response:
    assets = _assets().current()
    # A page from before an update asks for files that are gone: better none than others.
    found: Asset | None = assets.files.get(name) if version == assets.version else None
    if found is None:
        abort(404)
    response = Response(found.data, content_type=found.media_type)
    response.headers["Cache-Control"] = _FOR_GOOD
    return response


def _to_swagger() -> AnyResponse:
    """The way to Swagger UI, for who looks for the API."""
    return redirect("/api/docs", code=307)


def _assets() -> Assets:
    found: Assets = current_app.extensions["kenali_assets"]
    return found
