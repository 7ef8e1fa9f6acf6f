"""A local server that speaks as much of Google's APIs as the program uses, over real HTTP, and fails on demand.

The page that asks people who they are, token endpoint, JWK set, tokeninfo, userinfo; files.get, files.list with pages,
and alt=media of Drive API v3.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "1234-web.apps.googleusercontent.com"
APP_CLIENT_ID = "1234-android.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-not-a-real-secret"
API_KEY = "AIza-not-a-real-key"

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
#: Longest that a silent answer keeps a thread if nobody hangs up.
_PATIENCE_SECONDS = 60


@cache
def signing_key(key_id: str = "key-1") -> RSAKey:
    """A key of Google's; other ids are other keys."""
    return RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"})


def token_by_hand(header: object, claims: object, sign: Callable[[bytes], bytes]) -> str:
    """A JWS that no library would make."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = ".".join(part(json.dumps(value).encode()) for value in (header, claims))
    return f"{signed}.{part(sign(signed.encode()))}"


def rsa_signature(data: bytes) -> bytes:
    """As RS256 wants it, with Google's key."""
    return signing_key().private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: no answer at all, until the client hangs up
    silent: bool = False
    #: the connection ends in the middle of the body
    cut: bool = False
    #: one byte at a time, with a pause before each
    pause_seconds: float = 0.0


SILENCE = Fault(silent=True)
CUT = Fault(cut=True)


def drive_error(status: int, reason: str, headers: dict[str, str] | None = None) -> Fault:
    """An error of the Drive API."""
    body = {"error": {"code": status, "message": reason, "errors": [{"domain": "usageLimits", "reason": reason}]}}
    return Fault(status, json.dumps(body).encode(), headers or {})


@dataclass
class Item:
    """Something in Drive."""

    id: str
    name: str
    mime: str
    parent: str
    #: the content, or what makes it
    data: bytes | Callable[[], bytes] = b""
    modified: str = "2026-01-01T10:00:00.000Z"
    md5: str | None = None
    size: int | None = None
    resource_key: str | None = None
    target: str | None = None
    public: bool = True

    def content(self) -> bytes:
        """The bytes of the file."""
        return self.data() if callable(self.data) else self.data

    def form(self) -> dict[str, Any]:
        """As files.list and files.get show it."""
        shown: dict[str, Any] = {"id": self.id, "name": self.name, "mimeType": self.mime}
        if self.resource_key:
            shown["resourceKey"] = self.resource_key
        if self.mime == SHORTCUT:
            shown["shortcutDetails"] = {"targetId": self.target}
        elif self.mime != FOLDER:
            shown |= {
                "modifiedTime": self.modified,
                "size": str(len(self.content()) if self.size is None else self.size),
            }
            if self.md5 is not None:
                shown["md5Checksum"] = self.md5
        return shown


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


class FakeGoogle:
    """The server. Use as a context manager."""

    def __init__(self, *, page_size: int = 1000) -> None:
        self.page_size = page_size
        self.published = [signing_key()]
        #: subject -> address of those whom the page offers, and where it may send them back to.
        self.people: dict[str, str] = {}
        self.redirect_uris: set[str] = set()
        #: what each code of the page was asked for with
        self.asked_with: dict[str, dict[str, str]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.access_tokens: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self.items: dict[str, Item] = {}
        self.seen: list[Seen] = []
        #: of each file, how often its content was handed out whole
        self.downloads: Counter[str] = Counter()
        #: asked at each request: the kind of it and what it is about
        self.chaos: Callable[[str, str], Fault | None] = lambda _kind, _what: None
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def settings(self) -> dict[str, Any]:
        """Settings that make an app use this server."""
        return {
            "google_client_id": (CLIENT_ID, APP_CLIENT_ID),
            "google_client_secret": CLIENT_SECRET,
            "google_api_key": API_KEY,
            # Another name than the tests' servers have: for a browser this is another site.
            "google_authorize_url": f"{self.url.replace('127.0.0.1', 'localhost')}/authorize",
            "google_token_url": f"{self.url}/token",
            "google_jwks_url": f"{self.url}/certs",
            "google_tokeninfo_url": f"{self.url}/tokeninfo",
            "google_userinfo_url": f"{self.url}/userinfo",
            "google_drive_url": f"{self.url}/drive/v3",
        }

    def environment(self) -> dict[str, str]:
        """The same for a server that is started as a process."""
        return {
            name.upper(): ",".join(value) if isinstance(value, tuple) else value
            for name, value in self.settings().items()
        }

    # --- people

    def claims(self, subject: str, email: str, **changed: Any) -> dict[str, Any]:
        """Claims of a good id token; a changed one that is None is left out."""
        now = int(time.time())
        good = {
            "iss": "https://accounts.google.com",
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": subject,
            "email": email,
            "email_verified": True,
            "name": email.partition("@")[0].title(),
            "iat": now,
            "exp": now + 3600,
        }
        return {name: value for name, value in {**good, **changed}.items() if value is not None}

    def code(
        self, subject: str, email: str, *, key: Any = None, header: dict[str, Any] | None = None, **changed: Any
    ) -> str:
        """A server auth code; it is good once."""
        header = {"alg": "RS256", "kid": "key-1", **(header or {})}
        token = jwt.encode(
            header, self.claims(subject, email, **changed), key or signing_key(), algorithms=[header["alg"]]
        )
        return self.code_for(token)

    def code_for(self, id_token: object) -> str:
        """A server auth code for an id token of any kind."""
        code = f"4/0A{len(self.codes)}-{len(self.seen)}"
        self.codes[code] = {"access_token": "ya29.x", "token_type": "Bearer", "expires_in": 3599, "id_token": id_token}
        return code

    def access_token(self, subject: str, email: str, *, aud: str = CLIENT_ID, **changed: Any) -> str:
        """An access token; ``changed`` changes userinfo."""
        token = f"ya29.{subject}.{len(self.access_tokens)}"
        claims = self.claims(subject, email, **changed)
        info = {"azp": aud, "aud": aud, "sub": subject, "exp": str(int(time.time()) + 3000), "expires_in": "3000"}
        user = {name: claims[name] for name in ("sub", "email", "email_verified", "name") if name in claims}
        self.access_tokens[token] = (info, user)
        return token

    def page(self, kind: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the page that asks people who they are, and of what follows a click there."""
        wrong = self._wrong(query)
        if wrong:
            return 400, f"<!doctype html><title>Error 400: {wrong}</title><h1>Error 400: {wrong}</h1>".encode(), _HTML
        if kind == "authorize":
            choices = [{"subject": subject} for subject in self.people]
            links = [
                f'<p><a href="/authorize/answer?{escape(urlencode({**query, **choice}))}">{escape(text)}</a></p>'
                for choice, text in zip([*choices, {}], [*self.people.values(), "Cancel"], strict=True)
            ]
            language = escape(query.get("hl", "en"))
            head = f'<!doctype html><html lang="{language}"><title>Choose an account</title>'
            return 200, f"{head}<h1>Choose an account</h1>{''.join(links)}".encode(), _HTML
        back = {"state": query["state"]} if "state" in query else {}
        if "subject" in query:
            code = self.code(query["subject"], self.people[query["subject"]], nonce=query.get("nonce"))
            self.asked_with[code] = query
            back |= {"code": code, "scope": query["scope"], "authuser": "0", "prompt": "consent"}
        else:
            back["error"] = "access_denied"
        return 302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(back)}"}

    def _wrong(self, query: dict[str, str]) -> str:
        """What Google's page would complain about."""
        if query.get("client_id") != CLIENT_ID:
            return "invalid_client"
        if query.get("redirect_uri") not in self.redirect_uris:
            return "redirect_uri_mismatch"
        good = query.get("response_type") == "code" and "openid" in query.get("scope", "").split()
        return "" if good else "invalid_request"

    # --- Drive

    def folder(self, folder_id: str, parent: str = "root", **more: Any) -> str:
        """A folder; its id."""
        return self.put(Item(folder_id, folder_id, FOLDER, parent, **more))

    def picture(
        self, file_id: str, parent: str, data: bytes | Callable[[], bytes], mime: str = "image/jpeg", **more: Any
    ) -> str:
        """A picture; its id."""
        if "md5" not in more and isinstance(data, bytes):
            more["md5"] = hashlib.md5(data).hexdigest()  # noqa: S324 - Drive's own checksum
        return self.put(Item(file_id, f"{file_id}.jpg", mime, parent, data, **more))

    def shortcut(self, file_id: str, parent: str, target: str) -> str:
        """A shortcut to something else; its id."""
        return self.put(Item(file_id, file_id, SHORTCUT, parent, target=target))

    def put(self, item: Item) -> str:
        """Anything; its id."""
        self.items[item.id] = item
        return item.id

    # --- trouble

    def fail(self, kind: str, *faults: Fault) -> None:
        """The next requests of a kind (token, certs, tokeninfo, userinfo, get, list, media) fail like this, in turn."""
        with self._lock:
            self._faults[kind].extend(faults)

    def asked(self, kind: str) -> int:
        """How many requests of a kind arrived."""
        return sum(seen.kind == kind for seen in list(self.seen))

    def note(self, seen: Seen, what: str) -> Fault | None:
        """Remember a request; what goes wrong with it."""
        with self._lock:
            self.seen.append(seen)
            if self._faults[seen.kind]:
                return self._faults[seen.kind].popleft()
            return self.chaos(seen.kind, what)

    def answer(self, what: str, query: dict[str, str], seen: Seen) -> tuple[int, bytes]:
        """Status and body of a request that nothing goes wrong with."""
        with self._lock:
            drive = seen.path.startswith("/drive/")
            status, answer = self._drive(what, query, seen) if drive else self._people(seen)
        if callable(answer):
            answer = answer()
        return status, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def _people(self, seen: Seen) -> tuple[int, Any]:
        if seen.kind == "token":
            return self._token(seen.form)
        if seen.kind == "certs":
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        if seen.kind not in {"tokeninfo", "userinfo"}:
            return 404, {}
        known = self.access_tokens.get(seen.headers.get("authorization", "").removeprefix("Bearer "))
        if known is None:
            return (400 if seen.kind == "tokeninfo" else 401), {"error": "invalid_token"}
        return 200, known[0 if seen.kind == "tokeninfo" else 1]

    def _drive(self, what: str, query: dict[str, str], seen: Seen) -> tuple[int, Any]:
        if seen.headers.get("x-goog-api-key") != API_KEY:
            return 400, _error(400, "badRequest", "API key not valid. Please pass a valid API key.")
        if seen.kind == "list":
            return self._list(query, seen)
        item = self._readable(what, seen)
        if item is None:
            return 404, _error(404, "notFound", f"File not found: {what}.")
        return 200, item.form() if seen.kind == "get" else item.content

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client", "error_description": "Unauthorized"}
        if form.get("grant_type") != "authorization_code" or "redirect_uri" not in form:
            return 400, {"error": "invalid_request", "error_description": "Missing parameter: redirect_uri"}
        answer = self.codes.pop(form.get("code", ""), None)
        asked = self.asked_with.get(form.get("code", ""), {})
        if asked.get("redirect_uri", form["redirect_uri"]) != form["redirect_uri"]:
            return 400, {"error": "redirect_uri_mismatch", "error_description": "Bad Request"}
        if answer is None:
            return 400, {"error": "invalid_grant", "error_description": "Malformed auth code."}
        if asked.get("code_challenge", "") != _challenge(form.get("code_verifier", "")):
            return 400, {"error": "invalid_grant", "error_description": "Invalid code verifier."}
        return 200, answer

    def _list(self, query: dict[str, str], seen: Seen) -> tuple[int, Any]:
        parent = re.search(r"'([^']+)' in parents", query["q"])[1]
        if self._readable(parent, seen) is None:
            return 404, _error(404, "notFound", "File not found: .")
        wanted = [
            item
            for item in self.items.values()
            if item.parent == parent
            and item.public
            and (item.mime.startswith("image/") or item.mime in {FOLDER, SHORTCUT})
        ]
        start = int(query.get("pageToken", "page-0").removeprefix("page-"))
        size = min(self.page_size, int(query["pageSize"]))
        answer: dict[str, Any] = {"files": [item.form() for item in wanted[start : start + size]]}
        if start + size < len(wanted):
            answer["nextPageToken"] = f"page-{start + size}"
        return 200, answer

    def _readable(self, file_id: str, seen: Seen) -> Item | None:
        item = self.items.get(file_id)
        if item is None or not item.public:
            return None
        keys = dict(
            pair.split("/", 1) for pair in seen.headers.get("x-goog-drive-resource-keys", "").split(",") if pair
        )
        return item if item.resource_key in {None, keys.get(file_id)} else None


_HTML = {"Content-Type": "text/html; charset=utf-8"}


def _challenge(verifier: str) -> str:
    """What the verifier was announced with (RFC 7636, S256); empty without one."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() if verifier else ""


def _error(status: int, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, google: FakeGoogle) -> None:
        self.google = google
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at what arrived."""

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        kind, what = _route(urlsplit(self.path).path, query)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(kind, self.command, self.path, headers, form)
        google = self.server.google
        fault = google.note(seen, what)
        if fault is None and kind.startswith("authorize"):
            self._send(*google.page(kind, query))
        elif fault is None:
            self._send(*google.answer(what, query, seen), {})
            if kind == "media":
                google.downloads[what] += 1
        elif fault.silent:
            google.released.wait(_PATIENCE_SECONDS)
            self.close_connection = True
        elif fault.cut or fault.pause_seconds:
            self._send_badly(google.answer(what, query, seen)[1], fault)
        else:
            self._send(fault.status, fault.body, fault.headers)

    do_POST = do_GET  # noqa: N815

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _send_badly(self, data: bytes, fault: Fault) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault.cut:
            self.wfile.write(data[: len(data) // 2])
            return
        for position in range(len(data)):
            if self.server.google.released.wait(fault.pause_seconds):
                return
            self.wfile.write(data[position : position + 1])

    def handle(self) -> None:
        # The client hung up: that is what some tests are about.
        with contextlib.suppress(OSError):
            super().handle()


def _route(path: str, query: dict[str, str]) -> tuple[str, str]:
    """The kind of a request, and what it is about."""
    if found := re.fullmatch(r"/drive/v3/files/([\w-]+)", path):
        return ("media" if query.get("alt") == "media" else "get"), found[1]
    if path == "/drive/v3/files":
        return "list", query.get("pageToken", "")
    return path.strip("/"), ""
