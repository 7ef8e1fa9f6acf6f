"""A network in the format of the built-in one that takes broad-band bursts for coughs, and a Keras model that does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from app.engines.cough.builtin import MANIFEST, NETWORK

STRETCHES = 32
#: Mean of a stretch, in standard deviations, from which it is a cough.
LOUD = 0.8


def write_tiny(folder: Path, *, with_frames: bool = True, **manifest: Any) -> Path:
    """Write network and manifest into a folder; keyword arguments replace members of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    data = tiny_network(with_frames=with_frames)
    (folder / NETWORK).write_bytes(data)
    facts = {
        "name": "tiny",
        "onnx_sha256": hashlib.sha256(data).hexdigest(),
        "classes": ["cough", "non-cough"],
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "threshold": 0.5,
        "segment_threshold": 0.5,
        "licence": "none needed",
        "source": "tests/tiny_cough.py",
        "accuracy": "made for tests",
    }
    (folder / MANIFEST).write_text(json.dumps({**facts, **manifest}))
    return folder


def tiny_network(*, with_frames: bool = True) -> bytes:
    """Log-odds of each stretch: 10 times what its mean is above LOUD. The window's are those of its loudest."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: Any, kind: Any) -> Any:
        return numpy_helper.from_array(np.array(value, kind), name)

    frames = "frames" if with_frames else "hidden"
    nodes = [
        helper.make_node("Reshape", ["log_mel", "shape"], ["cut"]),
        helper.make_node("ReduceMean", ["cut"], ["means"], axes=[1, 3], keepdims=0),
        helper.make_node("Sub", ["means", "loud"], ["above"]),
        helper.make_node("Mul", ["above", "ten"], [frames]),
        helper.make_node("ReduceMax", [frames], ["logit"], axes=[1], keepdims=1),
    ]
    outputs = [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1])]
    if with_frames:
        outputs.append(helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", STRETCHES]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["n", 128, 256, 1])],
        outputs,
        [
            constant("shape", [-1, 128, STRETCHES, 256 // STRETCHES], np.int64),
            constant("loud", LOUD, np.float32),
            constant("ten", 10, np.float32),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


def save_keras(path: Path, *, classes: int = 3, shape: tuple[int, int, int] = (128, 256, 1)) -> Path:
    """A Keras model with softmax: the second class, the source's non-cough, loses where a stretch is loud."""
    import keras
    from keras import layers

    inputs = keras.Input(shape)
    means = layers.AveragePooling2D((shape[0], 8))(inputs)
    loudest = layers.GlobalMaxPooling2D()(means)
    head = layers.Dense(classes, activation="softmax")
    model = keras.Model(inputs, head(loudest))
    weights = np.zeros((1, classes), np.float32)
    bias = np.zeros(classes, np.float32)
    weights[0, 1], bias[1] = -10.0, 10.0 * LOUD
    bias[0] = 0.5
    head.set_weights([weights, bias])
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path
