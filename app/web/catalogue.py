"""Translated messages for the scripts: what `static/js` says, and what the API says to people."""

from __future__ import annotations

from app.web.language import TRANSLATIONS

#: Domains of gettext: what templates and Python say, and what the browser has to know.
PAGES_DOMAIN = "messages"
SCRIPTS_DOMAIN = "scripts"

#: Message -> translation, or translations for one and for many.
Messages = dict[str, str | list[str]]


def script_messages(language: str) -> Messages:
    """The catalogue of one language; empty for the language that everything is written in.

    A message with a plural is found by its singular; the forms are in gettext's order (Indonesian has one).
    """
    from babel.messages.mofile import read_mo

    compiled = TRANSLATIONS / language / "LC_MESSAGES" / f"{SCRIPTS_DOMAIN}.mo"
    if not compiled.is_file():
        return {}
    with compiled.open("rb") as file:
        found = read_mo(file)
    messages: Messages = {}
    for message in found:
        if not message.id:
            continue
        if isinstance(message.id, str):
            messages[message.id] = str(message.string)
        else:
            messages[message.id[0]] = _forms(message.string)
    return messages


def _forms(translation: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [translation] if isinstance(translation, str) else list(translation or ())
