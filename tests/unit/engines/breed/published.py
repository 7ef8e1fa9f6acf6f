"""A file as Keras publishes them, with numbers by chance in it instead of learned ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.engines.breed.imagenet import PUBLISHED, PublishedNetwork


@dataclass(frozen=True)
class Published:
    """The file, what describes it, and the network that it was made of."""

    path: Path
    network: PublishedNetwork
    model: Any

    @property
    def body(self) -> bytes:
        """What a server sends."""
        return self.path.read_bytes()


#: Another network of Keras's, a fifth as long to build: for what does not depend on which one it is.
QUICK: Final = replace(PUBLISHED, name="mobilenet", module="mobilenet", function="MobileNet", file="mobilenet.h5")


def make(folder: Path, network: PublishedNetwork) -> Published:
    """The network with answers that are far from each other, in the layout of Keras 2's ``save_weights``."""
    import keras

    keras.utils.set_random_seed(7)
    model = getattr(keras.applications, network.function)(weights=None)
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, _, variance = layer.get_weights()
            offsets = rng.normal(0, 0.2, (2, *beta.shape))
            layer.set_weights([gamma * rng.uniform(0.8, 1.2, gamma.shape), *offsets, variance])
    last = [layer for layer in model.layers if layer.get_weights()][-1]
    kernel, _ = last.get_weights()
    # Much of the probability on the dogs, as for a picture of one.
    bias = np.where((np.arange(1000) >= 151) & (np.arange(1000) <= 275), 2.0, 0.0)
    last.set_weights([kernel * 6, bias])
    path = folder / network.file
    save(model, path)
    return Published(path, replace(network, md5=hashlib.md5(path.read_bytes()).hexdigest()), model)  # noqa: S324


def save(model: Any, path: Path) -> None:
    """Groups of arrays, named by attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.7.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weights.name}:0" for weights in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weights in zip(names, layer.weights, strict=True):
                group[name] = weights.numpy()
