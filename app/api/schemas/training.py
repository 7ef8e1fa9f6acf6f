"""Wire models and parsers of ``training``."""

from __future__ import annotations

from typing import Annotated

from flask_restx import Namespace, fields
from pydantic import Field

from app.api.base import Rounded, UtcDateTime
from app.api.parsing import JsonBody, body_model
from app.services.users import MAX_ID

ns = Namespace("training", description="From photos to a gallery that recognises people: jobs and their progress.")


class Incremental(JsonBody):
    """Body of ``POST /api/training/incremental``."""

    user_id: Annotated[int, Field(ge=1, le=MAX_ID, strict=True)] = Field(description="Whom to train.", examples=[1])
    force: bool = Field(
        default=False, description="Embed every photo again, not only those that are not trained yet.", examples=[False]
    )


incremental_body = body_model(ns, "IncrementalTraining", Incremental)
#: Nothing needs to be said; documented so that "Try it out" sends an object.
rebuild_body = ns.model("FullRebuild", {})

skipped = ns.model(
    "SkippedPhoto",
    {
        "photo_id": fields.Integer(example=7),
        "user_id": fields.Integer(description="Whose photo; null in results of older versions.", example=1),
        "filename": fields.String(example="back-of-the-head.jpg"),
        "code": fields.String(example="no_face_found"),
        "message": fields.String(example="No face was found: use a sharp, well-lit photo."),
    },
)

progress = ns.model(
    "JobProgress",
    {
        "done": fields.Integer(description="Photos done.", example=640),
        "total": fields.Integer(description="Photos in all; null until it is known.", example=1000),
        "rate": Rounded(description="Photos a second; null before the first.", example=150.2),
        "eta_seconds": Rounded(description="Remaining time; null unless it runs.", example=2.4),
    },
)

problem = ns.model(
    "JobError",
    {
        "code": fields.String(example="no_usable_photos"),
        "message": fields.String(example="The user has no photo with a usable face: upload some first."),
    },
)

incremental_result = ns.model(
    "IncrementalResult",
    {
        "user_id": fields.Integer(example=1),
        "faces_processed": fields.Integer(description="Faces that were embedded by this training.", example=5),
        "embeddings_created": fields.Integer(description="Embeddings that were stored by it.", example=5),
        "embeddings_total": fields.Integer(description="Embeddings that the user has now.", example=5),
        "processing_time_seconds": fields.Float(example=0.21),
        "timestamp": fields.String(example="2026-01-22T10:00:00.000Z"),
        "skipped": fields.List(fields.Nested(skipped), description="Photos without a usable face."),
    },
)

rebuild_result = ns.model(
    "RebuildResult",
    {
        "num_data": fields.Integer(description="Photos that were looked at.", example=25),
        "num_classes": fields.Integer(description="People in the gallery.", example=5),
        "total_faces": fields.Integer(description="Embeddings in the gallery.", example=25),
        "training_time_seconds": fields.Float(example=18.5),
        "training_time_minutes": fields.Float(example=0.31),
        "model_path": fields.String(description="The exported gallery.", example="models/face_db.npy"),
        "timestamp": fields.String(example="2026-01-22T10:00:00.000Z"),
        "model": fields.String(description="Model and fingerprint of its weights.", example="buffalo_l@4fae1b2c"),
        "skipped": fields.List(fields.Nested(skipped), description="Photos without a usable face, at most 200."),
        "skipped_total": fields.Integer(example=0),
    },
)

job = ns.model(
    "TrainingJob",
    {
        "id": fields.Integer(example=12),
        "kind": fields.String(enum=["incremental", "rebuild"], example="incremental"),
        "user_id": fields.Integer(description="Whom it trains; null for a rebuild.", example=1),
        "requested_by": fields.Integer(description="null for a caller without an account.", example=1),
        "state": fields.String(enum=["queued", "running", "succeeded", "failed", "cancelled"], example="running"),
        "cancel_requested": fields.Boolean(example=False),
        "progress": fields.Nested(progress),
        "attempts": fields.Integer(description="More than one if its worker died.", example=1),
        "created_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
        "started_at": UtcDateTime(example="2026-01-22T10:00:00.010Z"),
        "finished_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
        "error": fields.Nested(problem, allow_null=True, skip_none=False),
        "incremental": fields.Nested(incremental_result, allow_null=True, description="Result of an incremental job."),
        "rebuild": fields.Nested(rebuild_result, allow_null=True, description="Result of a rebuild."),
    },
)


def _answer(name: str, result: object) -> object:
    return ns.model(
        name,
        {
            "success": fields.Boolean(example=True),
            "message": fields.String(example="Embeddings built for user 1"),
            "data": fields.Nested(result, allow_null=True, description="null while the job runs (202)."),
            "job_id": fields.Integer(example=12),
            "state": fields.String(enum=["queued", "running", "succeeded"], example="succeeded"),
        },
    )


incremental_answer = _answer("IncrementalAnswer", incremental_result)
rebuild_answer = _answer("RebuildAnswer", rebuild_result)

user_status = ns.model(
    "UserTraining",
    {
        "user_id": fields.Integer(example=1),
        "name": fields.String(example="John Doe"),
        "photos": fields.Integer(example=5),
        "embeddings": fields.Integer(description="Photos in the live gallery.", example=4),
        "missing": fields.Integer(description="Photos that are not in it.", example=1),
        "without_face": fields.Integer(
            description="Of those, photos without a face: training will not help.", example=0
        ),
        "due": fields.Boolean(description="Whether training would add something.", example=True),
    },
)

status = ns.model(
    "TrainingStatus",
    {
        "model": fields.String(
            description="The live gallery's model; null before the first training.", example="buffalo_l"
        ),
        "model_key": fields.String(description="With the fingerprint of its weights.", example="buffalo_l@4fae1b2c"),
        "trained_at": UtcDateTime(description="When this gallery went live.", example="2026-01-22T10:00:00.000Z"),
        "users": fields.List(fields.Nested(user_status)),
    },
)

only_users = {
    "user_id": {
        "in": "query",
        "type": "string",
        "description": "Only these users: an id, or several with commas between them (at most 200).",
    },
    "due": {"in": "query", "type": "boolean", "description": "true: only users whom training would add something for."},
}

asynchronous = {
    "Prefer": {
        "in": "header",
        "type": "string",
        "description": "`respond-async`: answer 202 with the job's address at once. `wait=10`: after ten seconds.",
    }
}
