"""Whether a gallery has changed: the counter that triggers keep in ``face_generations.changes``.

It grows, in the same transaction, with every embedding that comes or goes and every name or address that changes. Two
equal versions are therefore the same gallery, whoever changed it: another process, a job, or psql.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session


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
    row = (
        session.connection()
        .exec_driver_sql(
            "SELECT id, changes, indexed FROM face_generations "
            "WHERE model = %(model)s AND state IN ('live', 'retired') ORDER BY state, activated_at DESC LIMIT 1",
            {"model": model},
        )
        .one_or_none()
    )
    return GalleryVersion(*row) if row else None
