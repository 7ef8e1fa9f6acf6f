"""Pages, scripts and styles go compressed over the wire; answers of the API never do.

An answer that holds a secret beside something the asker chose must not be compressed (BREACH), and pictures are
compressed already. So Flask-Compress looks at what this blueprint answers, and at nothing else.
"""

from __future__ import annotations

from flask import Flask, Request
from flask_babel import get_locale
from flask_compress import Compress
from flask_compress.flask_compress import DictCache

COMPRESSED_TYPES = ["text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"]


def compress_pages(app: Flask) -> Compress:
    """The compressor; its `after_request` is for the blueprint of the pages."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_MIMETYPES=COMPRESSED_TYPES,
        # zstd is younger than browsers in use; each file is compressed once, so it may take its time.
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=9,
        COMPRESS_LEVEL=9,
    )
    if not app.debug:  # where files change under the program
        app.config.update(COMPRESS_CACHE_BACKEND=DictCache, COMPRESS_CACHE_KEY=_key)
    return Compress(app)


def _key(request: Request) -> str:
    """What a body depends on. Only answers of status 200 are cached: there are as many keys as pages and files."""
    return f"{request.path}\n{get_locale()}"
