from __future__ import annotations

import base64
import hmac
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import delete, func, select, update

from app.db import LoginSession, Role, User
from app.errors import TokenExpired, TokenInvalid, UserNotFound
from app.services import tokens as module
from app.services.tokens import ACCESS, LEEWAY, REFRESH, REUSE_GRACE, TokenService
from tests.unit.services.accounts import KEY, Clock, add_user

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(sessions, clock):
    return TokenService(sessions, KEY, access_life=ACCESS_LIFE, refresh_life=REFRESH_LIFE, clock=clock)


@pytest.fixture
def user(sessions):
    return add_user(sessions)


def _claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def _part(data: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _signature(signed: str) -> str:
    """A right signature for what PyJWT itself would not sign."""
    return base64.urlsafe_b64encode(hmac.digest(KEY, signed.encode(), "sha256")).rstrip(b"=").decode()


def _sessions_open(sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).where(LoginSession.revoked_at.is_(None))) or 0


# --- access tokens


def test_a_token_names_its_holder(tokens, user):
    pair = tokens.open(user.id, "password")
    holder = tokens.check(pair.access_token)
    assert (holder.user_id, holder.session_id, holder.role) == (user.id, pair.session_id, Role.USER)


def test_a_token_has_every_claim_and_nothing_of_the_person(tokens, user, clock):
    pair = tokens.open(user.id, "password")
    claims = _claims(pair.access_token)
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert claims["sub"] == str(user.id)
    assert claims["exp"] == int((clock.now + ACCESS_LIFE).timestamp())
    assert pair.expires_at == clock.now + ACCESS_LIFE


def test_a_token_ends_after_its_life_and_a_small_leeway(tokens, user, clock):
    token = tokens.open(user.id, "password").access_token
    clock.forward(seconds=(ACCESS_LIFE + LEEWAY).total_seconds() - 1)
    assert tokens.check(token)
    clock.forward(seconds=1)
    with pytest.raises(TokenExpired):
        tokens.check(token)


def test_the_role_is_that_of_the_database_now(tokens, user, sessions):
    token = tokens.open(user.id, "password").access_token
    with sessions.begin() as session:
        session.execute(update(User).values(role=Role.ADMIN))
    assert tokens.check(token).role is Role.ADMIN
    with sessions.begin() as session:
        session.execute(update(User).values(role=Role.USER))
    assert tokens.check(token).role is Role.USER


def test_the_tokens_of_a_deleted_user_are_worth_nothing(tokens, user, sessions):
    pair = tokens.open(user.id, "password")
    with sessions.begin() as session:
        session.execute(delete(User))
    with pytest.raises(TokenInvalid):
        tokens.check(pair.access_token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(pair.refresh_token)
    with pytest.raises(UserNotFound):
        tokens.open(user.id, "password")


# --- forged tokens


def test_alg_none_is_refused(tokens, user):
    claims = _claims(tokens.open(user.id, "password").access_token)
    for algorithm in ("none", "None", "NONE", ""):
        header = _part({"alg": algorithm, "typ": "JWT"})
        for signature in ("", "AAAA"):
            with pytest.raises(TokenInvalid):
                tokens.check(f"{header}.{_part(claims)}.{signature}")
    with pytest.raises(TokenInvalid):
        tokens.check(jwt.encode(claims, None, algorithm="none"))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_key_is_refused(sessions, user, clock, algorithm):
    key = b"k" * 64  # long enough for either, so that the algorithm alone is the reason
    tokens = TokenService(sessions, key, access_life=ACCESS_LIFE, refresh_life=REFRESH_LIFE, clock=clock)
    token = tokens.open(user.id, "password").access_token
    assert tokens.check(token)
    with pytest.raises(TokenInvalid):
        tokens.check(jwt.encode(_claims(token), key, algorithm=algorithm))


def test_the_header_cannot_bring_its_own_key(tokens, user):
    claims = _claims(tokens.open(user.id, "password").access_token)
    own = b"o" * 32
    jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(own).decode().rstrip("=")}
    headers = ({"jwk": jwk}, {"kid": "../../dev/null"}, {"jku": "http://127.0.0.1/keys"}, {"x5u": "http://127.0.0.1/"})
    for header in headers:
        with pytest.raises(TokenInvalid):
            tokens.check(jwt.encode(claims, own, algorithm="HS256", headers=header))


def test_every_changed_byte_of_a_token_is_noticed(tokens, user):
    token = tokens.open(user.id, "password").access_token
    # The last letter of the signature holds two bits that base64 ignores.
    for at in range(len(token) - 1):
        other = "A" if token[at] != "A" else "B"
        with pytest.raises(TokenInvalid):
            tokens.check(token[:at] + other + token[at + 1 :])


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round(tokens, user):
    pair = tokens.open(user.id, "password")
    with pytest.raises(TokenInvalid):
        tokens.check(pair.refresh_token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(pair.access_token)
    assert tokens.check(pair.access_token)  # and the attempt has ended nothing


def test_a_token_of_another_installation_is_refused(sessions, tokens, user, clock):
    other = TokenService(sessions, b"o" * 32, access_life=ACCESS_LIFE, refresh_life=REFRESH_LIFE, clock=clock)
    with pytest.raises(TokenInvalid):
        tokens.check(other.open(user.id, "password").access_token)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": [ACCESS]},
        {"aud": [ACCESS, REFRESH]},
        {"aud": None},
        {"sub": None},
        {"sub": 1},
        {"sub": "x"},
        {"sub": "99999999999999999999999"},
        {"sub": "2"},
        {"sid": None},
        {"sid": "no uuid"},
        {"sid": 7},
        {"sid": uuid.uuid4().hex},
        {"jti": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": 10**30},
        {"iat": None},
    ],
)
def test_a_well_signed_token_with_wrong_claims_is_refused(tokens, user, changed):
    claims = _claims(tokens.open(user.id, "password").access_token) | changed
    claims = {name: value for name, value in claims.items() if value is not None}
    signed = ".".join((_part({"alg": "HS256", "typ": "JWT"}), _part(claims)))
    with pytest.raises(TokenInvalid):
        tokens.check(f"{signed}.{_signature(signed)}")


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\0", "é.é.é", "\ud800", "x" * 100_000, "." * 1000])
def test_what_is_no_token_is_refused(tokens, token):
    with pytest.raises(TokenInvalid):
        tokens.check(token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(token)


def test_tokens_are_in_no_repr(tokens, user):
    pair = tokens.open(user.id, "password")
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)


# --- refresh


def test_a_refresh_gives_a_new_pair_of_the_same_session(tokens, user, clock):
    first = tokens.open(user.id, "password")
    clock.forward(minutes=20)
    second = tokens.refresh(first.refresh_token)
    assert second.session_id == first.session_id
    assert second.refresh_token != first.refresh_token
    assert tokens.check(second.access_token).user_id == user.id
    assert second.refresh_expires_at == clock.now + REFRESH_LIFE


def test_a_chain_of_refreshes_goes_on_and_on(tokens, user, clock):
    pair = tokens.open(user.id, "password")
    for _ in range(20):
        clock.forward(days=20)
        pair = tokens.refresh(pair.refresh_token)
    assert tokens.check(pair.access_token)


def test_an_old_refresh_token_coming_back_ends_the_session_at_once(tokens, user, clock):
    stolen = tokens.open(user.id, "password")
    clock.forward(minutes=1)
    current = tokens.refresh(stolen.refresh_token)
    clock.forward(seconds=REUSE_GRACE.total_seconds() + 1)
    with pytest.raises(TokenInvalid, match="used before"):
        tokens.refresh(stolen.refresh_token)
    with pytest.raises(TokenInvalid):
        tokens.check(current.access_token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(current.refresh_token)


def test_a_much_older_refresh_token_ends_the_session_even_within_the_grace(tokens, user):
    first = tokens.open(user.id, "password")
    second = tokens.refresh(first.refresh_token)
    tokens.refresh(second.refresh_token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(first.refresh_token)
    with pytest.raises(TokenInvalid):
        tokens.refresh(second.refresh_token)


def test_reuse_ends_only_the_session_that_it_belongs_to(tokens, user, clock):
    other = tokens.open(user.id, "face")
    stolen = tokens.open(user.id, "password")
    tokens.refresh(stolen.refresh_token)
    clock.forward(minutes=1)
    with pytest.raises(TokenInvalid):
        tokens.refresh(stolen.refresh_token)
    assert tokens.check(other.access_token)


def test_a_refresh_sent_twice_gets_the_same_successor(tokens, user, clock):
    first = tokens.open(user.id, "password")
    clock.forward(minutes=1)
    once = tokens.refresh(first.refresh_token)
    clock.forward(seconds=REUSE_GRACE.total_seconds())
    twice = tokens.refresh(first.refresh_token)
    assert twice.refresh_token == once.refresh_token
    clock.forward(minutes=1)
    assert tokens.refresh(twice.refresh_token)


def test_refreshes_in_the_same_moment_leave_one_good_refresh_token(tokens, user, sessions, monkeypatch):
    first = tokens.open(user.id, "password")
    both = threading.Barrier(2)
    new_id = module._new_id

    def new_id_when_both_have_looked():
        # Only one can be here at a time: the other one waits for the row.
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.3)
        return new_id()

    monkeypatch.setattr(module, "_new_id", new_id_when_both_have_looked)
    with ThreadPoolExecutor(2) as pool:
        pairs = list(pool.map(lambda _: tokens.refresh(first.refresh_token), range(2)))
    assert pairs[0].refresh_token == pairs[1].refresh_token
    assert _sessions_open(sessions) == 1
    assert tokens.refresh(pairs[0].refresh_token)


def test_a_refresh_token_ends_after_its_life(tokens, user, clock):
    pair = tokens.open(user.id, "password")
    clock.forward(seconds=(REFRESH_LIFE + LEEWAY).total_seconds())
    with pytest.raises(TokenExpired):
        tokens.refresh(pair.refresh_token)


# --- revocation


def test_a_revoked_session_ends_at_once(tokens, user):
    one, other = tokens.open(user.id, "password"), tokens.open(user.id, "password")
    tokens.revoke(one.session_id)
    for use, token in ((tokens.check, one.access_token), (tokens.refresh, one.refresh_token)):
        with pytest.raises(TokenInvalid):
            use(token)
    assert tokens.check(other.access_token)


def test_all_sessions_of_a_user_can_be_ended_but_one(tokens, user, sessions):
    stranger = tokens.open(add_user(sessions, "jane@email.com").id, "password")
    one, two, mine = (tokens.open(user.id, "password") for _ in range(3))
    tokens.revoke_all(user.id, but=mine.session_id)
    for pair in (one, two):
        with pytest.raises(TokenInvalid):
            tokens.check(pair.access_token)
    assert tokens.check(mine.access_token)
    assert tokens.check(stranger.access_token)
    tokens.revoke_all(user.id)
    with pytest.raises(TokenInvalid):
        tokens.check(mine.access_token)


def test_a_revocation_wins_over_a_refresh_in_the_same_moment(tokens, user):
    pair = tokens.open(user.id, "password")
    with ThreadPoolExecutor(2) as pool:
        revoked = pool.submit(tokens.revoke, pair.session_id)
        refreshed = pool.submit(tokens.refresh, pair.refresh_token)
        revoked.result()
    if refreshed.exception() is None:
        with pytest.raises(TokenInvalid):
            tokens.check(refreshed.result().access_token)


def test_sessions_that_are_over_are_cleaned_up(tokens, user, sessions, clock):
    tokens.open(user.id, "password")
    tokens.revoke(tokens.open(user.id, "password").session_id)
    assert tokens.clean() == 0
    clock.forward(days=2)
    assert tokens.clean() == 1
    clock.forward(days=31)
    assert tokens.clean() == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 0


def test_a_sign_in_removes_the_users_own_old_sessions(tokens, user, sessions, clock):
    tokens.open(user.id, "password")
    clock.forward(days=31)
    tokens.open(user.id, "password")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 1
