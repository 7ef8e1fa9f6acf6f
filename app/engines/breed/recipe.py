"""How a user's model wants its pictures: ``model.json`` beside it, and ``class_indices.json`` for its classes.

``model.json`` is optional; without it the model is fed as the source's training did: RGB, 224x224, divided by 255.

    {"scaling": "x/127.5-1", "interpolation": "bicubic", "classes": ["Chihuahua", …], "licence": "…"}

`app.learning` writes ``scale`` and ``offset`` (pixel * scale + offset) instead of the name of a scaling. A picture is
always stretched to the model's input, as in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from app.engines.base import Image
from app.engines.beside_model import CLASSES_FILE, MAX_NAME, class_names, indexed_names, is_figure, read_json, writable
from app.errors import ModelNotUsable

Pixels = NDArray[np.float32]

RECIPE_FILE: Final = "model.json"
DEFAULT_SCALING: Final = "x/255"
DEFAULT_INTERPOLATION: Final = "bicubic"

#: Mean of ImageNet, blue first; what Keras calls the mode ``caffe``.
_CAFFE_MEAN: Final = np.array([103.939, 116.779, 123.68], np.float32)
#: Mean and deviation of ImageNet, red first; what Keras calls the mode ``torch``.
_TORCH_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_TORCH_DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)

#: A byte times this, plus this, is still a number in 32 bits.
_LARGEST: Final = 1e30

#: What there is one way of only.
_FIXED: Final = {"kind": "breed", "colour": "RGB", "resize": "stretch"}
#: Name in model.json -> RGB from 0 to 255 to what the model was trained on.
SCALINGS: Final[Mapping[str, Callable[[Pixels], Pixels]]] = {
    "x/255": lambda pixels: pixels / np.float32(255),
    "x/127.5-1": lambda pixels: pixels / np.float32(127.5) - np.float32(1),
    "none": lambda pixels: pixels,
    "caffe": lambda pixels: pixels[..., ::-1] - _CAFFE_MEAN,
    "torch": lambda pixels: (pixels / np.float32(255) - _TORCH_MEAN) / _TORCH_DEVIATION,
}
#: The source serves with Pillow's default, bicubic; Keras's own loaders take the nearest pixel.
INTERPOLATIONS: Final[Mapping[str, PillowImage.Resampling]] = {
    "bicubic": PillowImage.Resampling.BICUBIC,
    "bilinear": PillowImage.Resampling.BILINEAR,
    "lanczos": PillowImage.Resampling.LANCZOS,
    "nearest": PillowImage.Resampling.NEAREST,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is fed, and what its answers mean."""

    labels: tuple[str, ...]
    scaling: str = DEFAULT_SCALING
    interpolation: str = DEFAULT_INTERPOLATION
    #: factor and summand of each pixel, instead of `scaling`.
    linear: tuple[float, float] | None = None
    #: height and width, if model.json states them.
    input_size: tuple[int, int] | None = None
    licence: str = "your own model"
    accuracy: dict[str, Any] = field(default_factory=dict)

    def prepare(self, image: Image, size: tuple[int, int]) -> Pixels:
        """The whole picture, stretched, as the model wants it: float32, shape ``(1, height, width, 3)``."""
        height, width = size
        small = PillowImage.fromarray(image).resize((width, height), INTERPOLATIONS[self.interpolation])
        pixels = np.asarray(small, np.float32)
        if self.linear is None:
            scaled = SCALINGS[self.scaling](pixels)
        else:
            scaled = pixels * np.float32(self.linear[0]) + np.float32(self.linear[1])
        return np.ascontiguousarray(scaled[np.newaxis])


def read_recipe(folder: Path) -> Recipe:
    """What ``model.json`` and ``class_indices.json`` of this folder say; ModelNotUsable if that makes no sense."""
    stated = _read_json(folder / RECIPE_FILE, needed=False)
    if not isinstance(stated, dict):
        raise ModelNotUsable(f"{RECIPE_FILE} must be a JSON object.")
    for name, only in _FIXED.items():
        if stated.get(name, only) != only:
            raise ModelNotUsable(f"{RECIPE_FILE}: {name} must be {only!r}.")
    listed = stated.get("classes")
    labels = class_names(listed) if isinstance(listed, list) else None
    if (folder / CLASSES_FILE).exists() or labels is None:
        indices = indexed_names(_read_json(folder / CLASSES_FILE, needed=True))
        if labels is not None and labels != indices:
            raise ModelNotUsable(f"{RECIPE_FILE} and {CLASSES_FILE} list different classes, or another order.")
        labels = indices
    linear = _linear(stated)
    return Recipe(
        labels=labels,
        scaling="x*{:g}{:+g}".format(*linear) if linear else _one_of(stated, "scaling", SCALINGS, DEFAULT_SCALING),
        interpolation=_one_of(stated, "interpolation", INTERPOLATIONS, DEFAULT_INTERPOLATION),
        linear=linear,
        input_size=_size(stated.get("size", stated.get("input_size"))),
        licence=writable(str(stated.get("licence") or "your own model"))[:MAX_NAME],
        accuracy=_accuracy(stated.get("test_set")),
    )


def _read_json(path: Path, *, needed: bool) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        if needed:
            raise ModelNotUsable(
                f"{path.name} is missing: it says which class is which, so put it beside the model."
            ) from None
        return {}


def _one_of(stated: Mapping[str, Any], name: str, known: Mapping[str, Any], default: str) -> str:
    value = stated.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise ModelNotUsable(f"{RECIPE_FILE}: {name} must be one of {', '.join(known)}, not {str(value)[:40]!r}.")
    return value


def _linear(stated: Mapping[str, Any]) -> tuple[float, float] | None:
    """``scale`` and ``offset``, if they are there."""
    if "scale" not in stated and "offset" not in stated:
        return None
    scale, offset = stated.get("scale", 1), stated.get("offset", 0)
    if any(type(value) not in {int, float} or not abs(value) <= _LARGEST for value in (scale, offset)) or not scale:
        raise ModelNotUsable(f"{RECIPE_FILE}: scale and offset must be numbers, and scale not 0.")
    if "scaling" in stated:
        raise ModelNotUsable(f"{RECIPE_FILE}: either scaling or scale and offset.")
    return float(scale), float(offset)


def _size(stated: Any) -> tuple[int, int] | None:
    """``[224, 224]``; a third number, the channels, must be 3."""
    if stated is None:
        return None
    if isinstance(stated, list) and len(stated) in {2, 3} and all(type(side) is int and side > 0 for side in stated):
        height, width, *channels = stated
        if channels in ([], [3]):
            return height, width
    raise ModelNotUsable(f"{RECIPE_FILE}: size must be [height, width] of RGB pictures.")


def _accuracy(stated: Any) -> dict[str, Any]:
    if not isinstance(stated, dict):
        return {}
    figures = {writable(str(key))[:MAX_NAME]: value for key, value in stated.items() if is_figure(value)}
    return {**figures, "measured_on": "the test set of its training"} if figures else {}
