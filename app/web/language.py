"""Which language a page is in."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, request
from flask_babel import Babel

TRANSLATIONS = Path(__file__).parent / "translations"

#: Code -> how its speakers call it. The first one is what everything is written in.
LANGUAGES = {"en": "English", "id": "Bahasa Indonesia"}
DEFAULT_LANGUAGE = "en"

#: Name of the cookie, and of the query argument, that hold a choice.
CHOICE = "lang"
_COOKIE_SECONDS = 365 * 24 * 3600


def choose_language(app: Flask) -> None:
    """Have Flask-Babel translate the pages."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    app.config["BABEL_DEFAULT_LOCALE"] = DEFAULT_LANGUAGE
    Babel(app, locale_selector=wanted_language)


def wanted_language() -> str:
    """The language that the visitor chose (``?lang=``, then the cookie), else the first one the browser asks for."""
    for choice in (request.args.get(CHOICE), request.cookies.get(CHOICE)):
        if choice in LANGUAGES:
            return choice
    return request.accept_languages.best_match(LANGUAGES, DEFAULT_LANGUAGE)


def remember_choice(response: Response) -> None:
    """Keep the choice of ``?lang=`` for the pages to come."""
    choice = request.args.get(CHOICE)
    if choice in LANGUAGES:
        response.set_cookie(
            CHOICE, choice, max_age=_COOKIE_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure
        )
