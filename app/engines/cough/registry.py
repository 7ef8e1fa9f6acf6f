"""Which cough classifier answers: the user's own if there is one, else the built-in network. Loaded at first use."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from pathlib import Path

from app.engines.cough import builtin, own_model
from app.engines.cough.base import CoughClassifier
from app.engines.once import Once
from app.errors import KenaliError

logger = logging.getLogger(__name__)


class CoughModels:
    """Finds and loads the classifier; a file that is put into MODELS_DIR later is noticed."""

    def __init__(self, models_dir: Path, *, threads: int = 0, built_in: Path = builtin.FOLDER) -> None:
        """:param threads: inside one call of a user's model; 0 for every core."""
        self._models_dir = models_dir
        self._threads = threads
        self._built_in = built_in
        self._once: Once[CoughClassifier] = Once(self._load, version=self._version)

    def active(self) -> CoughClassifier:
        """The classifier in use; ModelNotUsable says why there is none."""
        return self._once.get()

    def peek(self) -> CoughClassifier | KenaliError | None:
        """What there is without loading anything."""
        return self._once.peek()

    @property
    def own(self) -> Path | None:
        """The user's own model, if there is one."""
        return own_model.find(self._models_dir)

    def _load(self) -> CoughClassifier:
        path = self.own
        found: CoughClassifier = (
            builtin.BuiltInNetwork(self._built_in) if path is None else own_model.OwnModel(path, threads=self._threads)
        )
        logger.info("Coughs: %s (%s), classes %s", found.info.name, found.info.licence, ", ".join(found.info.classes))
        return found

    def _version(self) -> Hashable:
        own = [self._models_dir / (own_model.STEM + ending) for ending in own_model.ENDINGS]
        ours = [self._built_in / builtin.NETWORK, self._built_in / builtin.MANIFEST]
        return tuple(_stamp(path) for path in (*own, self._models_dir / own_model.DESCRIPTION, *ours))


def _stamp(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
