"""What Flask lets through by itself and this API does not."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import IntegerConverter


class ShallowJson(DefaultJSONProvider):
    """JSON whose depth a client cannot use against the interpreter's stack."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Python objects; ValueError for what is no JSON, or too deep."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Id(IntegerConverter):
    r"""A number in a path: the digits 0 to 9, and not more of them than anybody's id has.

    ``\d`` takes the digits of every script, which a ``Link`` header cannot repeat.
    """

    regex = "[0-9]{1,30}"


def be_strict(app: Flask) -> None:
    """Before any route is added: routes take what they find."""
    app.json = ShallowJson(app)
    app.url_map.converters["int"] = Id
    app.url_map.merge_slashes = False  # a double slash is another address, not a redirect
