"""Sessions for services: independent of Flask, so that job threads use them too."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """A factory of sessions. Rows stay readable after the commit: services return them."""
    return sessionmaker(engine, expire_on_commit=False)
