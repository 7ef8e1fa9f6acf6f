"""What every storage is, and what a key looks like."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO, Final, Protocol

from app.errors import StorageFull

#: What a file that is still being written is called; one that a killed program left behind is recognised by it.
TEMPORARY_PREFIX: Final = ".tmp-"

#: Longest name of a file or folder on the usual file systems, in bytes.
_MAX_PART_BYTES: Final = 255


class InvalidKey(ValueError):
    """A key that could leave the storage, or that no file system takes."""


class TooManyBytes(ValueError):
    """More was written than was allowed."""


class Sink(Protocol):
    """Where a file is written to, piece by piece. Enough of a file for `zipfile`."""

    def write(self, data: bytes, /) -> int:
        """Take more bytes; how many.

        :raises TooManyBytes: it would be more than was allowed; nothing of the file will be kept.
        """

    def tell(self) -> int:
        """How many bytes were written."""

    def flush(self) -> None:
        """Nothing to wait for: the file is durable when it is complete."""


class Storage(Protocol):
    """Bytes under keys such as ``12/anna-1a2b3c4d5e6f.jpg``. Thread-safe."""

    @property
    def name(self) -> str:
        """What people see in front of a key: ``dataset``."""

    def expect(self, key: str | None) -> None:
        """From now on, store nothing while this key is not there: it is a sign that the place is the right one."""

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store the whole of ``data``, or nothing.

        :param durable: also if the power fails right after this returns. False is quicker, and good for what may be
            missing, or empty, after a power cut; what becomes of this program makes no difference.
        :raises StorageFull: there is no room.
        :raises StorageUnavailable: it cannot be written to.
        """

    def read(self, key: str) -> bytes:
        """The stored bytes.

        :raises FileNotFoundError: there is no such key.
        """

    def writing(self, key: str, *, max_bytes: int | None = None, durable: bool = True) -> AbstractContextManager[Sink]:
        """Write a file piece by piece. It is there, whole, when the block ends; not at all if it raises.

        :param durable: as in `put`.
        :raises StorageFull: there is no room; also from `Sink.write`.
        :raises StorageUnavailable: it cannot be written to; also from `Sink.write`.
        :raises TooManyBytes: from `Sink.write`.
        """

    def open(self, key: str) -> BinaryIO:
        """The stored file, to be read piece by piece and closed; it can seek.

        :raises FileNotFoundError: there is no such key.
        """

    def free_bytes(self) -> int | None:
        """Room that is left; None if nobody knows."""

    def delete(self, key: str, *, durable: bool = True) -> None:
        """Remove a key; nothing happens if it is gone already.

        :param durable: as in `put`: otherwise a power cut may bring it back.
        """

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key under a folder, leftovers of interrupted writes included; with an empty prefix, of all folders."""

    def folders(self) -> list[str]:
        """Names of the folders at the top."""

    def make_folder(self, name: str) -> None:
        """Make a folder at the top, if folders are a thing here."""

    def delete_folder_if_empty(self, name: str) -> bool:
        """Remove a folder at the top unless something is in it; whether it is gone."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove a folder with everything in it; nothing happens if it is gone already."""


def check_key(key: str) -> tuple[str, ...]:
    """The parts of a key.

    :raises InvalidKey: it is empty, absolute, or has a part that means something else than a name.
    """
    parts = tuple(key.split("/"))
    for part in parts:
        if part in {"", ".", ".."} or "\\" in part or not part.isprintable() or len(part.encode()) > _MAX_PART_BYTES:
            raise InvalidKey(f"Not a storage key: {key!r}")
    return parts


def check_writable(storage: Storage, folder: str = "") -> None:
    """Store a file and remove it again: a place that can only be read would else show when somebody sends something.

    A full one passes: that ends when there is room again, and health tells the room that is left.

    :raises StorageUnavailable: it cannot be written to.
    """
    key = f"{folder}/{temporary_name()}".lstrip("/")
    with suppress(StorageFull):
        storage.put(key, b"", durable=False)
    storage.delete(key, durable=False)


def temporary_name() -> str:
    """For a file that is still being written; nobody else has it."""
    return TEMPORARY_PREFIX + secrets.token_hex(8)


def is_temporary(key: str) -> bool:
    """Whether a key is what an interrupted write left behind."""
    return key.rpartition("/")[2].startswith(TEMPORARY_PREFIX)
