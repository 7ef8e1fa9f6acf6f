"""A file as a client sent it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a request."""

    #: as the client named it: hostile until cleaned.
    filename: str
    data: bytes
