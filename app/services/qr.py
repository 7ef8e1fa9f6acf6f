"""QR codes of links."""

from __future__ import annotations

import io
from enum import StrEnum
from typing import Final

import segno

#: Pixels (PNG) or units (SVG) of one module; a code of a link prints well at that size.
_SCALE: Final = 8
#: Quiet zone in modules, as ISO/IEC 18004 asks for.
_BORDER: Final = 4
#: A quarter of a printed code may be dirty.
_CORRECTION: Final = "q"


class QrFormat(StrEnum):
    """How a code is drawn."""

    SVG = "svg"
    PNG = "png"


def qr_code(text: str, kind: QrFormat) -> bytes:
    """A picture of the code for ``text``, black on white."""
    out = io.BytesIO()
    code = segno.make(text, error=_CORRECTION, micro=False)
    code.save(out, kind=kind.value, scale=_SCALE, border=_BORDER, light="white")
    return out.getvalue()
