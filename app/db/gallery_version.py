"""Whether a gallery has changed: the counter that triggers keep in ``face_generations.changes``.

It grows, in the same transaction, with every embedding that comes or goes and every name or address that changes. Two
equal versions are therefore the same gallery, whoever changed it: another process, a job, or psql.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.errors import DatabaseUnavailable

#: An embedded server that was killed is back within some seconds.
RETRY_SECONDS = 2

_FIND = (
    "SELECT id, changes, indexed FROM face_generations "
    "WHERE model = %(model)s AND state IN ('live', 'retired') ORDER BY state, activated_at DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class GalleryVersion:
    """One state of one generation."""

    generation: int
    changes: int
    #: whether an index answers searches
    indexed: bool


def find_version(session: Session, model: str) -> GalleryVersion | None:
    """The state of the generation that answers probes of this model; None before the first enrolment.

    The same choice as a search makes (`app.db.vectors`): the live generation, or the one before a change of model.
    """
    row = session.connection().exec_driver_sql(_FIND, {"model": model}).one_or_none()
    return GalleryVersion(*row) if row else None


def peek_version(engine: Engine, model: str) -> GalleryVersion | None:
    """The same, committed state, in one round trip: each recognition asks, and a session would take three."""
    connection = engine.raw_connection()
    try:
        driver = connection.driver_connection
        if driver is None:  # only after close()
            raise RuntimeError("the pool gave no connection")
        driver.autocommit = True
        try:
            with driver.cursor() as cursor:
                cursor.execute(_FIND, {"model": model})
                row = cursor.fetchone()
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise DatabaseUnavailable(retry_after_seconds=RETRY_SECONDS) from error
        finally:
            if not driver.closed:
                driver.autocommit = False
    finally:
        connection.close()
    return GalleryVersion(*row) if row else None
