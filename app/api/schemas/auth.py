"""Wire models and parsers of ``auth``."""

from __future__ import annotations

from typing import Annotated

from flask_restx import Namespace, fields
from pydantic import Field, StringConstraints

from app.api.base import UtcDateTime
from app.api.parsing import JsonBody, body_model, file_parser
from app.services.passwords import MAX_CHARACTERS

ns = Namespace("auth", description="Signing in with a password, a face or Google, and out.")

#: Twice the length of our refresh tokens.
_MAX_TOKEN = 1000
#: Google's codes and access tokens have up to some 500 characters.
_MAX_GOOGLE = 2048

#: Blanks around it may be meant.
Password = Annotated[str, StringConstraints(strip_whitespace=False)]


class PasswordLogin(JsonBody):
    """Body of ``POST /api/auth/login-pass-verify``."""

    email: str = Field(min_length=1, max_length=254, description="The address.", examples=["john@email.com"])
    password: Password = Field(
        min_length=1, max_length=MAX_CHARACTERS, description="The password.", examples=["secure123"]
    )


class Refresh(JsonBody):
    """Body of ``POST /api/auth/refresh``."""

    refresh_token: str = Field(
        min_length=1, max_length=_MAX_TOKEN, description="From the login or the refresh before.", examples=["eyJ…"]
    )


class Logout(JsonBody):
    """Body of ``POST /api/auth/logout``; may be left out."""

    everywhere: bool = Field(
        default=False, description="Sign out of every session of yours, not only of this one.", examples=[False]
    )


class GoogleCredential(JsonBody):
    """Body of ``POST /api/auth/google`` and ``POST /api/auth/google/link``: one of the first two."""

    server_auth_code: str | None = Field(
        None, max_length=_MAX_GOOGLE, description="From Google's sign-in, for this server's client.", examples=["4/0A…"]
    )
    google_access_token: str | None = Field(
        None,
        max_length=_MAX_GOOGLE,
        description="From Google, with the scopes openid and email.",
        examples=["ya29.a0…"],
    )
    nonce: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="What you asked Google to write into the id token; it must be there. Only with server_auth_code.",
        examples=["n-0S6_WzA2Mj"],
    )
    redirect_uri: str | None = Field(
        None,
        max_length=500,
        description="What the code was asked for with, unless it is GOOGLE_REDIRECT_URI: empty for Android and iOS, "
        "postmessage for the pop-up in a browser, or an address on this server (or on PUBLIC_URL's) such as /account.",
        examples=["postmessage"],
    )
    code_verifier: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._~-]{43,128}$",
        description="What you showed Google the SHA-256 of (code_challenge, PKCE). Only with server_auth_code.",
        examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
    )


password_login = body_model(ns, "PasswordLogin", PasswordLogin)
refresh = body_model(ns, "Refresh", Refresh)
logout = body_model(ns, "Logout", Logout)
google_credential = body_model(ns, "GoogleCredential", GoogleCredential)

face_login_form = file_parser(ns, description="A JPEG or PNG picture of your face.")
face_login_form.add_argument("user_id", type=int, location="form", help="Who you are; or give email.")
face_login_form.add_argument("email", type=str, location="form", help="Who you are, by address.")

_TOKEN = "eyJhbGciOiJIUzI1NiIs…"  # noqa: S105 - an example
_TIME = "2026-01-22T10:00:00.000Z"

_tokens = {
    "user_id": fields.Integer(example=1),
    "name": fields.String(example="John Doe"),
    "email": fields.String(example="john@email.com"),
    "token": fields.String(description="Send it as `Authorization: Bearer <token>`.", example=_TOKEN),
    "expires_at": UtcDateTime(description="When `token` ends.", example=_TIME),
    "refresh_token": fields.String(description="Good once, for the next pair of tokens.", example=_TOKEN),
    "refresh_expires_at": UtcDateTime(description="When `refresh_token` ends.", example=_TIME),
}
signed_in = ns.model("SignedIn", _tokens)
face_signed_in = ns.model(
    "FaceSignedIn",
    {
        "match": fields.Boolean(example=True),
        **_tokens,
        "confidence": fields.Float(description="Calibrated probability that it is you, 0 to 100.", example=99.98),
        "similarity": fields.Float(description="Cosine with your most similar photo, -1 to 1.", example=0.7342),
        "method": fields.String(example="PostgreSQL pgvector (1:1)"),
    },
)

_STATUS = fields.String(example="success")
login_answer = ns.model(
    "LoginAnswer",
    {
        "status": _STATUS,
        "message": fields.String(example="Login successful"),
        "data": fields.Nested(signed_in),
    },
)
face_login_answer = ns.model(
    "FaceLoginAnswer",
    {
        "status": _STATUS,
        "message": fields.String(example="Face verification successful"),
        "data": fields.Nested(face_signed_in),
    },
)
logout_answer = ns.model("LogoutAnswer", {"status": _STATUS, "message": fields.String(example="Signed out")})

google_setup = ns.model(
    "GoogleSetup",
    {
        "sign_in": fields.Boolean(description="Whether this server takes Google accounts.", example=True),
        "client_id": fields.String(
            description="The client id to ask Google with; null without Google.",
            example="1234-abc.apps.googleusercontent.com",
        ),
        "authorize_url": fields.String(
            description="Google's page where a browser begins; null if the server cannot exchange codes.",
            example="https://accounts.google.com/o/oauth2/v2/auth",
        ),
        "sign_up": fields.Boolean(description="Whether people without an account here get one.", example=True),
        "drive_search": fields.Boolean(description="Whether Drive folders can be searched.", example=True),
    },
)
google_signed_in = ns.model(
    "GoogleSignedIn",
    {
        "access_token": fields.String(description="Send it as `Authorization: Bearer <token>`.", example=_TOKEN),
        "refresh_token": fields.String(description="Good once, for the next pair of tokens.", example=_TOKEN),
        "is_new_user": fields.Boolean(description="Whether the account was made just now.", example=False),
        "token_type": fields.String(example="bearer"),
        "user_id": fields.Integer(example=1),
        "expires_at": UtcDateTime(description="When `access_token` ends.", example=_TIME),
        "refresh_expires_at": UtcDateTime(description="When `refresh_token` ends.", example=_TIME),
    },
)
google_link = ns.model(
    "GoogleLink",
    {
        "email": fields.String(description="Address of the Google account.", example="john@gmail.com"),
        "created_at": UtcDateTime(description="When it was linked.", example=_TIME),
    },
)
google_linked = ns.model(
    "GoogleLinked",
    {
        "linked": fields.Boolean(description="Whether a Google account signs you in.", example=True),
        "email": fields.String(description="Its address; null without one.", example="john@gmail.com"),
        "created_at": UtcDateTime(description="When it was linked; null without one.", example=_TIME),
    },
)
google_unlinked = ns.model("GoogleUnlinked", {"message": fields.String(example="Google account unlinked")})

account = ns.model(
    "Account",
    {
        "user_id": fields.Integer(example=1),
        "name": fields.String(example="John Doe"),
        "email": fields.String(example="john@email.com"),
        "role": fields.String(enum=["user", "admin"], example="user"),
        "created_at": UtcDateTime(description="Of the account.", example=_TIME),
        "method": fields.String(
            enum=["password", "face", "google"], description="How you signed in.", example="password"
        ),
        "signed_in_at": UtcDateTime(example=_TIME),
        "expires_at": UtcDateTime(description="When the session ends unless it is refreshed.", example=_TIME),
    },
)
