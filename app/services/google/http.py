"""HTTP to Google: to the configured addresses only, for a bounded time and a bounded number of bytes.

Redirects are not followed and cookies are not kept. Secrets travel in headers and bodies, never in an address, so that
neither a log line nor the text of an exception can hold one.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from app.errors import GoogleUnavailable

_CHUNK_BYTES: Final = 1 << 16

#: Told to clients when Google does not say how long to wait, and the longest that is told.
RETRY_AFTER_SECONDS: Final = 5
_LONGEST_RETRY_AFTER_SECONDS: Final = 3600

_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how large one answer may be."""

    #: until a connection stands.
    connect_seconds: float = 3.0
    #: without a single byte.
    silence_seconds: float = 5.0
    #: from the request to the last byte.
    total_seconds: float = 10.0
    max_bytes: int = 1 << 18


class TooSlow(requests.exceptions.ReadTimeout):
    """The answer came too slowly."""


class TooLarge(requests.exceptions.RequestException):
    """The answer is larger than allowed."""


class AnswerTooLarge(GoogleUnavailable):
    """Google's answer is larger than allowed: asking again would not make it smaller."""

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


class BoundedAdapter(HTTPAdapter):
    """Reads each answer to its end within limits, before anybody sees it."""

    def __init__(self, limits: Limits, *, connections: int = 8) -> None:
        """:param connections: kept open for the next call."""
        super().__init__(pool_maxsize=connections)
        self._limits = limits

    def send(self, request: requests.PreparedRequest, *_args: Any, **options: Any) -> requests.Response:
        """The complete answer; a RequestException for anything less."""
        deadline = time.monotonic() + self._limits.total_seconds
        response = super().send(
            request,
            stream=True,
            timeout=(self._limits.connect_seconds, self._limits.silence_seconds),
            verify=options.get("verify", True),
            cert=options.get("cert"),
            proxies=options.get("proxies"),
        )
        raw = response.raw
        try:
            body = _read(raw, response.headers.get("Content-Length", ""), self._limits.max_bytes, deadline)
        except requests.exceptions.RequestException:  # an OSError too
            raise
        except (HTTPError, OSError) as error:
            raise requests.exceptions.ConnectionError(type(error).__name__, request=request) from error
        finally:
            # What was read to its end is back in the pool already; of anything else the connection is of no use.
            raw.close()
        response.raw = io.BytesIO(body)
        return response


def _read(raw: BaseHTTPResponse, announced: str, max_bytes: int, deadline: float) -> bytes:
    total = int(announced) if announced.isascii() and announced.isdecimal() else None
    if total is not None and total > max_bytes:
        raise TooLarge(f"{total} bytes are announced")
    body = bytearray()
    # read1: what has arrived, instead of waiting for a whole chunk from a server that sends byte by byte.
    while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise TooSlow(f"{len(body)} bytes in the time")
    if total is not None and len(body) != total:
        raise requests.exceptions.ConnectionError(f"cut off after {len(body)} of {total} bytes")
    return bytes(body)


class GoogleHttp:
    """Calls of one kind. Thread-safe."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.adapter = BoundedAdapter(limits)
        self._session = bounded(requests.Session(), self.adapter)

    def call(self, method: str, url: str, **what: Any) -> requests.Response:
        """The answer, whatever its status; GoogleUnavailable if there is none, AnswerTooLarge if it is too large.

        :param what: ``params``, ``data``, ``headers``.
        """
        try:
            return self._session.request(method, url, **what)
        except TooLarge:
            raise AnswerTooLarge from None
        except requests.exceptions.RequestException as error:
            raise unavailable(error) from None

    def close(self) -> None:
        """Close the connections that are kept open."""
        self.adapter.close()


def bounded(session: requests.Session, adapter: BoundedAdapter) -> requests.Session:
    """The session with the adapter's limits, and without redirects."""
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.max_redirects = 0
    session.headers["Accept-Encoding"] = "identity"
    return session


def unavailable(why: Exception | requests.Response) -> GoogleUnavailable:
    """What a client is told if Google gives no usable answer: never an address or a body."""
    if isinstance(why, requests.Response):
        return GoogleUnavailable(
            f"Google cannot answer at the moment (status {why.status_code}): try again.",
            retry_after_seconds=retry_after(why) or RETRY_AFTER_SECONDS,
        )
    name = type(why).__name__
    return GoogleUnavailable(
        f"Google answers too slowly ({name}): try again."
        if isinstance(why, requests.exceptions.Timeout)
        else f"Google answers with nothing that can be used ({name}): try again.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def retry_after(response: requests.Response) -> int | None:
    """The seconds of ``Retry-After``, at least one; None without it. Its form as a date is not used by Google."""
    text = response.headers.get("Retry-After", "").strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_LONGEST_RETRY_AFTER_SECONDS)):
        return None
    return min(max(int(text), 1), _LONGEST_RETRY_AFTER_SECONDS)


def is_temporary(response: requests.Response) -> bool:
    """Whether the same request may get another answer later."""
    return response.status_code == requests.codes.too_many_requests or response.status_code >= _SERVER_ERROR


def json_object(response: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer; GoogleUnavailable for anything else."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise unavailable(response)
    return body
