"""The measurements in bench/: nothing else imports them, and what they use is renamed now and then."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import bench


@pytest.mark.parametrize("name", sorted(module.name for module in pkgutil.iter_modules(bench.__path__)))
def test_a_measurement_finds_what_it_uses(name):
    if name != "__main__":
        importlib.import_module(f"bench.{name}")
