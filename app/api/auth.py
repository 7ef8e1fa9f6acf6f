"""``/api/auth``."""

from __future__ import annotations

from typing import Any

from flask import request

from app.api.base import Resource, container, raises
from app.api.guard import access, caller_id, session_id
from app.api.parsing import form_number, parse_body, uploaded_file
from app.api.schemas import auth as wire
from app.errors import (
    AccountLocked,
    FaceLoginDisabled,
    FaceNotMatched,
    ImageTooLarge,
    ImageTooSmall,
    InvalidCredentials,
    InvalidInput,
    MissingFile,
    ModelBusy,
    ModelNotUsable,
    NoFaceFound,
    NotEnrolled,
    ServerBusy,
    TokenExpired,
    TokenInvalid,
    UnsupportedImage,
)
from app.services.access import Need
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
