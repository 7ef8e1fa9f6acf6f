from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import bcrypt
import pytest
from sqlalchemy import delete, func, select

from app.db import LoginSession, SignInFailures, User
from app.errors import (
    AccountLocked,
    FaceLoginDisabled,
    FaceNotMatched,
    InvalidCredentials,
    InvalidInput,
    KenaliError,
    NoFaceFound,
    NotEnrolled,
    TokenInvalid,
)
from app.services.auth import NOBODY, AuthService
from app.services.lockout import Lockout
from app.services.passwords import Passwords
from app.services.tokens import TokenService
from tests.unit.services.accounts import KEY, PASSWORDS, Clock, add_user

LIMIT = 5


@dataclass(frozen=True)
class Verdict:
    match: bool
    similarity: float
    confidence: float


class FakeVerifier:
    """Knows people by the bytes of their picture; ``b"nobody"`` shows no face."""

    def __init__(self) -> None:
        self.enrolled: dict[int, bytes] = {}
        self.asked: list[int] = []

    def verify(self, user_id: int, data: bytes) -> Verdict:
        self.asked.append(user_id)
        if data == b"nobody":
            raise NoFaceFound
        if user_id not in self.enrolled:
            raise NotEnrolled
        same = self.enrolled[user_id] == data
        return Verdict(same, 0.73 if same else 0.05, 99.9 if same else 0.01)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def verifier():
    return FakeVerifier()


@pytest.fixture
def tokens(sessions, clock):
    return TokenService(sessions, KEY, access_life=timedelta(minutes=15), refresh_life=timedelta(days=30), clock=clock)


@pytest.fixture
def make_auth(sessions, tokens, clock, verifier):
    def make(*, face_login=True, passwords=PASSWORDS):
        lockout = Lockout(sessions, limit=LIMIT, life=timedelta(minutes=15), clock=clock)
        return AuthService(sessions, tokens, passwords, lockout, verifier, face_login=face_login)

    return make


@pytest.fixture
def auth(make_auth):
    return make_auth()


@pytest.fixture
def john(sessions, verifier):
    user = add_user(sessions)
    verifier.enrolled[user.id] = b"john's face"
    return user


# --- password


def test_the_right_password_opens_a_session(auth, tokens, john, clock):
    signed_in = auth.login_password("john@email.com", "secure123")
    assert (signed_in.user_id, signed_in.name, signed_in.email) == (john.id, "John Doe", "john@email.com")
    assert signed_in.expires_at == clock.now + timedelta(minutes=15)
    assert tokens.check(signed_in.token).user_id == john.id
    assert auth.refresh(signed_in.refresh_token).user_id == john.id


def test_the_address_is_known_in_any_case_and_with_blanks_around(auth, john):
    assert auth.login_password(" JOHN@email.COM ", "secure123").user_id == john.id


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("john@email.com", "wrong123"),
        ("john@email.com", ""),
        ("nobody@email.com", "secure123"),
        ("", "secure123"),
        ("jane@email.com", "secure123"),
        ("jane@email.com", ""),
        ("john@email.com\0", "secure123"),
        ("john\ud800@email.com", "secure123"),
        ("%", "secure123"),
        ("x" * 10_000, "secure123"),
    ],
)
def test_whatever_is_wrong_is_answered_alike(auth, sessions, john, email, password):
    add_user(sessions, "jane@email.com", password=None)
    with pytest.raises(InvalidCredentials) as refused:
        auth.login_password(email, password)
    assert refused.value.detail == "Wrong email or password."
    assert (refused.value.extra, refused.value.errors) == ({}, None)
    with sessions() as session:  # and all of it counts
        assert session.scalar(select(func.sum(SignInFailures.failures))) == 1


def test_a_sign_in_costs_one_comparison_whether_the_account_exists_or_not(auth, sessions, john, monkeypatch):
    add_user(sessions, "jane@email.com", password=None)
    calls = []
    original = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *of: calls.append(of[1][:7]) or original(*of))
    monkeypatch.setattr(bcrypt, "hashpw", lambda *_: pytest.fail("a sign-in hashes nothing besides"))
    work = []
    for email in ("john@email.com", "jane@email.com", "nobody@email.com"):
        calls.clear()
        with pytest.raises(InvalidCredentials):
            auth.login_password(email, "wrong123")
        work.append(list(calls))
    assert work == [[b"$2b$04$"]] * 3


def test_a_hash_of_another_cost_is_renewed_at_the_next_sign_in(make_auth, sessions, john):
    make_auth(passwords=Passwords(cost=5)).login_password("john@email.com", "secure123")
    with sessions() as session:
        hashed = session.get(User, john.id).password_hash
    assert hashed.startswith("$2b$05$")
    assert make_auth(passwords=Passwords(cost=5)).login_password("john@email.com", "secure123")


def test_a_password_from_before_todays_rules_still_opens(make_auth, sessions):
    user = add_user(sessions, password=None)
    with sessions.begin() as session:
        session.get(User, user.id).password_hash = bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
    assert make_auth(passwords=Passwords(cost=5)).login_password("john@email.com", "old")


# --- face


def test_the_right_face_opens_a_session_by_id_or_address(auth, tokens, john):
    for who in ({"user_id": john.id}, {"email": "John@email.com"}):
        signed_in = auth.login_face(b"john's face", **who)
        assert (signed_in.user_id, signed_in.similarity, signed_in.confidence) == (john.id, 0.73, 99.9)
        assert tokens.check(signed_in.token).user_id == john.id


def test_the_session_knows_how_it_was_opened(auth, tokens, john):
    by_face = tokens.check(auth.login_face(b"john's face", user_id=john.id).token)
    by_password = tokens.check(auth.login_password("john@email.com", "secure123").token)
    assert auth.me(by_face.session_id).method == "face"
    assert auth.me(by_password.session_id).method == "password"


@pytest.mark.parametrize(
    "who",
    [
        {"user_id": 1},
        {"user_id": 2},
        {"user_id": 0},
        {"user_id": -1},
        {"user_id": 2**63},
        {"user_id": 10**40},
        {"email": "nobody@email.com"},
        {"email": "\0"},
        {"email": "\ud800"},
    ],
)
def test_another_face_and_an_unknown_person_are_answered_alike(auth, verifier, john, who):
    with pytest.raises(FaceNotMatched) as refused:
        auth.login_face(b"somebody's face", **who)
    assert (
        refused.value.detail == "The face does not match this user: try a sharp photo from the front, or the password."
    )
    assert refused.value.extra == {"match": False, "data": {"match": False}}  # nothing on how close it was
    # The picture was looked at in each case, and never compared with somebody else.
    assert verifier.asked == [john.id if who == {"user_id": john.id} else NOBODY]


def test_a_face_that_is_not_trained_is_told(auth, sessions):
    jane = add_user(sessions, "jane@email.com")
    with pytest.raises(NotEnrolled):
        auth.login_face(b"a face", user_id=jane.id)


def test_a_picture_without_a_face_is_told_for_known_and_unknown_people(auth, john):
    for who in ({"user_id": john.id}, {"user_id": 99}, {"email": "nobody@email.com"}):
        with pytest.raises(NoFaceFound):
            auth.login_face(b"nobody", **who)


def test_nobody_named_is_an_invalid_request(auth, john):
    for who in ({}, {"email": ""}, {"email": "  "}):
        with pytest.raises(InvalidInput):
            auth.login_face(b"john's face", **who)


def test_face_login_can_be_switched_off(make_auth, verifier, john):
    with pytest.raises(FaceLoginDisabled):
        make_auth(face_login=False).login_face(b"john's face", user_id=john.id)
    assert verifier.asked == []


# --- lockout


def _wrong_password(auth, _user):
    auth.login_password("john@email.com", "wrong123")


def _wrong_face_by_id(auth, user):
    auth.login_face(b"somebody's face", user_id=user.id)


def _wrong_face_by_address(auth, _user):
    auth.login_face(b"somebody's face", email="JOHN@email.com")


def test_password_and_face_share_one_counter(auth, verifier, john, clock):
    ways = [_wrong_password, _wrong_face_by_id, _wrong_face_by_address, _wrong_password, _wrong_face_by_id]
    for way in ways:
        with pytest.raises((InvalidCredentials, FaceNotMatched)):
            way(auth, john)
    looked_at = len(verifier.asked)
    for way in ways:
        with pytest.raises(AccountLocked) as locked:
            way(auth, john)
        assert locked.value.retry_after_seconds == 900
    with pytest.raises(AccountLocked):
        auth.login_password("john@email.com", "secure123")
    assert len(verifier.asked) == looked_at  # a locked account costs no work
    clock.forward(minutes=15)
    assert auth.login_password("john@email.com", "secure123")


def test_unknown_people_are_locked_alike(auth):
    for attempt in (
        lambda: auth.login_password("nobody@email.com", "wrong123"),
        lambda: auth.login_face(b"a face", user_id=77),
    ):
        for _ in range(LIMIT):
            with pytest.raises((InvalidCredentials, FaceNotMatched)):
                attempt()
        with pytest.raises(AccountLocked):
            attempt()


def test_a_success_by_face_resets_the_counter_of_the_password(auth, john):
    for _ in range(3):
        for _ in range(LIMIT - 1):
            with pytest.raises(InvalidCredentials):
                auth.login_password("john@email.com", "wrong123")
        auth.login_face(b"john's face", user_id=john.id)


def test_pictures_without_a_face_lock_nobody_out(auth, john):
    for _ in range(3 * LIMIT):
        with pytest.raises(NoFaceFound):
            auth.login_face(b"nobody", user_id=john.id)
    assert auth.login_password("john@email.com", "secure123")


def test_a_burst_of_wrong_passwords_compares_no_more_than_the_limit(make_auth, john, monkeypatch):
    compared = []
    original = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *of: compared.append(1) or original(*of))
    services = [make_auth() for _ in range(2)]  # two processes

    def guess(number):
        try:
            services[number % 2].login_password("john@email.com", f"wrong{number}")
        except KenaliError as refused:
            return type(refused)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(guess, range(30)))
    assert answers.count(InvalidCredentials) == len(compared) == LIMIT
    assert answers.count(AccountLocked) == 30 - LIMIT


# --- sessions


def test_signing_out_ends_this_session_or_all(auth, tokens, john):
    one, two, three = (auth.login_password("john@email.com", "secure123") for _ in range(3))
    auth.logout(john.id, tokens.check(one.token).session_id)
    with pytest.raises(TokenInvalid):
        tokens.check(one.token)
    with pytest.raises(TokenInvalid):
        auth.refresh(one.refresh_token)
    auth.logout(john.id, tokens.check(two.token).session_id, everywhere=True)
    for other in (two, three):
        with pytest.raises(TokenInvalid):
            tokens.check(other.token)


def test_me_is_the_person_of_the_session(auth, tokens, john, clock):
    signed_in = auth.login_password("john@email.com", "secure123")
    me = auth.me(tokens.check(signed_in.token).session_id)
    assert (me.user_id, me.email, me.role, me.signed_in_at) == (john.id, "john@email.com", "user", clock.now)


def test_somebody_deleted_in_the_moment_of_the_sign_in_gets_no_session(auth, sessions, john, monkeypatch):
    original = PASSWORDS.verify

    def verify_and_delete(password, hashed):
        answer = original(password, hashed)
        with sessions.begin() as session:
            session.execute(delete(User))
        return answer

    monkeypatch.setattr(PASSWORDS, "verify", verify_and_delete)
    with pytest.raises(InvalidCredentials):
        auth.login_password("john@email.com", "secure123")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 0


def test_no_log_and_no_repr_holds_a_password_hash_or_token(auth, john, caplog):
    with caplog.at_level(logging.DEBUG):
        signed_in = auth.login_password("john@email.com", "secure123")
        with pytest.raises(InvalidCredentials):
            auth.login_password("john@email.com", "wrong-secret")
        logging.getLogger("test").info("%r %r", signed_in, auth.login_face(b"john's face", user_id=john.id))
    for secret in ("secure123", "wrong-secret", "$2b$", signed_in.token, signed_in.refresh_token):
        assert secret not in caplog.text
