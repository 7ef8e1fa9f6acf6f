"""A network of `keras.applications` with the weights that Keras publishes, read at ImageNet's dog classes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import numpy as np
from PIL import Image as PillowImage

from app.engines.base import Image
from app.engines.breed.base import BreedModelInfo, BreedScores, Heat
from app.engines.breed.names import BREEDS
from app.engines.breed.square import cut, into_place
from app.engines.download import Expected, Limits, Progress, fetch, silent, workplace
from app.engines.keras_files import HDF5_MAGIC
from app.engines.keras_serving import Batch, load_keras_weights
from app.errors import ModelNotUsable

_log = logging.getLogger(__name__)

#: ImageNet's classes.
_CLASSES: Final = 1000
_COLUMNS: Final = np.array([breed.imagenet_index for breed in BREEDS])
#: The file has 29 MB; a mirror that sends much more sends something else.
LIMITS: Final = Limits(connect_seconds=3.0, silence_seconds=20.0, max_bytes=100_000_000)
ADVICE: Final = (
    "Check the network and try again with 'flask breed download', set BREED_MODEL_URL to a mirror, or put the file "
    "into MODELS_DIR. BREED_MODEL=squeezenet does without it."
)


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A network, and the weights that are published for it."""

    name: str
    #: what Keras calls it: the module in `keras.applications`, and the function there that builds it.
    module: str
    function: str
    #: the published file and its checksum, both as `keras.applications` has them.
    file: str
    md5: str
    megabytes: int
    #: pixels on each side.
    side: int
    #: side of the centred square that is looked at, as a part of the shorter side of the picture.
    share: float
    resampling: PillowImage.Resampling
    licence: str
    accuracy: Mapping[str, Any]

    def matches(self, path: Path) -> bool:
        """Whether it is the published file."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == self.md5


#: Why this one: docs/decisions/0052. It is shown what its authors tested it with (google/automl, efficientnetv2: B0 to
#: B3 with the preprocessing of V1, which is preprocess_legacy.py): size / (size + 32) of the shorter side, bicubic.
PUBLISHED: Final = PublishedNetwork(
    name="efficientnetv2-b0",
    module="efficientnet_v2",
    function="EfficientNetV2B0",
    file="efficientnetv2-b0.h5",
    md5="21ecbf6da12460d5c40bb2f29ceb2188",
    megabytes=29,
    side=224,
    share=224 / (224 + 32),
    resampling=PillowImage.Resampling.BICUBIC,
    licence="Apache 2.0 (Google's EfficientNetV2, as Keras publishes it); trained on ImageNet",
    accuracy={
        "top_1": 0.787,
        "top_5": 0.943,
        "measured_on": "ImageNet's validation set, all 1000 classes, as published by Keras; not measured here: "
        "accuracy on dogs, and the dog gate's cut, which is SqueezeNet's",
    },
)


class ImageNetBreeds:
    """Keeps `app.engines.breed.base.BreedEngine`."""

    def __init__(self, path: Path, network: PublishedNetwork = PUBLISHED, *, threads: int = 0) -> None:
        """
        :param path: the published file.
        :param threads: inside one call; 0 for every core.

        ModelNotUsable if it is another one, or does not load.
        """
        self._network = network
        try:
            sound = network.matches(path)
        except OSError as error:
            raise ModelNotUsable(f"{path.name} cannot be read: {error.strerror}.") from error
        if not sound:
            raise ModelNotUsable(
                f"{path.name} in MODELS_DIR is not the published file (its checksum is another one): "
                "fetch it anew with 'flask breed download', or delete it."
            )
        size = (network.side, network.side)
        self._model = load_keras_weights(path, self._build, input_shape=(*size, 3), classes=_CLASSES, threads=threads)
        self._preprocess = _preprocessing(network)
        self.info = BreedModelInfo(
            name=network.name,
            kind="imagenet",
            fingerprint=self._model.fingerprint,
            licence=network.licence,
            source=f"{network.file}, the ImageNet weights of keras.applications.{network.function}",
            input_size=size,
            scaling=f"keras.applications.{network.module}.preprocess_input",
            accuracy=dict(network.accuracy),
        )
        self.labels = tuple(breed.label for breed in BREEDS)

    def classify(self, image: Image) -> BreedScores:
        """Probabilities among all 1000 classes of ImageNet, so they add up to that of being a dog.

        The cut that makes a yes or no of it, `app.engines.breed.builtin.DOG_CUT`, was measured on SqueezeNet and not on
        this network: ``python -m bench.breed --model imagenet`` measures it where the weights are.
        """
        dogs = self._model(self.prepare(image))[0][_COLUMNS]
        return BreedScores(dogs, min(float(dogs.sum()), 1.0))

    def heat(self, image: Image, answer: int) -> Heat | None:
        """Grad-CAM, in its place within the whole picture."""
        found = self._model.attention(self.prepare(image), int(_COLUMNS[answer]))
        return None if found is None else into_place(found, image, share=self._network.share)

    def prepare(self, image: Image) -> Batch:
        """The centred square as the network wants it: float32, shape ``(1, side, side, 3)``."""
        network = self._network
        square = cut(image, share=network.share, side=network.side, resampling=network.resampling)
        # A new array: some of these functions write into what they are given.
        return np.ascontiguousarray(self._preprocess(np.array(square[np.newaxis], np.float32)), np.float32)

    def _build(self, keras: Any) -> Any:
        return getattr(keras.applications, self._network.function)(weights=None)


def download(
    network: PublishedNetwork,
    models_dir: Path,
    *,
    base_url: str,
    threads: int = 0,
    progress: Progress = silent,
    limits: Limits = LIMITS,
    loaded: Callable[[ImageNetBreeds, Path], None] = lambda _engine, _file: None,
) -> Path:
    """Fetch the weights into `models_dir`, and return their path there.

    They are fetched beside their place, compared with the published checksum, loaded and run once, and only then moved
    there in one step. On any failure nothing is left behind, and a file that lay there before is still there.

    :param loaded: told of the engine, and of the file under its temporary name, just before that step.

    ModelDownloadFailed, StorageFull or ModelNotUsable says what happened and what to do.
    """
    url = urljoin(base_url.rstrip("/") + "/", network.file)
    expected = Expected("an HDF5 file", HDF5_MAGIC, network.md5)
    target = models_dir / network.file
    with workplace(models_dir) as folder:
        file = folder / network.file
        fetch(url, file, expected, advice=ADVICE, progress=progress, limits=limits)
        loaded(ImageNetBreeds(file, network, threads=threads), file)
        file.replace(target)
    _log.info("Downloaded %s to %s", network.name, target)
    return target


def _preprocessing(network: PublishedNetwork) -> Callable[[Any], Any]:
    import keras

    function: Callable[[Any], Any] = getattr(keras.applications, network.module).preprocess_input
    return function
