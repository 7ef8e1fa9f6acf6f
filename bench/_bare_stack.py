"""The customer's stack and nothing else: Flask-RESTX on waitress takes a file and answers JSON of the usual size.

Run as a program with a port; `bench.overhead` compares with it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from flask import Flask, request
from flask_restx import Api, Resource, fields
from waitress import serve

app = Flask(__name__)
api = Api(app)
person = api.model(
    "Person",
    {
        "user_id": fields.Integer,
        "name": fields.String,
        "confidence": fields.Float,
        "similarity": fields.Float,
        "photo_id": fields.Integer,
    },
)
box = api.model("Box", dict.fromkeys(("x", "y", "width", "height"), fields.Float))
data = api.model(
    "Data",
    {
        "name": fields.String,
        "confidence": fields.Float,
        "all_predictions": fields.List(fields.Nested(person)),
        "box": fields.Nested(box),
        "warnings": fields.List(fields.String),
    },
)
answer = api.model("Answer", {"status": fields.String, "data": fields.Nested(data)})

ANSWER = {
    "status": "success",
    "data": {
        "name": "a name",
        "confidence": 99.0,
        "all_predictions": [
            {"user_id": number, "name": "a name", "confidence": 1.0, "similarity": 0.5, "photo_id": number}
            for number in range(5)
        ],
        "box": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0},
        "warnings": [],
    },
}


@api.route("/predict")
class Predict(Resource):
    """What any Flask-RESTX endpoint for a file has to do."""

    @api.marshal_with(answer)
    def post(self) -> Any:
        """Read the file, answer."""
        request.files["file"].stream.read()
        return ANSWER


if __name__ == "__main__":
    logging.disable()
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
