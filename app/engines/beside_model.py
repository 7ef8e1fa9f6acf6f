"""What lies beside a user's model as JSON, and the names in it that are shown and stored with every answer."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from app.errors import ModelNotUsable

CLASSES_FILE: Final = "class_indices.json"

#: A list of classes is a few kB; anything much larger is another file under this name.
MAX_JSON_BYTES: Final = 5_000_000
#: Of a class; the histories keep no longer ones.
MAX_NAME: Final = 200
#: Controls, which a database or a line of CSV cannot hold, and halves of characters, which nothing can be written with.
_UNWRITABLE: Final = frozenset({"Cc", "Cs"})


def read_json(path: Path) -> Any:
    """What the file says, in UTF-8 or UTF-16, with or without a mark at its beginning.

    FileNotFoundError if there is none; ModelNotUsable says what is wrong with it.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ModelNotUsable(f"{path.name} is too large to be a list of classes.")
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelNotUsable(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelNotUsable(f"{path.name} is not JSON ({error}).") from error


def indexed_names(found: Any) -> tuple[str, ...]:
    """``{"0": "Chihuahua"}`` as the source writes it, or ``{"Chihuahua": 0}`` as Keras does.

    ModelNotUsable if that is no list of classes.
    """
    if not isinstance(found, dict) or not found:
        raise ModelNotUsable(f"{CLASSES_FILE} must be a JSON object of classes and their positions.")
    try:
        if all(isinstance(value, int) for value in found.values()):
            places = {value: key for key, value in found.items()}
        else:
            places = {int(key): value for key, value in found.items()}
    except (TypeError, ValueError):
        raise ModelNotUsable(f"{CLASSES_FILE} must give each class a whole number.") from None
    if len(places) != len(found) or sorted(places) != list(range(len(places))):
        raise ModelNotUsable(f"{CLASSES_FILE} must number the classes from 0 on, each once.")
    return class_names([places[place] for place in range(len(places))])


def class_names(names: Sequence[Any]) -> tuple[str, ...]:
    """The names of a model's classes; ModelNotUsable if one of them cannot be shown, or two are the same."""
    if not names or not all(isinstance(name, str) and name.strip() and len(name) <= MAX_NAME for name in names):
        raise ModelNotUsable(f"Every class needs a name of 1 to {MAX_NAME} characters.")
    strange = next((name for name in names if name != writable(name)), None)
    if strange is not None:
        raise ModelNotUsable(f"The name of a class holds characters that cannot be shown: {strange!a}.")
    if len(set(names)) != len(names):
        raise ModelNotUsable("Two classes have the same name.")
    return tuple(names)


def writable(text: str) -> str:
    """The text without what cannot be shown."""
    return "".join(character for character in text if unicodedata.category(character) not in _UNWRITABLE)


def is_figure(value: Any) -> bool:
    """Whether it is a number that JSON can hold; Python's own reader takes NaN and Infinity as well."""
    return isinstance(value, int | float) and math.isfinite(value)
