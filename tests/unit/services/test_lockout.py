from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db import SignInFailures
from app.errors import AccountLocked, NoFaceFound
from app.services.lockout import Lockout, account_of
from tests.unit.services.accounts import Clock

LIMIT = 5
LIFE = timedelta(minutes=15)
JOHN = account_of("john@email.com")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lockout(sessions, clock):
    return Lockout(sessions, limit=LIMIT, life=LIFE, clock=clock)


def _fail(lockout, account=JOHN):
    with lockout.attempt(account) as attempt:
        attempt.failed()


def _succeed(lockout, account=JOHN):
    with lockout.attempt(account) as attempt:
        attempt.succeeded()


def _failures(sessions, account=JOHN):
    with sessions() as session:
        return session.scalar(select(SignInFailures.failures).where(SignInFailures.account == account)) or 0


def test_so_many_failures_lock_the_account_and_say_for_how_long(lockout, clock):
    for _ in range(LIMIT):
        _fail(lockout)
    with pytest.raises(AccountLocked) as locked:
        _succeed(lockout)
    assert locked.value.retry_after_seconds == LIFE.total_seconds()
    clock.forward(seconds=800.5)
    with pytest.raises(AccountLocked) as locked:
        _succeed(lockout)
    assert locked.value.retry_after_seconds == 100  # 99.5, rounded up


def test_the_lock_ends_by_itself_and_all_attempts_are_back(lockout, clock):
    for _ in range(LIMIT):
        _fail(lockout)
    clock.forward(seconds=LIFE.total_seconds())
    for _ in range(LIMIT):
        _fail(lockout)
    with pytest.raises(AccountLocked):
        _fail(lockout)


def test_knocking_on_a_locked_account_does_not_prolong_the_lock(lockout, clock):
    for _ in range(LIMIT):
        _fail(lockout)
    for _ in range(10):
        clock.forward(seconds=60)
        with pytest.raises(AccountLocked):
            _fail(lockout)
    clock.forward(seconds=300)
    _succeed(lockout)


def test_a_success_resets_the_counter(lockout):
    for _ in range(3):
        for _ in range(LIMIT - 1):
            _fail(lockout)
        _succeed(lockout)
    _fail(lockout)


def test_failures_are_forgotten_after_a_while_without_one(lockout, clock):
    for _ in range(3):
        for _ in range(LIMIT - 1):
            _fail(lockout)
        clock.forward(minutes=15)
    for _ in range(LIMIT - 1):
        _fail(lockout)
        clock.forward(minutes=14)
    _fail(lockout)
    with pytest.raises(AccountLocked):
        _fail(lockout)


def test_an_attempt_without_a_verdict_does_not_count(lockout, sessions):
    for _ in range(3 * LIMIT):
        with suppress(NoFaceFound), lockout.attempt(JOHN):
            raise NoFaceFound
    assert _failures(sessions) == 0
    for _ in range(LIMIT - 1):
        _fail(lockout)
    with suppress(NoFaceFound), lockout.attempt(JOHN):
        raise NoFaceFound
    assert _failures(sessions) == LIMIT - 1
    _succeed(lockout)


def test_a_failure_that_ends_in_an_error_counts(lockout, sessions):
    with suppress(KeyError), lockout.attempt(JOHN) as attempt:
        attempt.failed()
        raise KeyError
    assert _failures(sessions) == 1


def test_accounts_are_counted_apart(lockout):
    for _ in range(LIMIT):
        _fail(lockout)
    _succeed(lockout, account_of("jane@email.com"))


def test_the_letters_case_and_blanks_around_make_no_other_account():
    assert account_of(" John@Email.COM ") == JOHN
    assert account_of("john@email.con") != JOHN
    assert account_of("\ud800\0") != account_of("")


def test_addresses_are_not_stored(lockout, sessions):
    _fail(lockout)
    with sessions() as session:
        assert "john" not in session.scalar(select(SignInFailures.account))


@pytest.mark.parametrize("processes", [1, 3])
def test_a_burst_of_guesses_gets_no_further_than_the_limit(sessions, clock, processes):
    # Lockouts that share nothing but the database stand for processes.
    lockouts = [Lockout(sessions, limit=LIMIT, life=LIFE, clock=clock) for _ in range(processes)]
    looked_at = []
    start = threading.Barrier(12)

    def guess(number):
        start.wait()
        try:
            with lockouts[number % processes].attempt(JOHN) as attempt:
                looked_at.append(number)
                attempt.failed()
        except AccountLocked:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        through = list(pool.map(guess, range(12)))
    assert sum(through) == len(looked_at) == LIMIT


def test_guesses_that_are_still_being_looked_at_count_already(sessions, clock):
    lockouts = [Lockout(sessions, limit=2, life=LIFE, clock=clock) for _ in range(3)]
    with lockouts[0].attempt(JOHN), lockouts[1].attempt(JOHN), pytest.raises(AccountLocked):
        _fail(lockouts[2])
    assert _failures(sessions) == 0
    _fail(lockouts[2])


def test_many_good_sign_ins_at_once_do_not_lock_each_other_out(lockout):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: _succeed(lockout), range(32)))


def test_a_limit_of_one_locks_after_one_failure(sessions, clock):
    lockout = Lockout(sessions, limit=1, life=LIFE, clock=clock)
    _succeed(lockout)
    _fail(lockout)
    with pytest.raises(AccountLocked):
        _succeed(lockout)


def test_old_counters_are_cleaned_up_by_later_attempts(lockout, sessions, clock):
    for number in range(20):
        _fail(lockout, account_of(f"{number}@email.com"))
    clock.forward(minutes=16)
    _fail(lockout)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(SignInFailures)) == 1


def test_a_counter_that_still_locks_is_not_cleaned_up(lockout, clock):
    for _ in range(LIMIT):
        _fail(lockout)
    clock.forward(minutes=14)
    assert lockout.clean() == 0
    clock.forward(minutes=1)
    assert lockout.clean() == 1
