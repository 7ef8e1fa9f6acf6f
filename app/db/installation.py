"""Which installation this database belongs to, so that folders of another one are not mistaken for its own."""

from __future__ import annotations

import uuid

from sqlalchemy import Boolean, CheckConstraint, Uuid, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, CreatedAt


class Installation(Base):
    """One row at most."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("only_row", name="only_row"),)

    only_row: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    id: Mapped[uuid.UUID] = mapped_column(Uuid, server_default=text("gen_random_uuid()"))
    created_at: Mapped[CreatedAt]


def installation_id(session: Session) -> uuid.UUID:
    """The id of this database, made at the first call. It survives dump and restore."""
    session.execute(insert(Installation).values(only_row=True).on_conflict_do_nothing())
    return session.scalars(select(Installation.id)).one()
