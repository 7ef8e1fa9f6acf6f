"""A Google of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_google import FakeGoogle


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """Nobody has an account there yet."""
    with FakeGoogle() as server:
        yield server
