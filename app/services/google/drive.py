"""Drive API v3, as much of it as public folders need: one item, the children of a folder, the bytes of a file.

Plain HTTP instead of google-api-python-client: three kinds of GET do not need a wheel of 17 MB, and its
transport knows no limit of bytes or time. Only the configured host is ever asked, whatever a folder says.

What may go better next time is tried again, with growing pauses and jitter (Drive's own advice); a Retry-After counts.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import requests

from app.errors import (
    DriveFileNotReadable,
    DriveFolderNotFound,
    DriveQuotaExceeded,
    GoogleNotConfigured,
    GoogleUnavailable,
    ImageTooLarge,
)
from app.services.google.http import (
    AnswerTooLarge,
    GoogleHttp,
    Limits,
    is_temporary,
    json_object,
    retry_after,
    unavailable,
)

FOLDER: Final = "application/vnd.google-apps.folder"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
_IMAGE: Final = "image/"

#: A page of a thousand files with long names, and then some.
LIST_LIMITS: Final = Limits(silence_seconds=20.0, total_seconds=60.0, max_bytes=16_000_000)
#: 20 MB at 70 kB a second.
MEDIA_SILENCE_SECONDS: Final = 20.0
MEDIA_TOTAL_SECONDS: Final = 300.0
#: The most that files.list gives.
PAGE_SIZE: Final = 1000

ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 32.0
#: Who is told to wait longer gives the job back instead.
_LONGEST_WAIT_SECONDS: Final = 120

_ITEM_FIELDS: Final = (
    "id,name,mimeType,size,md5Checksum,modifiedTime,resourceKey,shortcutDetails(targetId,targetResourceKey)"
)
#: Reasons of a 403 that go away by themselves, and those that need another day.
_TOO_FAST: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_TOO_MUCH: Final = frozenset({"dailyLimitExceeded", "quotaExceeded", "downloadQuotaExceeded"})
#: Reasons that say that the key is not made for this.
_KEY_TROUBLE: Final = frozenset(
    {"keyInvalid", "keyExpired", "ipRefererBlocked", "accessNotConfigured", "API_KEY_INVALID", "SERVICE_DISABLED"}
)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_MAX_NAME: Final = 1000
_MAX_VERSION: Final = 100

#: Waits; may raise to end the whole call.
Pause = Callable[[float], None]


class PageTokenRefused(Exception):
    """The page that should come next is not known any more: the folder has to be listed from its beginning."""


@dataclass(frozen=True, slots=True)
class DriveItem:
    """A file, a folder or a shortcut."""

    id: str
    name: str
    mime: str
    #: changes with the content.
    version: str
    size_bytes: int | None
    resource_key: str | None
    #: of a shortcut: what it leads to.
    target_id: str | None
    target_key: str | None

    @property
    def is_folder(self) -> bool:
        """Whether it may have children."""
        return self.mime == FOLDER

    @property
    def is_image(self) -> bool:
        """Whether Drive takes it for a picture."""
        return self.mime.startswith(_IMAGE)


@dataclass(frozen=True, slots=True)
class DrivePage:
    """Some children of a folder."""

    items: list[DriveItem]
    #: None on the last page
    next_token: str | None


class DriveClient:
    """Reads public folders with an API key. Thread-safe."""

    def __init__(
        self,
        api_url: str,
        key: str,
        *,
        max_file_bytes: int,
        list_limits: Limits = LIST_LIMITS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        """:param key: an API key; without one every call raises GoogleNotConfigured."""
        self._url = api_url
        self._key = key
        self._first_pause = first_pause_seconds
        self._lists = GoogleHttp(list_limits)
        self._media = GoogleHttp(
            Limits(
                connect_seconds=list_limits.connect_seconds,
                silence_seconds=min(MEDIA_SILENCE_SECONDS, list_limits.silence_seconds),
                total_seconds=MEDIA_TOTAL_SECONDS,
                max_bytes=max_file_bytes,
            )
        )

    @property
    def configured(self) -> bool:
        """Whether there is a key."""
        return bool(self._key)

    def item(self, item_id: str, resource_key: str | None, *, pause: Pause = time.sleep) -> DriveItem:
        """One item; DriveFolderNotFound if it does not exist or is not public."""
        params = {"fields": _ITEM_FIELDS, "supportsAllDrives": "true"}
        answer = self._call(self._lists, f"/files/{_checked(item_id)}", params, {item_id: resource_key}, pause)
        _refuse(answer, DriveFolderNotFound)
        found = _item(json_object(answer))
        if found is None:
            raise unavailable(answer)
        return found

    def children(
        self, folder_id: str, resource_key: str | None, page_token: str | None, *, pause: Pause = time.sleep
    ) -> DrivePage:
        """A page of a folder's pictures, subfolders and shortcuts.

        :raises DriveFolderNotFound: the folder does not exist or is not public.
        :raises PageTokenRefused: ``page_token`` is too old.
        """
        kinds = f"mimeType contains '{_IMAGE}' or mimeType = '{FOLDER}' or mimeType = '{SHORTCUT}'"
        params = {
            "q": f"'{_checked(folder_id)}' in parents and trashed = false and ({kinds})",
            "fields": f"nextPageToken,files({_ITEM_FIELDS})",
            "pageSize": str(PAGE_SIZE),
            "supportsAllDrives": "true",
            "includeItemsFromAllDrives": "true",
        }
        if page_token is not None:
            params["pageToken"] = page_token
        answer = self._call(self._lists, "/files", params, {folder_id: resource_key}, pause)
        if page_token is not None and answer.status_code in {HTTPStatus.BAD_REQUEST, requests.codes.gone}:
            raise PageTokenRefused
        _refuse(answer, DriveFolderNotFound)
        page = json_object(answer)
        files, token = page.get("files"), page.get("nextPageToken")
        if not isinstance(files, list):
            raise unavailable(answer)
        items = [item for file in files if isinstance(file, dict) and (item := _item(file)) is not None]
        return DrivePage(items, token if isinstance(token, str) and token else None)

    def download(self, file_id: str, resource_key: str | None, *, pause: Pause = time.sleep) -> bytes:
        """The bytes of a file.

        :raises ImageTooLarge: it is larger than allowed.
        :raises DriveFileNotReadable: it is gone, or Drive does not hand it out.
        """
        params = {"alt": "media", "supportsAllDrives": "true"}
        try:
            answer = self._call(self._media, f"/files/{_checked(file_id)}", params, {file_id: resource_key}, pause)
        except AnswerTooLarge:
            raise ImageTooLarge from None
        _refuse(answer, DriveFileNotReadable)
        return answer.content

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._lists.close()
        self._media.close()

    def _call(
        self, http: GoogleHttp, path: str, params: dict[str, str], keys: dict[str, str | None], pause: Pause
    ) -> requests.Response:
        """An answer that is final, good or bad; GoogleUnavailable after some attempts without one."""
        if not self._key:
            raise GoogleNotConfigured
        # In a header: a key in an address ends up in logs.
        headers = {"X-Goog-Api-Key": self._key}
        shown = ",".join(f"{item_id}/{key}" for item_id, key in keys.items() if key)
        if shown:
            headers["X-Goog-Drive-Resource-Keys"] = shown
        for attempt in range(ATTEMPTS):
            try:
                answer = http.call("GET", self._url + path, params=params, headers=headers)
            except AnswerTooLarge:
                raise
            except GoogleUnavailable as error:
                trouble, wait = error, 0
            else:
                if not is_temporary(answer) and _reason(answer) not in _TOO_FAST:
                    return answer
                trouble, wait = unavailable(answer), retry_after(answer) or 0
            if attempt == ATTEMPTS - 1 or wait > _LONGEST_WAIT_SECONDS:
                break
            # Up to twice as long as the time before; half of it by chance, or clients that fell together stay together.
            longest = min(self._first_pause * 2**attempt, LONGEST_PAUSE_SECONDS)
            pause(max(wait, longest * random.uniform(0.5, 1.0)))  # noqa: S311 - nobody guesses it to any use
        raise trouble


def _refuse(answer: requests.Response, missing: type[DriveFolderNotFound | DriveFileNotReadable]) -> None:
    """Return if the answer is good; raise what is wrong otherwise.

    :param missing: what an item is called that does not exist or may not be read.
    """
    if answer.ok and answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return
    reason = _reason(answer)
    if reason in _TOO_MUCH:
        raise DriveQuotaExceeded
    if reason in _KEY_TROUBLE:
        raise GoogleNotConfigured(f"Google does not accept this server's API key for Drive ({reason}).")
    if answer.status_code in {requests.codes.not_found, requests.codes.forbidden, requests.codes.gone}:
        raise missing
    raise unavailable(answer)


def _reason(answer: requests.Response) -> str:
    """The stable word of an error; empty for a good answer or an error without one."""
    if answer.ok:
        return ""
    try:
        error = answer.json()["error"]
        word = error["errors"][0]["reason"]
        message = error.get("message", "")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return ""
    if isinstance(message, str) and message.startswith("API key"):  # "badRequest", otherwise
        return "keyInvalid"
    return word if isinstance(word, str) else ""


def _item(shown: dict[str, Any]) -> DriveItem | None:
    """From the form of files.get and files.list; None for what has no usable id."""
    item_id, size = shown.get("id"), shown.get("size")
    details = shown.get("shortcutDetails")
    details = details if isinstance(details, dict) else {}
    if not isinstance(item_id, str) or not _ID.fullmatch(item_id):
        return None
    version = _text(shown, "md5Checksum") or _text(shown, "modifiedTime") or "unknown"
    whole = isinstance(size, str) and size.isascii() and size.isdecimal() and len(size) <= 18  # noqa: PLR2004 - bigint
    return DriveItem(
        id=item_id,
        name=_printable(_text(shown, "name") or item_id),
        mime=_text(shown, "mimeType") or "",
        version=_printable(version)[:_MAX_VERSION],
        size_bytes=int(str(size)) if whole else None,
        resource_key=_safe(shown, "resourceKey"),
        target_id=_safe(details, "targetId"),
        target_key=_safe(details, "targetResourceKey"),
    )


def _text(shown: dict[str, Any], name: str) -> str | None:
    value = shown.get(name)
    return value if isinstance(value, str) and value else None


def _safe(shown: dict[str, Any], name: str) -> str | None:
    """An id or a key: it goes into an address or a header."""
    value = _text(shown, name)
    return value if value and _ID.fullmatch(value) else None


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)[:_MAX_NAME]


def _checked(item_id: str) -> str:
    """An id that is nothing but an id: it becomes part of an address."""
    if not _ID.fullmatch(item_id):
        raise DriveFolderNotFound
    return item_id
