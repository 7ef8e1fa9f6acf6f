"""Asks Google who somebody is, and believes nothing that is not addressed to this server.

Two ways: a *server auth code*, exchanged at the token endpoint for an id token whose signature, issuer, audience, times
and nonce are checked; or an *access token* that a client got by itself, of which Google says for whom it was made. The
second check is what keeps a token that somebody gave to another site from being used here.

Nothing of what Google hands out is kept: its tokens are dropped as soon as it is known who the person is.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key

from app.errors import GoogleNotConfigured, GoogleTokenRejected, InvalidInput
from app.services.google.http import (
    GoogleHttp,
    bounded,
    is_temporary,
    json_object,
    unavailable,
)
from app.services.google.keys import GoogleKeys

logger = logging.getLogger(__name__)

#: The two forms that Google's documentation names.
ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")
#: Google's clock and ours differ by less.
LEEWAY_SECONDS: Final = 30
#: Google's id tokens have about 1200 characters.
_MAX_ID_TOKEN: Final = 8192
#: What may stand in a header or a form: codes and tokens of Google are of these letters.
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_MAX_SUBJECT: Final = 255

#: Errors of the token endpoint that say that this server is set up wrongly (RFC 6749, section 5.2).
_OUR_FAULT: Final = frozenset({"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"})


@dataclass(frozen=True, slots=True)
class GooglePerson:
    """A Google account, as Google itself told."""

    #: Google's id of the account: it stays when the address changes.
    subject: str
    #: as Google wrote it; None if the token does not carry it.
    email: str | None
    email_verified: bool
    name: str


@dataclass(frozen=True, slots=True)
class GoogleClient:
    """As what this server is known at Google."""

    #: the first one goes with the secret; tokens for any of them are taken.
    client_ids: Sequence[str]
    client_secret: str
    redirect_uri: str
    #: where a browser goes to be asked
    authorize_url: str
    token_url: str
    jwks_url: str
    tokeninfo_url: str
    userinfo_url: str


class GoogleIdentities:
    """Finds out whose a code or a token is."""

    def __init__(self, client: GoogleClient, http: GoogleHttp, *, clock: Callable[[], float] = time.time) -> None:
        """:param clock: seconds since 1970."""
        self._client = client
        self._http = http
        self._clock = clock
        self._keys = GoogleKeys(http, client.jwks_url)

    @property
    def client_id(self) -> str | None:
        """The id that a page of ours asks Google with; None if Google sign-in is not set up."""
        return self._client.client_ids[0] if self._client.client_ids else None

    @property
    def authorize_url(self) -> str | None:
        """Where a page of ours sends people; None if the code they come back with could not be exchanged."""
        return self._client.authorize_url if self._client.client_ids and self._client.client_secret else None

    def by_code(
        self, code: str, *, nonce: str | None = None, redirect_uri: str | None = None, verifier: str | None = None
    ) -> GooglePerson:
        """Whose server auth code this is.

        :param nonce: what the client asked Google to write into the id token.
        :param redirect_uri: what the client asked for the code with; None takes the one of the settings.
        :param verifier: what the client showed Google the hash of when it asked for the code (RFC 7636).
        :raises GoogleTokenRejected: Google or we refuse it.
        :raises GoogleNotConfigured: the client id or its secret is missing, or Google does not accept them.
        :raises GoogleUnavailable: Google does not answer.
        """
        if not self._client.client_ids or not self._client.client_secret:
            raise GoogleNotConfigured
        if not _VISIBLE.fullmatch(code):
            raise GoogleTokenRejected
        token = self._exchange(code, self._client.redirect_uri if redirect_uri is None else redirect_uri, verifier)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise GoogleTokenRejected("Google gave no id token: ask it for the scopes openid and email.")
        return self._verified(id_token, nonce)

    def by_access_token(self, token: str) -> GooglePerson:
        """Whose access token this is; the same errors."""
        if not self._client.client_ids:
            raise GoogleNotConfigured
        if not _VISIBLE.fullmatch(token):
            raise GoogleTokenRejected
        # In a header, as Google's own libraries do: a token in an address ends up in logs.
        shown = {"Authorization": f"Bearer {token}"}
        form = {**shown, "Content-Type": "application/x-www-form-urlencoded"}
        info = self._ask("POST", self._client.tokeninfo_url, form)
        if info.get("aud") not in self._client.client_ids:
            raise GoogleTokenRejected("This access token was made for another client.")
        if not _is_in_future(info.get("exp"), self._clock()):
            raise GoogleTokenRejected
        person = _person(self._ask("GET", self._client.userinfo_url, shown))
        if info.get("sub", person.subject) != person.subject:
            raise GoogleTokenRejected
        return person

    def _exchange(self, code: str, redirect_uri: str, verifier: str | None) -> dict[str, Any]:
        # A session of its own: it remembers the token.
        session = OAuth2Session(
            self._client.client_ids[0],
            self._client.client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a way
        )
        bounded(session, self._http.adapter)
        session.register_compliance_hook("access_token_response", _check_status)
        try:
            token: dict[str, Any] = session.fetch_token(
                self._client.token_url,
                # Apps have no page to come back to, and Google wants that said.
                body="" if redirect_uri else "redirect_uri=",
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_uri or None,
                **({"code_verifier": verifier} if verifier else {}),
            )
        except OAuthError as error:
            if not isinstance(error.error, str):  # a form of error that Google's other APIs have
                raise unavailable(error) from None
            if error.error in _OUR_FAULT:
                logger.warning("Google refuses this server's client id or secret: %s", error.error)
                raise GoogleNotConfigured("Google does not accept this server's client id or secret.") from None
            raise GoogleTokenRejected("Google does not accept this code: get a new one and try again.") from None
        except (requests.exceptions.RequestException, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise unavailable(error) from None
        return token

    def _verified(self, id_token: str, nonce: str | None) -> GooglePerson:
        """The person of an id token, if everything about it is right."""
        if len(id_token) > _MAX_ID_TOKEN:
            raise GoogleTokenRejected
        wanted: dict[str, jwt.ClaimsOption] = {name: {"essential": True} for name in ("iss", "sub", "exp", "iat")}
        wanted["iss"]["values"] = list(ISSUERS)
        if nonce is not None:
            wanted["nonce"] = {"essential": True, "value": nonce}
        registry = jwt.JWTClaimsRegistry(now=lambda: int(self._clock()), leeway=LEEWAY_SECONDS, **wanted)
        try:
            # RS256 and nothing else: a token must not choose how it is checked.
            token = jwt.decode(id_token, self._key_of, algorithms=["RS256"])
            registry.validate(token.claims)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            logger.info("An id token of Google was refused: %s", type(error).__name__)
            raise GoogleTokenRejected from None
        # Google writes one audience, as a string.
        if token.claims.get("aud") not in self._client.client_ids:
            raise GoogleTokenRejected("This id token was made for another client.")
        return _person(token.claims)

    def _key_of(self, token: GuestProtocol) -> Key:
        key_id = token.headers().get("kid")
        if not isinstance(key_id, str):
            raise GoogleTokenRejected
        return self._keys.find(key_id)

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> dict[str, Any]:
        answer = self._http.call(method, url, headers=headers)
        if answer.ok:
            return json_object(answer)
        if is_temporary(answer) or answer.status_code < HTTPStatus.BAD_REQUEST:
            raise unavailable(answer)
        raise GoogleTokenRejected("Google does not accept this access token: get a new one and try again.")


def _check_status(answer: requests.Response) -> requests.Response:
    """For Authlib, which takes every JSON object for an answer of OAuth."""
    if is_temporary(answer):
        raise unavailable(answer)
    return answer


def _person(claims: dict[str, Any]) -> GooglePerson:
    """From the claims of an id token or of userinfo, which have the same names."""
    subject, email, name = claims.get("sub"), claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not _VISIBLE.fullmatch(subject):
        raise GoogleTokenRejected
    return GooglePerson(
        subject=subject,
        email=email if isinstance(email, str) else None,
        # A boolean; some answers of Google write the word.
        email_verified=claims.get("email_verified") is True or claims.get("email_verified") == "true",
        name=name if isinstance(name, str) else "",
    )


def _is_in_future(expires: object, now: float) -> bool:
    """Whether a time as tokeninfo writes it, in seconds since 1970 as text, is still to come."""
    text = str(expires) if isinstance(expires, str | int) and not isinstance(expires, bool) else ""
    return text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) > now - LEEWAY_SECONDS  # noqa: PLR2004


def credential(
    code: str | None,
    access_token: str | None,
    *,
    nonce: str | None,
    redirect_uri: str | None,
    verifier: str | None = None,
) -> Callable[[GoogleIdentities], GooglePerson]:
    """What a client showed, ready to be asked about; InvalidInput unless it is exactly one of the two."""
    if bool(code) == bool(access_token):
        said = "either server_auth_code or google_access_token is needed"
        raise InvalidInput(errors={"server_auth_code": said, "google_access_token": said})
    if code:
        return lambda google: google.by_code(code, nonce=nonce, redirect_uri=redirect_uri, verifier=verifier)
    # Nobody could check them, and whoever sent one believes that somebody does.
    unchecked = [name for name, value in (("nonce", nonce), ("code_verifier", verifier)) if value is not None]
    if unchecked:
        raise InvalidInput(
            errors=dict.fromkeys(unchecked, "an access token carries none; it goes with server_auth_code")
        )
    return lambda google: google.by_access_token(access_token or "")
