"""Photo collections for tests and measurements that are too large, or not ours, to be committed.

They are looked for in KENALI_TEST_DATA, or in ``shared/data`` beside the checkout. Tests that need one are skipped,
with the reason, where it is absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("KENALI_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")


def _found(*parts: str) -> Path | None:
    path = ROOT.joinpath(*parts)
    return path if path.is_dir() else None


#: one folder a person, 250x250 photos
LFW = _found("faces", "lfw")
#: photos and group shots of named people
MIXED = _found("faces", "mixed")
#: masks, poses, rotations, no face
CONDITIONS = _found("faces", "conditions")
#: one photo for each of ImageNet's dog breeds
DOGS = _found("dogs", "one_per_class")
#: recordings of coughs
COUGHS = _found("coughs", "cough")
#: an InsightFace pack: detector and 512-D recogniser
BUFFALO_SC = _found("models", "buffalo_sc")


def _needs(path: Path | None, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(path is None, reason=f"{what} not found: KENALI_TEST_DATA names the folder above it")


needs_lfw = _needs(LFW, "LFW photos (faces/lfw)")
needs_mixed = _needs(MIXED, "mixed photos (faces/mixed)")
needs_conditions = _needs(CONDITIONS, "condition photos (faces/conditions)")
needs_dogs = _needs(DOGS, "photos of dogs (dogs/one_per_class)")
needs_dogs_and_coughs = _needs(DOGS and COUGHS, "dogs (dogs/one_per_class) or coughs (coughs/cough)")
needs_buffalo = _needs(BUFFALO_SC, "the pack models/buffalo_sc")
