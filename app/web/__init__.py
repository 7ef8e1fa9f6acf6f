"""The tabbed interface: pages for people who never see a terminal. Its scripts use the public API only.

`tabs` lists the tabs, `pages` answers their URLs, `assets` serves scripts, styles and icons under versioned URLs,
`language` chooses between English and Indonesian. docs/interface.md tells how a tab is made.
"""

from __future__ import annotations

from flask import Flask

from app.config import Settings
from app.web import language, pages
from app.web.assets import Assets
from app.web.compression import compress_pages


def register_web(app: Flask, settings: Settings) -> None:
    """Mount the pages; before the API, which would claim ``/``."""
    language.choose_language(app)
    app.extensions["kenali_assets"] = Assets(pages.STATIC, debug=app.debug)
    app.register_blueprint(pages.blueprint(settings, compress_pages(app)))
