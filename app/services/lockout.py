"""Locked out after repeated failures: one counter for each account, shared by password and face.

An attempt is counted *before* its password or face is looked at, and uncounted when it turns out well or was no guess
at all. So a burst of guesses in parallel gets no further than guesses one by one: whatever the number of processes, at
most ``limit`` of them are looked at. The price would be that an account's own sign-ins, many at once, count against
each other until they are through; attempts on one account therefore take turns inside a process, which leaves one that
is not through for each process.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import case, delete, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.db import SignInFailures, utc_now
from app.errors import AccountLocked

#: Accounts share this many locks; two that meet on one only wait for each other.
_TURNS = 64


def account_of(email: str) -> str:
    """The key of an account's counter. Unknown addresses have one too, so that they are locked alike."""
    return _digest(email.strip().lower())


def counter_of(what: str) -> str:
    """The key of a counter that is no account's. No address has it: whatever is written there begins with no blank."""
    return _digest(f" {what}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def forget_failures(session: Session, email: str) -> None:
    """Start the counter of an account anew, in a transaction of the caller's."""
    session.execute(delete(SignInFailures).where(SignInFailures.account == account_of(email)))


class _Verdict(Enum):
    NONE = auto()
    FAILED = auto()
    SUCCEEDED = auto()


class Attempt:
    """One attempt to sign in. Without a verdict it was no guess, and does not count."""

    def __init__(self) -> None:
        self._verdict = _Verdict.NONE

    def failed(self) -> None:
        """It was the wrong password or face: the attempt stays counted."""
        self._verdict = _Verdict.FAILED

    def succeeded(self) -> None:
        """It was the right one: the counter starts anew."""
        self._verdict = _Verdict.SUCCEEDED

    @property
    def verdict(self) -> _Verdict:
        """What came of it."""
        return self._verdict


class Lockout:
    """Counts failed sign-ins and refuses further ones for a while."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        limit: int,
        life: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """
        :param limit: failures that lock an account.
        :param life: how long it stays locked, and after how long without a failure earlier ones are forgotten.
        """
        self._sessions = sessions
        self._limit = limit
        self._life = life
        self._clock = clock
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))
        self._cleaned_at = clock()

    @property
    def limit(self) -> int:
        """Failures that lock an account."""
        return self._limit

    def with_limit(self, limit: int) -> Lockout:
        """Another one that differs in its limit; for keys of its own."""
        return Lockout(self._sessions, limit=limit, life=self._life, clock=self._clock)

    def is_locked(self, account: str) -> bool:
        """Whether further attempts on an account are refused at the moment."""
        query = select(SignInFailures.locked_until).where(SignInFailures.account == account)
        with self._sessions() as session:
            until = session.scalar(query)
        return until is not None and until > self._clock()

    def count_failure(self, account: str) -> None:
        """Count a failure afterwards, for counters that many people share: attempts on them do not take turns.

        While it is locked nothing is counted: the lock ends when it was said to.
        """
        with suppress(AccountLocked):
            self._count(account)

    @contextmanager
    def attempt(self, account: str) -> Iterator[Attempt]:
        """Count an attempt on an account (`account_of`, `counter_of`) around the look at its password or face.

        AccountLocked, with the seconds that are left, if there were too many already.
        """
        self._clean_now_and_then()
        with self._turns[int(account[:8], 16) % _TURNS]:
            self._count(account)
            attempt = Attempt()
            try:
                yield attempt
            finally:
                if attempt.verdict is _Verdict.SUCCEEDED:
                    self._forget(account)
                elif attempt.verdict is _Verdict.NONE:
                    self._uncount(account)

    def clean(self) -> int:
        """Delete counters that are forgotten anyway; how many."""
        with self._sessions.begin() as session:
            old = delete(SignInFailures).where(SignInFailures.last_failure_at <= self._clock() - self._life)
            return len(session.scalars(old.returning(SignInFailures.account)).all())

    def _count(self, account: str) -> None:
        """Add one, unless the account is locked: one statement, so that no two attempts see the same number."""
        now = self._clock()
        row = SignInFailures
        # The lock ends `life` after the failure that caused it, so a counter this old is open and forgotten at once.
        forgotten = row.last_failure_at <= now - self._life
        number = case((forgotten, 1), else_=row.failures + 1)
        locked_until = now + self._life
        count = (
            insert(row)
            .values(
                account=account,
                failures=1,
                last_failure_at=now,
                locked_until=locked_until if self._limit == 1 else None,
            )
            .on_conflict_do_update(
                index_elements=[row.account],
                set_={
                    "failures": number,
                    "last_failure_at": now,
                    "locked_until": case((number >= self._limit, locked_until), else_=null()),
                },
                where=or_(row.locked_until.is_(None), row.locked_until <= now),
            )
            .returning(row.failures)
        )
        with self._sessions.begin() as session:
            if session.scalar(count) is not None:
                return
            until = session.scalar(select(row.locked_until).where(row.account == account))
        # It may have been opened between the two statements: then trying again in a second is right.
        left_seconds = max(1, math.ceil((until - now).total_seconds())) if until else 1
        left = f"{math.ceil(left_seconds / 60)} min" if left_seconds > 90 else f"{left_seconds} s"  # noqa: PLR2004
        raise AccountLocked(f"Too many failed attempts: try again in {left}.", retry_after_seconds=left_seconds)

    def _uncount(self, account: str) -> None:
        with self._sessions.begin() as session:
            session.execute(
                update(SignInFailures)
                .where(SignInFailures.account == account, SignInFailures.failures > 0)
                .values(failures=SignInFailures.failures - 1, locked_until=None)
            )

    def _forget(self, account: str) -> None:
        with self._sessions.begin() as session:
            session.execute(delete(SignInFailures).where(SignInFailures.account == account))

    def _clean_now_and_then(self) -> None:
        """Somebody who tries ever new addresses must not fill the table."""
        now = self._clock()
        if now - self._cleaned_at >= self._life:
            self._cleaned_at = now
            self.clean()
