"""Fetching a pack: all of it, checked, or nothing."""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import requests

from app.engines.face.insightface import InsightFaceEngine
from app.engines.face.pack import holds_pack
from app.engines.face.progress import Progress, silent
from app.engines.face.unpack import unpack
from app.errors import ModelDownloadFailed, ModelNotUsable, StorageFull

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 1 << 18
_ZIP_MAGIC: Final = b"PK"
#: Name of the folders that downloads work in; a killed download leaves one, which the next one removes after a day.
_WORKPLACE: Final = ".download-"
_STALE_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much a download may take."""

    #: until a connection stands.
    connect_seconds: float = 3.0
    #: without a single byte.
    silence_seconds: float = 30.0
    #: slower than this on average after the first `silence_seconds`, and it is given up.
    least_bytes_per_second: int = 10_000
    #: the largest pack is 0.36 GB.
    max_bytes: int = 1_000_000_000


def download_pack(
    name: str,
    *,
    base_url: str,
    models_dir: Path,
    progress: Progress = silent,
    limits: Limits = Limits(),
) -> Path:
    """Fetch ``<base_url>/<name>.zip`` into ``models_dir/<name>`` and return that folder.

    The archive is fetched and unpacked beside its destination and moved there in one step once both models load, so
    the folder is complete whenever it exists, and two downloads at once end in the same folder. On any failure nothing
    is left behind. No checksums are published for these archives: what is checked is the size that the server
    announces, the CRC of each file, and that there is exactly one detector and one recogniser that load.

    Raises ModelDownloadFailed, which says what happened and what to do.
    """
    target = models_dir / name
    url = urljoin(base_url.rstrip("/") + "/", f"{name}.zip")
    with _disk_errors(models_dir):
        models_dir.mkdir(parents=True, exist_ok=True)
        _remove_stale(models_dir)
        with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=models_dir, ignore_cleanup_errors=True) as workplace:
            archive = Path(workplace) / "pack.zip"
            unpacked = Path(workplace) / name
            unpacked.mkdir()
            _fetch(url, archive, progress, limits)
            unpack(archive, unpacked)
            _check(unpacked, url)
            _move(unpacked, target)
    _log.info("Downloaded %s to %s", name, target)
    return target


def _fetch(url: str, archive: Path, progress: Progress, limits: Limits) -> None:
    try:
        with requests.get(
            url,
            stream=True,
            timeout=(limits.connect_seconds, limits.silence_seconds),
            headers={"Accept-Encoding": "identity"},
        ) as response:
            if response.status_code != requests.codes.ok:
                raise _failed(url, f"the server answered {response.status_code} {response.reason}")
            _save(response, archive, progress, limits)
    except requests.exceptions.ConnectTimeout as error:
        raise _failed(url, f"no connection within {limits.connect_seconds:g} seconds") from error
    except requests.exceptions.RequestException as error:
        raise _failed(url, _in_short(error)) from error


def _save(response: requests.Response, archive: Path, progress: Progress, limits: Limits) -> None:
    url = response.url
    announced = response.headers.get("Content-Length", "")
    total = int(announced) if announced.isdecimal() else None
    if total is not None and total > limits.max_bytes:
        raise _failed(url, f"{total} bytes are announced, and {limits.max_bytes} is the most that is taken")
    started = time.monotonic()
    done = 0
    with archive.open("xb") as sink:
        for chunk in response.iter_content(_CHUNK_BYTES):
            if done == 0 and not chunk.startswith(_ZIP_MAGIC):
                raise _failed(url, "what arrives is not a zip archive (a web page in between, perhaps)")
            done += len(chunk)
            if done > limits.max_bytes:
                raise _failed(url, f"more than {limits.max_bytes} bytes arrived")
            seconds = time.monotonic() - started
            if seconds > limits.silence_seconds and done < seconds * limits.least_bytes_per_second:
                raise _failed(url, f"only {done} bytes arrived in {seconds:.0f} seconds")
            sink.write(chunk)
            progress(done, total)
    if done == 0 or (total is not None and done != total):
        raise _failed(url, f"the connection ended after {done} of {total} bytes")


def _check(unpacked: Path, url: str) -> None:
    try:
        InsightFaceEngine(unpacked, threads=1)
    except ModelNotUsable as error:
        raise _failed(url, f"the archive holds no usable pack: {error.detail.replace(str(unpacked), 'it')}") from error


def _move(unpacked: Path, target: Path) -> None:
    try:
        unpacked.rename(target)
    except OSError:
        # Another download was faster, and a folder cannot be moved onto one that holds files. Theirs is complete too.
        if not holds_pack(target):
            raise


def _remove_stale(models_dir: Path) -> None:
    for left in models_dir.glob(f"{_WORKPLACE}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _disk_errors(models_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"The disk of {models_dir} is full: free some space and try again.") from error
        raise ModelDownloadFailed(f"{models_dir} cannot be written: {error}.") from error


def _failed(url: str, what: str) -> ModelDownloadFailed:
    return ModelDownloadFailed(
        f"{url} could not be downloaded: {what}. Check the network and try again with 'flask face download', "
        "set FACE_MODEL_URL to a mirror, put the unpacked folder into MODELS_DIR, or use FACE_MODEL=dlib."
    )


def _in_short(error: Exception) -> str:
    """The innermost reason: requests wraps urllib3's errors, which wrap those of the socket."""
    while error.__cause__ is not None or error.__context__ is not None:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return f"{type(error).__name__}: {error}"
