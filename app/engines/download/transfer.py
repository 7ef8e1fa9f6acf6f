"""One file over HTTP, within limits, and only if it is the one that was meant."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

from app.engines.download.progress import Progress, silent
from app.errors import ModelDownloadFailed

_CHUNK_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much a download may take."""

    #: until a connection stands.
    connect_seconds: float = 3.0
    #: without a single byte.
    silence_seconds: float = 30.0
    #: slower than this on average after the first `silence_seconds`, and it is given up.
    least_bytes_per_second: int = 10_000
    #: the largest face pack is 0.36 GB.
    max_bytes: int = 1_000_000_000


USUAL_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Expected:
    """How to tell the right file from another one."""

    #: ``a zip archive``: what it should be, in words.
    kind: str
    #: its first bytes: a login page in between is noticed at once.
    begins: bytes
    #: hex digits; None where none is published.
    md5: str | None = None


def fetch(
    url: str,
    target: Path,
    expected: Expected,
    *,
    advice: str,
    progress: Progress = silent,
    limits: Limits = USUAL_LIMITS,
) -> None:
    """Write what `url` answers into `target`, a new file.

    :param advice: a sentence on what to do instead; it ends every error.

    ModelDownloadFailed says what happened; part of the file may be there then. OSError if it cannot be written.
    """
    try:
        _fetch(url, target, expected, progress, limits)
    except _Failed as error:
        raise _told(url, str(error), advice) from None
    except requests.exceptions.ConnectTimeout as error:
        raise _told(url, f"no connection within {limits.connect_seconds:g} seconds", advice) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _told(url, _in_short(error), advice) from error


class _Failed(Exception):
    """What happened, in words."""


def _fetch(url: str, target: Path, expected: Expected, progress: Progress, limits: Limits) -> None:
    with requests.get(
        url,
        stream=True,
        timeout=(limits.connect_seconds, limits.silence_seconds),
        headers={"Accept-Encoding": "identity"},
    ) as response:
        if response.status_code != requests.codes.ok:
            raise _Failed(f"the server answered {response.status_code} {response.reason}")
        _save(response, target, expected, progress, limits)


def _save(response: requests.Response, target: Path, expected: Expected, progress: Progress, limits: Limits) -> None:
    announced = response.headers.get("Content-Length", "")
    total = int(announced) if announced.isdecimal() else None
    if total is not None and total > limits.max_bytes:
        raise _Failed(f"{total} bytes are announced, and {limits.max_bytes} is the most that is taken")
    digest = hashlib.md5(usedforsecurity=False)
    started = time.monotonic()
    done = 0
    head = b""
    with target.open("xb") as sink:
        # What has arrived, not a full buffer: a server that trickles would fill one in days, and never be too slow.
        while chunk := response.raw.read1(_CHUNK_BYTES):
            head = (head + chunk)[: len(expected.begins)]
            if not expected.begins.startswith(head):
                raise _Failed(f"what arrives is not {expected.kind} (a web page in between, perhaps)")
            done += len(chunk)
            if done > limits.max_bytes:
                raise _Failed(f"more than {limits.max_bytes} bytes arrived")
            seconds = time.monotonic() - started
            if seconds > limits.silence_seconds and done < seconds * limits.least_bytes_per_second:
                raise _Failed(f"only {done} bytes arrived in {seconds:.0f} seconds")
            digest.update(chunk)
            sink.write(chunk)
            progress(done, total)
    if done == 0 or (total is not None and done != total):
        raise _Failed(f"the connection ended after {done} of {total} bytes")
    if expected.md5 not in {None, digest.hexdigest()}:
        raise _Failed(f"its checksum is {digest.hexdigest()}, and {expected.md5} is that of the published file")


def _told(url: str, what: str, advice: str) -> ModelDownloadFailed:
    # Without the name and password of a mirror: this is shown to whoever asks for the model in use.
    parts = urlsplit(url)
    url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return ModelDownloadFailed(f"{url} could not be downloaded: {what}. {advice}")


def _in_short(error: Exception) -> str:
    """The innermost reason: requests wraps urllib3's errors, which wrap those of the socket."""
    while error.__cause__ is not None or error.__context__ is not None:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return f"{type(error).__name__}: {error}"
