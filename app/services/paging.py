"""One page of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

Item = TypeVar("Item")
Other = TypeVar("Other")

#: Longest page a client may ask for, and what it gets without asking (contract: max 200).
MAX_PER_PAGE = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is wanted."""

    #: counted from 1
    page: int = 1
    per_page: int = MAX_PER_PAGE

    @property
    def offset(self) -> int:
        """Items before this page."""
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page, and how many items there are in all."""

    items: Sequence[Item]
    total: int

    def map(self, change: Callable[[Item], Other]) -> Page[Other]:
        """The same page of other things."""
        return Page([change(item) for item in self.items], self.total)


def fetch_page(session: Session, query: Select[Any], wanted: PageRequest) -> Page[Any]:
    """Run an ordered ``select`` of one entity for one page."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    items = session.scalars(query.limit(wanted.per_page).offset(wanted.offset)).all()
    return Page(items, total)
