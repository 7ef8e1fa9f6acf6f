"""axe-core finds nothing to complain of: every tab, in either theme, empty, in use, and on a phone."""

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.web.tabs import TABS
from tests.browser.conftest import ready
from tests.browser.screenshots import ACTS, VIEWS, fill

pytestmark = pytest.mark.browser

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci --prefix tests/browser")

#: WCAG 2.2 A and AA, and what axe takes for good practice.
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def filled(server):
    """People with photos, most of them trained; once for all tests of this module."""
    with contextlib.closing(server.client()) as client:
        fill(client)


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(RUN)


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.key)
def test_a_tab_in_use_has_no_violation(open_page, filled, tab, theme):
    page = open_page(tab.path, theme=theme, reduced_motion="reduce")
    act = ACTS.get(tab.key)
    if act:
        act(page)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


@needs_axe
@pytest.mark.parametrize(("size", "theme"), [("desktop", "dark"), ("phone", "light")])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_in_use_has_no_violation_and_no_sideways_scrolling(open_page, filled, view, size, theme):
    path, act = VIEWS[view]
    page = open_page(path, size=size, theme=theme, lang="id", reduced_motion="reduce")
    act(page)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@needs_axe
@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.key)
def test_a_tab_on_a_phone_has_no_violation_and_no_sideways_scrolling(open_page, tab):
    page = open_page(tab.path, size="phone", lang="id", reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    ready(page)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_tab_that_asks_to_sign_in_has_no_violation(open_page, token_server, theme):
    page = open_page("/users", on=token_server, theme=theme, reduced_motion="reduce")
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
