from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.config import AccessMode
from app.db import ApiKey, Role, User
from app.errors import (
    ApiKeyNotFound,
    InvalidInput,
    KenaliError,
    LastAdmin,
    NotAuthenticated,
    NotPermitted,
    TokenExpired,
    TokenInvalid,
)
from app.services.access import NAMESPACES, AccessService, ApiKeyService, Caller, Need, Via, keep_an_admin, permits
from app.services.tokens import TokenService
from tests.unit.services.accounts import KEY, Clock, add_user

ME, OTHER = 1, 2
NOBODY = Caller(Via.NOTHING)
LOCAL = Caller(Via.LOCAL, trusted=True)
USER = Caller(Via.JWT, user_id=ME, role=Role.USER)
ADMIN = Caller(Via.JWT, user_id=9, role=Role.ADMIN)
LOCAL_USER = Caller(Via.JWT, user_id=ME, role=Role.USER, trusted=True)
READER = Caller(Via.API_KEY, scopes=frozenset({"users:read"}))
WRITER = Caller(Via.API_KEY, scopes=frozenset({"users"}))
EVERYTHING = Caller(Via.API_KEY, scopes=frozenset({"*"}))
WRONG_KEY = Caller(Via.API_KEY, scopes=frozenset({"photos"}))

OK = None
#: need, owner -> what each caller gets when something is written
DECISIONS = {
    (Need.PUBLIC, None): {},
    (Need.SIGNED_IN, None): {NOBODY: NotAuthenticated, READER: NotPermitted, WRONG_KEY: NotPermitted},
    (Need.OWNER, ME): {NOBODY: NotAuthenticated, READER: NotPermitted, WRONG_KEY: NotPermitted},
    (Need.OWNER, OTHER): {
        NOBODY: NotAuthenticated,
        USER: NotPermitted,
        READER: NotPermitted,
        WRONG_KEY: NotPermitted,
    },
    (Need.OWNER, None): {
        NOBODY: NotAuthenticated,
        USER: NotPermitted,
        READER: NotPermitted,
        WRONG_KEY: NotPermitted,
    },
    (Need.ADMIN, None): {
        NOBODY: NotAuthenticated,
        USER: NotPermitted,
        READER: NotPermitted,
        WRONG_KEY: NotPermitted,
    },
    (Need.PERSON, None): {
        NOBODY: NotAuthenticated,
        LOCAL: NotAuthenticated,
        READER: NotPermitted,
        WRITER: NotPermitted,
        EVERYTHING: NotPermitted,
        WRONG_KEY: NotPermitted,
    },
    (Need.PERSON, OTHER): {
        NOBODY: NotAuthenticated,
        LOCAL: NotAuthenticated,
        USER: NotPermitted,
        LOCAL_USER: NotPermitted,
        ADMIN: NotPermitted,
        READER: NotPermitted,
        WRITER: NotPermitted,
        EVERYTHING: NotPermitted,
        WRONG_KEY: NotPermitted,
    },
}
CALLERS = (NOBODY, LOCAL, USER, ADMIN, LOCAL_USER, READER, WRITER, EVERYTHING, WRONG_KEY)


def _decision(caller, need, *, owner_id=None, writes=True):
    try:
        permits(caller, need, scope="users", writes=writes, owner_id=owner_id)
    except KenaliError as refused:
        return type(refused)
    return OK


@pytest.mark.parametrize(("asked", "caller"), list(itertools.product(DECISIONS, CALLERS)))
def test_every_caller_gets_what_the_table_says(asked, caller):
    need, owner_id = asked
    assert _decision(caller, need, owner_id=owner_id) is DECISIONS[asked].get(caller, OK)


def test_every_need_is_in_the_table():
    assert {need for need, _ in DECISIONS} == set(Need)


@pytest.mark.parametrize("need", [Need.SIGNED_IN, Need.OWNER, Need.ADMIN])
def test_a_read_scope_reads_and_does_not_write(need):
    assert _decision(READER, need, writes=False) is OK
    assert _decision(READER, need, writes=True) is NotPermitted
    assert _decision(WRITER, need, writes=False) is OK
    assert _decision(WRONG_KEY, need, writes=False) is NotPermitted


def test_a_scope_is_no_prefix_of_another():
    key = Caller(Via.API_KEY, scopes=frozenset({"user", "users:", "users:write", ":read", "users:rea"}))
    assert _decision(key, Need.SIGNED_IN, writes=False) is NotPermitted


# --- who it is


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(sessions, clock):
    return TokenService(sessions, KEY, access_life=timedelta(minutes=15), refresh_life=timedelta(days=30), clock=clock)


@pytest.fixture
def access(sessions, tokens, clock):
    return AccessService(sessions, tokens, mode=AccessMode.TOKEN, clock=clock)


@pytest.fixture
def local(sessions, tokens, clock):
    return AccessService(sessions, tokens, mode=AccessMode.LOCAL, clock=clock)


@pytest.fixture
def keys(sessions, clock):
    return ApiKeyService(sessions, clock=clock)


def test_nothing_shown_is_nobody_in_token_mode_and_trusted_in_local_mode(access, local):
    assert access.resolve(None, None) == NOBODY
    assert access.resolve("", "") == NOBODY
    assert local.resolve(None, None) == LOCAL


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_token_is_its_holder(access, tokens, sessions, scheme):
    user = add_user(sessions)
    pair = tokens.open(user.id, "password")
    assert access.resolve(scheme + pair.access_token, None) == Caller(
        Via.JWT, user_id=user.id, role=Role.USER, session_id=pair.session_id
    )


def test_a_signed_in_person_loses_no_right_in_local_mode(local, tokens, sessions):
    user = add_user(sessions)
    caller = local.resolve(f"Bearer {tokens.open(user.id, 'password').access_token}", None)
    assert caller.trusted
    assert caller.user_id == user.id


def test_a_demoted_admin_loses_the_role_at_once(access, tokens, sessions):
    user = add_user(sessions, role=Role.ADMIN)
    header = f"Bearer {tokens.open(user.id, 'password').access_token}"
    assert access.resolve(header, None).role is Role.ADMIN
    with sessions.begin() as session:
        session.execute(update(User).values(role=Role.USER))
    assert access.resolve(header, None).role is Role.USER


@pytest.mark.parametrize("header", ["Basic am9objpzZWN1cmUxMjM=", "Bearer", "Bearer ", "Token x", "x", "Bearer knl_"])
def test_a_header_that_is_no_token_is_refused_in_both_modes(access, local, header):
    for service in (access, local):
        with pytest.raises(TokenInvalid):
            service.resolve(header, None)


def test_an_expired_token_is_told_so_in_local_mode_too(local, tokens, sessions, clock):
    header = f"Bearer {tokens.open(add_user(sessions).id, 'password').access_token}"
    clock.forward(hours=1)
    with pytest.raises(TokenExpired):
        local.resolve(header, None)


# --- API keys


def test_a_key_is_accepted_in_either_header(access, keys):
    made = keys.create("shop", ["photos", "users:read"])
    expected = Caller(Via.API_KEY, scopes=frozenset({"photos", "users:read"}))
    assert access.resolve(None, made.key) == expected
    assert access.resolve(f"Bearer {made.key}", None) == expected


def test_only_the_hash_of_a_key_is_stored_and_no_repr_shows_it(keys, sessions):
    made = keys.create("shop", ["*"])
    with sessions() as session:
        row = session.scalars(select(ApiKey)).one()
        stored = " ".join(str(getattr(row, column.key)) for column in ApiKey.__table__.columns)
    secret = made.key.split("_", 2)[2]
    assert secret not in stored
    assert secret not in repr(made)
    assert made.key.startswith(f"knl_{row.prefix}_")


def test_every_part_of_a_key_counts(access, keys):
    one, two = keys.create("one", ["*"]).key, keys.create("two", ["*"]).key
    mixed = "_".join([*one.split("_", 2)[:2], two.split("_", 2)[2]])
    changed = one[:-1] + ("A" if one[-1] != "A" else "B")
    for wrong in (
        mixed,
        changed,
        one[:-1],
        one + "A",
        one.upper(),
        "knl_00000000_" + one.split("_", 2)[2],
        "knl_",
        "\0",
    ):
        with pytest.raises(TokenInvalid):
            access.resolve(None, wrong)


def test_a_key_ends_with_its_life(access, keys, clock):
    made = keys.create("shop", ["*"], life=timedelta(days=1))
    clock.forward(hours=23)
    assert access.resolve(None, made.key)
    clock.forward(hours=1)
    with pytest.raises(TokenExpired):
        access.resolve(None, made.key)


def test_a_revoked_key_is_refused_at_once(access, keys):
    made = keys.create("shop", ["*"])
    prefix = "_".join(made.key.split("_", 2)[:2])
    assert keys.revoke(prefix).name == "shop"
    with pytest.raises(TokenInvalid):
        access.resolve(None, made.key)
    with pytest.raises(ApiKeyNotFound):
        keys.revoke(prefix)


def test_the_last_use_is_written_at_most_once_a_minute(access, keys, clock):
    made = keys.create("shop", ["*"])
    assert keys.list()[0].last_used_at is None
    access.resolve(None, made.key)
    first = keys.list()[0].last_used_at
    assert first == clock.now
    clock.forward(seconds=59)
    access.resolve(None, made.key)
    assert keys.list()[0].last_used_at == first
    clock.forward(seconds=2)
    access.resolve(None, made.key)
    assert keys.list()[0].last_used_at == clock.now


@pytest.mark.parametrize("scopes", [[], ["user"], ["users:write"], ["*:read"], ["users", "nothing"]])
def test_a_key_for_an_unknown_scope_is_not_made(keys, scopes):
    with pytest.raises(InvalidInput):
        keys.create("shop", scopes)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_key_needs_a_name(keys, name):
    with pytest.raises(InvalidInput):
        keys.create(name, ["*"])


def test_a_key_can_be_made_for_every_namespace(keys):
    for namespace in NAMESPACES:
        assert keys.create(namespace, [namespace, f"{namespace}:read"]).scopes == (namespace, f"{namespace}:read")


# --- the last admin


def test_the_last_admin_stays(sessions):
    one = add_user(sessions, "one@email.com", role=Role.ADMIN)
    user = add_user(sessions, "user@email.com")
    with sessions.begin() as session:
        keep_an_admin(session, without=user.id)
        with pytest.raises(LastAdmin):
            keep_an_admin(session, without=one.id)
    add_user(sessions, "two@email.com", role=Role.ADMIN)
    with sessions.begin() as session:
        keep_an_admin(session, without=one.id)
