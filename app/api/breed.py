"""``/api/breed``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from flask import Response

from app.api.base import Resource, container, raises
from app.api.guard import access, caller
from app.api.histories import HistoryOf, add_history, picture_url, timestamp
from app.api.parsing import form_number, uploaded_file
from app.api.schemas import breed as wire
from app.db import BreedEntry
from app.errors import (
    HeatMapNotAvailable,
    HistoryEntryNotFound,
    ImageTooLarge,
    ImageTooSmall,
    InvalidInput,
    MissingFile,
    ModelBusy,
    ModelNotInUse,
    ModelNotUsable,
    StorageFull,
    StorageUnavailable,
    UnsupportedImage,
)
from app.services.access import Need
from app.services.breed import DEFAULT_TOP_K, BreedReport, RankedBreed
from app.services.history import percent

ns = wire.ns

CSV_COLUMNS: Mapping[str, Callable[[BreedEntry], Any]] = {
    "id": lambda entry: entry.id,
    "timestamp": timestamp,
    "image_filename": lambda entry: entry.filename,
    "image_url": lambda entry: picture_url(entry.picture_key),
    "predicted_breed": lambda entry: entry.prediction,
    "confidence": lambda entry: percent(entry.confidence),
    "user_id": lambda entry: entry.user_id,
    "is_dog": lambda entry: entry.is_dog,
}


def _ranked_form(ranked: RankedBreed) -> dict[str, Any]:
    return {**asdict(ranked), "confidence": percent(ranked.confidence)}


def _wire_form(found: BreedReport) -> dict[str, Any]:
    best = found.top[0]
    return {
        "predicted_breed": best.breed,
        "confidence": percent(best.confidence),
        "image_url": picture_url(found.picture_key),
        "id": found.id,
        "is_dog": found.is_dog,
        "dog_probability": None if found.dog_probability is None else round(found.dog_probability, 4),
        "top": [_ranked_form(ranked) for ranked in found.top],
        "heatmap_url": f"/api/breed/heatmap/{found.picture_key}",
        "warnings": found.warnings,
        "processing_time_seconds": found.processing_time_seconds,
        "model": found.model,
    }


def _entry_form(entry: BreedEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "timestamp": timestamp(entry),
        "image_filename": entry.filename,
        "image_url": picture_url(entry.picture_key),
        "predicted_breed": entry.prediction,
        "confidence": percent(entry.confidence),
        "user_id": entry.user_id,
        "is_dog": entry.is_dog,
        "model": entry.model,
    }


@ns.route("/predict")
class Predict(Resource):
    """One picture."""

    @access(Need.PUBLIC, scope="breed")
    @ns.doc("predict_breed")
    @ns.expect(wire.predict_form)
    @raises(
        ns,
        InvalidInput,
        MissingFile,
        UnsupportedImage,
        ImageTooSmall,
        ImageTooLarge,
        ModelBusy,
        ModelNotUsable,
        StorageFull,
        StorageUnavailable,
    )
    @ns.marshal_with(wire.prediction)
    def post(self) -> Any:
        """Which breed is this dog?

        The answer and the picture are kept in the history, under your name if you are signed in. What is no dog still
        gets the nearest breed, with `is_dog: false` and a warning.
        """
        top_k = form_number("top_k", kind=int, low=1, high=wire.MAX_TOP_K)
        found = container().breed.predict(
            uploaded_file(), user_id=caller().user_id, top_k=DEFAULT_TOP_K if top_k is None else int(top_k)
        )
        return _wire_form(found)


@ns.route("/heatmap/<path:key>")
@ns.doc(params={"key": "The picture's key, as in `heatmap_url`."})
class HeatMap(Resource):
    """What the model looked at."""

    @access(Need.PUBLIC, scope="breed")
    @ns.doc("breed_heatmap")
    @ns.produces(["image/png"])
    @ns.response(200, "The picture with what the model looked at glowing on it.")
    @raises(ns, HistoryEntryNotFound, HeatMapNotAvailable, ModelNotInUse, ModelBusy, ModelNotUsable)
    def get(self, key: str) -> Response:
        """What the model looked at, as PNG

        A class activation map of the breed that was answered, laid over the kept picture. Only the model that gave the
        answer can draw it: once another one is in use, this is a 409.
        """
        response = Response(container().breed.heat_map(key), content_type="image/png")
        response.headers["Cache-Control"] = "private, no-cache"
        return response


add_history(
    ns,
    HistoryOf(
        scope="breed",
        service=lambda: container().breed_history,
        model=wire.entry,
        form=_entry_form,
        csv=CSV_COLUMNS,
    ),
)


@ns.route("/classes")
class Classes(Resource):
    """Names."""

    @access(Need.SIGNED_IN, scope="breed")
    @ns.doc("list_breed_classes")
    @raises(ns, ModelNotUsable)
    @ns.marshal_list_with(wire.breed_class)
    def get(self) -> Any:
        """The breeds that the model in use tells apart

        In the model's own order, with their names in English and, where there is one, Indonesian.
        """
        return [{"index": index, **asdict(each)} for index, each in enumerate(container().breed.classes())]


@ns.route("/model")
class Model(Resource):
    """The model in use."""

    @access(Need.SIGNED_IN, scope="breed")
    @ns.doc("breed_model")
    @raises(ns, ModelNotUsable)
    @ns.marshal_with(wire.model)
    def get(self) -> Any:
        """The breed model in use

        Which of the three kinds it is and why, which file, its licence, and its accuracy as measured.
        """
        found = container().breed.model()
        info = asdict(found.info)
        return {
            **info,
            "input_size": list(found.info.input_size),
            "classes": found.classes,
            "dog_cut": found.dog_cut,
            "why": found.why,
        }
