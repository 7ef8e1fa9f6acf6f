from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from app.errors import StorageFull, StorageUnavailable
from app.storage import InvalidKey, LocalStorage, TooManyBytes, check_writable, is_temporary


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "dataset")


def test_what_is_put_is_read(storage):
    storage.put("1/a.jpg", b"abc")
    assert storage.read("1/a.jpg") == b"abc"
    assert list(storage.keys()) == ["1/a.jpg"]


def test_what_need_not_be_durable_is_whole_and_not_waited_for(storage, monkeypatch):
    storage.make_folder("1")
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("nobody asked for that"))
    storage.put("1/a.jpg", b"abc", durable=False)
    assert storage.read("1/a.jpg") == b"abc"
    storage.delete("1/a.jpg", durable=False)
    assert list(storage.keys()) == []


def test_putting_again_replaces(storage):
    storage.put("1/a.jpg", b"abc")
    storage.put("1/a.jpg", b"d")
    assert storage.read("1/a.jpg") == b"d"
    assert list(storage.keys()) == ["1/a.jpg"]


def test_only_the_owner_may_read_files_and_folders(storage):
    storage.put("1/a.jpg", b"abc")
    assert stat.S_IMODE(storage.path("1/a.jpg").stat().st_mode) == 0o600
    assert stat.S_IMODE(storage.path("1/a.jpg").parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(storage.root.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "1/../../x",
        "1//x",
        "./x",
        "1/.",
        "a\0b",
        "1\\..\\x",
        "a\nb",
        "x" * 256,
        "é" * 128,
    ],
)
def test_a_key_that_could_leave_the_folder_is_refused_by_every_call(storage, key):
    for call in (storage.path, storage.read, storage.delete, storage.delete_prefix, storage.make_folder):
        with pytest.raises(InvalidKey):
            call(key)
    with pytest.raises(InvalidKey):
        storage.put(key, b"x")


def test_a_linked_folder_that_leads_out_is_refused(storage, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    storage.make_folder("1")
    (storage.root / "2").symlink_to(outside)
    for call in (storage.read, storage.delete):
        with pytest.raises(InvalidKey):
            call("2/secret.jpg")
    with pytest.raises(InvalidKey):
        storage.put("2/new.jpg", b"x")
    assert list(storage.keys()) == []
    assert storage.folders() == ["1"]
    storage.delete_prefix("2")
    assert (outside / "secret.jpg").read_bytes() == b"secret"
    assert not (storage.root / "2").is_symlink()


def test_a_linked_file_is_neither_read_nor_listed_nor_followed(storage, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    storage.make_folder("1")
    (storage.root / "1" / "a.jpg").symlink_to(tmp_path / "secret")
    with pytest.raises(FileNotFoundError):
        storage.read("1/a.jpg")
    assert list(storage.keys()) == []
    storage.put("1/a.jpg", b"own")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert storage.read("1/a.jpg") == b"own"
    storage.delete("1/a.jpg")
    assert (tmp_path / "secret").exists()


def test_the_root_itself_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "dataset").symlink_to(tmp_path / "disk")
    storage = LocalStorage(tmp_path / "dataset")
    storage.put("1/a.jpg", b"abc")
    assert (tmp_path / "disk" / "1" / "a.jpg").read_bytes() == b"abc"
    assert list(storage.keys("1")) == ["1/a.jpg"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_nothing(storage, monkeypatch, number, call):
    def full(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    storage.make_folder("1")
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(StorageFull):
        storage.put("1/a.jpg", b"abc")
    assert list(storage.keys()) == []


def test_a_really_full_device_is_told(storage, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    real_open = os.open

    def open_full(path, flags, *mode):
        return real_open("/dev/full", os.O_WRONLY) if flags & os.O_CREAT else real_open(path, flags, *mode)

    monkeypatch.setattr(os, "open", open_full)
    with pytest.raises(StorageFull):
        storage.put("1/a.jpg", b"abc")


def test_a_folder_that_cannot_be_written_is_told_without_its_path(storage, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageUnavailable) as caught:
        storage.put("1/a.jpg", b"abc")
    assert str(storage.root) not in caught.value.detail
    with pytest.raises(StorageUnavailable):
        storage.make_folder("2")


def test_an_interrupted_put_keeps_the_old_file(storage, monkeypatch):
    storage.put("1/a.jpg", b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.put("1/a.jpg", b"new")
    assert storage.read("1/a.jpg") == b"old"
    assert list(storage.keys()) == ["1/a.jpg"]


def test_bytes_are_flushed_before_the_name_and_the_name_before_put_returns(storage, monkeypatch):
    storage.make_folder("1")
    order = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor):
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def watched_replace(self, target):
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    storage.put("1/a.jpg", b"abc")
    assert order == ["file", "rename", "folder"]


def test_deleting_twice_is_deleting_once(storage):
    storage.put("1/a.jpg", b"abc")
    storage.delete("1/a.jpg")
    storage.delete("1/a.jpg")
    storage.delete("7/a.jpg")
    with pytest.raises(FileNotFoundError):
        storage.read("1/a.jpg")


def test_a_folder_goes_with_everything_in_it(storage):
    storage.put("1/a.jpg", b"a")
    storage.put("1/sub/b.jpg", b"b")
    storage.put("10/c.jpg", b"c")
    storage.delete_prefix("1")
    storage.delete_prefix("1")
    assert list(storage.keys()) == ["10/c.jpg"]
    assert storage.folders() == ["10"]


def test_leftovers_of_interrupted_writes_are_listed_and_recognised(storage):
    storage.put("1/a.jpg", b"a")
    (storage.root / "1" / ".tmp-0123456789abcdef").write_bytes(b"half")
    keys = list(storage.keys("1"))
    assert [key for key in keys if is_temporary(key)] == ["1/.tmp-0123456789abcdef"]
    assert not is_temporary("1/a.jpg")


def test_a_storage_that_was_never_written_to_is_empty(storage):
    assert list(storage.keys()) == []
    assert list(storage.keys("1")) == []
    assert storage.folders() == []
    storage.delete_prefix("1")


def test_making_a_folder_twice_keeps_what_is_in_it(storage):
    storage.make_folder("1")
    storage.put("1/a.jpg", b"a")
    storage.make_folder("1")
    assert storage.folders() == ["1"]
    assert storage.read("1/a.jpg") == b"a"


def test_many_writers_of_one_key_leave_one_whole_file(storage):
    contents = [bytes([n]) * 50_000 for n in range(8)]
    threads = [threading.Thread(target=storage.put, args=("1/a.jpg", data)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.read("1/a.jpg") in contents
    assert list(storage.keys()) == ["1/a.jpg"]


# --- piece by piece


def test_what_is_written_in_pieces_is_there_when_it_is_complete(storage):
    with storage.writing("1/big.zip") as sink:
        for piece in (b"a" * 70_000, b"", b"b"):
            assert sink.write(piece) == len(piece)
        assert sink.tell() == 70_001
        assert all(map(is_temporary, storage.keys()))
    assert storage.read("1/big.zip") == b"a" * 70_000 + b"b"
    assert list(storage.keys()) == ["1/big.zip"]


def test_a_zip_can_be_written_in_pieces_and_read_in_pieces(storage):
    with storage.writing("1/a.zip") as sink, zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("one.jpg", b"1" * 1000)
        with archive.open("two.jpg", "w") as member:
            member.write(b"2" * 100_000)
    with storage.open("1/a.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("two.jpg") == b"2" * 100_000


def _write(storage, *pieces, max_bytes=None, error=None):
    with storage.writing("1/a.jpg", max_bytes=max_bytes) as sink:
        for piece in pieces:
            sink.write(piece)
        if error:
            raise error


@pytest.mark.parametrize("old", [None, b"old"])
def test_more_than_is_allowed_leaves_nothing(storage, old):
    if old:
        storage.put("1/a.jpg", old)
    with pytest.raises(TooManyBytes):
        _write(storage, b"x" * 10, b"x", max_bytes=10)
    assert [storage.read(key) for key in list(storage.keys())] == ([old] if old else [])


@pytest.mark.parametrize("error", [RuntimeError(), FileNotFoundError(errno.ENOENT, "another file")])
def test_an_error_of_the_writer_leaves_nothing_and_stays_the_writers_own(storage, error):
    with pytest.raises(type(error)) as caught:
        _write(storage, b"x", error=error)
    assert caught.value is error
    assert list(storage.keys()) == []


def test_a_missing_file_and_a_link_cannot_be_opened(storage):
    with pytest.raises(FileNotFoundError):
        storage.open("1/a.jpg")
    storage.put("1/a.jpg", b"x")
    (storage.root / "1" / "b.jpg").symlink_to(storage.root / "1" / "a.jpg")
    with pytest.raises(FileNotFoundError):
        storage.open("1/b.jpg")


def test_the_room_that_is_left_is_told_before_anything_was_stored(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path / "not" / "there" / "yet")
    assert 0 < storage.free_bytes() <= shutil.disk_usage(tmp_path).total
    asked = []

    def away(folder):
        asked.append(folder)
        raise PermissionError

    monkeypatch.setattr("app.storage.local.shutil.disk_usage", away)
    assert storage.free_bytes() is None
    assert asked[0] == tmp_path / "not" / "there" / "yet"


def test_whether_it_can_be_written_to_is_tried_without_a_trace(storage):
    for folder in ("", "12"):
        check_writable(storage, folder)
    assert list(storage.keys()) == []
    shutil.rmtree(storage.root)
    storage.root.write_bytes(b"a file in the folder's place: root may write whatever is read-only")
    with pytest.raises(StorageUnavailable):
        check_writable(storage)


def test_a_full_disk_counts_as_one_that_can_be_written_to(storage, monkeypatch):
    def full(*_, **__):
        raise StorageFull

    monkeypatch.setattr(storage, "put", full)
    check_writable(storage)
