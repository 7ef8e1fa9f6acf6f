"""Bring the database to the schema of this program.

The same scripts serve ``flask db upgrade``; ``migrations/env.py`` takes the advisory lock for both.
"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2.errors import DiskFull, InsufficientPrivilege
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from app.db.connect import unavailable
from app.errors import DatabaseNotUsable

MIGRATIONS = Path(__file__).parents[2] / "migrations"
#: Tables of the job queue; Procrastinate owns their definition.
QUEUE_PREFIX = "procrastinate_"
#: Alembic's context is global to the process.
_one_at_a_time = threading.Lock()


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without its ini file, so that logging stays as the program set it up."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this program needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise DatabaseNotUsable(f"There are no migrations in {MIGRATIONS}.")
    return head


def upgrade(engine: Engine) -> bool:
    """Apply what is missing; whether there was anything. Two programs may do so at once.

    Raises DatabaseNotUsable if the database was made by a newer program, or if it forbids what is needed.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if current == scripts.get_current_head():
                return False
            known = {script.revision for script in scripts.walk_revisions()}
            if current is not None and current not in known:
                raise DatabaseNotUsable(
                    f"The database was made by a newer Kenali (revision {current}): update this program, "
                    "or restore the backup from before the update."
                )
            connection.rollback()  # what was read before the lock may be old
            with _one_at_a_time:
                command.upgrade(alembic_config(connection), "head")
            connection.commit()
    except OperationalError as error:
        if isinstance(error.orig, DiskFull):
            raise DatabaseNotUsable("The database's disk is full: free some space and start again.") from error
        raise unavailable(error, engine.url) from error
    except DBAPIError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            said = str(error.orig).splitlines()[0]
            raise DatabaseNotUsable(
                f"The database user may not change the schema ({said}): make it the owner of the database, or let an "
                "administrator run CREATE EXTENSION vector there once."
            ) from error
        raise
    return True
