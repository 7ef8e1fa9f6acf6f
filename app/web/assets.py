"""Scripts, styles, icons and translated messages, under URLs that change with their content.

All of them share one version, the hash of everything: ``/assets/<version>/js/main.js``. A script's own
``import "./core/api.js"`` is relative and so carries the version along, and browsers may keep each file for good.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.web import catalogue, icons
from app.web.language import LANGUAGES, TRANSLATIONS

TEMPLATES = Path(__file__).parent / "templates"

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
#: kenali.css with the styles of single tabs (``css/tabs/*.css``) after it: one request instead of ten.
STYLE = "css/kenali.css"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class AssetSet:
    """Everything, at one version."""

    version: str
    files: dict[str, Asset]

    def url(self, name: str) -> str:
        """Address of a file; KeyError if there is none."""
        self.files[name]
        return f"/assets/{self.version}/{name}"

    def names(self, folder: str) -> list[str]:
        """The files right in a folder (``js/core``)."""
        return sorted(name for name in self.files if name.rpartition("/")[0] == folder)


class Assets:
    """Reads the files when the first page is asked for; where the program is debugged, again after each change."""

    def __init__(self, static: Path, *, debug: bool = False) -> None:
        """:param static: the folder with ``js/``, ``css/`` and ``img/``."""
        self._static = static
        self._debug = debug
        self._lock = threading.Lock()
        self._current: AssetSet | None = None
        self._stamp = 0

    def current(self) -> AssetSet:
        """The files as they are."""
        with self._lock:
            stamp = self._newest() if self._debug else 0
            if self._current is None or stamp != self._stamp:
                files = dict(_files(self._static))
                self._current, self._stamp = AssetSet(_version(files), files), stamp
            return self._current

    def _newest(self) -> int:
        folders = (self._static / "js", self._static / "css", self._static / "img", TEMPLATES, TRANSLATIONS)
        return max(
            (path.stat().st_mtime_ns for folder in folders for path in (folder, *folder.rglob("*"))),
            default=0,
        )


def bootstrap_folder() -> Path:
    """Bootstrap 5 inside the package Bootstrap-Flask, which is not imported: only its files are of use here."""
    found = find_spec("flask_bootstrap")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("Bootstrap-Flask is not installed", name="flask_bootstrap")
    return Path(next(iter(found.submodule_search_locations))) / "static" / "bootstrap5"


def _files(static: Path) -> Iterator[tuple[str, Asset]]:
    for folder in ("js", "img"):
        for path in sorted((static / folder).rglob("*")):
            if path.suffix in MEDIA_TYPES:
                yield path.relative_to(static).as_posix(), _asset(path.suffix, path.read_bytes())
    styles = [static / STYLE, *sorted((static / "css" / "tabs").glob("*.css"))]
    yield STYLE, _asset(".css", b"\n".join(path.read_bytes() for path in styles))
    bootstrap = bootstrap_folder()
    yield "css/bootstrap.min.css", _asset(".css", (bootstrap / "css" / "bootstrap.min.css").read_bytes())
    sources = [*TEMPLATES.rglob("*.html"), *(static / "js").rglob("*.js")]
    used = icons.used_icons(path.read_text(encoding="utf-8") for path in sources)
    yield "icons.svg", _asset(".svg", icons.sprite(bootstrap / "icons" / "bootstrap-icons.svg", used).encode())
    for language in LANGUAGES:
        if messages := catalogue.script_messages(language):
            text = json.dumps(messages, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            yield f"messages/{language}.json", _asset(".json", text.encode())


def _asset(suffix: str, data: bytes) -> Asset:
    return Asset(data, MEDIA_TYPES[suffix])


def _version(files: dict[str, Asset]) -> str:
    digest = hashlib.sha256()
    for name, asset in sorted(files.items()):
        digest.update(f"{name}\0{len(asset.data)}\0".encode())
        digest.update(asset.data)
    return digest.hexdigest()[:12]
