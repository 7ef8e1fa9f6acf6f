"""Models of a few kilobytes that look like a pack's: right shapes, meaningless numbers."""

import io
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 17)]


def detector() -> bytes:
    """Nine outputs, like SCRFD with landmarks."""
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, None, None])
    widths = [1, 1, 1, 4, 4, 4, 10, 10, 10]
    outputs = [
        helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, [1, width]) for n, width in enumerate(widths)
    ]
    nodes = [
        helper.make_node(
            "Constant",
            [],
            [f"out{n}"],
            value=numpy_helper.from_array(np.zeros((1, width), np.float32)),
        )
        for n, width in enumerate(widths)
    ]
    return _model(nodes, [picture], outputs, [])


def recogniser(seed: int = 0, batch: str | int = "N") -> bytes:
    """Mean colours times a random matrix: (n, 3, 112, 112) to (n, 512)."""
    weights = np.random.default_rng(seed).normal(size=(3, 512)).astype(np.float32)
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, 112, 112])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [batch, 512])
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["vector"]),
    ]
    return _model(nodes, [picture], [vector], [numpy_helper.from_array(weights, "weights")])


def write_pack(folder: Path, seed: int = 0) -> Path:
    """A folder that InsightFaceEngine loads."""
    folder.mkdir(parents=True)
    (folder / "det_tiny.onnx").write_bytes(detector())
    (folder / "rec_tiny.onnx").write_bytes(recogniser(seed))
    return folder


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive of the files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def pack_zip(prefix: str = "") -> bytes:
    """A published pack as it is downloaded; some have a folder inside."""
    return zipped({f"{prefix}det_tiny.onnx": detector(), f"{prefix}rec_tiny.onnx": recogniser()})


def _model(nodes, inputs, outputs, constants) -> bytes:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
