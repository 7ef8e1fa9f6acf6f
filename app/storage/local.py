"""Files in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from app.errors import StorageFull, StorageUnavailable
from app.storage.base import InvalidKey, Sink, TooManyBytes, check_key, temporary_name

logger = logging.getLogger(__name__)

#: Photos of faces are biometric data: nobody but the server's own account reads them.
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
#: Not on Windows, where links need privileges and binary mode has to be asked for.
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


class LocalStorage:
    """Keeps the `Storage` protocol in ``root``. Keys never lead out of it, not by way of links either."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._expected: Path | None = None

    @property
    def name(self) -> str:
        """Name of the root folder."""
        return self._root.name

    @property
    def root(self) -> Path:
        """The folder everything is in."""
        return self._root

    def path(self, key: str) -> Path:
        """Where a key's file is.

        :raises InvalidKey: the key is not one, or a link in its way leads out of the root.
        """
        path = self._root.joinpath(*check_key(key))
        if not path.parent.resolve().is_relative_to(self._root.resolve()):
            raise InvalidKey(f"Leads out of the storage: {key!r}")
        return path

    def expect(self, key: str | None) -> None:
        """Store nothing while this file is not there: a volume that was unmounted leaves an empty folder behind."""
        self._expected = self.path(key) if key else None

    def put(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store the whole of ``data``, or nothing."""
        with self.writing(key, durable=durable) as sink:
            sink.write(data)

    @contextmanager
    def writing(self, key: str, *, max_bytes: int | None = None, durable: bool = True) -> Iterator[Sink]:
        """Write beside the target, flush if it is to be durable, then rename: the file is whole or absent."""
        path = self.path(key)
        temporary = path.with_name(temporary_name())
        leftover = temporary
        try:
            with _told(path):
                self._make(path.parent)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
                file = os.fdopen(os.open(temporary, flags, FILE_MODE), "wb")
            try:
                yield _Counted(file, max_bytes, path)
                with _told(path):
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
            finally:
                with contextlib.suppress(OSError):  # what could not be written is tried again, in vain
                    file.close()
            with _told(path):
                temporary.replace(path)
                leftover = path
                if durable:
                    _flush_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)
            raise

    def read(self, key: str) -> bytes:
        """The file's bytes; a link in its place counts as absent."""
        with self.open(key) as file:
            return file.read()

    def open(self, key: str) -> BinaryIO:
        """The file, open for reading; a link in its place counts as absent."""
        try:
            descriptor = os.open(self.path(key), os.O_RDONLY | _NO_FOLLOW | _BINARY)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key) from error
            raise
        return os.fdopen(descriptor, "rb")

    def free_bytes(self) -> int | None:
        """Room on the disk of the root, or of the nearest folder above it that is there."""
        for folder in (self._root, *self._root.parents):
            with contextlib.suppress(OSError):
                return shutil.disk_usage(folder).free
        return None

    def delete(self, key: str, *, durable: bool = True) -> None:
        """Remove a file; for good, if the removal is to be durable: the folder is flushed."""
        path = self.path(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        if durable:
            _flush_folder(path.parent)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Regular files only; links are neither listed nor followed."""
        top = self.path(f"{prefix}/x").parent if prefix else self._root
        # A folder that goes while it is walked has no keys.
        for folder, subfolders, names in os.walk(top, followlinks=False):
            subfolders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(self._root).as_posix()

    def folders(self) -> list[str]:
        """Names of real folders, not of links to some."""
        try:
            return sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def make_folder(self, name: str) -> None:
        """Make a folder at the top; one that exists is left as it is."""
        try:
            self._make(self.path(f"{name}/x").parent)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull from error
            logger.exception("The folder %s could not be made in %s", name, self._root)
            raise StorageUnavailable from error

    def delete_folder_if_empty(self, name: str) -> bool:
        """Remove an empty folder; whether it is gone."""
        folder = self.path(f"{name}/x").parent
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        _flush_folder(self._root)
        return True

    def delete_prefix(self, prefix: str) -> None:
        """Remove a folder; of a link only the link."""
        path = self.path(prefix)
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(path)
        if self._root.is_dir():
            _flush_folder(self._root)

    def _make(self, folder: Path) -> None:
        if self._expected is not None and not self._expected.is_file():
            raise FileNotFoundError(errno.ENOENT, "the folder is gone, or its volume is not mounted", str(self._root))
        if folder.is_dir():
            return
        self._root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _flush_folder(folder.parent)


class _Counted:
    """A file that is written to, up to a number of bytes."""

    def __init__(self, file: BinaryIO, max_bytes: int | None, path: Path) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._path = path
        self._written = 0

    def write(self, data: bytes, /) -> int:
        """Take more bytes; TooManyBytes beyond the limit."""
        self._written += len(data)
        if self._max_bytes is not None and self._written > self._max_bytes:
            raise TooManyBytes(f"more than {self._max_bytes} bytes")
        with _told(self._path):
            return self._file.write(data)

    def tell(self) -> int:
        """How many bytes were written."""
        return self._written

    def flush(self) -> None:
        """Nothing: the block's end flushes."""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in the program's own words what the system says while ``path`` is written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        logger.exception("%s could not be written", path)
        raise StorageUnavailable from error


def _flush_folder(folder: Path) -> None:
    """Make a rename or removal in ``folder`` durable. Windows flushes with the file and opens no folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
