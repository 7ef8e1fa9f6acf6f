"""One file over HTTP: what is taken, and what is not. Slow and silent servers: test_download of the face packs."""

from __future__ import annotations

import hashlib

import pytest

from app.engines.download import Expected, Limits, fetch
from app.errors import ModelDownloadFailed
from tests.http_server import Answer, serving

BODY = b"HEAD" + bytes(range(256)) * 400
MD5 = hashlib.md5(BODY).hexdigest()  # noqa: S324
EXPECTED = Expected("a test file", b"HEAD", MD5)


def taken(answer, tmp_path, expected=EXPECTED, **options):
    with serving(answer) as (url, _):
        fetch(f"{url}x", tmp_path / "x", expected, advice="Give up.", **options)
    return (tmp_path / "x").read_bytes()


def test_the_whole_file_is_taken(tmp_path):
    steps = []
    assert taken(Answer(BODY), tmp_path, progress=lambda *step: steps.append(step)) == BODY
    assert steps[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_a_file_in_pieces_of_any_size_is_taken(tmp_path):
    """The first of them is shorter than what a file begins with."""
    pieces = [BODY[:1], BODY[1:3], BODY[3:5000], BODY[5000:]]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    answer = Answer(chunked, headers={"Content-Length": None, "Transfer-Encoding": "chunked"}, protocol="HTTP/1.1")
    assert taken(answer, tmp_path) == BODY


def test_chunks_that_end_early_are_noticed(tmp_path):
    chunked = b"%x\r\n%s\r\n" % (len(BODY), BODY[:5000])
    answer = Answer(chunked, headers={"Content-Length": None, "Transfer-Encoding": "chunked"}, protocol="HTTP/1.1")
    with pytest.raises(ModelDownloadFailed, match="could not be downloaded"):
        taken(answer, tmp_path)


@pytest.mark.parametrize("body", [b"HEAD" + BODY, BODY[:-1] + b"\0", b"HEAD"], ids=["longer", "a byte", "shorter"])
def test_another_file_is_not_taken_for_it(tmp_path, body):
    with pytest.raises(ModelDownloadFailed, match=f"checksum.*{MD5}.*Give up"):
        taken(Answer(body), tmp_path)


def test_without_a_published_checksum_the_file_is_taken_as_it_is(tmp_path):
    assert taken(Answer(b"HEAD?"), tmp_path, Expected("a test file", b"HEAD")) == b"HEAD?"


@pytest.mark.parametrize("body", [b"<html>", b"HEAX" + BODY, b"H EAD"])
def test_what_begins_in_another_way_is_refused_at_once(tmp_path, body):
    with pytest.raises(ModelDownloadFailed, match="not a test file"):
        taken(Answer(body), tmp_path)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": None}])
def test_no_more_than_the_limit_is_taken(tmp_path, headers):
    with pytest.raises(ModelDownloadFailed, match="1000"):
        taken(Answer(BODY, headers=headers), tmp_path, limits=Limits(max_bytes=1000))


def test_a_redirect_is_followed_to_http_only(tmp_path):
    with serving(Answer(BODY)) as (url, asked):
        assert taken(Answer(status=302, headers={"Location": f"{url}y"}), tmp_path) == BODY
        assert asked == ["/files/y"]
    (tmp_path / "secret").write_bytes(BODY)
    (tmp_path / "x").unlink()
    with pytest.raises(ModelDownloadFailed):
        taken(Answer(status=302, headers={"Location": f"file://{tmp_path}/secret"}), tmp_path)


def test_the_password_of_a_mirror_is_kept_to_oneself(tmp_path):
    with serving(Answer(status=404)) as (url, _), pytest.raises(ModelDownloadFailed) as raised:
        fetch(url.replace("//", "//me:secret@") + "x", tmp_path / "x", EXPECTED, advice="")
    assert f"{url}x" in raised.value.detail
    assert "secret" not in raised.value.detail
