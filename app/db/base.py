"""The declarative base, shared column types, and the Flask-SQLAlchemy object that owns engine and metadata."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Identity, MetaData, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

#: Constraint names are spelled out, so that a migration can drop what it created.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


#: Used for the engine, the metadata and Flask-Migrate. Services take sessions from `app.db.session` instead of
#: ``db.session``, so that they also run in job threads, where there is no Flask context.
db = SQLAlchemy(model_class=Base, disable_autonaming=True)

PrimaryKey = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def utc_now() -> datetime:
    """The current time, timezone-aware."""
    return datetime.now(UTC)
