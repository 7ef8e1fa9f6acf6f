"""``flask apikey``: keys for programs."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup

from app.cli.answers import container, told
from app.services.access import NAMESPACES

apikey = AppGroup("apikey", help="Keys for programs: create, list, revoke.")


@apikey.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help=f"What it may do; repeat for several: {', '.join(NAMESPACES)}, each also with :read, or * for everything.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Life in days; without it, until it is revoked.")
@told
def create(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Create a key called NAME. It is shown now and never again."""
    made = container().api_keys.create(name, scopes, life=timedelta(days=days) if days else None)
    click.echo(made.key)
    until = f", until {made.expires_at:%Y-%m-%d}" if made.expires_at else ""
    click.echo(f"Scopes: {', '.join(made.scopes)}{until}. Send it as X-API-Key. It is not shown again.", err=True)


@apikey.command("list")
@told
def show() -> None:
    """List the keys by prefix; the keys themselves are not stored."""
    for key in container().api_keys.list():
        ends = f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}Z" if key.last_used_at else "never"
        click.echo(f"knl_{key.prefix}\t{key.name}\t{','.join(key.scopes)}\tends: {ends}\tlast used: {used}")


@apikey.command("revoke")
@click.argument("prefix")
@told
def revoke(prefix: str) -> None:
    """Revoke the key with this PREFIX (knl_…, as the list shows it), at once."""
    key = container().api_keys.revoke(prefix)
    click.echo(f"{key.name} (knl_{key.prefix}) is revoked.")
