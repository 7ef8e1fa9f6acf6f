"""The icons in use, as one SVG sprite cut out of Bootstrap Icons: 4 kB instead of a megabyte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.web.tabs import TABS

#: How templates and scripts name an icon: icon("name"), icon_name="name", and the first argument of empty_state.
_USES = re.compile(r"""\b(?:icon\(|icon_name=|empty_state\()\s*["']([a-z0-9-]+)["']""")
_SYMBOL = re.compile(r'<symbol[^>]*\bid="([^"]+)".*?</symbol>', re.DOTALL)


class IconMissing(Exception):
    """A template or script names an icon that Bootstrap Icons does not have."""


def used_icons(sources: Iterable[str]) -> set[str]:
    """Names of the icons that these sources, and the list of tabs, use."""
    found = {tab.icon for tab in TABS}
    for source in sources:
        found.update(_USES.findall(source))
    return found


def sprite(all_icons: Path, names: set[str]) -> str:
    """An SVG document with these symbols; IconMissing if there is no such icon.

    :param all_icons: ``bootstrap-icons.svg``, a sprite of all of them.
    """
    symbols = dict(_symbols(all_icons.read_text(encoding="utf-8"), names))
    if missing := names - symbols.keys():
        raise IconMissing(", ".join(sorted(missing)))
    body = "\n".join(symbols[name] for name in sorted(symbols))
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def _symbols(text: str, names: set[str]) -> Iterator[tuple[str, str]]:
    for match in _SYMBOL.finditer(text):
        if match[1] in names:
            yield match[1], match[0]
