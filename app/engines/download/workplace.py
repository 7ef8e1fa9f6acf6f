"""A folder to download into, beside where the result will lie: the last step is a rename."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.errors import ModelDownloadFailed, StorageFull

#: Name of these folders; a killed download leaves one, which the next one removes after a day.
_PREFIX: Final = ".download-"
_STALE_SECONDS: Final = 86_400


@contextmanager
def workplace(models_dir: Path) -> Iterator[Path]:
    """An empty folder inside `models_dir`, which is made if it is not there; gone afterwards with all that is in it.

    What goes wrong with the disk meanwhile is told as StorageFull or ModelDownloadFailed.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        _remove_stale(models_dir)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=models_dir, ignore_cleanup_errors=True) as name:
            yield Path(name)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"The disk of {models_dir} is full: free some space and try again.") from error
        raise ModelDownloadFailed(f"{models_dir} cannot be written: {error}.") from error


def _remove_stale(models_dir: Path) -> None:
    for left in models_dir.glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
