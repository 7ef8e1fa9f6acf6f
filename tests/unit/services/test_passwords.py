from __future__ import annotations

import base64
import hashlib

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.services.passwords import MAX_CHARACTERS, MIN_CHARACTERS, Passwords

#: bcrypt's smallest, so that tests are quick
passwords = Passwords(cost=4)


@pytest.mark.parametrize("password", ["pass123", "secure123", "123456", "sandi rahasia saya"])
def test_a_password_opens_what_it_closed(password):
    hashed = passwords.hash(password)
    assert passwords.verify(password, hashed)
    assert not passwords.verify(password + "x", hashed)
    assert password not in hashed


def test_an_ordinary_password_has_an_ordinary_bcrypt_hash():
    assert bcrypt.checkpw(b"secure123", passwords.hash("secure123").encode())


def test_hashes_of_one_password_differ():
    assert passwords.hash("secure123") != passwords.hash("secure123")


@pytest.mark.parametrize("length", [72, 73, 100, MAX_CHARACTERS])
def test_every_character_of_a_long_password_counts(length):
    password = "a" * (length - 1) + "b"
    hashed = passwords.hash(password)
    assert passwords.verify(password, hashed)
    assert not passwords.verify("a" * (length - 1) + "c", hashed)
    assert not passwords.verify(password[:-1], hashed)


def test_characters_of_several_bytes_are_not_cut_at_72_bytes():
    hashed = passwords.hash("顔" * 40)
    assert passwords.verify("顔" * 40, hashed)
    assert not passwords.verify("顔" * 39 + "额", hashed)


def test_nul_ends_no_password():
    hashed = passwords.hash("secure\0one")
    assert passwords.verify("secure\0one", hashed)
    assert not passwords.verify("secure\0two", hashed)
    assert not passwords.verify("secure", hashed)


def test_a_long_password_is_not_hashed_with_a_bare_sha256():
    long = "a" * 80
    bare = base64.b64encode(hashlib.sha256(long.encode()).digest()).decode()
    assert not passwords.verify(bare, passwords.hash(long))


def test_the_same_letters_composed_and_decomposed_are_the_same_password():
    assert passwords.verify("cafe\u0301123", passwords.hash("caf\u00e9123"))


def test_half_a_surrogate_pair_is_a_letter_like_any_other():
    hashed = passwords.hash("secret\ud800")
    assert passwords.verify("secret\ud800", hashed)
    assert not passwords.verify("secret\ud801", hashed)


@pytest.mark.parametrize("password", ["", "a" * (MIN_CHARACTERS - 1), "a" * (MAX_CHARACTERS + 1)])
def test_too_short_and_too_long_are_refused(password):
    with pytest.raises(InvalidInput) as refused:
        passwords.hash(password)
    assert refused.value.errors is not None
    assert set(refused.value.errors) == {"password"}


def test_a_password_that_is_too_long_opens_nothing():
    hashed = passwords.hash("a" * MAX_CHARACTERS)
    assert not passwords.verify("a" * (MAX_CHARACTERS + 1), hashed)
    assert not passwords.verify("a" * 1_000_000, hashed)


def test_nobody_and_somebody_cost_one_comparison_of_the_same_cost(monkeypatch):
    costs = []
    original = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return original(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    monkeypatch.setattr(bcrypt, "hashpw", lambda *_: pytest.fail("verify hashes nothing besides"))
    known = "$2b$04$" + "." * 53
    assert not passwords.verify("secure123", None)
    assert not passwords.verify("secure123", known)
    assert costs == [b"$2b$04$", b"$2b$04$"]


def test_nothing_is_the_password_of_nobody():
    assert not passwords.verify("", None)
    assert not passwords.verify("nobody", None)


def test_a_hash_of_another_cost_is_due_for_renewal():
    assert not passwords.needs_rehash(passwords.hash("secure123"))
    assert Passwords(cost=5).needs_rehash(passwords.hash("secure123"))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), min_size=MIN_CHARACTERS, max_size=120))
def test_any_text_is_a_password(password):
    assert passwords.verify(password, passwords.hash(password))
