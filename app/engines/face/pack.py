"""What an InsightFace pack holds: which of its ONNX files detects and which recognises."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import ModelNotUsable

_log = logging.getLogger(__name__)

#: SCRFD has 6, 9, 10 or 15 outputs: scores and boxes (and landmarks) for three or five strides.
_DETECTOR_OUTPUTS: Final = frozenset({9, 15})
#: The recognisers take squares from 112 pixels; landmark models of the packs take 192 and have no 512-D output.
_RECOGNISER_SIDE: Final = 112
_MAX_DIMENSIONS: Final = 512


@dataclass(frozen=True, slots=True)
class Pack:
    """The two files of a pack that are used."""

    #: the pack's name: that of its folder.
    name: str
    detector: Path
    recogniser: Path

    def fingerprint(self) -> str:
        """First 8 hex digits of the sha256 of the recogniser's file."""
        with self.recogniser.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:8]


def read_pack(folder: Path) -> Pack:
    """Find the detector and the recogniser among a folder's ONNX files (also one folder deeper, as in antelopev2).

    Raises ModelNotUsable unless there is exactly one of each.
    """
    files = _models_in(folder)
    if not files:
        raise ModelNotUsable(
            f"There is no .onnx file in {folder}: an InsightFace pack has a detector and a recogniser."
        )
    roles = [(path, _role(path)) for path in files]
    detectors = [path for path, role in roles if role == "detector"]
    recognisers = [path for path, role in roles if role == "recogniser"]
    for found, role in ((detectors, "detector"), (recognisers, "recogniser")):
        if len(found) != 1:
            named = ", ".join(path.name for path in found) or "none"
            raise ModelNotUsable(f"{folder} should hold exactly one {role}, but there is: {named}.")
    return Pack(name=folder.name, detector=detectors[0], recogniser=recognisers[0])


def holds_pack(folder: Path) -> bool:
    """Whether the folder looks like a pack, by names alone: cheap enough to ask for every folder."""
    return folder.is_dir() and len(_models_in(folder)) > 1


def _models_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.onnx")) or sorted(folder.glob("*/*.onnx"))


def _role(path: Path) -> str | None:
    """``detector``, ``recogniser`` or None, read from the shapes of the graph."""
    import onnx

    try:
        graph = onnx.load_model(str(path), load_external_data=False).graph
    except Exception as error:  # noqa: BLE001 - protobuf, OS and onnx errors: whatever it is, the file is no model
        _log.warning("%s is not a readable ONNX model: %s", path, error)
        return None
    if len(graph.output) in _DETECTOR_OUTPUTS:
        return "detector"
    if len(graph.output) != 1 or not graph.input:
        return None
    inputs = [dimension.dim_value for dimension in graph.input[0].type.tensor_type.shape.dim]
    outputs = [dimension.dim_value for dimension in graph.output[0].type.tensor_type.shape.dim]
    is_recogniser = (
        inputs[2:] == [_RECOGNISER_SIDE, _RECOGNISER_SIDE]
        and len(outputs) == 2  # noqa: PLR2004 - batch and vector
        and 0 < outputs[-1] <= _MAX_DIMENSIONS
    )
    return "recogniser" if is_recogniser else None
