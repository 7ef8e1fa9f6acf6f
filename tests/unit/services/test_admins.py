from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import select

from app.db import Role, User
from app.errors import EmailTaken, LastAdmin, UserNotFound
from app.services import admins as module
from app.services.access import keep_an_admin
from app.services.admins import AdminService
from app.services.users import UserService
from tests.unit.services.accounts import PASSWORDS, add_user


class NoFolders:
    def make(self, user_id):
        pass

    def remove(self, user_id):
        pass


@pytest.fixture
def admins(sessions):
    return AdminService(sessions, UserService(sessions, NoFolders(), PASSWORDS).create)


def _emails(admins):
    return [user.email for user in admins.list()]


def test_the_first_admin_is_made(admins, sessions):
    user = admins.create("Ann", "ann@email.com", "secure123")
    assert user.role == Role.ADMIN
    assert _emails(admins) == ["ann@email.com"]
    with sessions() as session:
        assert PASSWORDS.verify("secure123", session.scalar(select(User.password_hash)))


def test_an_address_in_use_is_not_taken_over(admins, sessions):
    add_user(sessions, "ann@email.com")
    with pytest.raises(EmailTaken):
        admins.create("Ann", "ANN@email.com", "another1")
    assert _emails(admins) == []


def test_admins_come_and_go(admins, sessions):
    add_user(sessions, "ann@email.com")
    add_user(sessions, "bob@email.com")
    admins.promote("ANN@email.com")
    admins.promote("bob@email.com")
    assert _emails(admins) == ["ann@email.com", "bob@email.com"]
    admins.demote("ann@email.com")
    assert _emails(admins) == ["bob@email.com"]


def test_the_last_admin_is_demoted_only_by_force(admins):
    admins.create("Ann", "ann@email.com", "secure123")
    with pytest.raises(LastAdmin):
        admins.demote("ann@email.com")
    assert _emails(admins) == ["ann@email.com"]
    admins.demote("ann@email.com", force=True)
    assert _emails(admins) == []


def test_demoting_somebody_who_is_no_admin_changes_nothing(admins, sessions):
    admins.create("Ann", "ann@email.com", "secure123")
    add_user(sessions, "bob@email.com")
    admins.demote("bob@email.com")
    assert _emails(admins) == ["ann@email.com"]


def test_two_admins_who_demote_each_other_leave_one(admins, monkeypatch):
    for name in ("ann", "bob"):
        admins.create(name, f"{name}@email.com", "secure123")
    both = threading.Barrier(2)

    def checked_by_both(session, *, without):
        keep_an_admin(session, without=without)
        # Only one can be here at a time: the other one waits for the rows.
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.3)

    monkeypatch.setattr(module, "keep_an_admin", checked_by_both)

    def demote(email):
        try:
            admins.demote(email)
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, ["ann@email.com", "bob@email.com"]))
    assert sorted(done) == [False, True]
    assert len(_emails(admins)) == 1


def test_an_unknown_address_is_told(admins):
    for change in (admins.promote, admins.demote):
        with pytest.raises(UserNotFound, match=r"nobody@email\.com"):
            change("nobody@email.com")
