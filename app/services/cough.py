"""Is this a cough? Decode, check, classify, keep the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from app.db import CoughEntry
from app.engines.audio import SAMPLE_RATE, Recording, SoundQuality, assess, decibels, spectrogram_png
from app.engines.cough import CoughAnswer, CoughClassifier, CoughModelInfo, CoughModels, Segment
from app.engines.face.gate import Gate
from app.errors import KenaliError
from app.services.health import PartHealth
from app.services.history import History, Picture
from app.services.photo_names import clean_filename
from app.services.uploads import Upload

log = logging.getLogger(__name__)

#: What a client that names no file is taken to have sent.
_FALLBACK_NAME: Final = "recording"

#: Decodes and checks an uploaded recording (`app.engines.audio`), with the limits of the settings.
DecodeAudio = Callable[[bytes], Recording]


@dataclass(frozen=True, slots=True)
class CoughReport:
    """The answer to one recording."""

    id: int
    created_at: datetime
    filename: str
    prediction: str
    #: 0 to 1
    confidence: float
    #: class -> probability, 0 to 1
    raw_scores: dict[str, float]
    segments: list[Segment]
    processing_time_seconds: float
    quality: SoundQuality
    #: ``WAV``, ``M4A``, …
    kind: str
    picture_key: str | None
    model: CoughModelInfo


@dataclass(frozen=True, slots=True)
class CoughStatus:
    """What answers, if something does."""

    #: None until the first use has loaded it, or if it cannot be used.
    model: CoughModelInfo | None
    #: why it cannot be used.
    problem: str | None


class CoughService:
    """Use cases of the namespace ``cough``."""

    def __init__(self, models: CoughModels, history: History[CoughEntry], decode: DecodeAudio, gate: Gate) -> None:
        """:param gate: bounds how many recordings are looked at side by side."""
        self._models = models
        self._history = history
        self._decode = decode
        self._gate = gate

    def predict(self, upload: Upload, *, user_id: int | None) -> CoughReport:
        """Classify a recording and keep the answer; the sound itself is not kept.

        :param user_id: whose history it belongs to; None is a guest's.
        """
        started = time.perf_counter()
        with self._gate.enter():
            recording = self._decode(upload.data)
            quality = assess(recording)
            classifier = self.engine()
            spectrogram = decibels(recording.samples)
            answer = classifier.classify(spectrogram, recording.samples)
            picture = Picture(spectrogram_png(spectrogram), "png")
        seconds = round(time.perf_counter() - started, 4)
        entry = self._history.record(_entry(upload, user_id, answer, classifier, seconds), picture)
        return CoughReport(
            id=entry.id,
            created_at=entry.created_at,
            filename=entry.filename,
            prediction=answer.prediction,
            confidence=entry.confidence,
            raw_scores=entry.raw_scores,
            segments=answer.segments,
            processing_time_seconds=seconds,
            quality=quality,
            kind=recording.kind,
            picture_key=entry.picture_key,
            model=classifier.info,
        )

    def engine(self) -> CoughClassifier:
        """The classifier in use; ModelNotUsable says why there is none."""
        return self._models.active()

    def status(self) -> CoughStatus:
        """What answers; loads it if nothing has been asked yet."""
        try:
            return CoughStatus(self.engine().info, None)
        except KenaliError as error:
            return CoughStatus(None, error.detail)

    def warm(self) -> None:
        """Load everything that the first recording would wait for; ModelNotUsable says why that fails."""
        second = np.zeros(SAMPLE_RATE, np.float32)
        second[: SAMPLE_RATE // 2 : 50] = 0.5
        self.engine().classify(decibels(second), second)
        self._decode(_short_wav())

    def ping(self) -> PartHealth:
        """Whether the classifier can be used, as far as that is known without loading it."""
        found = self._models.peek()
        if found is None:
            return PartHealth(ok=True, detail="not loaded yet")
        if isinstance(found, KenaliError):
            return PartHealth(ok=False, detail=found.detail)
        info = found.info
        return PartHealth(
            ok=True,
            detail=f"{info.name}: {', '.join(info.classes)}",
            facts={"model": info.key, "built_in": info.built_in},
        )


def _entry(
    upload: Upload, user_id: int | None, answer: CoughAnswer, classifier: CoughClassifier, seconds: float
) -> CoughEntry:
    return CoughEntry(
        user_id=user_id,
        filename=clean_filename(upload.filename, fallback=_FALLBACK_NAME),
        prediction=answer.prediction,
        confidence=round(min(max(answer.confidence, 0.0), 1.0), 4),
        raw_scores={name: round(score, 4) for name, score in answer.scores.items()},
        segments=[{"start": part.start, "end": part.end, "score": part.score} for part in answer.segments],
        processing_time_seconds=seconds,
        model=classifier.info.key,
    )


def _short_wav() -> bytes:
    """A tenth of a second of silence."""
    sound = bytes(SAMPLE_RATE // 10 * 2)
    rate = SAMPLE_RATE.to_bytes(4, "little") + (SAMPLE_RATE * 2).to_bytes(4, "little")
    form = b"fmt \x10\0\0\0\x01\0\x01\0" + rate + b"\x02\0\x10\0"
    body = b"WAVE" + form + b"data" + len(sound).to_bytes(4, "little") + sound
    return b"RIFF" + len(body).to_bytes(4, "little") + body
