"""Wire models and parsers of ``users``."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from flask_restx import Namespace, fields
from pydantic import AfterValidator, Field, StringConstraints

from app.api.base import UtcDateTime
from app.api.parsing import JsonBody, body_model
from app.services.passwords import LENGTH_NEEDED, MAX_CHARACTERS, MIN_CHARACTERS, has_good_length

ns = Namespace("users", description="People: those who are recognised and those who sign in.")

# One @, something on both sides, no space. Whether mail arrives there, only a mail can tell.
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")
# Controls, line ends, and what turns the direction of the text around it: a name must not rewrite the page it is on.
# Joiners, which Persian and Indian names need, are no such thing.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
#: Nothing to be seen in an address: two that look alike must be alike.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def _email(value: str) -> str:
    value = unicodedata.normalize("NFC", value)
    if not _EMAIL.fullmatch(value) or any(unicodedata.category(letter) in _INVISIBLE for letter in value):
        raise ValueError("this is not an email address")
    return value


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", value)


def _password(value: str | None) -> str | None:
    # The service refuses it too; here it is told together with what else is wrong.
    if value is not None and not has_good_length(value):
        raise ValueError(LENGTH_NEEDED)
    return value


Name = Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=200)]
Email = Annotated[str, AfterValidator(_email), Field(min_length=3, max_length=254)]
#: Blanks around a password may be meant.
OptionalPassword = Annotated[str | None, StringConstraints(strip_whitespace=False), AfterValidator(_password)]
_LENGTH = f"{MIN_CHARACTERS} to {MAX_CHARACTERS} characters"


class NewUser(JsonBody):
    """Body of ``POST /api/users``."""

    name: Name = Field(description="The person's name.", examples=["John Doe"])
    email: Email = Field(description="Unique, whatever the case of its letters.", examples=["john@email.com"])
    password: OptionalPassword = Field(
        None, description=f"Needed only to sign in with a password: {_LENGTH}.", examples=["secure123"]
    )


class UserChange(JsonBody):
    """Body of ``PUT /api/users/<id>``: what is left out stays."""

    name: Name | None = Field(None, description="The person's name.", examples=["John Doe"])
    email: Email | None = Field(None, description="A new address.", examples=["john.doe@email.com"])
    password: OptionalPassword = Field(None, description=f"A new password: {_LENGTH}.", examples=["even-more-secure"])


new_user = body_model(ns, "NewUser", NewUser)
user_change = body_model(ns, "UserChange", UserChange)

user = ns.model(
    "User",
    {
        "id": fields.Integer(example=1),
        "name": fields.String(example="John Doe"),
        "email": fields.String(example="john@email.com"),
        "role": fields.String(enum=["user", "admin"], example="user"),
        "created_at": UtcDateTime(example="2026-01-22T10:00:00.000Z"),
    },
)

deleted = ns.model("Message", {"message": fields.String(example="User deleted")})
