"""The header by which a request that is sent again is known: draft-ietf-httpapi-idempotency-key-header."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import request

from app.errors import InvalidInput

HEADER: Final = "Idempotency-Key"
MAX_LENGTH: Final = 255

#: For Swagger.
IDEMPOTENCY_PARAM: Final[dict[str, dict[str, Any]]] = {
    HEADER: {
        "in": "header",
        "type": "string",
        "maxLength": MAX_LENGTH,
        "description": "A name of your own for this upload, such as a UUID. If no answer comes, send the same again: "
        "what was stored is answered, and not stored twice. Another file under the same name is a mistake (422).",
    }
}

_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def idempotency_key() -> str | None:
    """What the client calls this request, or None; InvalidInput for anything but 1 to 255 printable characters."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    key = key.strip()
    if len(key) > MAX_LENGTH or not _PRINTABLE.fullmatch(key):
        raise InvalidInput(errors={HEADER: f"1 to {MAX_LENGTH} printable characters without blanks are needed"})
    return key
