"""Who may call. Each method states its need once, with `access`; `guarded` enforces it before anything is parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import current_app, g, request
from flask_restx.utils import merge

from app.api.schemas.problem import error_responses
from app.container import Container
from app.errors import InvalidInput, NotAuthenticated, NotPermitted, TokenExpired, TokenInvalid
from app.services.access import Caller, Need, permits

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

#: Ways to say who you are, for Swagger's authorize button.
AUTHORIZATIONS = {
    "bearer": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word `Bearer`, a blank, and the `token` of a login (or an API key): `Bearer eyJ…`",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key from `flask apikey create`.",
    },
}

_IN_WORDS = {
    Need.PUBLIC: "Anybody.",
    Need.SIGNED_IN: "Anybody who is signed in, or an API key.",
    Need.OWNER: "The person itself, an admin, or an API key.",
    Need.ADMIN: "An admin, or an API key.",
    Need.PERSON: "A signed-in person, for themselves; also in local mode.",
}

Subject = Callable[[dict[str, Any]], int | None]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one method of one route needs."""

    need: Need
    #: namespace that an API key must be scoped for.
    scope: str
    #: path arguments -> id of the person whom the call is about; for Need.OWNER.
    subject: Subject | None


def in_path(argument: str) -> Subject:
    """The person is named by a path argument."""
    return lambda arguments: arguments[argument]


def in_json(member: str) -> Subject:
    """The person is named by a member of the JSON body. A body that names nobody belongs to nobody."""

    def read(_: dict[str, Any]) -> int | None:
        body = request.get_json(force=True, silent=True)
        value = body.get(member) if isinstance(body, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return read


def access(need: Need, *, scope: str, subject: Subject | None = None) -> Callable[[Endpoint], Endpoint]:
    """State who may call a method; Swagger shows it."""
    if (need is Need.OWNER) != (subject is not None):
        raise ValueError("Need.OWNER, and only that, is about a person")

    def decorate(endpoint: Endpoint) -> Endpoint:
        endpoint.__access__ = Statement(need, scope, subject)  # type: ignore[attr-defined]
        security: list[Any] = [] if need is Need.PUBLIC else [{"bearer": []}, {"api_key": []}]
        if need is Need.PERSON:
            security = [{"bearer": []}]
        refusals = (NotAuthenticated, TokenExpired, TokenInvalid, NotPermitted) if need is not Need.PUBLIC else ()
        ours = {
            "security": security,
            "responses": error_responses(*refusals),
            "vendor": {"x-access": {"need": need.value, "who": _IN_WORDS[need], "scope": scope}},
        }
        # What the operation itself says of a status is more to the point.
        endpoint.__apidoc__ = merge(ours, getattr(endpoint, "__apidoc__", {}))  # type: ignore[attr-defined]
        return endpoint

    return decorate


def guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a resource's view: resolve the caller, then check the statement of the method."""

    @wraps(view)
    def check(*args: Any, **kwargs: Any) -> Any:
        verb = "get" if request.method == "HEAD" else request.method.lower()
        endpoint = getattr(check.view_class, verb, None)  # type: ignore[attr-defined]  # Flask sets it on what we return
        if endpoint is None or verb == "options":
            return view(*args, **kwargs)  # answered 405 or by Flask itself
        statement: Statement = endpoint.__access__
        services: Container = current_app.extensions["kenali"]
        if statement.need is Need.PUBLIC and statement.scope == "auth":
            # This is where new tokens come from: an old one, sent along by habit, must not stand in the way.
            g.caller = services.access.anonymous()
        else:
            g.caller = services.access.resolve(request.headers.get("Authorization"), request.headers.get("X-API-Key"))
        permits(
            g.caller,
            statement.need,
            scope=statement.scope,
            writes=request.method not in {"GET", "HEAD"},
            owner_id=statement.subject(kwargs) if statement.subject else None,
        )
        return view(*args, **kwargs)

    return check


def caller() -> Caller:
    """Who makes this call."""
    found: Caller = g.caller
    return found


def caller_id() -> int:
    """Id of the person who makes this call; only behind Need.PERSON."""
    user_id = caller().user_id
    if user_id is None:  # guarded() has let nobody else through
        raise InvalidInput("This call is about a person.")
    return user_id


def session_id() -> UUID:
    """The session of the person who makes this call; only behind Need.PERSON."""
    found = caller().session_id
    if found is None:  # guarded() has let nobody else through
        raise InvalidInput("This call is about a session.")
    return found
