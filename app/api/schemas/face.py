"""Wire models and parsers of ``face``."""

from __future__ import annotations

from flask_restx import Namespace, fields

from app.api.parsing import FileArgument, file_parser
from app.api.schemas.faces import face_models

ns = Namespace("face", description="Who is this, are these the same, which faces are there.")

#: Most candidates that one answer lists.
MAX_TOP_K = 100

face = face_models(ns)

predict_form = file_parser(ns)
predict_form.add_argument("top_k", type=int, location="form", help=f"Most people to list, 1 to {MAX_TOP_K}; default 5.")
predict_form.add_argument(
    "threshold", type=float, location="form", help="Smallest similarity that counts, -1 to 1; default: the model's own."
)
detect_form = file_parser(ns)
compare_form = ns.parser()
for _field in ("file1", "file2"):
    compare_form.add_argument(
        _field, type=FileArgument(), location="files", required=True, help="A JPEG or PNG picture."
    )

_SIMILARITY = "Cosine of the two embeddings, -1 to 1."
_CONFIDENCE = "Calibrated probability that it is this person, 0 to 100 (not the cosine times 100)."

candidate = ns.model(
    "Candidate",
    {
        "user_id": fields.Integer(example=1),
        "name": fields.String(example="John Doe"),
        "email": fields.String(example="john@email.com"),
        "confidence": fields.Float(description=_CONFIDENCE, example=99.98),
        "similarity": fields.Float(description=_SIMILARITY, example=0.7342),
        "photo_id": fields.Integer(description="The enrolled photo that is most similar.", example=3),
    },
)

prediction = ns.model(
    "Prediction",
    {
        "user_id": fields.Integer(description="null unless the decision is match.", example=1),
        "name": fields.String(example="John Doe"),
        "email": fields.String(example="john@email.com"),
        "confidence": fields.Float(description=f"{_CONFIDENCE} Of the best candidate.", example=99.98),
        "similarity": fields.Float(description=f"{_SIMILARITY} Of the best candidate.", example=0.7342),
        "all_predictions": fields.List(
            fields.Nested(candidate), description="One entry per person, the most similar first."
        ),
        "decision": fields.String(enum=["match", "ambiguous", "unknown", "low_quality"], example="match"),
        "threshold": fields.Float(description="Smallest similarity that counts, for this gallery size.", example=0.31),
        "margin": fields.Float(description="Lead over the second person.", example=0.52),
        "face": fields.Nested(face, allow_null=True),
        "warnings": fields.List(fields.String, description="What to do better, in sentences.", example=[]),
        "model": fields.String(example="buffalo_l"),
    },
)

prediction_answer = ns.model(
    "PredictionAnswer",
    {
        "status": fields.String(
            enum=["success", "ambiguous", "unknown", "low_quality"],
            description="success: somebody was recognised; otherwise the decision.",
            example="success",
        ),
        "data": fields.Nested(prediction),
    },
)

detection = ns.model(
    "Detection",
    {
        "count": fields.Integer(example=1),
        "faces": fields.List(fields.Nested(face), description="The largest first."),
    },
)

comparison = ns.model(
    "Comparison",
    {
        "match": fields.Boolean(example=True),
        "similarity": fields.Float(description=_SIMILARITY, example=0.7342),
        "confidence": fields.Float(
            description="Calibrated probability that both show the same person, 0 to 100.", example=99.98
        ),
        "threshold": fields.Float(example=0.24),
        "model": fields.String(example="buffalo_l"),
        "warnings": fields.List(fields.String, example=[]),
    },
)

index = ns.model(
    "SearchIndex",
    {
        "kind": fields.String(enum=["exact", "hnsw"], example="exact"),
        "recall": fields.Float(description="Share of true best matches that the index finds, measured.", example=1.0),
        "measured_probes": fields.Integer(description="Probes behind the recall; 0: exact by construction.", example=0),
    },
)

model = ns.model(
    "FaceModel",
    {
        "name": fields.String(example="buffalo_l"),
        "engine": fields.String(enum=["insightface", "dlib"], example="insightface"),
        "fingerprint": fields.String(description="Of the weights.", example="4fae1b2c"),
        "licence": fields.String(example="For non-commercial research only."),
        "commercial_use": fields.Boolean(example=False),
        "source": fields.String(description="Where the weights come from.", example="insightface model zoo"),
        "dimensions": fields.Integer(description="Of the model; stored padded to 512.", example=512),
        "loaded": fields.Boolean(example=True),
        "pinned": fields.Boolean(description="An enrolment has fixed the model.", example=True),
        "threshold": fields.Float(description="1:N, for the present gallery.", example=0.31),
        "verification_threshold": fields.Float(description="1:1.", example=0.24),
        "margin": fields.Float(description="Lead over the second person that a match needs.", example=0.03),
        "target_fpir": fields.Float(description="Share of strangers that may be taken for somebody.", example=0.01),
        "calibration": fields.String(
            description="Where threshold and confidence come from.", example="LFW, half of it"
        ),
        "gallery_size": fields.Integer(description="People enrolled.", example=200),
        "embeddings": fields.Integer(description="Photos behind them.", example=612),
        "index": fields.Nested(index),
    },
)
