"""Fixtures of the breed engines."""

from __future__ import annotations

import pytest

from app.engines.breed.imagenet import PUBLISHED
from tests.unit.engines.breed.published import QUICK, Published, make


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The weights that would be downloaded, made once."""
    return make(tmp_path_factory.mktemp("published"), PUBLISHED)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Those of another network, which is faster to load."""
    return make(tmp_path_factory.mktemp("quick"), QUICK)
