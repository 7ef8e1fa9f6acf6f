"""Links of Google Drive folders. They are read, never followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from app.errors import InvalidDriveUrl

MAX_LENGTH: Final = 2000

_HOSTS: Final = frozenset({"drive.google.com", "docs.google.com"})
#: Drive's ids are longer than that and its resource keys shorter, today.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,128}")
_RESOURCE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: ``/drive/folders/…``, with an account (``/u/0``), a phone (``/mobile``) or a company (``/a/firm.example``) in it.
_PATH: Final = re.compile(r"(?:/a/[^/]+)?/drive(?:/u/\d{1,3})?(?:/mobile)?/folders/([^/]+)/?")
#: What takes the folder as ``?id=``.
_WITH_ID: Final = re.compile(r"(?:/a/[^/]+)?(?:/u/\d{1,3})?/(?:open|folderview|embeddedfolderview)/?")


@dataclass(frozen=True, slots=True)
class DriveFolder:
    """The folder of a link."""

    id: str
    #: what links from before 2021 need besides the id.
    resource_key: str | None


def parse_drive_url(url: str) -> DriveFolder:
    """The folder that a link leads to; InvalidDriveUrl for anything else."""
    text = url.strip()
    if len(text) > MAX_LENGTH or not text.isascii() or not text.isprintable():
        raise _invalid()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        query = parse_qs(parts.query, max_num_fields=50)
        port = parts.port
    except ValueError:
        raise _invalid() from None
    if parts.scheme not in {"https", "http"} or parts.hostname not in _HOSTS or port is not None or "@" in parts.netloc:
        raise _invalid()
    found = _PATH.fullmatch(parts.path)
    folder_id = found[1] if found else None
    if folder_id is None and _WITH_ID.fullmatch(parts.path):
        folder_id = query.get("id", [""])[0]
    elif folder_id is None and parts.path in {"", "/", "/drive", "/drive/"}:
        # The oldest form: https://drive.google.com/#folders/<id>
        folder_id = parts.fragment.removeprefix("folders/") if parts.fragment.startswith("folders/") else None
    if folder_id is None or not _ID.fullmatch(folder_id):
        raise _invalid()
    key = query.get("resourcekey", [""])[0]
    return DriveFolder(folder_id, key if _RESOURCE_KEY.fullmatch(key) else None)


def file_url(file_id: str, resource_key: str | None) -> str:
    """Where people look at a file."""
    key = f"?resourcekey={resource_key}" if resource_key else ""
    return f"https://drive.google.com/file/d/{file_id}/view{key}"


def _invalid() -> InvalidDriveUrl:
    return InvalidDriveUrl(errors={"drive_url": "a link such as https://drive.google.com/drive/folders/<id> is needed"})
