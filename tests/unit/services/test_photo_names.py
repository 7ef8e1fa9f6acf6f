from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.photo_names import FALLBACK_FILENAME, clean_filename, is_photo_key, storage_key
from app.storage.base import check_key


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo1.jpg", "photo1.jpg"),
        ("Ünïcode 写真.jpg", "Ünïcode 写真.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\me.png", "me.png"),
        ("/", FALLBACK_FILENAME),
        ("..", FALLBACK_FILENAME),
        ("", FALLBACK_FILENAME),
        ("\0\x07\x1b", FALLBACK_FILENAME),
        ("a\0b\r\nc.jpg", "ab c.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("a\u200bb\ufeff.jpg", "ab.jpg"),
        ("  a \u3000 b.jpg. ", "a b.jpg"),
        ("\ud800x.jpg", "x.jpg"),
        ("e\u0301.jpg", "é.jpg"),
        (".htaccess", "htaccess"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("x" * 300, "x" * 255),
        ("x." + "y" * 300, "x." + "y" * 253),
    ],
)
def test_a_clients_name_is_made_fit_to_show(name, clean):
    assert clean_filename(name) == clean


@given(st.text())
def test_every_clean_name_is_one_visible_line_without_a_path(name):
    clean = clean_filename(name)
    assert 0 < len(clean) <= 255
    assert not set(clean) & {"/", "\\", "\n", "\r", "\0"}
    assert not {unicodedata.category(character) for character in clean} & {"Cc", "Cf", "Cs"}
    clean.encode()
    assert clean_filename(clean) == clean


@given(st.integers(1, 2**63 - 1), st.text())
def test_every_stored_name_is_a_key_of_ours(user_id, name):
    key = storage_key(user_id, clean_filename(name))
    assert key.isascii()
    assert check_key(key) == tuple(key.split("/"))
    assert is_photo_key(key)
    assert len(key.rpartition("/")[2]) < 60


def test_the_stored_name_can_still_be_read():
    assert storage_key(3, "Foto Bundä 01.JPEG").startswith("3/Foto-Bunda-01-")
    assert storage_key(3, "写真.jpg").startswith("3/photo-")


def test_two_files_of_one_name_never_collide():
    assert len({storage_key(1, "a.jpg") for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "key", [".kenali", "1/holiday.jpg", "notes.txt", "1/.tmp-0123456789abcdef", "01/a-0123456789ab.jpg",
            "1/a-0123456789ab.jpg.bak", "1/sub/a-0123456789ab.jpg", "1/-0123456789ab.jpg", "1/a-0123456789AB.jpg"]
)  # fmt: skip
def test_files_of_other_names_are_not_ours(key):
    assert not is_photo_key(key)
