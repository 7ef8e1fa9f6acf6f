"""Writes the members of the built-in cough network as one ONNX file, batch normalisation folded into the convolutions.

Made by hand from a dozen operators: converters of whole Keras models are larger than everything here together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.engines.audio import FRAMES, MELS
from app.engines.audio.log_mel import RANGE_DB
from app.learning.cough_scenes import STEPS

#: Beside the outputs that app/engines/cough/FORMAT.md names: the log-odds of every member, (n, members).
MEMBERS_OUTPUT: Final = "members"

#: Old enough for every ONNX Runtime that Kenali may meet; ReduceMean takes its axes as an attribute there.
_OPSET: Final = 17
_IR_VERSION: Final = 8

#: What is fainter than this, in dB below the loudest point, is not looked at; and what a unit is, in dB.
HEARD_DB: Final = 60.0
LEVEL_DB: Final = 20.0
#: A picture that is flatter than this has no loudest point.
LEAST_RANGE: Final = 1e-3
#: Stretches count by so high a power of their probability: at 1 (the linear softmax of Wang, Li and Metze 2019) thirty
#: quiet stretches hold down one cough, at 3 they do not.
POOLING_POWER: Final = 3
LEAST_SHARE: Final = 1e-6
#: Log-odds are kept below 11.5.
LEAST_PROBABILITY: Final = 1e-5


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def write_onnx(path: Path, members: Sequence[Any]) -> None:
    """Write `members` (Keras models of `app.learning.cough_builtin.network`), whole or not at all."""
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph()
    picture = graph.add("Reshape", "log_mel", graph.constant(np.array([-1, 1, MELS, FRAMES], np.int64)))
    lowest = [_lowest_band(model) for model in members]
    levelled = {band: _levelled(graph, picture, band) for band in sorted(set(lowest))}
    steps = [_member(graph, levelled[band], model) for band, model in zip(lowest, members, strict=True)]
    logits = [_pooled(graph, found) for found in steps]
    graph.add("Concat", *logits, output=MEMBERS_OUTPUT, axis=1)
    graph.add("ReduceMean", MEMBERS_OUTPUT, output="logit", axes=[1], keepdims=1)
    count = graph.number(1 / len(members))
    graph.add("Mul", graph.add("Sum", *steps), count, output="frames")

    def described(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "cough",
            [described("log_mel", MELS, FRAMES, 1)],
            [described("logit", 1), described("frames", STEPS), described(MEMBERS_OUTPUT, len(members))],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="kenali",
    )
    onnx.checker.check_model(model)
    written = path.with_name(f"being-written-{path.name}")
    onnx.save(model, written)
    written.replace(path)


def _lowest_band(model: Any) -> int:
    """Below it a member does not look."""
    (cut,) = [layer for layer in model.layers if type(layer).__name__ == "Cropping2D"]
    lowest: int = cut.cropping[0][0]
    return lowest


def _levelled(graph: _Graph, picture: str, lowest_band: int) -> str:
    """As `app.learning.cough_builtin` puts it, once for all members that look at the same bands."""
    bounds = (graph.constant(np.array([bound], np.int64)) for bound in (lowest_band, MELS, 2))
    picture = graph.add("Slice", picture, *bounds)
    axes = [1, 2, 3]
    loudest = graph.add("ReduceMax", picture, axes=axes, keepdims=1)
    faintest = graph.add("ReduceMin", picture, axes=axes, keepdims=1)
    span = graph.add("Max", graph.add("Sub", loudest, faintest), graph.number(LEAST_RANGE))
    scale = graph.add("Div", graph.number(RANGE_DB / LEVEL_DB), span)
    below = graph.add("Mul", graph.add("Sub", picture, loudest), scale)
    heard = graph.add("Max", below, graph.number(-HEARD_DB / LEVEL_DB))
    return graph.add("Add", heard, graph.number(HEARD_DB / LEVEL_DB / 2))


def _member(graph: _Graph, picture: str, model: Any) -> str:
    """The layers of one member; returns log-odds (n, 32)."""
    by_type = {
        kind: [layer for layer in model.layers if type(layer).__name__ == kind]
        for kind in ("Conv2D", "BatchNormalization", "Conv1D")
    }
    found = picture
    pools = ((2, 1), (2, 2), (2, 2), None)
    for convolution, normalisation, pool in zip(by_type["Conv2D"], by_type["BatchNormalization"], pools, strict=True):
        found = graph.add("Relu", _convolution(graph, found, convolution, normalisation))
        if pool:
            found = graph.add("MaxPool", found, kernel_shape=pool, strides=pool)
    mean = graph.add("ReduceMean", found, axes=[2], keepdims=0)
    most = graph.add("ReduceMax", found, axes=[2], keepdims=0)
    found = graph.add("Concat", mean, most, axis=1)
    wide, last = by_type["Conv1D"]
    found = graph.add("Relu", _over_time(graph, found, wide))
    return graph.add("Reshape", _over_time(graph, found, last), graph.constant(np.array([-1, STEPS], np.int64)))


def _convolution(graph: _Graph, found: str, convolution: Any, normalisation: Any) -> str:
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in normalisation.get_weights())
    scale = gamma / np.sqrt(variance + normalisation.epsilon)
    # Keras: height, width, in, out; ONNX: out, in, height, width.
    kernel = np.asarray(convolution.get_weights()[0], np.float64).transpose(3, 2, 0, 1)
    size, stride = kernel.shape[2], convolution.strides[0]
    # Keras's "same": of what is missing, the smaller half comes first.
    missing = size - stride
    before = missing // 2
    return graph.add(
        "Conv",
        found,
        graph.constant((kernel * scale[:, None, None, None]).astype(np.float32)),
        graph.constant((beta - mean * scale).astype(np.float32)),
        strides=[stride, stride],
        pads=[before, before, missing - before, missing - before],
    )


def _over_time(graph: _Graph, found: str, convolution: Any) -> str:
    kernel, bias = convolution.get_weights()
    side = kernel.shape[0] // 2
    weights = np.ascontiguousarray(kernel.transpose(2, 1, 0), np.float32)
    return graph.add("Conv", found, graph.constant(weights), graph.constant(bias.astype(np.float32)), pads=[side, side])


def _pooled(graph: _Graph, steps: str) -> str:
    """The probabilities of all stretches as one, as log-odds (n, 1)."""
    axes = graph.constant(np.array([1], np.int64))
    shares = graph.add("Sigmoid", steps)
    weights = graph.add("Pow", shares, graph.number(POOLING_POWER))
    weighted = graph.add("ReduceSum", graph.add("Mul", shares, weights), axes, keepdims=1)
    total = graph.add("Add", graph.add("ReduceSum", weights, axes, keepdims=1), graph.number(LEAST_SHARE))
    least = graph.number(LEAST_PROBABILITY), graph.number(1 - LEAST_PROBABILITY)
    pooled = graph.add("Clip", graph.add("Div", weighted, total), *least)
    against = graph.add("Sub", graph.number(1.0), pooled)
    return graph.add("Sub", graph.add("Log", pooled), graph.add("Log", against))
