"""What Flask-RESTX leaves out of the document behind Swagger UI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.api.masks import HEADER
from app.api.problem import problem_body

_MASK_HELP = "Only these fields of the answer: `id,name`, or `data{name}` for fields inside a field."
#: A page is read from the harmless to the dangerous; what all methods of a path share comes first.
_ORDER = {"get": 1, "post": 2, "put": 3, "delete": 4}
#: How `error_responses` describes an error: its code and its message.
_DESCRIBED = re.compile(r"`(?P<code>\w+)`: (?P<message>.+)")


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with an example of its own for each error, a mask that explains itself, and methods in order."""
    for address, path in document.get("paths", {}).items():
        # Flask keeps methods in a set: another order at every start.
        document["paths"][address] = dict(sorted(path.items(), key=lambda item: _ORDER.get(item[0], 0)))
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter.get("name") == HEADER:
                parameter["description"] = _MASK_HELP
        for status, response in operation.get("responses", {}).items():
            described = _DESCRIBED.match(response.get("description", ""))
            if described and status.isdecimal():
                response["examples"] = {"application/json": _example(int(status), **described.groupdict())}
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict):
                yield operation


def _example(status: int, code: str, message: str) -> dict[str, Any]:
    body = problem_body(status, code, message)
    if code == "invalid_input":
        body["errors"] = {"page": "a whole number from 1 to 200 is needed"}
    return body
