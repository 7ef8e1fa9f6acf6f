"""The network that comes with Kenali: cough or not. FORMAT.md beside this file describes it on disk."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.engines.audio import (
    FRAMES,
    FRAMES_PER_SECOND,
    MELS,
    SAMPLE_RATE,
    Decibels,
    Samples,
    Window,
    runs,
    window,
)
from app.engines.cough.base import CoughAnswer, CoughModelInfo, Segment
from app.engines.cough.stretch_windows import segment, stretches_and_windows
from app.errors import ModelNotUsable

#: Where Kenali's own weights are; MODELS_DIR may be elsewhere.
FOLDER: Final = Path(__file__).parents[3] / "models"
NETWORK: Final = "cough_builtin.onnx"
MANIFEST: Final = "cough_builtin.json"

#: A recording longer than a window is looked at in windows that begin this far from each other.
WINDOW_HOP: Final = FRAMES // 2
#: Gaps in a cough that `frames` shows are closed up to 0.2 s.
_JOIN_SECONDS: Final = 0.2

Probability = Annotated[float, Field(ge=0, le=1)]


class Calibration(BaseModel):
    """From the network's log-odds to a probability (Platt 1999)."""

    model_config = ConfigDict(frozen=True)

    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    def probability(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Of a cough, 0 to 1."""
        odds = np.clip(self.slope * logits.astype(np.float64) + self.intercept, -50.0, 50.0)
        found: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
        return found


class Manifest(BaseModel):
    """``cough_builtin.json``."""

    model_config = ConfigDict(frozen=True)

    name: str
    onnx_sha256: str
    classes: tuple[str, str]
    calibration: Calibration
    threshold: Probability
    segment_threshold: Probability
    licence: str
    source: str
    accuracy: str


class BuiltInNetwork:
    """Keeps `CoughClassifier`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """ModelNotUsable if the files are not there or not what they should be."""
        self._manifest = manifest = _read_manifest(folder / MANIFEST)
        data = _read_network(folder / NETWORK, manifest.onnx_sha256)
        self._session, self._outputs = _start(data)
        self.info = CoughModelInfo(
            name=manifest.name,
            fingerprint=manifest.onnx_sha256[:8],
            classes=manifest.classes,
            built_in=True,
            licence=manifest.licence,
            source=manifest.source,
            accuracy=manifest.accuracy,
        )

    def classify(self, spectrogram: Decibels, samples: Samples) -> CoughAnswer:
        """Cough or not, and where."""
        starts = _window_starts(spectrogram.shape[1])
        logits, frames = self._run(np.concatenate([window(spectrogram, start) for start in starts]))
        cough = float(self._manifest.calibration.probability(logits.max()))
        yes, no = self._manifest.classes
        heard = cough >= self._manifest.threshold
        return CoughAnswer(
            prediction=yes if heard else no,
            scores={yes: cough, no: 1.0 - cough},
            segments=self._segments(starts, frames, samples) if heard else [],
        )

    def _run(self, windows: Window) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        logits, *frames = self._session.run(self._outputs, {"log_mel": windows})
        return logits[:, 0], frames[0] if frames else None

    def _segments(self, starts: list[int], frames: NDArray[np.float32] | None, samples: Samples) -> list[Segment]:
        found = self._from_stretches(samples) if frames is None else self._from_frames(starts, frames, samples)
        sure = [part for part in found if part.score >= self._manifest.segment_threshold]
        # A cough was heard: if nowhere surely, then most probably here.
        return sure or [max(found, key=lambda part: part.score)]

    def _from_stretches(self, samples: Samples) -> list[Segment]:
        stretches, windows = stretches_and_windows(samples, "silence")
        scores = self._manifest.calibration.probability(self._run(windows)[0])
        seconds = len(samples) / SAMPLE_RATE
        return [segment(stretch, float(score), seconds) for stretch, score in zip(stretches, scores, strict=True)]

    def _from_frames(self, starts: list[int], frames: NDArray[np.float32], samples: Samples) -> list[Segment]:
        step = FRAMES // frames.shape[1]
        seconds = len(samples) / SAMPLE_RATE
        known = math.ceil(seconds * FRAMES_PER_SECOND / step)
        logits = np.full(max(starts) // step + frames.shape[1], -np.inf)
        for start, row in zip(starts, frames, strict=True):
            at = slice(start // step, start // step + len(row))
            logits[at] = np.maximum(logits[at], row)
        scores = self._manifest.calibration.probability(logits[:known])
        join = round(_JOIN_SECONDS * FRAMES_PER_SECOND / step)
        parts = runs(scores >= self._manifest.segment_threshold, join=join)
        if not parts:
            best = int(scores.argmax())
            parts = [(best, best + 1)]
        return [segment((start * step, end * step), float(scores[start:end].max()), seconds) for start, end in parts]


def _window_starts(frames: int) -> list[int]:
    beyond = max(frames - FRAMES, 0)
    return list(range(0, beyond + WINDOW_HOP, WINDOW_HOP)) if beyond else [0]


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise ModelNotUsable(f"The built-in cough model is not there: {path.name} cannot be read.") from error
    except (ValueError, ValidationError) as error:
        raise ModelNotUsable(f"The built-in cough model cannot be used: {path.name} is damaged.") from error


def _read_network(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelNotUsable(f"The built-in cough model is not there: {path.name} cannot be read.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelNotUsable(f"The built-in cough model cannot be used: {path.name} is not the file in {MANIFEST}.")
    return data


def _start(data: bytes) -> tuple[Any, list[str]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # A millisecond of work: handing it to other threads takes as long, and they spin between calls.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        outputs = [name for name in ("logit", "frames") if name in {output.name for output in session.get_outputs()}]
        answers = session.run(outputs, {"log_mel": np.zeros((2, MELS, FRAMES, 1), np.float32)})
    except Exception as error:
        raise ModelNotUsable("The built-in cough model does not run.") from error
    shapes = [answer.shape for answer in answers]
    frames_fit = len(shapes) == 1 or (len(shapes[1]) == 2 and FRAMES % shapes[1][1] == 0)  # noqa: PLR2004 - (n, frames)
    if outputs[:1] != ["logit"] or shapes[0] != (2, 1) or not frames_fit:
        raise ModelNotUsable(f"The built-in cough model answers in the wrong shape: {shapes}.")
    return session, outputs
