"""What is wrong with a value, in words for whoever sent it; pydantic's own are for programmers."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

#: pydantic's type of an error -> what to say; {names} are those of the error's context.
_WORDS = {
    "missing": "this is needed",
    "string_type": "text is needed",
    "string_unicode": "text is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "int_parsing_size": "this number is too large",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
    "finite_number": "a number is needed",
    "bool_type": "true or false is needed",
    "bool_parsing": "true or false is needed",
    "list_type": "a list is needed",
    "greater_than": "a number above {gt} is needed",
    "greater_than_equal": "{ge} is the least",
    "less_than": "a number below {lt} is needed",
    "less_than_equal": "{le} is the most",
    "too_short": "at least {min_length} entries are needed",
    "string_too_short": "at least {min_length} characters are needed",
    "too_long": "at most {max_length} entries are allowed",
    "string_too_long": "at most {max_length} characters are allowed",
    "literal_error": "one of {expected} is needed",
    "enum": "one of {expected} is needed",
    "value_error": "{error}",
}


def problems(error: ValidationError, otherwise: str) -> dict[str, str]:
    """Field -> what is wrong with it.

    :param otherwise: stands for the field where the error is about several.
    """
    return {".".join(map(str, e["loc"])) or otherwise: _in_words(e) for e in error.errors()}


def _in_words(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if context.get("min_length") == 1:
        return "this must not be empty"
    words = _WORDS.get(error["type"])
    return words.format(**context) if words else error["msg"]
