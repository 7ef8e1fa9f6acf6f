"""``/api/cough``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.api.base import Resource, container, raises
from app.api.guard import access, caller
from app.api.histories import HistoryOf, add_history, picture_url, timestamp
from app.api.parsing import uploaded_file
from app.api.schemas import cough as wire
from app.db import CoughEntry
from app.engines.cough import NOTICE
from app.errors import (
    AudioTooLarge,
    AudioTooQuiet,
    AudioTooShort,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    StorageFull,
    StorageUnavailable,
    UnsupportedAudio,
)
from app.services.access import Need
from app.services.cough import CoughReport
from app.services.history import percent

ns = wire.ns

#: What the source says when it is asked how it is.
RUNNING = "Cough Classifier API is running."
NOT_RUNNING = "Cough Classifier API is running, but its model cannot be used."

CSV_COLUMNS: Mapping[str, Callable[[CoughEntry], Any]] = {
    "timestamp": timestamp,
    "filename": lambda entry: entry.filename,
    "prediction": lambda entry: entry.prediction,
    "confidence": lambda entry: percent(entry.confidence),
    "processing_time_seconds": lambda entry: entry.processing_time_seconds,
    # A table leaves this server: what its figures are not goes with every line.
    "notice": lambda _: NOTICE,
}


def _percentages(scores: dict[str, float]) -> dict[str, str]:
    return {name: percent(score) for name, score in scores.items()}


def _wire_form(found: CoughReport) -> dict[str, Any]:
    return {
        "filename": found.filename,
        "prediction": found.prediction,
        "confidence": percent(found.confidence),
        "raw_scores": _percentages(found.raw_scores),
        "processing_time_seconds": found.processing_time_seconds,
        "segments": found.segments,
        "spectrogram_url": picture_url(found.picture_key),
        "id": found.id,
        "quality": found.quality,
        "warnings": found.quality.advice,
        "kind": found.kind,
        "model": found.model.name,
        "notice": NOTICE,
    }


def _entry_form(entry: CoughEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "timestamp": timestamp(entry),
        "filename": entry.filename,
        "prediction": entry.prediction,
        "confidence": percent(entry.confidence),
        "raw_scores": _percentages(entry.raw_scores),
        "segments": entry.segments,
        "processing_time_seconds": entry.processing_time_seconds,
        "spectrogram_url": picture_url(entry.picture_key),
        "model": entry.model,
        "user_id": entry.user_id,
        "notice": NOTICE,
    }


@ns.route("")
class Status(Resource):
    """How it is."""

    @access(Need.PUBLIC, scope="cough")
    @ns.doc("cough_status")
    @ns.marshal_with(wire.status)
    def get(self) -> Any:
        """Whether coughs are classified, and by which model

        The built-in model tells coughs from other sounds; a model of your own in `models/` takes its place.
        """
        found = container().cough.status()
        return {
            "status": RUNNING if found.model else NOT_RUNNING,
            "model": found.model,
            "problem": found.problem,
            "notice": NOTICE,
        }


@ns.route("/predict")
class Predict(Resource):
    """One recording."""

    @access(Need.PUBLIC, scope="cough")
    @ns.doc("predict_cough")
    @ns.expect(wire.predict_form)
    @raises(
        ns,
        MissingFile,
        UnsupportedAudio,
        AudioTooLarge,
        AudioTooShort,
        AudioTooQuiet,
        ModelBusy,
        ModelNotUsable,
        StorageFull,
        StorageUnavailable,
    )
    @ns.marshal_with(wire.prediction)
    def post(self) -> Any:
        """Is this a cough?

        What the file is, its content says, never its name. The first 10 seconds are listened to. The answer and a
        picture of the sound are kept in the history, the recording itself is not. It is no diagnosis.
        """
        return _wire_form(container().cough.predict(uploaded_file(), user_id=caller().user_id))


add_history(
    ns,
    HistoryOf(
        scope="cough",
        service=lambda: container().cough_history,
        model=wire.entry,
        form=_entry_form,
        csv=CSV_COLUMNS,
    ),
)
