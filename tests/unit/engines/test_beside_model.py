"""class_indices.json and its like, whoever wrote them."""

from __future__ import annotations

import json

import pytest

from app.engines.beside_model import CLASSES_FILE, class_names, indexed_names, read_json
from app.errors import ModelNotUsable

CLASSES = {"0": "Anjing kampung", "1": "Köter"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_windows_writes_is_read_too(tmp_path, encoding):
    path = tmp_path / CLASSES_FILE
    path.write_bytes(json.dumps(CLASSES, ensure_ascii=False).encode(encoding))
    assert indexed_names(read_json(path)) == tuple(CLASSES.values())


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "\0"])
def test_what_is_no_json_is_told(tmp_path, content):
    path = tmp_path / CLASSES_FILE
    path.write_text(content)
    with pytest.raises(ModelNotUsable, match="not JSON"):
        read_json(path)


@pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\0", "a\nb", "\ud800", 7, None])
def test_a_name_that_the_history_could_not_keep_is_refused(name):
    with pytest.raises(ModelNotUsable, match="name"):
        class_names(["dry", name])
