"""From a request to typed values.

JSON bodies are pydantic models, declared once: `body_model` turns them into Flask-RESTX's model for Swagger and
`parse_body` validates with them. Files are read by `uploaded_file`, and documented by `file_parser`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from flask import request
from flask_restx import Namespace, fields
from flask_restx.model import Model
from flask_restx.reqparse import RequestParser
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import FileStorage

from app.api.base import container
from app.errors import InvalidInput, MissingFile
from app.services.uploads import Upload
from app.validation import problems

Body = TypeVar("Body", bound=BaseModel)

_FIELD_TYPES: dict[Any, type[fields.Raw]] = {
    str: fields.String,
    int: fields.Integer,
    bool: fields.Boolean,
    float: fields.Float,
    date: fields.Date,
}


class JsonBody(BaseModel):
    """Base of every JSON request body: unknown members are ignored, strings are trimmed."""

    model_config = ConfigDict(str_strip_whitespace=True, frozen=True)


def body_model(ns: Namespace, name: str, body: type[BaseModel]) -> Model:
    """The Swagger model of a request body."""
    documented: dict[str, fields.Raw] = {}
    for field_name, info in body.model_fields.items():
        examples = info.examples or [None]
        documented[field_name] = _FIELD_TYPES[_plain_type(info.annotation)](
            required=info.is_required(), description=info.description, example=examples[0]
        )
    return ns.model(name, documented)


def _plain_type(kind: Any) -> Any:
    """The type below ``Annotated`` and ``… | None`` (that is what optional means; JSON Schema draft 4 has no null)."""
    while (origin := typing.get_origin(kind)) is not None:
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in {typing.Union, types.UnionType}:
            kind = next(part for part in typing.get_args(kind) if part is not type(None))
        else:
            break
    return kind


def parse_body(body: type[Body]) -> Body:
    """The JSON body as a checked object; InvalidInput with ``errors`` otherwise."""
    data = request.get_json(force=True, silent=True)  # whatever Content-Type says: curl users forget it
    if not isinstance(data, dict):
        raise InvalidInput(
            'The body must be a JSON object, such as {"name": "value"}, with Content-Type: application/json.'
        )
    try:
        return body.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(errors=problems(error, "body")) from None


# --- files


@dataclass(frozen=True, slots=True)
class FileArgument:
    """Type of a file argument for Flask-RESTX's parser, which accepts an empty part by itself."""

    def __call__(self, value: object) -> FileStorage:
        """The file, if it is one; ValueError otherwise, as Flask-RESTX expects it."""
        if not isinstance(value, FileStorage) or not value.filename:
            raise ValueError("a file is needed")
        return value

    @property
    def __schema__(self) -> dict[str, str]:
        """How Swagger 2.0 describes a file."""
        return {"type": "file"}


def file_parser(ns: Namespace, field: str = "file", description: str = "A JPEG or PNG picture.") -> RequestParser:
    """A parser that documents one required file; further arguments may be added to it."""
    parser = ns.parser()
    parser.add_argument(field, type=FileArgument(), location="files", required=True, help=description)
    return parser


def uploaded_file(field: str = "file") -> Upload:
    """The one file of the form field; MissingFile if there is none."""
    part = request.files.get(field)
    if part is None or not part.filename:
        raise _missing(field)
    return _read(part)


def uploaded_files(names: Sequence[str]) -> Iterator[Upload]:
    """Every file of the form fields, in order, each read when its turn comes; MissingFile if there is none."""
    parts = [part for name in names for part in request.files.getlist(name) if part.filename]
    if not parts:
        raise _missing(names[0])
    return map(_read, parts)


def _missing(field: str) -> MissingFile:
    # Werkzeug answers a form that it cannot parse with an empty one.
    if request.mimetype == "multipart/form-data" and request.content_length and not (request.files or request.form):
        return MissingFile(
            "Nothing in the form could be read: it was cut off or is damaged, or the name of a file is not UTF-8.",
            errors={field: "a file is needed"},
        )
    return MissingFile(
        f"No file was sent: add it to a form (multipart/form-data) as {field!r}; with curl: -F {field}=@FILE",
        errors={field: "a file is needed"},
    )


def _read(part: FileStorage) -> Upload:
    # One byte more than is allowed is enough to see that it is too large.
    limit = container().settings.max_upload_bytes + 1
    return Upload(filename=part.filename or "", data=part.stream.read(limit))


def form_number(name: str, *, kind: type[int | float], low: float, high: float) -> int | float | None:
    """An optional number of the form; None when it is absent or empty."""
    text = (request.form.get(name) or "").strip()
    if not text:
        return None
    try:
        value = kind(text)
    except (ValueError, OverflowError):
        value = None
    if value is None or not low <= value <= high:
        noun = "a whole number" if kind is int else "a number"
        raise InvalidInput(errors={name: f"{noun} from {low:g} to {high:g} is needed"})
    return value
