"""The addresses of the tabs, their headers, and what a first visit costs."""

import json
import re
from html.parser import HTMLParser

import brotli
import pytest

from app.version import VERSION
from app.web.assets import Assets
from app.web.pages import STATIC
from app.web.tabs import TABS
from tests.api.test_problem import assert_problem

#: The promise for the first visit, over the wire.
FIRST_LOAD_BYTES = 300_000
PATHS = ["/", *(tab.path for tab in TABS)]


class Markup(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("path", PATHS)
def test_every_tab_has_its_address(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    page = Markup(answer.text)
    panels = [section for section in page.all("section") if "data-panel" in section]
    assert [panel["data-panel"] for panel in panels] == [tab.key for tab in TABS]
    [shown] = [panel["data-panel"] for panel in panels if "hidden" not in panel]
    [current] = [link for link in page.all("a") if link.get("aria-current") == "page"]
    assert current["data-tab-link"] == shown
    assert path in {"/", current["href"]}


def test_an_address_with_a_slash_too_many_is_the_same_tab(client):
    assert client.get("/status/").status_code == 200


@pytest.mark.parametrize("path", ["/userz", "/users/1", "/assets/0123/js/main.js", "/static/../run.py"])
def test_other_addresses_are_told_as_everywhere(client, path):
    assert_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_who_looks_for_the_api_is_shown_its_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 307
    assert answer.headers["Location"] == "/api/docs"


@pytest.mark.parametrize("path", PATHS)
def test_nothing_in_a_page_is_inline(client, path):
    page = Markup(client.get(path).text)
    assert not page.all("style")
    assert all(script.get("src") for script in page.all("script"))
    for _, attributes in page.elements:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_a_page_loads_nothing_from_elsewhere_and_may_use_camera_and_microphone(client):
    headers = client.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "camera=(self), microphone=(self)" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-cache"


def test_swagger_ui_and_data_keep_their_own_policies(client):
    assert "'unsafe-inline'" in client.get("/api/docs").headers["Content-Security-Policy"]
    assert "script-src" not in client.get("/api/users").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("accept", "cookie", "query", "language"),
    [
        (None, None, "", "en"),
        ("id-ID,id;q=0.9,en;q=0.8", None, "", "id"),
        ("fr,id;q=0.5", None, "", "id"),
        ("fr", None, "", "en"),
        ("en", "id", "", "id"),
        ("en", "xx", "", "en"),
        ("id", "id", "?lang=en", "en"),
        ("en", None, "?lang=../../etc/passwd", "en"),
    ],
)
def test_the_language_is_chosen_by_query_then_cookie_then_browser(client, accept, cookie, query, language):
    if cookie:
        client.set_cookie("lang", cookie)
    answer = client.get(f"/status{query}", headers={"Accept-Language": accept} if accept else {})
    assert f'<html lang="{language}"' in answer.text
    assert answer.headers["Content-Language"] == language
    assert {"accept-language", "cookie"} <= {name.strip().lower() for name in answer.headers["Vary"].split(",")}


def test_a_choice_of_language_is_remembered(client):
    answer = client.get("/status?lang=id")
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert '<html lang="id"' in client.get("/users", headers={"Accept-Language": "en"}).text
    assert "Set-Cookie" not in client.get("/users?lang=tlh").headers


def test_the_switch_of_language_stays_on_this_server(client):
    for hostile in ("//evil.example", "https://evil.example"):
        answer = client.get(f"/status?lang=id&next={hostile}")
        assert answer.status_code == 200
        assert "evil.example" not in answer.text


def config_of(text: str) -> dict:
    [html] = Markup(text).all("html")
    return json.loads(html["data-config"])


def test_strangers_of_token_mode_see_the_pages_but_no_version(make_app):
    client = make_app(access_mode="token").test_client()
    answer = client.get("/users")
    assert answer.status_code == 200
    assert VERSION not in answer.text
    assert config_of(answer.text)["access"] == "token"


def test_scripts_learn_the_limits_of_this_server(make_app):
    client = make_app(max_upload_mb=7, max_audio_mb=3, face_login=False).test_client()
    config = config_of(client.get("/").text)
    assert (config["maxUploadBytes"], config["maxAudioBytes"]) == (7_000_000, 3_000_000)
    assert config["faceLogin"] is False


def addresses(text: str) -> set[str]:
    """Whatever a browser loads for a page before anything is clicked, but for the tab's own script."""
    page = Markup(text)
    found = {link["href"] for link in page.all("link")} | {script["src"] for script in page.all("script")}
    found |= {image["src"] for image in page.all("img")}
    found |= {use["href"].partition("#")[0] for use in page.all("use")}
    if config_of(text)["messages"]:
        found.add(config_of(text)["messages"])
    return {address for address in found if address}


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize(("encoding", "accept"), [("br", "gzip, deflate, br, zstd"), ("gzip", "gzip, deflate")])
def test_a_first_visit_with_every_script_takes_less_than_300_kb(client, language, encoding, accept):
    page = client.get("/", headers={"Accept-Language": language, "Accept-Encoding": accept})
    assert page.headers["Content-Encoding"] == encoding
    plain = client.get("/", headers={"Accept-Language": language}).text
    scripts = {f"/assets/{version_of(plain)}/js/tabs/{tab.key}.js" for tab in TABS}
    answers = [client.get(url, headers={"Accept-Encoding": accept}) for url in addresses(plain) | scripts]
    assert {answer.status_code for answer in answers} == {200}
    assert len(page.data) + sum(len(answer.data) for answer in answers) < FIRST_LOAD_BYTES


def version_of(text: str) -> str:
    found = re.search(r'href="/assets/([0-9a-f]+)/', text)
    assert found
    return found[1]


def test_compressed_and_plain_say_the_same_in_both_languages(client):
    for language in ("en", "id", "en"):
        headers = {"Accept-Language": language}
        plain = client.get("/status", headers=headers).data
        packed = client.get("/status", headers={**headers, "Accept-Encoding": "br"})
        assert brotli.decompress(packed.data) == plain


def test_files_may_be_kept_for_good_because_their_address_changes_with_them(client, tmp_path):
    url = next(url for url in addresses(client.get("/").text) if url.endswith("main.js"))
    answer = client.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"

    def set_of(text: str) -> str:
        (tmp_path / "js").mkdir(exist_ok=True)
        (tmp_path / "css").mkdir(exist_ok=True)
        (tmp_path / "css" / "kenali.css").write_text("")
        (tmp_path / "js" / "main.js").write_text(text)
        return Assets(tmp_path).current().version

    assert set_of("1") == set_of("1") != set_of("2")


def test_files_of_another_version_are_not_there(client):
    version = version_of(client.get("/").text)
    other = "0" * len(version)
    assert client.get(f"/assets/{version}/js/main.js").status_code == 200
    assert_problem(client.get(f"/assets/{other}/js/main.js"), 404, "not_found")


@pytest.mark.parametrize("name", ["../app/config.py", "..%2f..%2frun.py", "js/../../run.py", "/etc/passwd", "js"])
def test_nothing_but_the_assets_can_be_read(client, name):
    version = version_of(client.get("/").text)
    assert client.get(f"/assets/{version}/{name}").status_code == 404


def test_the_api_is_never_compressed(client):
    client.post("/api/users", json={"name": "x" * 200, "email": "x@example.org"})
    for path in ("/api/users", "/api/swagger.json", "/api/health", "/nowhere"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert "Content-Encoding" not in answer.headers


def test_every_module_that_a_script_imports_is_there():
    files = Assets(STATIC).current().files
    for name, asset in files.items():
        if name.endswith(".js"):
            folder = name.rpartition("/")[0]
            for target in re.findall(r"""(?:from|import)\s+["'](\.[^"']+)["']""", asset.data.decode()):
                parts = folder.split("/")
                for step in target.split("/"):
                    if step == "..":
                        parts.pop()
                    elif step != ".":
                        parts.append(step)
                assert "/".join(parts) in files, f"{name} imports {target}"


def test_every_tab_has_its_script():
    files = Assets(STATIC).current().files
    assert {f"js/tabs/{tab.key}.js" for tab in TABS} <= files.keys()
