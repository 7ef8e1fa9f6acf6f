"""Fixtures for training jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.unit.jobs.world import World


@pytest.fixture
def world(sessions: sessionmaker[Session], tmp_path: Path) -> World:
    """Nobody is enrolled yet; the fake model would be chosen."""
    return World(sessions, tmp_path)
