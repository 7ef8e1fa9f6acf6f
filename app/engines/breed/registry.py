"""Which breed model answers: a user's own, else the one with ImageNet's weights, else the built-in one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.config import Settings
from app.engines.beside_model import CLASSES_FILE
from app.engines.breed import imagenet
from app.engines.breed.base import BreedEngine
from app.engines.breed.builtin import BuiltinBreeds
from app.engines.breed.gated import WithDogGate
from app.engines.breed.imagenet import ImageNetBreeds, PublishedNetwork
from app.engines.breed.recipe import RECIPE_FILE
from app.engines.breed.user import ENDINGS, STEM, UserBreeds, find
from app.engines.download import Limits, Progress, log_progress
from app.engines.once import Once
from app.errors import KenaliError, ModelNotUsable

logger = logging.getLogger(__name__)

#: BREED_MODEL: the best that can be had, or the built-in network whatever lies in MODELS_DIR beside a user's own.
AUTO: Final = "auto"
SQUEEZENET: Final = "squeezenet"

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the three kinds of model answers, and why."""

    #: ``user``, ``imagenet`` or ``built-in``.
    kind: str
    #: one sentence.
    why: str


class BreedEngines:
    """Loads each model once. A new file in MODELS_DIR is noticed at the next request."""

    def __init__(
        self, settings: Settings, *, network: PublishedNetwork | None = None, limits: Limits = imagenet.LIMITS
    ) -> None:
        """
        :param network: which one has ImageNet's weights; EfficientNetV2B0.
        :param limits: of a download.
        """
        self.network = network or imagenet.PUBLISHED
        self._wanted = settings.breed_model
        self._url = settings.breed_model_url
        self._limits = limits
        self._models_dir = settings.models_dir
        self._threads = settings.model_threads
        #: whether the built-in network says beside a user's model what is no dog.
        self.gated = settings.breed_dog_gate
        self._builtin = Once(self._load_builtin, version=lambda: None)
        self._imagenet = Once(self._load_imagenet, version=lambda: _state(self._weights))
        self._user = Once(self._load_user, version=self._files)
        self._downloading = threading.Lock()
        #: bytes that have arrived, and those expected; None while nothing is being downloaded.
        self._arrived: tuple[int, int | None] | None = None
        self._failure: KenaliError | None = None

    def active(self) -> BreedEngine:
        """The engine in use, loaded at the first call; ModelNotUsable says what is wrong with it.

        A user's model that cannot be used is an error, not a reason to answer with another one: the answers would
        change without anybody noticing. Weights of ImageNet that cannot be used are passed over: nobody chose them.
        """
        if self.user_file():
            return self._user.get()
        if self._has_weights():
            try:
                return self._imagenet.get()
            except ModelNotUsable:
                pass  # said once, when it was loaded
        return self._builtin.get()

    def peek(self) -> BreedEngine | KenaliError | None:
        """The engine in use, why it cannot be used, or None if nobody has asked yet. Loads nothing."""
        if self.user_file():
            return self._user.peek()
        if self._has_weights() and not isinstance(found := self._imagenet.peek(), KenaliError):
            return found
        return self._builtin.peek()

    def choice(self) -> Choice:
        """Which kind answers, and why. Loads nothing."""
        own = self.user_file()
        if own:
            return Choice("user", f"Your own model, {own.name}, comes before any other.")
        if self._wanted == SQUEEZENET:
            return Choice("built-in", "BREED_MODEL=squeezenet.")
        if not self._has_weights():
            return Choice("built-in", self._why_no_weights())
        failure = self._imagenet.peek()
        if isinstance(failure, KenaliError):
            return Choice("built-in", failure.detail)
        return Choice("imagenet", f"There is no model of your own, and {self.network.file} is in MODELS_DIR.")

    def progress(self) -> tuple[int, int | None] | None:
        """Bytes that have arrived, and those expected if that is known; None while nothing is being downloaded."""
        return self._arrived

    def user_file(self) -> Path | None:
        """The user's model, if there is one."""
        return find(self._models_dir)

    def improve(self) -> None:
        """Download the weights of ImageNet if they would be used and are not there; for a thread of its own.

        From then on they are used, and a line in the log says so. A failure is one line too: the built-in network goes
        on answering, and the next start tries again.
        """
        if self._wanted != AUTO or self.user_file() or self._has_weights():
            return
        try:
            self.download()
        except KenaliError as error:
            self._failure = error
            logger.warning("Breeds are named by the built-in network, which is less accurate: %s", error.detail)

    def download(self, progress: Progress | None = None) -> Path:
        """Fetch the weights of ImageNet into MODELS_DIR unless they are there, and return their path.

        :param progress: told how far it is; lines in the log if omitted.

        ModelDownloadFailed, StorageFull or ModelNotUsable says what happened and what to do.
        """
        tell = progress or log_progress(self.network.name)

        def arrived(done: int, total: int | None) -> None:
            self._arrived = (done, total)
            tell(done, total)

        with self._downloading:
            if self._is_published():
                return self._weights
            self._arrived = (0, None)
            try:
                path = imagenet.download(
                    self.network,
                    self._models_dir,
                    base_url=self._url,
                    threads=self._threads,
                    progress=arrived,
                    limits=self._limits,
                    loaded=self._take_over,
                )
            finally:
                self._arrived = None
            self._failure = None
        logger.warning("%s was downloaded. %s", self.network.name, self.network.licence)
        if self.choice().kind == "imagenet":
            logger.warning(
                "Breeds are named by %s from now on: answers may differ from earlier ones", self.network.name
            )
        return path

    @property
    def _weights(self) -> Path:
        return self._models_dir / self.network.file

    def _has_weights(self) -> bool:
        return self._wanted == AUTO and self._weights.is_file()

    def _is_published(self) -> bool:
        try:
            return self.network.matches(self._weights)
        except OSError:
            return False

    def _why_no_weights(self) -> str:
        arrived = self._arrived
        if arrived is not None:
            done, total = arrived
            of = f" of {total / _MEGABYTE:.0f}" if total else ""
            return f"{self.network.name} is being downloaded: {done / _MEGABYTE:.0f}{of} MB."
        failure = self._failure
        if failure is not None:
            return failure.detail
        return f"{self.network.name} has not been downloaded: flask breed download."

    def _take_over(self, engine: ImageNetBreeds, file: Path) -> None:
        """Answer with a loaded engine as soon as its file has its own name: nobody waits for a second loading."""
        self._imagenet.offer(engine, version=_state(file))

    def _load_builtin(self) -> BreedEngine:
        engine = BuiltinBreeds(threads=self._threads)
        logger.info("Breed model %s is loaded. %s", engine.info.key, engine.info.licence)
        return engine

    def _load_imagenet(self) -> BreedEngine:
        try:
            engine = ImageNetBreeds(self._weights, self.network, threads=self._threads)
        except ModelNotUsable as error:
            logger.warning("Breeds are named by the built-in network, which is less accurate: %s", error.detail)
            raise
        logger.info("Breed model %s is loaded. %s", engine.info.key, engine.info.licence)
        return engine

    def _load_user(self) -> BreedEngine:
        path = self.user_file()
        if path is None:
            raise ModelNotUsable("The model was taken away while it was being loaded.")
        engine = UserBreeds(path, threads=self._threads)
        logger.info("Breed model %s is loaded: %d classes", engine.info.key, len(engine.labels))
        return WithDogGate(engine, self._builtin.get()) if self.gated else engine

    def _files(self) -> Hashable:
        names = (*(STEM + ending for ending in ENDINGS), CLASSES_FILE, RECIPE_FILE)
        return tuple(_state(self._models_dir / name) for name in names)


def _state(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino)
