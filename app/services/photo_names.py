"""What a photo is called: by its owner, and in the storage."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final

#: Length of the column.
MAX_FILENAME: Final = 255
FALLBACK_FILENAME: Final = "photo.jpg"
#: Longest readable part of a stored name; the rest makes it unique.
_MAX_STEM: Final = 40
#: Longest extension that is kept when a name is shortened (".jpeg" and the like).
_MAX_EXTENSION: Final = 10
_RANDOM_BYTES: Final = 6

#: Controls, format characters (bidirectional overrides, zero-width), surrogates, private use, unassigned.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

#: Keys that `storage_key` makes. The sweep removes no file of another name.
_OURS: Final = re.compile(r"([1-9][0-9]*)/[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*-[0-9a-f]{12}\.jpg")


def clean_filename(name: str, *, fallback: str = FALLBACK_FILENAME) -> str:
    """A client's name for a file, fit to be shown and stored: no path, one line, nothing invisible, not too long."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", name)
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    name = " ".join(name.split()).strip(". ")
    if len(name) > MAX_FILENAME:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) <= _MAX_EXTENSION else ""
        name = name[: MAX_FILENAME - len(tail)].rstrip(". ") + tail
    return name or fallback


def storage_key(user_id: int, filename: str) -> str:
    """A new key, ``<user_id>/<stem>-<12 hex digits>.jpg``: readable, plain ASCII, and never the same twice."""
    stem = filename.rpartition(".")[0] or filename
    stem = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:_MAX_STEM].rstrip("-")
    return f"{user_id}/{stem or 'photo'}-{secrets.token_hex(_RANDOM_BYTES)}.jpg"


def is_photo_key(key: str) -> bool:
    """Whether `storage_key` could have made this key."""
    return _OURS.fullmatch(key) is not None
