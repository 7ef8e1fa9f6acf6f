"""Wire models and parsers of ``cough``."""

from __future__ import annotations

from flask_restx import Namespace, fields

from app.api.parsing import file_parser
from app.engines.cough import NOTICE

ns = Namespace("cough", description="Is this a cough, and where in the recording? No diagnosis.")

predict_form = file_parser(ns, description="A WAV, MP3, OGG, FLAC, M4A/AAC or WebM recording, 5 MB at most.")

_PERCENT = "Probability as the source writes it."
_SCORES = {"cough": "92.10%", "non-cough": "7.90%"}
_SPECTROGRAM = "A picture of the sound: time to the right, pitch upwards, one pixel each 23 ms."
_SPECTROGRAM_URL = "/static/history_images/1a2b3c4d5e6f/guest/00112233445566778899aabbccddeeff.png"
_NOTICE = fields.String(description="Goes with every answer.", example=NOTICE)

segment = ns.model(
    "CoughSegment",
    {
        "start": fields.Float(description="Seconds from the beginning.", example=0.62),
        "end": fields.Float(description="Seconds from the beginning.", example=1.04),
        "score": fields.Float(description="Probability that this is a cough, 0 to 1.", example=0.97),
    },
)

sound = ns.model(
    "SoundQuality",
    {
        "ok": fields.Boolean(description="Nothing speaks against the answer.", example=True),
        "reasons": fields.List(
            fields.String(enum=["weak", "clipped", "only_first_10_seconds"]),
            description="What is wrong with the recording.",
            example=[],
        ),
        "duration_seconds": fields.Float(description="Of what was listened to, 10 at most.", example=3.02),
        "loudness_dbfs": fields.Float(description="Loudest 25 ms, in dB of full scale.", example=-12.4),
        "clipped": fields.Float(description="Share of the samples at the limit of the scale.", example=0.0),
    },
)

model = ns.model(
    "CoughModel",
    {
        "name": fields.String(example="kenali-cough-3"),
        "fingerprint": fields.String(description="Of the weights.", example="4fae1b2c"),
        "classes": fields.List(fields.String, example=["cough", "non-cough"]),
        "built_in": fields.Boolean(description="Comes with Kenali; otherwise your own.", example=True),
        "licence": fields.String(example="your own model"),
        "source": fields.String(description="Where it comes from.", example="trained here on 400 recordings"),
        "accuracy": fields.String(
            description="How good it is, as measured.", example="balanced accuracy 0.91 on its own test set"
        ),
    },
)

status = ns.model(
    "CoughStatus",
    {
        "status": fields.String(example="Cough Classifier API is running."),
        "model": fields.Nested(model, allow_null=True, description="null if it cannot be used."),
        "problem": fields.String(
            description="Why the model cannot be used; null if it can.",
            example="The model cough_classifier_model.h5 cannot be used: it takes (64, 64, 1).",
        ),
        "notice": _NOTICE,
    },
)

prediction = ns.model(
    "CoughPrediction",
    {
        "filename": fields.String(description="Your name for the file, cleaned.", example="cough.wav"),
        "prediction": fields.String(description="The most probable class of the model in use.", example="cough"),
        "confidence": fields.String(description=_PERCENT, example="92.10%"),
        "raw_scores": fields.Raw(description="Class -> probability.", example=_SCORES),
        "processing_time_seconds": fields.Float(example=0.031),
        "segments": fields.List(
            fields.Nested(segment), description="Where the coughs are, in order of time; empty without one."
        ),
        "spectrogram_url": fields.String(description=_SPECTROGRAM, example=_SPECTROGRAM_URL),
        "id": fields.Integer(description="Of the entry in the history.", example=1),
        "quality": fields.Nested(sound),
        "warnings": fields.List(fields.String, description="What to do better, in sentences.", example=[]),
        "kind": fields.String(description="What the file is, by its content.", example="WAV"),
        "model": fields.String(example="kenali-cough-3"),
        "notice": _NOTICE,
    },
)

entry = ns.model(
    "CoughHistoryEntry",
    {
        "id": fields.Integer(example=1),
        "timestamp": fields.String(description="UTC.", example="2026-01-22 10:05:00"),
        "filename": fields.String(example="cough.wav"),
        "prediction": fields.String(example="cough"),
        "confidence": fields.String(description=_PERCENT, example="92.10%"),
        "raw_scores": fields.Raw(description="Class -> probability.", example=_SCORES),
        "segments": fields.List(fields.Nested(segment)),
        "processing_time_seconds": fields.Float(example=0.031),
        "spectrogram_url": fields.String(description=_SPECTROGRAM, example=_SPECTROGRAM_URL),
        "model": fields.String(description="Name and fingerprint.", example="kenali-cough-3@4fae1b2c"),
        "user_id": fields.Integer(description="null for a guest.", example=1),
        "notice": _NOTICE,
    },
)
