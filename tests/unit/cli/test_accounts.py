"""flask admin and flask apikey."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select

from app.cli.admin import admin
from app.cli.apikey import apikey
from app.config import AccessMode
from app.db import Role, User
from app.errors import TokenInvalid
from app.services.access import AccessService, ApiKeyService
from app.services.admins import AdminService
from app.services.users import UserService
from tests.unit.services.accounts import PASSWORDS, add_user


class NoFolders:
    def make(self, user_id):
        pass

    def remove(self, user_id):
        pass


@pytest.fixture
def run(sessions):
    app = Flask(__name__)
    app.extensions["kenali"] = SimpleNamespace(
        admins=AdminService(sessions, UserService(sessions, NoFolders(), PASSWORDS).create),
        api_keys=ApiKeyService(sessions),
    )
    app.cli.add_command(admin)
    app.cli.add_command(apikey)
    runner = app.test_cli_runner()

    def invoke(*args, stdin=None):
        result = runner.invoke(args=args, input=stdin)
        assert "Traceback" not in result.output
        return result

    return invoke


CREATE = ("admin", "create", "--email", "ann@email.com", "--name", "Ann", "--password-stdin")


def test_the_first_admin_is_made_from_a_script(run, sessions):
    result = run(*CREATE, stdin="secure123\n")
    assert result.exit_code == 0, result.output
    assert "secure123" not in result.output
    with sessions() as session:
        user = session.scalars(select(User)).one()
    assert (user.email, user.name, user.role) == ("ann@email.com", "Ann", Role.ADMIN)
    assert PASSWORDS.verify("secure123", user.password_hash)


def test_the_first_admin_is_made_by_answering_questions(run, sessions):
    result = run("admin", "create", stdin="ann@email.com\nAnn\nsecure123\nsecure123\n")
    assert result.exit_code == 0, result.output
    assert "secure123" not in result.output
    assert run("admin", "list").output == "1\tann@email.com\tAnn\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (CREATE, "short\n", "password"),
        (CREATE, "", "password"),
        ((*CREATE[:3], "no address", *CREATE[4:]), "secure123\n", "email"),
        ((*CREATE[:5], "", *CREATE[6:]), "secure123\n", "name"),
        (("admin", "promote", "nobody@email.com"), None, "nobody@email.com"),
        (("admin", "demote", "nobody@email.com"), None, "nobody@email.com"),
        (("apikey", "create", "shop", "--scope", "nothing"), None, "nothing"),
        (("apikey", "create", "", "--scope", "*"), None, "name"),
        (("apikey", "revoke", "knl_00000000"), None, "no API key"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, sessions, arguments, stdin, said):
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert said in last
    with sessions() as session:
        assert session.scalars(select(User)).all() == []


def test_an_address_in_use_is_said(run, sessions):
    add_user(sessions, "ann@email.com")
    result = run(*CREATE, stdin="secure123\n")
    assert result.exit_code == 1
    assert "another user has this address" in result.output


def test_admins_come_and_go_and_the_last_one_stays(run, sessions):
    add_user(sessions, "bob@email.com")
    run(*CREATE, stdin="secure123\n")
    assert run("admin", "promote", "bob@email.com").exit_code == 0
    assert run("admin", "demote", "ann@email.com").exit_code == 0
    refused = run("admin", "demote", "bob@email.com")
    assert refused.exit_code == 1
    assert "last admin" in refused.output
    assert run("admin", "demote", "bob@email.com", "--force").exit_code == 0
    assert "no admin yet" in run("admin", "list").output


def test_a_key_is_shown_once_works_and_can_be_revoked(run, sessions):
    made = run("apikey", "create", "shop", "--scope", "photos", "--scope", "users:read", "--days", "30")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    access = AccessService(sessions, None, mode=AccessMode.TOKEN)
    assert access.resolve(None, key).scopes == {"photos", "users:read"}
    listed = run("apikey", "list").output
    prefix = key[: len("knl_") + 8]
    assert prefix in listed
    assert key not in listed
    assert "photos,users:read" in listed
    assert run("apikey", "revoke", prefix).exit_code == 0
    with pytest.raises(TokenInvalid):
        access.resolve(None, key)
