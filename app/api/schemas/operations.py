"""Wire models of ``health`` and ``metrics``."""

from __future__ import annotations

from flask_restx import Namespace, fields

ns = Namespace("operations", path="/", description="How the program is doing.")

part = ns.model(
    "PartHealth",
    {
        "name": fields.String(example="database"),
        "ok": fields.Boolean(example=True),
        "detail": fields.String(example="PostgreSQL 18.1 with pgvector 0.8.1"),
        "facts": fields.Raw(description="Figures for programs.", example={"postgresql": "18.1", "pgvector": "0.8.1"}),
    },
)

health = ns.model(
    "Health",
    {
        "status": fields.String(enum=["ok", "degraded"], example="ok"),
        "live": fields.Boolean(description="The process answers.", example=True),
        "ready": fields.Boolean(description="Every part can do its work.", example=True),
        "version": fields.String(example="0.1.0"),
        "parts": fields.List(fields.Nested(part)),
    },
)
