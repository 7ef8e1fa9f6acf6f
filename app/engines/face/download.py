"""Fetching a pack: all of it, checked, or nothing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from app.engines.download import USUAL_LIMITS, Expected, Limits, Progress, fetch, silent, workplace
from app.engines.face.insightface import InsightFaceEngine
from app.engines.face.pack import holds_pack
from app.engines.face.unpack import unpack
from app.errors import ModelDownloadFailed, ModelNotUsable

_log = logging.getLogger(__name__)

_ARCHIVE: Final = Expected("a zip archive", b"PK")
_ADVICE: Final = (
    "Check the network and try again with 'flask face download', set FACE_MODEL_URL to a mirror, put the unpacked "
    "folder into MODELS_DIR, or use FACE_MODEL=dlib."
)


def download_pack(
    name: str,
    *,
    base_url: str,
    models_dir: Path,
    progress: Progress = silent,
    limits: Limits = USUAL_LIMITS,
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
    with workplace(models_dir) as folder:
        archive = folder / "pack.zip"
        unpacked = folder / name
        unpacked.mkdir()
        fetch(url, archive, _ARCHIVE, advice=_ADVICE, progress=progress, limits=limits)
        unpack(archive, unpacked)
        _check(unpacked, url)
        _move(unpacked, target)
    _log.info("Downloaded %s to %s", name, target)
    return target


def _check(unpacked: Path, url: str) -> None:
    try:
        InsightFaceEngine(unpacked, threads=1)
    except ModelNotUsable as error:
        what = f"the archive holds no usable pack: {error.detail.replace(str(unpacked), 'it')}"
        raise ModelDownloadFailed(f"{url} could not be downloaded: {what}. {_ADVICE}") from error


def _move(unpacked: Path, target: Path) -> None:
    try:
        unpacked.rename(target)
    except OSError:
        # Another download was faster, and a folder cannot be moved onto one that holds files. Theirs is complete too.
        if not holds_pack(target):
            raise
