"""Advisory locks: what several processes agree on without a row to lock."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

#: Held shared by whoever writes a file whose row is not committed yet, exclusively by the sweep. "kena" in ASCII.
_PHOTO_FILES: Final = 0x6B656E61


def holding_off_sweep() -> ColumnElement[Any]:
    """A column: in the transaction of the statement that computes it, no sweep looks at the files."""
    return func.pg_advisory_xact_lock_shared(_PHOTO_FILES)


def hold_off_sweep(session: Session) -> None:
    """Until the end of this transaction, no sweep looks at the files."""
    session.execute(select(holding_off_sweep()))


def wait_for_writers(session: Session) -> None:
    """Wait until no file is between its writing and its commit, and keep it so until the end of this transaction."""
    session.execute(select(func.pg_advisory_xact_lock(_PHOTO_FILES)))
