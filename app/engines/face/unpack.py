"""Unpacking a downloaded archive without trusting it."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from app.errors import ModelDownloadFailed

#: Weights hardly compress; an archive that grows beyond this is a bomb. The largest pack holds 0.4 GB.
MAX_TOTAL_BYTES: Final = 2_000_000_000
_MAX_MEMBERS: Final = 64
_CHUNK_BYTES: Final = 1 << 20


def unpack(archive: Path, target: Path, *, max_total_bytes: int = MAX_TOTAL_BYTES) -> None:
    """Write the archive's .onnx files into ``target``, flat.

    Only file names are taken from the archive, never its folders, so nothing can land elsewhere; still, an archive with
    a path that leaves its folder is refused as a whole. Every byte is checked against the archive's CRC while it is
    read. Raises ModelDownloadFailed.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _write_members(opened, target, max_total_bytes)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelDownloadFailed(f"What was downloaded is not a sound zip archive: {error}.") from error


def _write_members(opened: zipfile.ZipFile, target: Path, max_total_bytes: int) -> None:
    members = [member for member in opened.infolist() if not member.is_dir()]
    if len(members) > _MAX_MEMBERS:
        raise ModelDownloadFailed(f"The archive holds {len(members)} files; a pack holds a handful.")
    wanted: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise ModelDownloadFailed(f"The archive wants to write outside its folder: {member.filename!r}.")
        if path.suffix == ".onnx":
            if path.name in wanted:
                raise ModelDownloadFailed(f"The archive holds {path.name} twice.")
            wanted[path.name] = member
    left = max_total_bytes
    for name, member in wanted.items():
        left -= _write(opened, member, target / name, left)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, most_bytes: int) -> int:
    """Copy one member and count what really comes out, whatever its header says."""
    written = 0
    with opened.open(member) as source, path.open("xb") as sink:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > most_bytes:
                raise ModelDownloadFailed("The archive is larger than any pack: it was not unpacked.")
            sink.write(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    return written
