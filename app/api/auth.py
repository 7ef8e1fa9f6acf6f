"""``/api/auth``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import request

from app.api.base import Resource, container, raises
from app.api.guard import access, caller_id, session_id
from app.api.parsing import form_number, parse_body, uploaded_file
from app.api.schemas import auth as wire
from app.errors import (
    AccountLocked,
    AddressNotConfirmed,
    FaceLoginDisabled,
    FaceNotMatched,
    GoogleAccountConflict,
    GoogleEmailUnverified,
    GoogleNotConfigured,
    GoogleTokenRejected,
    GoogleUnavailable,
    HostNotAllowed,
    ImageTooLarge,
    ImageTooSmall,
    InvalidCredentials,
    InvalidInput,
    LastWayIn,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    NoFaceFound,
    NotEnrolled,
    ServerBusy,
    SignUpClosed,
    TokenExpired,
    TokenInvalid,
    TooManyFailures,
    UnsupportedImage,
    UserNotFound,
)
from app.services.access import Need
from app.services.google.identity import credential
from app.services.google.sign_in import Credential
from app.services.users import MAX_ID

ns = wire.ns

#: How the source system names its comparison with one person; clients read it.
FACE_METHOD = "PostgreSQL pgvector (1:1)"

#: Answers with tokens belong in no cache (RFC 6749, section 5.1).
NO_STORE = {"Cache-Control": "no-store"}


@ns.route("/login-pass-verify")
class PasswordLogin(Resource):
    """Signing in with a password."""

    @access(Need.PUBLIC, scope="auth")
    @ns.doc("login_with_password")
    @ns.expect(wire.password_login)
    @raises(ns, InvalidInput, InvalidCredentials, AccountLocked, ServerBusy)
    @ns.marshal_with(wire.login_answer)
    def post(self) -> Any:
        """Sign in with a password

        A wrong password and an unknown address are answered alike. After repeated failures, of password or face, the
        account is locked for a while (429 with `Retry-After`).
        """
        body = parse_body(wire.PasswordLogin)
        signed_in = container().auth.login_password(body.email, body.password)
        return {"status": "success", "message": "Login successful", "data": signed_in}, 200, NO_STORE


@ns.route("/login-face-verify")
class FaceLogin(Resource):
    """Signing in with a face."""

    @access(Need.PUBLIC, scope="auth")
    @ns.doc("login_with_face")
    @ns.expect(wire.face_login_form)
    @raises(
        ns,
        InvalidInput,
        MissingFile,
        UnsupportedImage,
        ImageTooSmall,
        ImageTooLarge,
        FaceNotMatched,
        FaceLoginDisabled,
        NotEnrolled,
        NoFaceFound,
        AccountLocked,
        ModelBusy,
        ModelNotUsable,
    )
    @ns.marshal_with(wire.face_login_answer)
    def post(self) -> Any:
        """Sign in with a face

        Compares the picture with the trained photos of one person, named by `user_id` or `email`. Another face and an
        unknown person are answered alike: 401 with `match: false`. A picture without a face does not count as a
        failure.
        """
        user_id = form_number("user_id", kind=int, low=1, high=MAX_ID)
        found = container().auth.login_face(
            uploaded_file().data,
            user_id=None if user_id is None else int(user_id),
            email=request.form.get("email"),
        )
        data = {
            "match": True,
            "user_id": found.user_id,
            "name": found.name,
            "email": found.email,
            "token": found.token,
            "expires_at": found.expires_at,
            "refresh_token": found.refresh_token,
            "refresh_expires_at": found.refresh_expires_at,
            "confidence": found.confidence,
            "similarity": found.similarity,
            "method": FACE_METHOD,
        }
        return {"status": "success", "message": "Face verification successful", "data": data}, 200, NO_STORE


@ns.route("/google")
class GoogleLogin(Resource):
    """Signing in with Google."""

    @access(Need.PUBLIC, scope="auth")
    @ns.doc("get_google_setup")
    @raises(ns, HostNotAllowed)
    @ns.marshal_with(wire.google_setup)
    def get(self) -> Any:
        """Whether there is Google sign-in here

        What a page needs to show the button, or to leave it out.
        """
        google = container().google
        return {
            "sign_in": google.client_id is not None,
            "client_id": google.client_id,
            "authorize_url": google.authorize_url,
            "sign_up": google.sign_up,
            "drive_search": container().drive_searches.configured,
        }

    @access(Need.PUBLIC, scope="auth")
    @ns.doc("login_with_google")
    @ns.expect(wire.google_credential)
    @raises(
        ns,
        InvalidInput,
        GoogleTokenRejected,
        GoogleEmailUnverified,
        SignUpClosed,
        GoogleAccountConflict,
        AddressNotConfirmed,
        TooManyFailures,
        GoogleNotConfigured,
        GoogleUnavailable,
    )
    @ns.marshal_with(wire.google_signed_in)
    def post(self) -> Any:
        """Sign in with Google

        Send the `server_auth_code` of Google's sign-in, or a `google_access_token` that was made for this server's
        client. The first time, the Google account is joined to the account here with the same verified address, or
        gets a new one; from then on it stays the same account, whatever becomes of the address.
        """
        signed_in = container().google.sign_in(_google_credential(), address=_client_address())
        return (
            {
                "access_token": signed_in.access_token,
                "refresh_token": signed_in.refresh_token,
                "is_new_user": signed_in.is_new_user,
                "token_type": "bearer",
                "user_id": signed_in.user_id,
                "expires_at": signed_in.expires_at,
                "refresh_expires_at": signed_in.refresh_expires_at,
            },
            200,
            NO_STORE,
        )


@ns.route("/google/link")
class GoogleLink(Resource):
    """The Google account of the signed-in person."""

    @access(Need.PERSON, scope="auth")
    @ns.doc("get_google_link")
    @ns.marshal_with(wire.google_linked)
    def get(self) -> Any:
        """Which Google account is linked

        Needs the person's own token, also in local mode.
        """
        identity = container().google.identity(caller_id())
        return {
            "linked": identity is not None,
            "email": identity.email if identity else None,
            "created_at": identity.created_at if identity else None,
        }

    @access(Need.PERSON, scope="auth")
    @ns.doc("link_google")
    @ns.expect(wire.google_credential)
    @raises(
        ns,
        InvalidInput,
        GoogleTokenRejected,
        UserNotFound,
        GoogleAccountConflict,
        TooManyFailures,
        GoogleNotConfigured,
        GoogleUnavailable,
    )
    @ns.marshal_with(wire.google_link)
    def post(self) -> Any:
        """Link my Google account

        From then on it signs you in, whatever its address. Needs the person's own token, also in local mode.
        """
        return container().google.link(caller_id(), _google_credential(), address=_client_address())

    @access(Need.PERSON, scope="auth")
    @ns.doc("unlink_google")
    @raises(ns, UserNotFound, LastWayIn)
    @ns.marshal_with(wire.google_unlinked)
    def delete(self) -> Any:
        """Unlink my Google account

        It signs you in no more. Refused as long as there is no password to sign in with.
        """
        container().google.unlink(caller_id())
        return {"message": "Google account unlinked"}


def _google_credential() -> Credential:
    body = parse_body(wire.GoogleCredential)
    _check_redirect(body.redirect_uri)
    return credential(
        body.server_auth_code,
        body.google_access_token,
        nonce=body.nonce,
        redirect_uri=body.redirect_uri,
        verifier=body.code_verifier,
    )


def _check_redirect(uri: str | None) -> None:
    """Google hands a code to an address; InvalidInput unless that is ours, or one that the operator entered."""
    settings = container().settings
    if uri in {None, "", "postmessage", settings.google_redirect_uri}:
        return
    try:
        parts = urlsplit(uri or "")
    except ValueError:  # a bracket that is not closed, say
        parts = urlsplit("")
    # By the name alone: behind a proxy that ends TLS the scheme of the request is not that of the page.
    ours = {request.host.lower(), urlsplit(settings.public_url).netloc.lower()} - {""}
    if parts.scheme not in {"http", "https"} or parts.netloc.lower() not in ours:
        raise InvalidInput(
            errors={"redirect_uri": "it must lead to this server (PUBLIC_URL), or be that of GOOGLE_REDIRECT_URI"}
        )


def _client_address() -> str:
    return request.remote_addr or ""


@ns.route("/refresh")
class Refresh(Resource):
    """The next pair of tokens."""

    @access(Need.PUBLIC, scope="auth")
    @ns.doc("refresh_tokens")
    @ns.expect(wire.refresh)
    @raises(ns, InvalidInput, TokenInvalid, TokenExpired)
    @ns.marshal_with(wire.login_answer)
    def post(self) -> Any:
        """Get the next pair of tokens

        A refresh token is good once. If an older one comes back, somebody has a copy: the session ends, and both have
        to sign in again. A request sent twice within ten seconds gets the same refresh token twice.
        """
        body = parse_body(wire.Refresh)
        signed_in = container().auth.refresh(body.refresh_token)
        return {"status": "success", "message": "Tokens refreshed", "data": signed_in}, 200, NO_STORE


@ns.route("/logout")
class Logout(Resource):
    """Signing out."""

    @access(Need.PERSON, scope="auth")
    @ns.doc("logout")
    @ns.expect(wire.logout)
    @raises(ns, InvalidInput)
    @ns.marshal_with(wire.logout_answer)
    def post(self) -> Any:
        """Sign out

        Ends this session, or with `{"everywhere": true}` all of yours. Their tokens are worth nothing from then on.
        """
        body = parse_body(wire.Logout) if request.get_data() else wire.Logout()
        container().auth.logout(caller_id(), session_id(), everywhere=body.everywhere)
        return {"status": "success", "message": "Signed out"}


@ns.route("/me")
class Me(Resource):
    """Who am I."""

    @access(Need.PERSON, scope="auth")
    @ns.doc("get_signed_in_account")
    @ns.marshal_with(wire.account)
    def get(self) -> Any:
        """Who is signed in, and until when

        Needs the person's own token, also in local mode.
        """
        return container().auth.me(session_id())
