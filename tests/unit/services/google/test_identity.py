"""Whose code or token it is, asked over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from contextlib import nullcontext

import pytest
from joserfc import jwt

from app.errors import GoogleNotConfigured, GoogleTokenRejected, GoogleUnavailable, InvalidInput
from app.services.google.http import GoogleHttp, Limits
from app.services.google.identity import GoogleClient, GoogleIdentities, credential
from app.services.google.keys import GoogleKeys
from tests.fake_google import (
    APP_CLIENT_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    CUT,
    SILENCE,
    FakeGoogle,
    Fault,
    rsa_signature,
    signing_key,
    token_by_hand,
)

#: Short, because some answers never come; long enough for a machine that is busy with other tests.
LIMITS = Limits(connect_seconds=5, silence_seconds=1.0, total_seconds=20)


def client(google: FakeGoogle, **changed) -> GoogleClient:
    settings = {
        "client_ids": (CLIENT_ID, APP_CLIENT_ID),
        "client_secret": CLIENT_SECRET,
        "redirect_uri": "",
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        **{f"{name}_url": f"{google.url}/{path}" for name, path in PATHS.items()},
    }
    return GoogleClient(**{**settings, **changed})


PATHS = {"token": "token", "jwks": "certs", "tokeninfo": "tokeninfo", "userinfo": "userinfo"}


@pytest.fixture
def http():
    http = GoogleHttp(LIMITS)
    yield http
    http.close()


@pytest.fixture
def identities(google, http):
    return GoogleIdentities(client(google), http)


# --- codes


def test_a_code_tells_whose_it_is(google, identities):
    person = identities.by_code(google.code("1001", "anna@gmail.com", name="Anna"))
    assert (person.subject, person.email, person.email_verified, person.name) == (
        "1001",
        "anna@gmail.com",
        True,
        "Anna",
    )


def test_a_code_is_good_once(google, identities):
    code = google.code("1001", "anna@gmail.com")
    identities.by_code(code)
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(code)


@pytest.mark.parametrize(
    ("configured", "sent", "arrives"),
    [("", None, ""), ("postmessage", None, "postmessage"), ("", "postmessage", "postmessage"), ("postmessage", "", "")],
)
def test_google_is_told_what_the_code_was_asked_for_with(google, http, configured, sent, arrives):
    identities = GoogleIdentities(client(google, redirect_uri=configured), http)
    identities.by_code(google.code("1001", "anna@gmail.com"), redirect_uri=sent)
    form = next(seen.form for seen in google.seen if seen.kind == "token")
    assert form["redirect_uri"] == arrives
    assert form["client_secret"] == CLIENT_SECRET


def test_a_code_that_was_asked_for_with_a_challenge_needs_its_verifier(google, identities):
    verifier = "v" * 43
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    for shown, good in ((None, False), ("w" * 43, False), (verifier, True)):
        code = google.code("1001", "anna@gmail.com")
        google.asked_with[code] = {"code_challenge": digest}
        with nullcontext() if good else pytest.raises(GoogleTokenRejected):
            assert identities.by_code(code, verifier=shown).subject == "1001"


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_both_issuers_of_google_are_taken(google, identities, issuer):
    assert identities.by_code(google.code("1001", "anna@gmail.com", iss=issuer)).subject == "1001"


def test_an_app_of_ours_is_an_audience_too(google, identities):
    assert identities.by_code(google.code("1001", "anna@gmail.com", aud=APP_CLIENT_ID)).subject == "1001"


NOW = int(time.time())
#: The year 2001; a number that is the same in every process, because it names a test.
LONG_AGO = "1000000000"

BAD_CLAIMS = {
    "another audience": {"aud": "evil.apps.googleusercontent.com"},
    "several audiences": {"aud": [CLIENT_ID, "evil.apps.googleusercontent.com"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "an issuer of its own": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"iat": NOW - 7200, "exp": NOW - 3600},
    "no expiry": {"exp": None},
    "an expiry that is no number": {"exp": "tomorrow"},
    "from the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "no time of issue": {"iat": None},
    "not valid yet": {"nbf": NOW + 3600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 1001},
    "a subject of blanks": {"sub": "10 01"},
}


@pytest.mark.parametrize("changed", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_an_id_token_that_is_not_for_us_or_not_for_now_is_refused(google, identities, changed):
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code("1001", "anna@gmail.com", **changed))


def test_a_small_difference_of_clocks_is_forgiven(google, identities):
    now = int(time.time())
    early = google.code("1001", "anna@gmail.com", iat=now + 10)
    late = google.code("1001", "anna@gmail.com", exp=now - 5)
    assert identities.by_code(early) == identities.by_code(late)


def test_a_forged_signature_is_refused(google, identities):
    # Signed with another key under the id of Google's.
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code("1001", "anna@gmail.com", key=signing_key("forger")))


def test_a_changed_claim_breaks_the_signature(google, identities):
    good = jwt.encode({"alg": "RS256", "kid": "key-1"}, google.claims("1001", "anna@gmail.com"), signing_key())
    other = jwt.encode({"alg": "RS256", "kid": "key-1"}, google.claims("6666", "eve@gmail.com"), signing_key("forger"))
    head, _, signature = good.split(".")
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code_for(".".join([head, other.split(".")[1], signature])))


def test_a_token_cannot_choose_how_it_is_checked(google, identities):
    claims = google.claims("1001", "anna@gmail.com")
    assert identities.by_code(google.code_for(token_by_hand({"alg": "RS256", "kid": "key-1"}, claims, rsa_signature)))
    public = signing_key().as_pem(private=False)
    for header, sign in (
        ({"alg": "HS256"}, lambda data: hmac.digest(public, data, "sha256")),
        ({"alg": "none"}, lambda _: b""),
        ({"alg": "None"}, rsa_signature),
        ({"alg": "RS512"}, rsa_signature),
        ({"alg": ["RS256"]}, rsa_signature),
        ({"alg": "RS256", "b64": False, "crit": ["b64"]}, rsa_signature),
        ({}, rsa_signature),
    ):
        with pytest.raises(GoogleTokenRejected):
            identities.by_code(google.code_for(token_by_hand({"kid": "key-1", **header}, claims, sign)))


@pytest.mark.parametrize("token", [None, 1, "", "a.b.c", "….….…", "x" * 100_000, {"a": 1}, ["x"]])
def test_what_is_no_id_token_is_refused(google, identities, token):
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code_for(token))


@pytest.mark.parametrize(
    "header", [{}, {"kid": None}, {"kid": 1}, {"kid": "unknown"}, {"kid": "key-1", "crit": ["x"], "x": 1}, []]
)
def test_a_strange_header_is_refused(google, identities, header):
    header = {"alg": "RS256", **header} if isinstance(header, dict) else header
    token = token_by_hand(header, google.claims("1001", "anna@gmail.com"), rsa_signature)
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code_for(token))


@pytest.mark.parametrize("claims", [[], "text", None, 5])
def test_claims_that_are_no_object_are_refused(google, identities, claims):
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(google.code_for(token_by_hand({"alg": "RS256", "kid": "key-1"}, claims, rsa_signature)))


def test_the_nonce_of_the_client_must_be_in_the_token(google, identities):
    assert identities.by_code(google.code("1", "a@gmail.com", nonce="n-1"), nonce="n-1").subject == "1"
    for code in (google.code("1", "a@gmail.com", nonce="n-2"), google.code("1", "a@gmail.com")):
        with pytest.raises(GoogleTokenRejected):
            identities.by_code(code, nonce="n-1")


@pytest.mark.parametrize("verified", [False, None, "false", 0, [], "yes"])
def test_an_address_that_google_did_not_verify_is_told_as_such(google, identities, verified):
    assert identities.by_code(google.code("1", "a@gmail.com", email_verified=verified)).email_verified is False


@pytest.mark.parametrize("code", ["", "with blank", "line\nend", "ä", "x" * 3000, "\x00"])
def test_what_is_no_code_is_not_even_sent(google, identities, code):
    with pytest.raises(GoogleTokenRejected):
        identities.by_code(code)
    assert google.seen == []


def test_a_wrong_secret_is_ours_to_mend(google, http):
    wrong = GoogleIdentities(client(google, client_secret="wrong"), http)
    with pytest.raises(GoogleNotConfigured):
        wrong.by_code(google.code("1001", "anna@gmail.com"))


def test_without_an_id_or_a_secret_nothing_is_asked(google, http):
    for missing in ({"client_ids": ()}, {"client_secret": ""}):
        with pytest.raises(GoogleNotConfigured):
            GoogleIdentities(client(google, **missing), http).by_code("4/0Ax")
    with pytest.raises(GoogleNotConfigured):
        GoogleIdentities(client(google, client_ids=()), http).by_access_token("ya29.x")
    assert google.seen == []


# --- keys


def test_keys_are_fetched_once(google, identities):
    for number in range(3):
        identities.by_code(google.code(str(number), "anna@gmail.com"))
    assert google.asked("certs") == 1


def test_made_up_key_ids_do_not_make_us_fetch_keys_again_and_again(google, identities):
    identities.by_code(google.code("1", "anna@gmail.com"))
    for number in range(5):
        with pytest.raises(GoogleTokenRejected):
            identities.by_code(google.code("1", "anna@gmail.com", header={"kid": f"made-up-{number}"}))
    assert google.asked("certs") == 1


# --- access tokens


def test_an_access_token_tells_whose_it_is(google, identities):
    person = identities.by_access_token(google.access_token("1001", "anna@gmail.com", name="Anna"))
    assert (person.subject, person.email, person.email_verified, person.name) == (
        "1001",
        "anna@gmail.com",
        True,
        "Anna",
    )
    assert [seen.kind for seen in google.seen] == ["tokeninfo", "userinfo"]


def test_an_access_token_of_another_site_is_refused(google, identities):
    token = google.access_token("1001", "anna@gmail.com", aud="another-site.apps.googleusercontent.com")
    with pytest.raises(GoogleTokenRejected):
        identities.by_access_token(token)
    assert google.asked("userinfo") == 0


def test_an_unknown_access_token_is_refused(identities):
    with pytest.raises(GoogleTokenRejected):
        identities.by_access_token("ya29.unknown")


@pytest.mark.parametrize("expires", [LONG_AGO, None, "", "soon", "1e99", True, "-5"])
def test_an_access_token_that_has_expired_is_refused(google, identities, expires):
    token = google.access_token("1001", "anna@gmail.com")
    google.access_tokens[token][0]["exp"] = expires
    with pytest.raises(GoogleTokenRejected):
        identities.by_access_token(token)


def test_two_answers_about_two_people_are_refused(google, identities):
    token = google.access_token("1001", "anna@gmail.com")
    google.access_tokens[token][1]["sub"] = "6666"
    with pytest.raises(GoogleTokenRejected):
        identities.by_access_token(token)


def test_secrets_are_never_in_an_address_or_in_the_log(google, identities, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = [google.access_token("1001", "anna@gmail.com"), google.code("1001", "anna@gmail.com"), CLIENT_SECRET]
    identities.by_access_token(secrets[0])
    identities.by_code(secrets[1])
    google.fail("tokeninfo", Fault(500))
    google.fail("token", CUT)
    for ask in (lambda: identities.by_access_token(secrets[0]), lambda: identities.by_code(secrets[1])):
        with pytest.raises(GoogleUnavailable) as told:
            ask()
        assert not any(secret in str(told.value) for secret in secrets)
    assert len(google.seen) >= 5
    assert not any(secret in seen.path for seen in google.seen for secret in secrets)
    assert not any(secret in caplog.text for secret in secrets)


# --- Google is away or slow

TROUBLE = {
    "500": Fault(500),
    "503 with a page": Fault(503, b"<html>Error</html>"),
    "429": Fault(429, b'{"error": "rate_limit_exceeded"}'),
    "not JSON": Fault(200, b"<html>login</html>"),
    "a list": Fault(200, b"[1, 2]"),
    "nothing": Fault(200),
    "deep": Fault(200, b"[" * 100_000),
    "too much": Fault(200, b"x" * 1_000_000),
    "cut off": CUT,
    "silent": SILENCE,
    "a redirect": Fault(302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "compressed": Fault(200, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("kind", ["token", "certs", "tokeninfo", "userinfo"])
def test_trouble_at_google_is_told_as_such(google, identities, kind, fault):
    google.fail(kind, fault)
    by_code = kind in {"token", "certs"}
    shown = google.code("1", "a@gmail.com") if by_code else google.access_token("1", "a@gmail.com")
    ask = identities.by_code if by_code else identities.by_access_token
    with pytest.raises(GoogleUnavailable) as told:
        ask(shown)
    assert told.value.retry_after_seconds >= 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": 400, "message": "Invalid JSON", "status": "INVALID_ARGUMENT"}}',
        b'{"error": ["invalid_client"]}',
        b'{"id_token": "a.b.c", "expires_in": 1e999}',
    ],
)
def test_an_answer_to_a_code_that_is_no_form_of_oauths_is_told_as_trouble(google, identities, body):
    google.fail("token", Fault(400, body))
    with pytest.raises(GoogleUnavailable):
        identities.by_code(google.code("1", "a@gmail.com"))


def test_google_says_how_long_to_wait(google, identities):
    google.fail("tokeninfo", Fault(503, headers={"Retry-After": "17"}))
    with pytest.raises(GoogleUnavailable) as told:
        identities.by_access_token(google.access_token("1", "a@gmail.com"))
    assert told.value.retry_after_seconds == 17


def test_an_answer_that_trickles_in_is_given_up(google):
    http = GoogleHttp(Limits(connect_seconds=5, silence_seconds=5, total_seconds=0.3))
    google.fail("tokeninfo", Fault(pause_seconds=0.1))
    token = google.access_token("1", "a@gmail.com")
    with pytest.raises(GoogleUnavailable, match="too slowly"):
        GoogleIdentities(client(google), http).by_access_token(token)
    http.close()


def test_nobody_at_the_address_is_told_as_such(google, http):
    away = GoogleIdentities(client(google, tokeninfo_url="http://127.0.0.1:9/tokeninfo"), http)
    with pytest.raises(GoogleUnavailable):
        away.by_access_token("ya29.x")


def test_keys_that_cannot_be_renewed_stay_in_use(google, http):
    now = [1000.0]
    keys = GoogleKeys(http, f"{google.url}/certs", clock=lambda: now[0])
    first = keys.find("key-1")
    now[0] += 3600
    google.fail("certs", Fault(500))
    assert keys.find("key-1") is first
    now[0] += 100_000
    google.fail("certs", Fault(500))
    with pytest.raises(GoogleUnavailable):
        keys.find("key-1")
    assert keys.find("key-1").kid == "key-1"
    google.published = [signing_key("key-2")]
    now[0] += 100
    assert keys.find("key-2").kid == "key-2"
    with pytest.raises(GoogleTokenRejected):
        keys.find("key-1")


def test_the_keys_say_how_long_they_are_good(google, http):
    now = [1000.0]
    body = json.dumps({"keys": [signing_key().as_dict(private=False)]}).encode()
    google.fail("certs", Fault(200, body, {"Cache-Control": "public, max-age=5000, must-revalidate"}))
    keys = GoogleKeys(http, f"{google.url}/certs", clock=lambda: now[0])
    for later in (0, 4990):
        now[0] = 1000 + later
        keys.find("key-1")
    assert google.asked("certs") == 1
    now[0] = 6100
    keys.find("key-1")
    assert google.asked("certs") == 2


# --- what a client sends


@pytest.mark.parametrize(("code", "token"), [(None, None), ("", ""), ("4/x", "ya29.x")])
def test_exactly_one_of_code_and_token_is_needed(code, token):
    with pytest.raises(InvalidInput) as told:
        credential(code, token, nonce=None, redirect_uri=None)
    assert told.value.errors.keys() == {"server_auth_code", "google_access_token"}


@pytest.mark.parametrize(("nonce", "verifier"), [("n-1", None), (None, "v" * 43)])
def test_a_nonce_or_a_verifier_that_nobody_could_check_is_refused(nonce, verifier):
    with pytest.raises(InvalidInput):
        credential(None, "ya29.x", nonce=nonce, redirect_uri=None, verifier=verifier)


@pytest.mark.parametrize(
    ("changed", "told"), [({}, "https://accounts.google.com/o/oauth2/v2/auth"), ({"client_secret": ""}, None)]
)
def test_a_browser_is_sent_to_google_only_if_the_code_could_be_exchanged(google, http, changed, told):
    assert GoogleIdentities(client(google, **changed), http).authorize_url == told
