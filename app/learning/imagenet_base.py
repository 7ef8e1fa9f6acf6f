"""The weights of ImageNet that a breed training starts from: ResNet50V2 without top, as Keras publishes it."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from app.engines.download import Expected, Limits, Progress, fetch, log_progress, workplace
from app.engines.keras_files import HDF5_MAGIC
from app.errors import ModelNotUsable

_log = logging.getLogger(__name__)

#: File, checksum and place, all as `keras.applications.resnet` has them (the checksum without top).
FILE: Final = "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
MD5: Final = "fac2f116257151a9d068a22e544a4917"
BASE_URL: Final = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
#: The file has 95 MB; who sends much more sends something else.
LIMITS: Final = Limits(connect_seconds=10.0, silence_seconds=20.0, max_bytes=200_000_000)
ADVICE: Final = f"Put the file {FILE} somewhere and name it as weights, or use none."


def imagenet_base(
    folder: Path | None = None,
    *,
    base_url: str = BASE_URL,
    md5: str = MD5,
    limits: Limits = LIMITS,
    progress: Progress | None = None,
) -> Path:
    """The published file in `folder`, or where Keras keeps what it has downloaded; else fetched into `folder`.

    It is compared with the published checksum each time, and gets its name only once it is whole.

    :param folder: `keras_cache` if omitted.
    :param progress: told how far a download is; lines in the log if omitted.

    ModelDownloadFailed or StorageFull says what happened and what to do; ModelNotUsable if another file lies in
    `folder` under its name.
    """
    folder = keras_cache() if folder is None else folder
    target = folder / FILE
    if target.exists():
        if _md5_of(target) != md5:
            raise ModelNotUsable(
                f"{target} is not the published file (its checksum is another one): delete it, or name it as weights."
            )
        return target
    kept = keras_cache() / FILE
    if kept.is_file() and _md5_of(kept) == md5:
        return kept
    with workplace(folder) as place:
        file = place / FILE
        fetch(
            urljoin(base_url, FILE),
            file,
            Expected("an HDF5 file", HDF5_MAGIC, md5),
            advice=ADVICE,
            progress=progress or log_progress(FILE),
            limits=limits,
        )
        file.replace(target)
    _log.info("Downloaded %s", target)
    return target


def keras_cache() -> Path:
    """Where Keras keeps the weights that it downloads itself."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _md5_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise ModelNotUsable(f"{path} cannot be read: {error.strerror}.") from error
