"""Which face models there are, which one is chosen, and one loaded engine of each."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.config import Settings
from app.engines.base import FaceEngine
from app.engines.download import Progress, terminal_progress
from app.engines.face import dlib, insightface
from app.engines.face.catalogue import AUTO, DEFAULT_PACK, DLIB, PUBLISHED_NAMES, PUBLISHED_PACKS
from app.engines.face.dlib import DlibEngine
from app.engines.face.download import download_pack
from app.engines.face.gate import Gate
from app.engines.face.gated import GatedFaceEngine
from app.engines.face.insightface import InsightFaceEngine
from app.engines.face.pack import holds_pack, read_pack
from app.errors import ModelBusy, ModelDownloadFailed, ModelNotUsable, StorageFull

_log = logging.getLogger(__name__)

#: How long a request waits for a download that another thread has begun, before it is told to come back: longer than a
#: refused connection takes, shorter than a download.
CHOICE_WAIT_SECONDS: Final = 4.0
#: Where insightface itself keeps packs.
INSIGHTFACE_CACHE: Final = Path("~/.insightface/models")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One line of `FaceEngines.listing`."""

    name: str
    description: str
    #: the pack's folder; None for dlib and for packs that are not installed.
    folder: Path | None
    installed: bool
    loaded: bool
    licence: str
    commercial_use: bool
    #: size of the download; 0 where there is none.
    megabytes: int


class FaceEngines:
    """Finds, downloads and loads face engines. One instance serves the process."""

    def __init__(
        self,
        settings: Settings,
        *,
        cache: Path = INSIGHTFACE_CACHE,
        progress: Callable[[str], Progress] = terminal_progress,
    ) -> None:
        """
        :param cache: InsightFace's own folder of packs.
        :param progress: gives the callback that follows the download of a pack.
        """
        self._wanted = settings.face_model
        self._models_dir = settings.models_dir
        self._base_url = settings.face_model_url
        self._threads = settings.model_threads
        self._cache = cache.expanduser()
        self._progress = progress
        self._gate = Gate(inside=settings.model_concurrency, waiting=settings.model_queue)
        # Two requests that come first at the same time must not load, or download, the same weights twice.
        self._lock = threading.Lock()
        self._download_lock = threading.Lock()
        self._engines: dict[str, FaceEngine] = {}
        # The choice stands for the life of the process: without a network, every other one would wait for a time-out.
        self._chosen: str | None = None
        self._choice_lock = threading.Lock()

    def get(self, name: str) -> FaceEngine:
        """The engine of that name, for requests: raises ModelBusy when too many wait. Loaded at the first call.

        Raises ModelNotUsable when it is not installed or does not load.
        """
        return GatedFaceEngine(self._load(name), self._gate.enter)

    def get_for_jobs(self, name: str) -> FaceEngine:
        """The same engine for background jobs: they wait for their turn instead of being sent away."""
        return GatedFaceEngine(self._load(name), self._gate.wait)

    def loaded(self, name: str) -> bool:
        """Whether the engine is in memory."""
        return name in self._engines

    def choose(self) -> str:
        """The name that FACE_MODEL stands for, after downloading what it needs.

        `auto` takes the first of: a pack in MODELS_DIR, a pack in InsightFace's cache, a download, dlib.
        Raises ModelNotUsable or ModelDownloadFailed for a model that was named and cannot be had, and ModelBusy while
        another thread downloads it.
        """
        if self._chosen is None:
            if not self._choice_lock.acquire(timeout=CHOICE_WAIT_SECONDS):
                raise ModelBusy("The face model is being downloaded: try again soon.", retry_after_seconds=10)
            try:
                self._chosen = self._chosen or self._choose()
            finally:
                self._choice_lock.release()
        return self._chosen

    def _choose(self) -> str:
        if self._wanted == AUTO:
            return self._choose_any()
        if self._wanted == DLIB:
            return DLIB
        folder = self._wanted_folder()
        if folder is not None:
            if folder.name in {DLIB, AUTO}:
                raise ModelNotUsable(f"FACE_MODEL={self._wanted}: give the folder another name than {folder.name}.")
            return read_pack(folder).name
        if self.find_local(self._wanted) is not None:
            return self._wanted
        if self._wanted in PUBLISHED_NAMES:
            self.download(self._wanted)
            return self._wanted
        names = ", ".join([AUTO, *(pack.name for pack in PUBLISHED_PACKS), DLIB])
        raise ModelNotUsable(f"FACE_MODEL={self._wanted} is neither a folder with a pack nor one of: {names}.")

    def download(self, name: str) -> Path:
        """Fetch a published pack into MODELS_DIR unless it is there, and return its folder."""
        if name not in PUBLISHED_NAMES:
            raise ModelNotUsable(f"{name} cannot be downloaded; these can: {', '.join(sorted(PUBLISHED_NAMES))}.")
        with self._download_lock:
            folder = self.find_local(name)
            if folder is not None:
                return folder
            folder = download_pack(
                name, base_url=self._base_url, models_dir=self._models_dir, progress=self._progress(name)
            )
            _log.warning("%s was downloaded. %s", name, insightface.LICENCE)
            return folder

    def find_local(self, name: str) -> Path | None:
        """The folder of an installed pack, or None. dlib has none: it is always there."""
        wanted = self._wanted_folder()
        if wanted is not None and wanted.name == name:
            return wanted
        if name in {"", ".", ".."} or Path(name).name != name:
            return None
        return next((root / name for root in (self._models_dir, self._cache) if holds_pack(root / name)), None)

    def listing(self) -> list[KnownModel]:
        """Every published pack, every other installed one, and dlib."""
        others = sorted(self._local_names() - PUBLISHED_NAMES)
        published = [(pack.name, pack.description, pack.megabytes) for pack in PUBLISHED_PACKS]
        packs = [
            KnownModel(
                name=name,
                description=description,
                folder=folder,
                installed=folder is not None,
                loaded=self.loaded(name),
                licence=insightface.LICENCE,
                commercial_use=False,
                megabytes=megabytes,
            )
            for name, description, megabytes in [*published, *((name, "your own pack", 0) for name in others)]
            for folder in [self.find_local(name)]
        ]
        own = KnownModel(
            name=DLIB,
            description="HOG detector, ResNet of 2017; needs no download",
            folder=None,
            installed=True,
            loaded=self.loaded(DLIB),
            licence=dlib.LICENCE,
            commercial_use=True,
            megabytes=0,
        )
        return [*packs, own]

    def _choose_any(self) -> str:
        for root in (self._models_dir, self._cache):
            for name in _preferred(_packs_in(root)):
                try:
                    read_pack(root / name)
                except ModelNotUsable as error:
                    _log.warning("%s is passed over: %s", root / name, error.detail)
                else:
                    return name
        try:
            self.download(DEFAULT_PACK)
        except (ModelDownloadFailed, StorageFull) as error:
            _log.warning("Faces are recognised with dlib, which is less accurate: %s", error.detail)
            return DLIB
        return DEFAULT_PACK

    def _load(self, name: str) -> FaceEngine:
        engine = self._engines.get(name)
        if engine is not None:
            return engine
        with self._lock:
            engine = self._engines.get(name)
            if engine is None:
                engine = self._engines[name] = self._open(name)
                _log.info("Face model %s is loaded. %s", engine.info.key, engine.info.licence)
            return engine

    def _open(self, name: str) -> FaceEngine:
        if name == DLIB:
            return DlibEngine()
        folder = self.find_local(name)
        if folder is None:
            raise ModelNotUsable(
                f"The face model {name} is not installed: run 'flask face download {name}', "
                f"or put its folder into {self._models_dir}."
            )
        return InsightFaceEngine(folder, threads=self._threads)

    def _wanted_folder(self) -> Path | None:
        """FACE_MODEL as a folder: only where it is written as a path, so that no stray folder shadows a name."""
        if os.sep not in self._wanted and "/" not in self._wanted:
            return None
        return Path(self._wanted).expanduser().absolute()

    def _local_names(self) -> frozenset[str]:
        return _packs_in(self._models_dir) | _packs_in(self._cache)


def _packs_in(root: Path) -> frozenset[str]:
    if not root.is_dir():
        return frozenset()
    return frozenset(entry.name for entry in root.iterdir() if not entry.name.startswith(".") and holds_pack(entry))


def _preferred(names: frozenset[str]) -> list[str]:
    """Published packs in the order of the catalogue, then the others by name."""
    published = [pack.name for pack in PUBLISHED_PACKS if pack.name in names]
    return [*published, *sorted(names - PUBLISHED_NAMES)]
