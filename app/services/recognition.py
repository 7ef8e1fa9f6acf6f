"""Who is this (1:N), is this them (1:1), are these the same (two pictures), which faces are there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from app.db import vectors
from app.engines.base import Embeddings, Face, FaceEngine, FaceModelInfo, Image
from app.engines.face.calibration import Calibration, calibration_for
from app.engines.face.quality import FaceQuality, assess
from app.errors import NoFaceFound, NotEnrolled
from app.services.decisions import Decision, decide, lead
from app.services.face_report import advice, face_report
from app.services.gallery import Gallery
from app.services.gallery_memory import GalleryMemory

#: Candidates shown when the client does not say how many.
DEFAULT_TOP_K = 5

#: Told where nobody can be found, because nobody is there.
NOBODY_TRAINED = "Nobody is trained yet: upload photos of a user, then call POST /api/training/incremental."
#: Told where two people are closer to each other than the margin.
TWO_ALIKE = "Two people are about equally similar: take another picture, or look whether one person is enrolled twice."

#: Decodes and checks an uploaded picture (`app.engines.images`), with the limits of the settings.
Decode = Callable[[bytes], Image]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One enrolled person, by the photo that is most similar."""

    user_id: int
    name: str
    email: str
    photo_id: int
    similarity: float
    #: 0 to 100
    confidence: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer of 1:N recognition."""

    decision: Decision
    #: best first, one entry per person
    candidates: list[Candidate]
    threshold: float
    #: lead of the best person over the second
    margin: float
    face: dict[str, Any]
    warnings: list[str]
    model: str

    @property
    def person(self) -> Candidate | None:
        """Who it is, if that was decided."""
        return self.candidates[0] if self.decision is Decision.MATCH else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer to "the same person?"."""

    match: bool
    similarity: float
    #: 0 to 100
    confidence: float
    threshold: float
    model: str
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The model in use."""

    info: FaceModelInfo
    #: an enrolment has fixed it
    pinned: bool
    loaded: bool
    calibration: Calibration
    #: 1:N, for the present gallery
    threshold: float
    target_fpir: float
    people: int
    photos: int
    #: whether an index answers searches, and the share of best matches that it finds over so many probes
    indexed: bool
    recall: float | None
    measured_probes: int


@dataclass(frozen=True, slots=True)
class Probe:
    """The face of a probe picture that counts."""

    faces: list[Face]
    quality: FaceQuality
    embedding: Embeddings

    @property
    def report(self) -> dict[str, Any]:
        """The ``face`` member of the answer."""
        return face_report(self.faces[0], self.quality)

    @property
    def warnings(self) -> list[str]:
        """What to do better."""
        return advice(self.faces, self.quality)


class RecognitionService:
    """Use cases of the namespace ``face``, and the verification behind face login."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gallery: Gallery,
        memory: GalleryMemory,
        decode: Decode,
        *,
        target_fpir: float,
        threads: int,
    ) -> None:
        """
        :param target_fpir: share of strangers that may be taken for somebody enrolled.
        :param threads: requests answered at the same time.
        """
        self._sessions = sessions
        self._gallery = gallery
        self._memory = memory
        # While the model computes, without Python's lock, the database and the quality check are asked beside it.
        self._beside = ThreadPoolExecutor(threads, thread_name_prefix="recognition")
        self._decode = decode
        self._target_fpir = target_fpir

    def predict(self, data: bytes, *, top_k: int = DEFAULT_TOP_K, threshold: float | None = None) -> Prediction:
        """Who of the enrolled people is this? NoFaceFound if there is no face."""
        engine = self._gallery.active_engine()
        model = engine.info.key
        version = self._beside.submit(self._memory.version, model)
        probe = self._probe(engine, data)
        # Two at least: the lead over the second person decides, shown or not.
        found = self._memory.search(model, version.result(), probe.embedding, top_k=max(top_k, 2))
        calibration = calibration_for(engine.info.name)
        if threshold is None:
            threshold = calibration.threshold(found.people, self._target_fpir)
        similarities = [person.similarity for person in found.people_found]
        decision = decide(similarities, threshold=threshold, margin=calibration.margin, quality_ok=probe.quality.ok)
        return Prediction(
            decision=decision,
            candidates=[
                Candidate(
                    user_id=person.user_id,
                    name=person.name,
                    email=person.email,
                    photo_id=person.photo_id,
                    similarity=round(person.similarity, 4),
                    confidence=_percent(calibration.probability(person.similarity, found.people)),
                )
                for person in found.people_found[:top_k]
            ],
            threshold=round(threshold, 4),
            margin=round(lead(similarities), 4) if similarities else 0.0,
            face=probe.report,
            warnings=[*_told(decision, found.people), *probe.warnings],
            model=engine.info.name,
        )

    def verify(self, user_id: int, data: bytes) -> Comparison:
        """Is this that user? NotEnrolled if nothing is trained for them, NoFaceFound if there is no face.

        The picture comes first: what is wrong with it, and how long it takes, is the same for a user who
        does not exist.
        """
        engine = self._gallery.active_engine()
        probe = self._probe(engine, data)
        with self._sessions() as session:
            if not vectors.is_enrolled(session, engine.info.key, user_id):
                raise NotEnrolled
            similarity = vectors.best_similarity(session, engine.info.key, user_id, probe.embedding)
        if similarity is None:  # untrained meanwhile
            raise NotEnrolled
        return self._compared(engine, similarity, probe.warnings)

    def compare(self, first: bytes, second: bytes) -> Comparison:
        """Do two pictures show the same person? The largest face of each counts."""
        engine = self._gallery.active_engine()
        one = self._probe(engine, first, "file1")
        two = self._probe(engine, second, "file2")
        warnings = [f"file1: {text}" for text in one.warnings] + [f"file2: {text}" for text in two.warnings]
        return self._compared(engine, float(one.embedding @ two.embedding), warnings)

    def detect(self, data: bytes) -> list[dict[str, Any]]:
        """Every face of the picture, the largest first; an empty list if there is none."""
        image = self._decode(data)
        return [face_report(face, assess(image, face)) for face in self._gallery.active_engine().detect(image)]

    def model(self) -> ModelReport:
        """The model in use, its thresholds for the present gallery, and how the gallery is searched."""
        info = self._gallery.active_engine().info
        summary = self._gallery.summary()
        live = summary.live
        calibration = calibration_for(info.name)
        return ModelReport(
            info=info,
            pinned=live is not None,
            loaded=self._gallery.loaded(info.name),
            calibration=calibration,
            threshold=calibration.threshold(summary.people, self._target_fpir),
            target_fpir=self._target_fpir,
            people=summary.people,
            photos=summary.photos,
            indexed=live is not None and live.indexed,
            recall=live.index_recall if live and live.indexed else 1.0,
            measured_probes=live.index_probes if live and live.indexed else 0,
        )

    def stop(self) -> None:
        """Let the threads go, when no request is answered any more."""
        self._beside.shutdown(wait=False)

    def _probe(self, engine: FaceEngine, data: bytes, field: str = "file") -> Probe:
        image = self._decode(data)
        faces = engine.detect(image)
        if not faces:
            raise NoFaceFound(errors={field: "no face was found in this picture"})
        quality = self._beside.submit(assess, image, faces[0])
        embedding = engine.embed(image, faces[:1])[0]
        return Probe(faces, quality.result(), embedding)

    def _compared(self, engine: FaceEngine, similarity: float, warnings: list[str]) -> Comparison:
        calibration = calibration_for(engine.info.name)
        threshold = calibration.verification_threshold
        return Comparison(
            match=similarity >= threshold,
            similarity=round(similarity, 4),
            confidence=_percent(calibration.probability(similarity)),
            threshold=round(threshold, 4),
            model=engine.info.name,
            warnings=warnings,
        )


def _told(decision: Decision, people: int) -> list[str]:
    """What to do about a decision, where the picture is not to blame."""
    if not people:
        return [NOBODY_TRAINED]
    return [TWO_ALIKE] if decision is Decision.AMBIGUOUS else []


def _percent(probability: float) -> float:
    # No calibration on a few thousand people supports certainty, either way.
    return round(min(max(100 * probability, 0.01), 99.99), 2)
