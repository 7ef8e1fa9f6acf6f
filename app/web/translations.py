"""``make translations``: brings the translations in step with what templates, scripts and the API say.

Everything is written in English, in the source. A translation lies in ``translations/<language>/<part>.po``, one part
for each tab, so that people who work on different tabs change different files:

* ``<tab>.po``: ``templates/tabs/<tab>.html``, ``static/js/tabs/<tab>.js`` and the folders ``<tab>/`` beside them
* ``<tab>_<view>.po``: the views of a large tab that have a part of their own (``VIEWS``)
* ``shell.po``: every other template and script, and ``app/web``
* ``api.po``: what the API says to people

One run adds what is new (with an empty translation, or with that of another part that says the same), removes what is
gone, compiles all parts into the two catalogues that the program reads, and lists what lacks a translation.
"""

from __future__ import annotations

import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from app.version import VERSION
from app.web.api_messages import api_messages
from app.web.catalogue import PAGES_DOMAIN, SCRIPTS_DOMAIN
from app.web.language import DEFAULT_LANGUAGE, LANGUAGES, TRANSLATIONS
from app.web.tabs import TABS

ROOT = Path(__file__).parents[2]
WEB = Path(__file__).parent
SCRIPTS = ROOT / "static" / "js"

#: t("text"), tn("one", "many", count) in scripts; `_` and `ngettext` elsewhere.
_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "t": None, "tn": (1, 2)}
#: A comment that starts like this, on the line before, is shown to translators.
_COMMENT_TAG = "Translators:"

_TAB_FILES = (
    re.compile(r"app/web/templates/tabs/(\w+)(?:\.html|/(?P<view>\w+).*)"),
    re.compile(r"static/js/tabs/(\w+)(?:\.js|/(?P<view>\w+).*)"),
)
#: Files (and folders) of a tab whose messages make a part of their own, by that part's name.
VIEWS = {
    "events_guest": set(
        "guest kept access selfie results gallery lightbox selection download all day near sharing".split()  # noqa: SIM905
    ),
    "events_drive": {"drive"},
}
SHELL = "shell"
API = "api"
#: Where Babel does not know better than English: Indonesian nouns have one form.
_PLURAL_FORMS = {"id": "nplurals=1; plural=0;"}
#: So that a run that changes nothing leaves no trace.
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

#: A message; one and many, if it has a plural.
Id = str | list[str] | tuple[str, ...]


@dataclass
class Said:
    """One message of the source."""

    id: Id
    #: files that say it, in order
    files: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def parts() -> list[str]:
    """Names of the parts."""
    return [SHELL, API, *(tab.key for tab in TABS), *VIEWS]


def part_of(file: str) -> str:
    """The part that a file of the source belongs to."""
    if not file.startswith(("app/web/", "static/")):
        return API
    for pattern in _TAB_FILES:
        if match := pattern.fullmatch(file):
            tab, view = match[1], match["view"]
            own = (part for part, files in VIEWS.items() if part.startswith(f"{tab}_") and view in files)
            return next(own, tab)
    return SHELL


def said() -> dict[str, dict[Id, Said]]:
    """Part -> what its files say, in the order of the source."""
    found: dict[str, dict[Id, Said]] = {part: {} for part in parts()}
    for file, id_, comments in _extracted():
        message = found[part_of(file)].setdefault(id_, Said(id_))
        if file not in message.files:
            message.files.append(file)
        message.comments += [comment for comment in comments if comment not in message.comments]
    return found


def _extracted() -> Iterator[tuple[str, Id, list[str]]]:
    for folder, pattern, method in (
        (WEB, "*.py", "python"),
        (WEB / "templates", "**/*.html", "jinja2.ext:babel_extract"),
        (SCRIPTS, "**/*.js", "javascript"),
    ):
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path != Path(__file__):
                with path.open("rb") as file:
                    for _, id_, comments, _ in extract(method, file, _KEYWORDS, [_COMMENT_TAG], {"encoding": "utf-8"}):
                        yield name, id_, comments
    for source, id_ in api_messages():
        yield f"app/{source}", id_, []


def read_part(language: str, part: str) -> Catalog:
    """The translations of one part, as they are on disk."""
    path = TRANSLATIONS / language / f"{part}.po"
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def updated(language: str) -> dict[str, Catalog]:
    """Part -> its translations in step with the source. What is new takes the translation of another part, if any."""
    known: dict[Id, Id | None] = {}
    old = {part: read_part(language, part) for part in parts()}
    for catalogue in old.values():
        for message in catalogue:
            if message.id and _translated(message):
                known.setdefault(message.id, message.string)
    result = {}
    for part, messages in said().items():
        catalogue = _empty(language)
        for id_, source in messages.items():
            before = old[part].get(id_)
            own = before is not None and before.id == id_ and _translated(before)
            catalogue.add(
                id_,
                before.string if own and before is not None else known.get(id_),
                locations=[(file, 0) for file in source.files],
                auto_comments=source.comments,
                user_comments=before.user_comments if before is not None else (),
            )
        result[part] = catalogue
    return result


def compiled(language: str, catalogues: dict[str, Catalog]) -> dict[str, bytes]:
    """Domain -> ``.mo``: what pages say, and what scripts have to know."""
    domains: dict[str, Catalog] = defaultdict(lambda: _empty(language))
    for catalogue in catalogues.values():
        for message in catalogue:
            if message.id and _translated(message):
                for domain in {_domain(file) for file, _ in message.locations}:
                    domains[domain].add(message.id, message.string)
    result = {}
    for domain in (PAGES_DOMAIN, SCRIPTS_DOMAIN):
        buffer = io.BytesIO()
        write_mo(buffer, domains[domain])
        result[domain] = buffer.getvalue()
    return result


def missing(catalogues: dict[str, Catalog]) -> list[tuple[str, Id]]:
    """(part, message) without a translation."""
    return [(part, m.id) for part, catalogue in catalogues.items() for m in catalogue if m.id and not _translated(m)]


def as_text(catalogue: Catalog) -> bytes:
    """The ``.po`` file."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=118, include_lineno=False)
    return buffer.getvalue()


def _domain(file: str) -> str:
    return PAGES_DOMAIN if file.startswith("app/web/") else SCRIPTS_DOMAIN


def _translated(message: Message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else list(message.string or [""])
    return all(strings)


def _empty(language: str) -> Catalog:
    catalogue = Catalog(
        locale=language,
        project="Kenali",
        version=VERSION,
        copyright_holder="the authors of Kenali",
        header_comment="# Translations of Kenali. `make translations` keeps this file in step with the source.",
        creation_date=_EPOCH,
        revision_date=_EPOCH,
        last_translator="Kenali",
        language_team=language,
        msgid_bugs_address="the issues of this repository",
        fuzzy=False,
    )
    if language in _PLURAL_FORMS:
        catalogue.mime_headers = [("Plural-Forms", _PLURAL_FORMS[language])]
    return catalogue


def main(only: Sequence[str] = ()) -> int:
    """Write every language; 1 if something lacks a translation.

    :param only: parts to write and to complain about; all of them if empty. The catalogues hold everything anyway.
    """
    wanted = set(only) or set(parts())
    lacking = 0
    for language in LANGUAGES:
        if language == DEFAULT_LANGUAGE:
            continue
        catalogues = updated(language)
        folder = TRANSLATIONS / language
        (folder / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
        for part, catalogue in catalogues.items():
            if part in wanted:
                _write(folder / f"{part}.po", as_text(catalogue))
        for domain, data in compiled(language, catalogues).items():
            _write(folder / "LC_MESSAGES" / f"{domain}.mo", data)
        lacks = [(part, id_) for part, id_ in missing(catalogues) if part in wanted]
        for part, id_ in lacks:
            print(f"{language}/{part}.po has no translation of: {id_}")  # noqa: T201 - a command
        lacking += len(lacks)
    return 1 if lacking else 0


def _write(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        path.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
