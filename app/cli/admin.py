"""``flask admin``: who administers a server in token mode."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup
from pydantic import ValidationError

from app.api.schemas.users import NewUser
from app.cli.answers import container, told
from app.errors import InvalidInput

admin = AppGroup("admin", help="Admins: create the first one, list, promote, demote.")


@admin.command("create")
@click.option("--email", prompt="Email", help="Address to sign in with.")
@click.option("--name", prompt="Name", help="The person's name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@told
def create(email: str, name: str, *, password_stdin: bool) -> None:
    """Create a user who is an admin.

    There is no option for the password itself: it would stay in the shell's history and show in the list of processes.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        body = NewUser(name=name, email=email, password=password)
    except ValidationError as error:
        raise InvalidInput(errors={str(e["loc"][0]): e["msg"] for e in error.errors()}) from None
    user = container().admins.create(body.name, body.email, password)
    click.echo(f"{user.email} is an admin now (user {user.id}).")


@admin.command("list")
@told
def show() -> None:
    """List the admins."""
    admins = container().admins.list()
    for user in admins:
        click.echo(f"{user.id}\t{user.email}\t{user.name}")
    if not admins:
        click.echo("There is no admin yet: flask admin create", err=True)


@admin.command("promote")
@click.argument("email")
@told
def promote(email: str) -> None:
    """Make a user an admin."""
    user = container().admins.promote(email)
    click.echo(f"{user.email} is an admin now.")


@admin.command("demote")
@click.argument("email")
@click.option("--force", is_flag=True, help="Even if nobody is left who administers the server.")
@told
def demote(email: str, *, force: bool) -> None:
    """Make an admin an ordinary user; it counts from the next call on."""
    user = container().admins.demote(email, force=force)
    click.echo(f"{user.email} is an ordinary user now.")
