"""Which breed model answers: a user's own before the built-in one."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from pathlib import Path

from app.config import Settings
from app.engines.breed.base import BreedEngine
from app.engines.breed.builtin import BuiltinBreeds
from app.engines.breed.gated import WithDogGate
from app.engines.breed.recipe import CLASSES_FILE, RECIPE_FILE
from app.engines.breed.user import MODEL_FILE, UserBreeds
from app.engines.once import Once
from app.errors import KenaliError

logger = logging.getLogger(__name__)


class BreedEngines:
    """Loads each model once. A new file in MODELS_DIR is noticed at the next request."""

    def __init__(self, settings: Settings) -> None:
        self._models_dir = settings.models_dir
        self._threads = settings.model_threads
        #: whether the built-in network says beside a user's model what is no dog.
        self.gated = settings.breed_dog_gate
        self._builtin = Once(self._load_builtin, version=lambda: None)
        self._user = Once(self._load_user, version=self._files)

    def active(self) -> BreedEngine:
        """The engine in use, loaded at the first call; ModelNotUsable says what is wrong with it.

        A user's model that cannot be used is an error, not a reason to answer with another one: the answers would
        change without anybody noticing.
        """
        return self._user.get() if self.user_file() else self._builtin.get()

    def peek(self) -> BreedEngine | KenaliError | None:
        """The engine in use, why it cannot be used, or None if nobody has asked yet. Loads nothing."""
        return self._user.peek() if self.user_file() else self._builtin.peek()

    def user_file(self) -> Path | None:
        """The user's model, if there is one."""
        path = self._models_dir / MODEL_FILE
        return path if path.exists() else None

    def _load_builtin(self) -> BreedEngine:
        engine = BuiltinBreeds(threads=self._threads)
        logger.info("Breed model %s is loaded. %s", engine.info.key, engine.info.licence)
        return engine

    def _load_user(self) -> BreedEngine:
        engine = UserBreeds(self._models_dir / MODEL_FILE, threads=self._threads)
        logger.info("Breed model %s is loaded: %d classes", engine.info.key, len(engine.labels))
        return WithDogGate(engine, self._builtin.get()) if self.gated else engine

    def _files(self) -> Hashable:
        return tuple(_state(self._models_dir / name) for name in (MODEL_FILE, CLASSES_FILE, RECIPE_FILE))


def _state(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino)
