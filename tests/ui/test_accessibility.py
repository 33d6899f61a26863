"""Every tab held against axe-core's rules, wide and light, narrow and dark: no finding that is serious or critical."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, expect

from skinapp.i18n.messages import section
from skinapp.labels import Priority
from tests.support.browser import BROKEN, DESK, PHONE, RETAKE, URGENT, Visit, photographed, shown

GRAVE = ("serious", "critical")
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def findings(place: Page | Frame) -> list[str]:
    """What axe-core finds serious or critical: the rule, what it asks for, and where."""
    found: list[dict[str, Any]] = Axe().run(place, options=RULES).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("phone", PHONE, "dark")])
def test_no_tab_has_a_serious_finding_nor_is_wider_than_the_screen(
    browser: Browser, server: str, name: str, size: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-US")  # type: ignore[arg-type]
    page = Visit(context, server).page
    for tab, label in section("tabs", "en").items():
        page.get_by_role("tab", name=label, exact=True).click()
        page.wait_for_timeout(1500)
        photographed(page, f"{name}-{scheme}-tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], tab
        assert [finding for frame in page.frames for finding in findings(frame)] == [], tab
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_answer_has_a_serious_finding(browser: Browser, server: str, scheme: str) -> None:
    context = browser.new_context(viewport=DESK, color_scheme=scheme, locale="en-US")  # type: ignore[arg-type]
    visit = Visit(context, server)
    for content, priority in ((URGENT, Priority.URGENT), (RETAKE, Priority.UNCLEAR)):
        visit.give(content)
        shown(visit, priority)
        assert findings(visit.page) == [], priority
    visit.give(BROKEN)
    expect(visit.page.locator(".failed")).to_be_visible()
    assert findings(visit.page) == []
    context.close()
