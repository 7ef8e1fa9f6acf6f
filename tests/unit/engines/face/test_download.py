"""Fetching a pack from a server that behaves, and from servers that do not."""

import threading

import pytest

from app.engines.download import Limits
from app.engines.face.download import download_pack
from app.engines.face.pack import read_pack
from app.errors import ModelDownloadFailed, StorageFull
from tests.http_server import Answer, serving
from tests.unit.engines.face.tiny_pack import detector, pack_zip, recogniser, zipped

#: Long enough for a loaded machine, short enough for a test that waits for it.
PATIENCE = Limits(connect_seconds=1.0, silence_seconds=0.3)


def failure(answer, models_dir, limits=PATIENCE):
    """Why the download failed; nothing may be left behind."""
    with serving(answer) as (url, _), pytest.raises(ModelDownloadFailed) as raised:
        download_pack("buffalo_sc", base_url=url, models_dir=models_dir, limits=limits)
    assert list(models_dir.iterdir()) == []
    return raised.value.detail


@pytest.fixture
def models_dir(tmp_path):
    return tmp_path / "models"


@pytest.mark.parametrize("prefix", ["", "antelopev2/"])
def test_a_sound_archive_becomes_a_folder_with_a_pack(models_dir, prefix):
    steps = []
    with serving(Answer(pack_zip(prefix))) as (url, asked):
        folder = download_pack(
            "antelopev2", base_url=url, models_dir=models_dir, progress=lambda *step: steps.append(step)
        )
    assert asked == ["/files/antelopev2.zip"]
    assert folder == models_dir / "antelopev2"
    assert read_pack(folder).recogniser.name == "rec_tiny.onnx"
    assert [entry.name for entry in models_dir.iterdir()] == ["antelopev2"]
    assert steps[-1] == (len(pack_zip(prefix)), len(pack_zip(prefix)))


def test_the_length_need_not_be_announced(models_dir):
    with serving(Answer(pack_zip(), headers={"Content-Length": None})) as (url, _):
        assert download_pack("buffalo_sc", base_url=url, models_dir=models_dir).is_dir()


def test_a_base_url_without_slash_is_the_same(models_dir):
    with serving(Answer(pack_zip())) as (url, asked):
        download_pack("buffalo_sc", base_url=url.rstrip("/"), models_dir=models_dir)
    assert asked == ["/files/buffalo_sc.zip"]


def test_a_server_that_falls_silent_is_given_up(models_dir):
    assert "could not be downloaded" in failure(Answer(pack_zip(), silent_after=100), models_dir)


def test_a_server_that_never_answers_is_given_up(models_dir):
    detail = failure(Answer(pack_zip(), silent_after=0), models_dir)
    assert "timed out" in detail.lower()


def test_a_server_that_trickles_is_given_up(models_dir):
    hurried = Limits(connect_seconds=1.0, silence_seconds=0.5, least_bytes_per_second=10**9)

    class Clock:
        """Half a second more at each look."""

        now = 0.0

        def monotonic(self):
            self.now += 0.6
            return self.now

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.engines.download.transfer.time", Clock())
        # A hundred bytes, and not one more: it does not wait for a full buffer.
        assert "only 100 bytes arrived in" in failure(Answer(pack_zip(), silent_after=100), models_dir, hurried)


def test_a_connection_that_breaks_half_way_is_noticed(models_dir):
    detail = failure(Answer(pack_zip(), cut_after=len(pack_zip()) // 2), models_dir)
    assert "FACE_MODEL=dlib" in detail


def test_a_connection_that_breaks_is_noticed_without_an_announced_length(models_dir):
    answer = Answer(pack_zip(), cut_after=len(pack_zip()) // 2, headers={"Content-Length": None})
    assert "zip" in failure(answer, models_dir)


def test_flipped_bytes_are_noticed(models_dir):
    body = bytearray(pack_zip())
    body[len(body) // 3] ^= 0xFF
    assert failure(Answer(bytes(body)), models_dir)


def test_nobody_listening_is_told(models_dir):
    with serving(Answer()) as (url, _):
        pass
    with pytest.raises(ModelDownloadFailed, match="refused"):
        download_pack("buffalo_sc", base_url=url, models_dir=models_dir, limits=PATIENCE)
    assert list(models_dir.iterdir()) == []


def test_404_is_told(models_dir):
    assert "404" in failure(Answer(status=404, body=b"Not Found"), models_dir)


def test_a_login_page_instead_of_the_archive_is_told(models_dir):
    page = Answer(b"<!doctype html><title>Welcome to our Wi-Fi</title>", headers={"Content-Type": "text/html"})
    assert "not a zip archive" in failure(page, models_dir)


def test_an_empty_answer_is_told(models_dir):
    assert "after 0 of 0 bytes" in failure(Answer(b""), models_dir)


@pytest.mark.parametrize(
    "name", ["../../evil.onnx", "/etc/evil.onnx", "..\\evil.onnx", "C:/evil.onnx", "a/../../b.onnx"]
)
def test_an_archive_that_wants_to_leave_its_folder_is_refused(models_dir, tmp_path, name):
    body = zipped({name: b"x", "det_tiny.onnx": detector(), "rec_tiny.onnx": recogniser()})
    assert "outside its folder" in failure(Answer(body), models_dir)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_bomb_is_refused_before_it_fills_the_disk(models_dir, monkeypatch):
    monkeypatch.setattr("app.engines.face.download.unpack", _strict_unpack)
    body = zipped({"det_tiny.onnx": bytes(50_000_000)})
    assert len(body) < 100_000
    assert "larger than any pack" in failure(Answer(body), models_dir)


def _strict_unpack(archive, target):
    from app.engines.face.unpack import unpack

    unpack(archive, target, max_total_bytes=5_000_000)


def test_too_large_an_archive_is_refused_by_its_announcement(models_dir):
    limits = Limits(connect_seconds=1.0, silence_seconds=5.0, max_bytes=1000)
    assert "the most that is taken" in failure(Answer(pack_zip()), models_dir, limits)


def test_too_large_an_archive_is_refused_without_an_announcement(models_dir):
    limits = Limits(connect_seconds=1.0, silence_seconds=5.0, max_bytes=1000)
    assert "more than 1000" in failure(Answer(pack_zip(), headers={"Content-Length": None}), models_dir, limits)


@pytest.mark.parametrize(
    "files",
    [
        {"readme.txt": b"no models"},
        {"det_tiny.onnx": b"not a model", "rec_tiny.onnx": b"neither"},
        {"det_tiny.onnx": b"", "rec_tiny.onnx": b""},
        {f"file{number}.txt": b"" for number in range(100)},
    ],
    ids=["no models", "broken models", "empty models", "many files"],
)
def test_an_archive_without_a_usable_pack_is_refused(models_dir, files):
    assert failure(Answer(zipped(files)), models_dir)


def test_a_pack_without_recogniser_or_with_two_is_refused(models_dir):
    assert "recogniser" in failure(Answer(zipped({"det.onnx": detector()})), models_dir)
    twice = {"det.onnx": detector(), "one.onnx": recogniser(), "two.onnx": recogniser(1)}
    assert "one.onnx, two.onnx" in failure(Answer(zipped(twice)), models_dir)


def test_a_full_disk_is_told_as_such(models_dir, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.engines.face.download.unpack", full)
    with serving(Answer(pack_zip())) as (url, _), pytest.raises(StorageFull):
        download_pack("buffalo_sc", base_url=url, models_dir=models_dir)
    assert list(models_dir.iterdir()) == []


def test_two_downloads_at_once_end_in_one_whole_pack(models_dir):
    together = threading.Barrier(2)
    results = []

    def step(done, total):
        if done == total:
            together.wait(10)

    def fetch(url):
        results.append(download_pack("buffalo_sc", base_url=url, models_dir=models_dir, progress=step))

    with serving(Answer(pack_zip())) as (url, asked):
        threads = [threading.Thread(target=fetch, args=(url,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(asked) == 2
    assert results == [models_dir / "buffalo_sc"] * 2
    assert [entry.name for entry in models_dir.iterdir()] == ["buffalo_sc"]
    assert read_pack(models_dir / "buffalo_sc").detector.read_bytes() == detector()


def test_what_a_killed_download_left_is_removed_after_a_day(models_dir):
    import os

    left = models_dir / ".download-abc"
    left.mkdir(parents=True)
    fresh = models_dir / ".download-def"
    fresh.mkdir()
    os.utime(left, (0, 0))
    with serving(Answer(pack_zip())) as (url, _):
        download_pack("buffalo_sc", base_url=url, models_dir=models_dir)
    assert not left.exists()
    assert fresh.exists()
