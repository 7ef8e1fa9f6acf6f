"""Photos of an event: the people of the bundled group photo, in various company, and one without anybody."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance

from tests.people import five_people
from tests.pictures import PORTRAIT

#: Whom the browser's camera shows (media.py).
ME = 5
#: Of one person on a photo, in pixels: large enough for every face model.
SIDE = 360
_MARGIN = 40


@cache
def group_picture(*people: int, light: float = 1.0) -> bytes:
    """A JPEG with these people side by side, 0 to 4 by their place in `five_people`, and `ME`; another light makes
    another file.
    """
    width = max(1, len(people)) * (SIDE + _MARGIN) + _MARGIN
    picture = PillowImage.new("RGB", (width, SIDE + 2 * _MARGIN), (148, 158, 150))
    for place, number in enumerate(people):
        person = _portrait(number).resize((SIDE, SIDE), PillowImage.Resampling.LANCZOS)
        picture.paste(person, (_MARGIN + place * (SIDE + _MARGIN), _MARGIN))
    return _jpeg(ImageEnhance.Brightness(picture).enhance(light))


@cache
def landscape(number: int = 0) -> bytes:
    """A JPEG of a sky over a meadow: nobody is on it."""
    rows = np.linspace(0.0, 1.0, 480)[:, None, None]
    sky, meadow = np.array([120, 170, 225]), np.array([70, 130 + number % 40, 60])
    pixels = np.where(rows < 0.6, sky + 60 * rows, meadow + 40 * (1 - rows)) * np.ones((1, 640, 1))
    return _jpeg(PillowImage.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def _portrait(number: int) -> PillowImage.Image:
    if number != ME:
        return five_people()[number].portrait
    whole = PillowImage.open(PORTRAIT).convert("RGB")
    side = min(whole.size)
    return whole.crop((0, 0, side, side))


def _jpeg(picture: PillowImage.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
