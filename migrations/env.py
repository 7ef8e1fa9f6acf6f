"""What Alembic runs: with a connection that `app.db.migrate` hands over, or with Flask-Migrate's engine.

All pending migrations are one transaction under one advisory lock: two programs that start at once do not meet, and a
migration that fails leaves nothing behind.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from app.db import Base

#: "kenali" as a number; any constant will do that no other program uses in this database.
ADVISORY_LOCK = 0x6B656E616C69
QUEUE_PREFIX = "procrastinate_"


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """The job queue's tables are Procrastinate's business."""
    return not (kind == "table" and (name or "").startswith(QUEUE_PREFIX))


def _migrate(connection: Connection, **options: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=_ours,
        compare_server_default=True,
        **options,
    )
    with context.begin_transaction():
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        context.run_migrations()


def _run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    from flask import current_app

    extension = current_app.extensions["migrate"]
    with extension.db.engine.connect() as own:
        _migrate(own, **extension.configure_args)
        own.commit()


if context.is_offline_mode():
    context.configure(url="postgresql+psycopg2://", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    _run()
