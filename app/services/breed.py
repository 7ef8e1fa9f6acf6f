"""Which breed is this dog? Classify, keep the answer with its picture, show what the model looked at."""

from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import cv2
import numpy as np
from PIL import Image as PillowImage

from app.db import BreedEntry
from app.engines.base import Image
from app.engines.breed.base import BreedEngine, BreedModelInfo, BreedScores
from app.engines.breed.builtin import DOG_CUT
from app.engines.breed.heatmap import draw
from app.engines.breed.names import names_of
from app.engines.breed.registry import BreedEngines
from app.engines.face.gate import Gate
from app.engines.images import Enough
from app.errors import HeatMapNotAvailable, HistoryEntryNotFound, KenaliError, ModelNotInUse, UnsupportedImage
from app.services.health import PartHealth
from app.services.history import History, Picture, Pictures
from app.services.photo_names import clean_filename
from app.services.uploads import Upload

#: Breeds shown when the client does not say how many.
DEFAULT_TOP_K: Final = 5
#: Longer side of the picture that the history keeps, and its JPEG quality: enough to look at, some 100 kB. It is what
#: is left of 4000 pixels, the width of most phones' pictures, at the quarter that a decoder takes for little.
KEPT_SIDE: Final = 1000
_KEPT_QUALITY: Final = 88
#: The shorter side, of which the built-in network sees 227 pixels.
_SEEN_SIDE: Final = 512
#: What of a large picture is looked at, except by a user's own model, whose author's way of scaling down counts. Of 121
#: dogs, enlarged to 12 and to 3 megapixels, 82 and 84 are told right so, and 83 and 83 from every pixel (python -m
#: bench.breed --megapixels 12; docs/decisions/0058-cost-of-an-answer.md says why that was found good enough).
_ENOUGH: Final = Enough(shorter=_SEEN_SIDE, longer=KEPT_SIDE)
#: Below this, the first breed is a guess (``python -m bench breed`` prints how often it is right there).
_UNSURE: Final = 0.3

NO_DOG_WARNING: Final = "This does not look like a dog: the breed is only the nearest one."
UNSURE_WARNING: Final = "The model is not sure: look at the other breeds too, or try another photo of the whole dog."


class Decode(Protocol):
    """An upload's bytes to pixels (`app.engines.images.decode`), with the limits of the settings."""

    def __call__(self, data: bytes, *, enough: Enough | None = None) -> Image:
        """Or an error that says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class RankedBreed:
    """One breed of an answer."""

    #: readable, as the model's author calls it.
    breed: str
    #: today's English name.
    english_name: str
    #: None if Indonesian has no name of its own.
    indonesian_name: str | None
    #: the class exactly as the model has it.
    label: str
    #: 0 to 1
    confidence: float


@dataclass(frozen=True, slots=True)
class BreedReport:
    """The answer to one picture."""

    id: int
    created_at: datetime
    filename: str
    #: None if the model cannot tell.
    is_dog: bool | None
    #: 0 to 1
    dog_probability: float | None
    #: the most probable first
    top: list[RankedBreed]
    picture_key: str
    processing_time_seconds: float
    warnings: list[str]
    model: str


@dataclass(frozen=True, slots=True)
class BreedModelReport:
    """The model in use."""

    info: BreedModelInfo
    classes: int
    #: None if no dog gate is in use.
    dog_cut: float | None
    #: one sentence: why it is this model and not another one.
    why: str


class BreedService:
    """Use cases of the namespace ``breed``."""

    def __init__(
        self, engines: BreedEngines, history: History[BreedEntry], pictures: Pictures, decode: Decode, gate: Gate
    ) -> None:
        """:param gate: bounds how many pictures are looked at side by side."""
        self._engines = engines
        self._history = history
        self._pictures = pictures
        self._decode = decode
        self._gate = gate
        # Pillow leaves Python while it compresses, and so does the network while it computes.
        self._beside = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="kept-picture")

    def predict(self, upload: Upload, *, user_id: int | None, top_k: int = DEFAULT_TOP_K) -> BreedReport:
        """Classify a picture and keep the answer.

        :param user_id: whose history it belongs to; None is a guest's.
        """
        started = time.perf_counter()
        engine = self.engine()
        image = self.pixels(upload.data, engine)
        with self._gate.enter():
            kept = self._beside.submit(_kept, image)
            scores = engine.classify(image)
        ranked = rank(engine, scores, top_k)
        is_dog = None if scores.dog is None else scores.dog >= DOG_CUT
        seconds = round(time.perf_counter() - started, 4)
        entry = BreedEntry(
            user_id=user_id,
            filename=clean_filename(upload.filename),
            prediction=ranked[0].breed,
            confidence=ranked[0].confidence,
            processing_time_seconds=seconds,
            model=engine.info.key,
            is_dog=is_dog,
            top=[{"breed": each.breed, "confidence": round(each.confidence, 6)} for each in ranked],
        )
        entry = self._history.record(entry, Picture(kept.result(), "jpg"))
        return BreedReport(
            id=entry.id,
            created_at=entry.created_at,
            filename=entry.filename,
            is_dog=is_dog,
            dog_probability=scores.dog,
            top=ranked,
            picture_key=entry.picture_key or "",
            processing_time_seconds=seconds,
            warnings=_warnings(is_dog, ranked[0]),
            model=engine.info.key,
        )

    def engine(self) -> BreedEngine:
        """The engine in use; ModelNotUsable says what is wrong with it."""
        return self._engines.active()

    def pixels(self, data: bytes, engine: BreedEngine) -> Image:
        """What of a picture the engine looks at."""
        if engine.info.kind == "user":
            return self._decode(data)
        return _reduced(self._decode(data, enough=_ENOUGH))

    def heat_map(self, key: str) -> bytes:
        """A PNG of where the model saw, in a kept picture, the breed that it answered with.

        Drawn when somebody asks: most never do, and it takes several times as long as the answer.

        ModelNotInUse if another model answered than the one in use, or the one in use knows no such breed any more: it
        would explain an answer that it has not given.
        """
        entry = self._history.with_picture(key)
        engine = self.engine()
        if entry.model != engine.info.key:
            raise ModelNotInUse(f"This answer is by {entry.model}, and the model in use now is {engine.info.key}.")
        answered = next(
            (at for at, label in enumerate(engine.labels) if names_of(label).breed == entry.prediction), None
        )
        if answered is None:
            raise ModelNotInUse(f"The model in use now has no class {entry.prediction}.")
        try:
            image = self._decode(self._pictures.read(key))
        except UnsupportedImage as error:  # half written when the power failed
            raise HistoryEntryNotFound("The picture is damaged.") from error
        with self._gate.enter():
            heat = engine.heat(image, answered)
        if heat is None:
            raise HeatMapNotAvailable
        return draw(image, heat)

    def classes(self) -> list[RankedBreed]:
        """Every class of the model in use, in its own order, with a confidence of 0."""
        return [_named(label, 0.0) for label in self.engine().labels]

    def model(self) -> BreedModelReport:
        """The model in use; ModelNotUsable says what is wrong with it."""
        engine = self.engine()
        has_gate = engine.info.kind != "user" or self._engines.gated
        return BreedModelReport(
            engine.info, len(engine.labels), DOG_CUT if has_gate else None, self._engines.choice().why
        )

    def warm(self) -> None:
        """Load the model and run it once."""
        self.engine().classify(np.zeros((64, 64, 3), np.uint8))

    def stop(self) -> None:
        """Let the threads go, when no request is answered any more."""
        self._beside.shutdown(wait=False)

    def ping(self) -> PartHealth:
        """Whether the model can be used, as far as that is known without loading it."""
        found = self._engines.peek()
        if isinstance(found, KenaliError):
            return PartHealth(ok=False, detail=found.detail)
        choice = self._engines.choice()
        if found is None:
            return PartHealth(ok=True, detail=f"the {choice.kind} model is not loaded yet", facts={"why": choice.why})
        facts = {
            "model": found.info.key,
            "kind": found.info.kind,
            "classes": len(found.labels),
            "why": choice.why,
            **self._download(),
        }
        return PartHealth(ok=True, detail=f"{found.info.name} is loaded", facts=facts)

    def _download(self) -> dict[str, dict[str, int | None]]:
        arrived = self._engines.progress()
        return {} if arrived is None else {"download": {"bytes": arrived[0], "total_bytes": arrived[1]}}


def rank(engine: BreedEngine, scores: BreedScores, top_k: int) -> list[RankedBreed]:
    """The most probable classes, named."""
    best = np.argsort(-scores.probabilities, kind="stable")[:top_k]
    return [_named(engine.labels[index], min(float(scores.probabilities[index]), 1.0)) for index in best]


def _named(label: str, confidence: float) -> RankedBreed:
    names = names_of(label)
    return RankedBreed(names.breed, names.english, names.indonesian, label, confidence)


def _warnings(is_dog: bool | None, best: RankedBreed) -> list[str]:
    if is_dog is False:
        return [NO_DOG_WARNING]
    return [UNSURE_WARNING] if best.confidence < _UNSURE else []


def _reduced(image: Image) -> Image:
    """At most `KEPT_SIDE` pixels wide and high."""
    height, width = image.shape[:2]
    scale = KEPT_SIDE / max(height, width)
    if scale >= 1:
        return image
    # The decoder takes no strips narrower than 1:20: the shorter side keeps 50 pixels at least.
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _kept(image: Image) -> bytes:
    """The picture for the history: a JPEG without whatever else the client's file held."""
    buffer = io.BytesIO()
    PillowImage.fromarray(_reduced(image)).save(buffer, "JPEG", quality=_KEPT_QUALITY)
    return buffer.getvalue()
