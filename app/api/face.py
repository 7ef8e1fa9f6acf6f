"""``/api/face``."""

from __future__ import annotations

from typing import Any

from app.api.base import Resource, container, raises
from app.api.guard import access
from app.api.parsing import form_number, uploaded_file
from app.api.schemas import face as wire
from app.errors import (
    ImageTooLarge,
    ImageTooSmall,
    InvalidInput,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    NoFaceFound,
    UnsupportedImage,
)
from app.services.access import Need
from app.services.decisions import Decision
from app.services.recognition import DEFAULT_TOP_K, ModelReport, Prediction

ns = wire.ns

#: What every operation on a picture may answer.
PICTURE_ERRORS = (MissingFile, UnsupportedImage, ImageTooSmall, ImageTooLarge, ModelBusy, ModelNotUsable)


def _wire_form(found: Prediction) -> dict[str, Any]:
    person = found.person
    best = found.candidates[0] if found.candidates else None
    return {
        "status": "success" if found.decision is Decision.MATCH else found.decision.value,
        "data": {
            "user_id": person.user_id if person else None,
            "name": person.name if person else None,
            "email": person.email if person else None,
            "confidence": best.confidence if best else 0.0,
            "similarity": best.similarity if best else None,
            "all_predictions": found.candidates,
            "decision": found.decision.value,
            "threshold": found.threshold,
            "margin": found.margin,
            "face": found.face,
            "warnings": found.warnings,
            "model": found.model,
        },
    }


def _model_form(found: ModelReport) -> dict[str, Any]:
    info, calibration = found.info, found.calibration
    return {
        "name": info.name,
        "engine": info.engine,
        "fingerprint": info.fingerprint,
        "licence": info.licence,
        "commercial_use": info.commercial_use,
        "source": info.source,
        "dimensions": info.dimensions,
        "loaded": found.loaded,
        "pinned": found.pinned,
        "threshold": round(found.threshold, 4),
        "verification_threshold": round(calibration.verification_threshold, 4),
        "margin": round(calibration.margin, 4),
        "target_fpir": found.target_fpir,
        "calibration": calibration.source,
        "gallery_size": found.people,
        "embeddings": found.photos,
        "index": {
            "kind": "hnsw" if found.indexed else "exact",
            "recall": found.recall,
            "measured_probes": found.measured_probes,
        },
    }


@ns.route("/predict")
class Predict(Resource):
    """1:N recognition."""

    # Naming a stranger from a photo is the most sensitive thing this API does: admins and keys made for it.
    @access(Need.ADMIN, scope="face")
    @ns.doc("predict_face")
    @ns.expect(wire.predict_form)
    @raises(ns, InvalidInput, NoFaceFound, *PICTURE_ERRORS)
    @ns.marshal_with(wire.prediction_answer)
    def post(self) -> Any:
        """Who is this? (1:N)

        Compares the largest face with everybody who is enrolled. Somebody who is not enrolled is `unknown`, with
        status 200 and `user_id: null`.
        """
        top_k = form_number("top_k", kind=int, low=1, high=wire.MAX_TOP_K)
        threshold = form_number("threshold", kind=float, low=-1, high=1)
        upload = uploaded_file()
        found = container().recognition.predict(
            upload.data, top_k=DEFAULT_TOP_K if top_k is None else int(top_k), threshold=threshold
        )
        return _wire_form(found)


@ns.route("/detect")
class Detect(Resource):
    """Faces of a picture."""

    @access(Need.SIGNED_IN, scope="face")
    @ns.doc("detect_faces")
    @ns.expect(wire.detect_form)
    @raises(ns, *PICTURE_ERRORS)
    @ns.marshal_with(wire.detection)
    def post(self) -> Any:
        """Which faces are there?

        Every face with box, landmarks, score and quality; an empty list if there is none.
        """
        faces = container().recognition.detect(uploaded_file().data)
        return {"count": len(faces), "faces": faces}


@ns.route("/compare")
class Compare(Resource):
    """Two pictures."""

    @access(Need.SIGNED_IN, scope="face")
    @ns.doc("compare_faces")
    @ns.expect(wire.compare_form)
    @raises(ns, NoFaceFound, *PICTURE_ERRORS)
    @ns.marshal_with(wire.comparison)
    def post(self) -> Any:
        """Do two pictures show the same person?

        The largest face of each counts. Nothing is stored, nobody needs to be enrolled.
        """
        return container().recognition.compare(uploaded_file("file1").data, uploaded_file("file2").data)


@ns.route("/model")
class Model(Resource):
    """The model in use."""

    @access(Need.SIGNED_IN, scope="face")
    @ns.doc("face_model")
    @raises(ns, ModelNotUsable)
    @ns.marshal_with(wire.model)
    def get(self) -> Any:
        """The face model in use

        Its licence, thresholds and calibration, the size of the gallery, and how it is searched.
        """
        return _model_form(container().recognition.model())
