from __future__ import annotations

import logging
import multiprocessing
import stat
from multiprocessing.pool import Pool
from pathlib import Path

import pytest

from app.errors import SecretNotUsable
from app.services.secrets import FILE_NAME, SECRET_BYTES, instance_secret


def _hex_of_secret(folder: Path) -> str:
    return instance_secret(folder).value.hex()


def test_the_secret_is_made_once_and_stays(tmp_path):
    first = instance_secret(tmp_path / "instance")
    assert len(first.value) == SECRET_BYTES
    assert instance_secret(tmp_path / "instance") == first
    assert [path.name for path in (tmp_path / "instance").iterdir()] == [FILE_NAME]


def test_two_installations_have_different_secrets(tmp_path):
    assert instance_secret(tmp_path / "a") != instance_secret(tmp_path / "b")


def test_only_the_owner_can_read_the_file(tmp_path):
    instance_secret(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_processes_that_start_at_once_get_the_same_secret(tmp_path):
    context = multiprocessing.get_context("spawn")
    pool: Pool
    with context.Pool(4) as pool:
        found = pool.map(_hex_of_secret, [tmp_path / "instance"] * 12, chunksize=1)
    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "instance").iterdir()] == [FILE_NAME]


def test_a_file_that_others_could_read_is_closed_and_told(tmp_path, caplog):
    secret = instance_secret(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    assert instance_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert "could be read by other users" in caplog.text


def test_the_secret_is_in_no_log_and_no_repr(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG):
        secret = instance_secret(tmp_path)
        logging.getLogger("test").info("%r %s", secret, secret)
    assert secret.value.hex()[:16] not in caplog.text
    assert repr(secret.value)[2:12] not in caplog.text


@pytest.mark.parametrize("content", ["", "not hexadecimal", "00" * 31, "ä" * 64])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / FILE_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(SecretNotUsable, match="damaged") as refused:
        instance_secret(tmp_path)
    assert "\n" not in refused.value.detail


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretNotUsable, match="cannot be used"):
        instance_secret(tmp_path / "file" / "instance")


def test_without_hard_links_the_secret_is_made_all_the_same(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr("os.link", no_links)
    assert instance_secret(tmp_path) == instance_secret(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_keys_of_different_purposes_differ(tmp_path):
    secret = instance_secret(tmp_path)
    assert secret.key("tokens") == secret.key("tokens")
    assert secret.key("tokens") != secret.key("media")
    assert len(secret.key("tokens")) == 32
