"""``/api/cough``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.api.base import Resource, container, raises
from app.api.guard import access, caller
from app.api.histories import (
    HISTORY_PARAMS,
    csv_response,
    listed_or_csv,
    owner_id,
    picture_url,
    timestamp,
    wanted_user_id,
    wants_csv,
)
from app.api.paging import page_headers, wanted_page
from app.api.parsing import uploaded_file
from app.api.schemas import cough as wire
from app.db import CoughEntry
from app.engines.cough import NOTICE
from app.errors import (
    AudioTooLarge,
    AudioTooQuiet,
    AudioTooShort,
    HistoryEntryNotFound,
    InvalidInput,
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


@ns.route("/history")
class History(Resource):
    """What was asked before."""

    @access(Need.SIGNED_IN, scope="cough")
    @ns.doc("list_cough_history", params=HISTORY_PARAMS)
    @ns.produces(["application/json", "text/csv"])
    @raises(ns, InvalidInput)
    @listed_or_csv(ns, wire.entry)
    def get(self) -> Any:
        """What was asked before, newest first

        People see their own entries, admins everybody's. `format=csv` sends the whole list as a file.
        """
        history, user_id = container().cough_history, wanted_user_id()
        if wants_csv():
            return csv_response(history.csv(CSV_COLUMNS, user_id=user_id), "cough-history.csv")
        wanted = wanted_page()
        page = history.list(wanted, user_id=user_id).map(_entry_form)
        return page.items, 200, page_headers(page, wanted)


@ns.route("/history/<int:entry_id>")
@ns.doc(params={"entry_id": "The entry's id."})
class Entry(Resource):
    """One of them."""

    @access(Need.SIGNED_IN, scope="cough")
    @ns.doc("delete_cough_entry")
    @raises(ns, HistoryEntryNotFound)
    @ns.marshal_with(wire.deleted)
    def delete(self, entry_id: int) -> Any:
        """Delete an entry of the history

        Its picture goes with it.
        """
        container().cough_history.delete(entry_id, owner_id=owner_id())
        return {"message": "Entry deleted"}
