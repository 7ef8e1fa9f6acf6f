"""Local mode trusts everybody on this machine, so it must make sure that it is them.

A web page of another site, open in a browser on this machine, can send requests to 127.0.0.1 (cross-site request
forgery) or point its own host name there (DNS rebinding). The Host header gives away the second, Origin and
Sec-Fetch-Site the first.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request

from app.config import LOOPBACK_HOSTS, AccessMode, Settings
from app.errors import HostNotAllowed, OriginNotAllowed


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:  # a bracket that is not closed, say
        return ""


def check_origin(allowed: frozenset[str]) -> None:
    """Refuse a request whose Host is not ours, or that a foreign page makes."""
    if host_name(request.host) not in allowed:
        raise HostNotAllowed
    origin = request.headers.get("Origin")
    if origin is not None:
        # "null" is a sandboxed frame or a file: nobody we know.
        if origin.lower() != f"{request.scheme}://{request.host}".lower():
            raise OriginNotAllowed
    elif request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and request.method not in {"GET", "HEAD"}:
        raise OriginNotAllowed


def watch_origin(app: Flask, settings: Settings) -> None:
    """Check every request of local mode. In token mode the token is the proof: no browser adds it by itself."""
    if settings.access_mode is not AccessMode.LOCAL:
        return
    allowed = LOOPBACK_HOSTS | {name.lower() for name in settings.allowed_hosts}
    app.before_request(lambda: check_origin(frozenset(allowed)))
