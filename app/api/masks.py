"""The header ``X-Fields`` is checked before the call does anything.

Flask-RESTX applies it to the answer, when the user is created or the photo gone already, and raises errors of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import request
from flask_restx import fields
from flask_restx.mask import Mask, MaskError

from app.errors import InvalidInput

HEADER = "X-Fields"


def check_mask(endpoint: Callable[..., Any]) -> None:
    """InvalidInput if the mask cannot be read, or opens braces behind a field that holds no others."""
    text = request.headers.get(HEADER, "")
    if not text:
        return
    try:
        mask = Mask(text, skip=True)
    except (MaskError, IndexError):  # IndexError: nothing but blanks
        raise InvalidInput(errors={HEADER: "write it like id,name or data{user_id,name}"}) from None
    for model in _answers(endpoint):
        _check(mask, model)


def _answers(endpoint: Callable[..., Any]) -> Iterator[Any]:
    """The models that the endpoint is documented to succeed with."""
    documented = getattr(endpoint, "__apidoc__", {}).get("responses", {})
    for status, response in documented.items():
        if str(status).startswith("2") and len(response) > 1:
            model = response[1]
            yield model[0] if isinstance(model, list) else model


def _check(mask: Mask, model: Any) -> None:
    for name, inner in mask.items():
        field = model.get(name)
        if field is None or not isinstance(inner, Mask):
            continue  # an unknown field gives nothing, as Flask-RESTX has it
        while isinstance(field, fields.List):
            field = field.container
        if not isinstance(field, fields.Nested):
            raise InvalidInput(errors={HEADER: f"{name} holds no fields of its own"})
        _check(inner, field.nested)
