"""Wire models and parsers of ``breed``."""

from __future__ import annotations

from flask_restx import Namespace, fields

from app.api.parsing import file_parser

ns = Namespace("breed", description="Which breed is this dog, and is it a dog at all?")

#: Most breeds that one answer lists.
MAX_TOP_K = 20

predict_form = file_parser(ns, description="A JPEG or PNG picture of a dog.")
predict_form.add_argument("top_k", type=int, location="form", help=f"Most breeds to list, 1 to {MAX_TOP_K}; default 5.")

_PERCENT = "Probability as the source writes it."
_BREED = fields.String(description="The class of the model in use, readable.", example="Japanese spaniel")
_ENGLISH = fields.String(description="The English name in use today.", example="Japanese Chin")
_INDONESIAN = fields.String(description="null if Indonesian has no name of its own.", example="Spaniel Jepang")
_IMAGE_URL = fields.String(
    description="The picture that the history keeps.",
    example="/static/history_images/5f0c1d2e3a4b/guest/0123456789abcdef0123456789abcdef.jpg",
)
_IS_DOG = fields.Boolean(description="null if the model cannot tell.", example=True)

ranked = ns.model(
    "RankedBreed",
    {
        "breed": _BREED,
        "confidence": fields.String(description=_PERCENT, example="97.31%"),
        "english_name": _ENGLISH,
        "indonesian_name": _INDONESIAN,
        "label": fields.String(
            description="The class exactly as the model has it.", example="n02085782-Japanese_spaniel"
        ),
    },
)

prediction = ns.model(
    "BreedPrediction",
    {
        "predicted_breed": _BREED,
        "confidence": fields.String(description=_PERCENT, example="97.31%"),
        "image_url": _IMAGE_URL,
        "id": fields.Integer(description="Of the entry in the history.", example=1),
        "is_dog": _IS_DOG,
        "dog_probability": fields.Float(description="0 to 1; null if the model cannot tell.", example=0.998),
        "top": fields.List(fields.Nested(ranked), description="The most probable breeds, the best first."),
        "heatmap_url": fields.String(
            description="What the model looked at, as PNG; drawn when it is fetched.",
            example="/api/breed/heatmap/5f0c1d2e3a4b/guest/0123456789abcdef0123456789abcdef.jpg",
        ),
        "warnings": fields.List(fields.String, description="What to bear in mind, in sentences.", example=[]),
        "processing_time_seconds": fields.Float(example=0.021),
        "model": fields.String(description="Name and fingerprint.", example="squeezenet-1.1@4fae1b2c"),
    },
)

entry = ns.model(
    "BreedHistoryEntry",
    {
        "id": fields.Integer(example=1),
        "timestamp": fields.String(description="UTC.", example="2026-01-22 10:05:00"),
        "image_filename": fields.String(description="Your name for the file, cleaned.", example="rex.jpg"),
        "image_url": _IMAGE_URL,
        "predicted_breed": _BREED,
        "confidence": fields.String(description=_PERCENT, example="97.31%"),
        "user_id": fields.Integer(description="null for a guest.", example=1),
        "is_dog": _IS_DOG,
        "model": fields.String(description="Name and fingerprint.", example="squeezenet-1.1@4fae1b2c"),
    },
)

breed_class = ns.model(
    "BreedClass",
    {
        "index": fields.Integer(description="Position in the model's answer.", example=1),
        "breed": _BREED,
        "english_name": _ENGLISH,
        "indonesian_name": _INDONESIAN,
        "label": fields.String(
            description="The class exactly as the model has it.", example="n02085782-Japanese_spaniel"
        ),
    },
)

model = ns.model(
    "BreedModel",
    {
        "name": fields.String(example="squeezenet-1.1"),
        "kind": fields.String(
            enum=["user", "imagenet", "built-in"],
            description="user: your own model in `models/`; imagenet: downloaded weights; built-in: neither is there.",
        ),
        "why": fields.String(
            description="Why it is this one.",
            example="efficientnetv2-b0 has not been downloaded: flask breed download.",
        ),
        "fingerprint": fields.String(description="Of the weights.", example="4fae1b2c"),
        "licence": fields.String(example="BSD 2-Clause"),
        "source": fields.String(description="Which file, from where.", example="SqueezeNet 1.1"),
        "classes": fields.Integer(example=121),
        "input_size": fields.List(fields.Integer, description="Height and width in pixels.", example=[224, 224]),
        "scaling": fields.String(description="What a byte of the picture becomes.", example="x/255"),
        "dog_cut": fields.Float(
            description="Smallest probability of being a dog; null without that gate.", example=0.2
        ),
        "accuracy": fields.Raw(
            description="As measured, and on what; empty if nobody has told.", example={"top_1": 0.71, "top_5": 0.94}
        ),
    },
)
