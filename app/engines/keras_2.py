"""Reading models that Keras 2 saved: the source's time wrote them, and Keras 3 reads few of them.

Tried with files of Keras 2.13 and 2.15: Keras 3 refuses batch normalisation, whose axis was written as a list, and with
it nearly every network; and archives number the weights of equal layers in another way. So the configuration is
written anew, in Keras 3's words, and the weights are put into their places here. Only layers that are named here are
built; nothing in a file can name a function or a module.
"""

from __future__ import annotations

import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.keras_files import CONFIG_FILE, METADATA_FILE, Kind, opened_weights, read_member

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

#: Layers as Keras 2 and 3 have them both, with one meaning.
_LAYERS: Final = frozenset({
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "AveragePooling1D", "AveragePooling2D",
    "BatchNormalization", "Bidirectional", "CenterCrop", "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D",
    "Conv2DTranspose", "Cropping1D", "Cropping2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Dropout", "ELU",
    "Flatten", "GRU", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "InputLayer", "LSTM", "LayerNormalization", "LeakyReLU", "Masking",
    "MaxPooling1D", "MaxPooling2D", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU", "Permute",
    "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU",
    "RepeatVector", "Rescaling", "Reshape", "Resizing", "SeparableConv1D", "SeparableConv2D", "SimpleRNN", "Softmax",
    "SpatialDropout1D", "SpatialDropout2D", "Subtract", "TimeDistributed", "UpSampling1D", "UpSampling2D",
    "ZeroPadding1D", "ZeroPadding2D",
})  # fmt: skip
_MODELS: Final = {"Sequential": "Sequential", "Functional": "Model", "Model": "Model"}
#: Arithmetic with a number, as ``preprocess_input`` leaves it in a network: y -> scale and offset.
_ARITHMETIC: Final[Mapping[str, Callable[[float], tuple[float, float]]]] = {
    "math.truediv": lambda y: (1 / y, 0.0),
    "math.multiply": lambda y: (y, 0.0),
    "math.subtract": lambda y: (1.0, -y),
    "math.add": lambda y: (1.0, y),
    "__operators__.add": lambda y: (1.0, y),
}
#: What matters for training only; the weights are loaded.
_TRAINING_ONLY: Final = ("_initializer", "_regularizer", "_constraint")
#: What Keras 3 knows no more, and the values with which it changes nothing.
_RETIRED: Final[Mapping[str, tuple[Any, ...]]] = {
    "groups": (1,),
    "time_major": (False,),
    "noise_shape": (None,),
    "ragged": (False,),
    "implementation": (0, 1, 2),
}
#: What layers around others call them.
_PARTS: Final = frozenset({"cell", "layer", "forward_layer", "backward_layer"})
#: Weights that got another name.
_RENAMED: Final = {"depthwise_kernel": "kernel"}

Array = NDArray[Any]


class NotReadable(ValueError):
    """Says in words what about a file is beyond this reader."""


def is_of_keras_2(path: Path, kind: Kind) -> bool:
    """Whether Keras 2 saved a file that `app.engines.keras_files.check` found sound."""
    if kind == "keras":
        version = json.loads(read_member(path, METADATA_FILE)).get("keras_version", "")
    else:
        with opened_weights(path, kind) as file:
            version = _text(file.attrs.get("keras_version", "2"))
    return str(version).startswith("2")


def read(path: Path, kind: Kind) -> Any:
    """The model, with its weights, of a file for which `is_of_keras_2` holds.

    NotReadable, or whatever Keras raises over a configuration that makes no sense.
    """
    import keras

    with opened_weights(path, kind) as file:
        config = _config(file, path, kind)
        told = _model(config)
        model = getattr(keras, told["class_name"]).from_config(told["config"])
        # Only now: building takes the configuration apart.
        if kind == "h5":
            _fill_from_hdf5(model, file["model_weights"])
        else:
            _fill_model(model, config, file, "")
    return model


def _config(file: h5py.File, path: Path, kind: Kind) -> dict[str, Any]:
    if kind == "keras":
        text = read_member(path, CONFIG_FILE).decode()
    else:
        if "model_config" not in file.attrs:
            raise NotReadable("it holds weights only: save the whole model, with model.save()")
        text = _text(file.attrs["model_config"])
    config = json.loads(text)
    if not isinstance(config, dict):
        raise NotReadable("its configuration is no object")
    return config


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


# --- the configuration


def _model(told: Mapping[str, Any]) -> dict[str, Any]:
    """A Sequential or functional model, in Keras 3's words."""
    name = str(told["class_name"])
    if name not in _MODELS:
        raise NotReadable(f"it is a {name[:60]}, where a Sequential or a functional model is needed")
    config = _inner(told)
    layers = [_layer(each) for each in config["layers"]]
    if name == "Sequential":
        kept = {"layers": [*_input(config["layers"]), *layers]}
    else:
        _renumber(layers, config["output_layers"])
        kept = {"layers": layers, **{key: _single(config[key]) for key in ("input_layers", "output_layers")}}
    if "trainable" in config:
        kept["trainable"] = config["trainable"]
    return {
        **_placed(told),
        "module": "keras",
        "class_name": _MODELS[name],
        "registered_name": None,
        "config": {"name": config["name"], **kept},
    }


def _single(places: list[Any]) -> list[Any]:
    """A list of one input or output makes a model of Keras 3 take and give lists."""
    return places[0] if len(places) == 1 and isinstance(places[0], list) else places


def _renumber(layers: list[dict[str, Any]], outputs: list[Any]) -> None:
    """Count the calls of a model inside the model from 0: Keras 2 counted from 1, after the one it was made with."""
    nested = {layer["name"] for layer in layers if layer["module"] == "keras"}
    if not nested:
        return
    places = [place for layer in layers for node in layer["inbound_nodes"] for place in node]
    places = [place for place in (*places, *outputs) if place[0] in nested]
    first = {name: min(place[1] for place in places if place[0] == name) for name in {place[0] for place in places}}
    for place in places:
        place[1] -= first[place[0]]


def _inner(told: Mapping[str, Any]) -> dict[str, Any]:
    config = told["config"]
    # A Sequential of Keras 2.1 and before is a bare list.
    return {"name": None, "layers": config} if isinstance(config, list) else config


def _layer(told: Mapping[str, Any]) -> dict[str, Any]:
    name = str(told["class_name"])
    if name in _MODELS:
        return _model(told)
    if name == "TFOpLambda":
        return _arithmetic(told)
    if name not in _LAYERS:
        raise NotReadable(f"it has a layer of the kind {name[:60]}, which is not read from files of Keras 2")
    return {
        **_placed(told),
        "module": "keras.layers",
        "class_name": name,
        "registered_name": None,
        "config": _settings(name, told["config"]),
    }


def _placed(told: Mapping[str, Any]) -> dict[str, Any]:
    """Its place in a functional model."""
    return {key: told[key] for key in ("name", "inbound_nodes") if key in told}


def _settings(name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's own configuration."""
    import keras

    known = inspect.signature(getattr(keras.layers, name).__init__).parameters
    kept = {key: _value(key, value) for key, value in old.items() if not key.endswith(_TRAINING_ONLY)}
    shape = kept.pop("batch_input_shape", None)
    if name == "InputLayer":
        kept["batch_shape"] = shape
    if name == "LeakyReLU" and "alpha" in kept:
        kept["negative_slope"] = kept.pop("alpha")
    for key in _RETIRED.keys() & kept.keys() - known.keys():
        if kept.pop(key) not in _RETIRED[key]:
            raise NotReadable(f"its layer {name} has an unusual {key}, which Keras 3 does not know")
    if "trainable" not in known and "kwargs" not in known:
        kept.pop("trainable", None)
    if name == "BatchNormalization" and isinstance(kept.get("axis"), list):
        if len(kept["axis"]) != 1:
            raise NotReadable("it normalises batches along several axes, which Keras 3 cannot do")
        kept["axis"] = kept["axis"][0]
    return kept


def _value(key: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in _MODELS.keys() | _LAYERS:
        return _layer(value)
    if key == "dtype":
        return value["config"]["name"]
    raise NotReadable(f"its {key[:60]} is a function of its author's")


def _arithmetic(told: Mapping[str, Any]) -> dict[str, Any]:
    """``tf.math.truediv(x, 127.5)`` and its like, as the layer Rescaling."""
    function = str(told["config"].get("function"))
    nodes = told.get("inbound_nodes", [])
    number = nodes[0][3].get("y") if len(nodes) == 1 else None
    if function not in _ARITHMETIC or not isinstance(number, int | float):
        raise NotReadable(f"it calls TensorFlow's {function[:60]}, which is not read from files of Keras 2")
    scale, offset = _ARITHMETIC[function](float(number))
    return {
        "name": told["name"],
        "inbound_nodes": [[[*nodes[0][:3], {}]]],
        "module": "keras.layers",
        "class_name": "Rescaling",
        "registered_name": None,
        "config": {"name": told["config"]["name"], "scale": scale, "offset": offset},
    }


def _input(layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a Sequential begins with, where its first layer only says which shape it takes."""
    first: Mapping[str, Any] = layers[0] if layers else {"class_name": "", "config": {}}
    while first["class_name"] in _MODELS:
        first = _inner(first)["layers"][0]
    shape = first["config"].get("batch_input_shape")
    if layers and layers[0]["class_name"] == "InputLayer":
        return []
    if shape is None:
        raise NotReadable("it does not say which input it takes")
    return [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "registered_name": None,
            "config": {"batch_shape": shape, "dtype": "float32"},
        }
    ]


# --- weights of an .h5 file: for each layer of the model a list of arrays, in the order of Keras 2


def _fill_from_hdf5(model: Any, group: h5py.Group) -> None:
    saved = {name: names for name in _names(group, "layer_names") if (names := _names(group[name], "weight_names"))}
    ours = {layer.name: layer for layer in model.layers if layer.weights}
    if saved.keys() != ours.keys():
        raise NotReadable("its weights are those of other layers than it has")
    for name, names in saved.items():
        layer = ours[name]
        # Keras 2 wrote what is trained before what is not, in this order.
        variables = layer.trainable_weights + layer.non_trainable_weights
        arrays = [(each, np.asarray(group[name][each])) for each in names]
        _assign(layer.name, variables, _without_count(arrays, len(variables)))


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; one that was too long for HDF5 is in several pieces."""
    if attribute in group.attrs:
        pieces = [group.attrs[attribute]]
    else:
        pieces = []
        while f"{attribute}{len(pieces)}" in group.attrs:
            pieces.append(group.attrs[f"{attribute}{len(pieces)}"])
    return [_text(name) for piece in pieces for name in piece]


def _without_count(arrays: list[tuple[str, Array]], wanted: int) -> list[tuple[str, Array]]:
    """Normalization kept a third number, with which it went on adapting."""
    if len(arrays) == wanted:
        return arrays
    return [(name, array) for name, array in arrays if _last(name) != "count"]


def _assign(layer: str, variables: Sequence[Any], arrays: Sequence[tuple[str, Array]]) -> None:
    if len(variables) != len(arrays):
        raise NotReadable(f"it has {len(arrays)} weights for the layer {layer}, which takes {len(variables)}")
    for variable, (name, array) in zip(variables, arrays, strict=True):
        # Equal shapes alone would not tell a mean from a scale.
        if variable.name not in {_last(name), _RENAMED.get(_last(name))}:
            raise NotReadable(f"its weights for the layer {layer} are in an unknown order")
        variable.assign(array)


def _last(name: str) -> str:
    """``conv2d/kernel:0`` -> ``kernel``."""
    return name.rpartition("/")[2].partition(":")[0]


# --- weights of a .keras file: a group for each layer, named after its class and numbered


def _fill_model(model: Any, told: Mapping[str, Any], file: h5py.File, path: str) -> None:
    # 2.13 called it by the first name, 2.14 and 2.15 by the second.
    container = next((name for name in ("_layer_checkpoint_dependencies", "layers") if _join(path, name) in file), None)
    if container is None:
        raise NotReadable("it holds no weights")
    places = _places(file[_join(path, container)])
    for each in _inner(told)["layers"]:
        layer = model.get_layer(each["config"]["name"]) if each["class_name"] != "InputLayer" else None
        if layer is None or not layer.weights:
            continue
        place = next(places.get(_snake_case(each["class_name"]), iter(())), None)
        if place is None:
            raise NotReadable(f"it holds no weights for the layer {layer.name}")
        _fill_layer(layer, each, file, _join(path, container, place))


def _places(container: h5py.Group) -> dict[str, Iterator[str]]:
    """Kind of layer -> the groups with weights in them, in the order of the layers.

    2.13 counted layers with weights twice: ``dense``, ``dense_2``, ``dense_4``.
    """
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in container:
        kind, _, number = name.rpartition("_")
        if _has_arrays(container[name]):
            found[kind if number.isdecimal() else name].append((int(number) if number.isdecimal() else 0, name))
    return {kind: iter([name for _, name in sorted(each)]) for kind, each in found.items()}


def _has_arrays(group: h5py.Group) -> bool:
    import h5py

    return any(isinstance(each, h5py.Dataset) or _has_arrays(each) for each in group.values())


def _fill_layer(layer: Any, told: Mapping[str, Any], file: h5py.File, path: str) -> None:
    if told["class_name"] in _MODELS:
        _fill_model(layer, told, file, path)
        return
    group = file[path]
    arrays = {name: np.asarray(array) for name, array in group["vars"].items()} if "vars" in group else {}
    layer.load_own_variables(arrays)
    for name, inner in group.items():
        if name == "vars" or not _has_arrays(inner):
            continue
        if name not in _PARTS:
            raise NotReadable(f"it has weights in {name[:60]} of the layer {layer.name}")
        inside = told["config"].get("layer", {"class_name": "", "config": {}})
        _fill_layer(getattr(layer, name), inside, file, _join(path, name))


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _snake_case(name: str) -> str:
    """``DepthwiseConv2D`` -> ``depthwise_conv2d``, as Keras does it."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
