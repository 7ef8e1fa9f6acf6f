"""Wire models of one detected face; photos and recognition share them."""

from __future__ import annotations

from flask_restx import Namespace, fields
from flask_restx.model import Model


def box_model(ns: Namespace) -> Model:
    """Register Box in the namespace and return it."""
    return ns.model(
        "Box",
        {
            "x": fields.Integer(description="Left edge, in pixels.", example=74),
            "y": fields.Integer(description="Upper edge.", example=61),
            "w": fields.Integer(description="Width.", example=98),
            "h": fields.Integer(description="Height.", example=131),
        },
    )


def face_models(ns: Namespace) -> Model:
    """Register Box, Quality and Face in the namespace and return Face."""
    box = box_model(ns)
    quality = ns.model(
        "FaceQuality",
        {
            "score": fields.Float(description="0 to 1, all together.", example=0.91),
            "sharpness": fields.Float(example=0.83),
            "brightness": fields.Float(description="0 (black) to 1 (white).", example=0.52),
            "size_px": fields.Integer(description="Smaller side of the face, pixels.", example=98),
            "yaw": fields.Float(description="Turned to the side, degrees.", example=-4.2),
            "pitch": fields.Float(description="Turned up or down, degrees.", example=3.1),
            "roll": fields.Float(description="Tilted, degrees.", example=1.4),
            "ok": fields.Boolean(description="Good enough for recognition.", example=True),
            "reasons": fields.List(
                fields.String(enum=["blurred", "too_dark", "too_bright", "too_small", "turned_away", "tilted"]),
                description="What is wrong, in stable words.",
                example=[],
            ),
        },
    )
    return ns.model(
        "Face",
        {
            "detected": fields.Boolean(example=True),
            "score": fields.Float(description="The detector's confidence, 0 to 1.", example=0.87),
            "box": fields.Nested(box, allow_null=True, description="In the original picture."),
            "landmarks": fields.List(
                fields.List(fields.Float),
                description="[x, y] of: eye on the left, eye on the right, nose, left and right mouth corner.",
                example=[[103.2, 112.9], [145.8, 111.4], [124.6, 139.0], [107.1, 160.2], [143.3, 158.9]],
            ),
            "quality": fields.Nested(quality, allow_null=True),
        },
    )
