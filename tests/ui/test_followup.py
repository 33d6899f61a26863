"""The Follow-up tab in a real browser: two photos in, laid on each other, measured and answered; nothing is judged or kept."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import ModelInfo
from skinapp.followup import compare
from skinapp.i18n.messages import LANGUAGES, Language, text
from skinapp.labels import Priority
from skinapp.web.views import followup as followup_view
from tests.support import drawings
from tests.support.browser import BROKEN, DESK, LOW, PHONE, RETAKE, Visit, photographed

SKIN = drawings.skin()
EARLIER = drawings.shot(drawings.spotted(SKIN), seed=1)
LATER = drawings.shot(drawings.spotted(SKIN, 1.2), 25, 0.85, (0.85, 0.9, 1.0), (12, -9), 2)
PATIENCE_MS = 120_000


def entered(visit: Visit) -> Page:
    page = visit.page
    page.get_by_role("tab", name=re.compile("^(Follow-up|随访)$")).click()
    expect(page.locator(".compared-none")).to_be_visible()
    expect(page.locator("#later input[type=file]")).to_be_attached()
    return page


def give(page: Page, which: str, content: bytes) -> None:
    page.set_input_files(f"#{which} input[type=file]", {"name": "spot.png", "mimeType": "image/png", "buffer": content})


def both(page: Page, earlier: bytes = b"", later: bytes = b"") -> None:
    give(page, "earlier", earlier or drawings.encoded(EARLIER))
    expect(page.locator(".compared-none[role=status]")).to_be_visible()
    give(page, "later", later or drawings.encoded(LATER))


def test_two_photos_are_laid_on_each_other_measured_and_answered(visit: Visit) -> None:
    page = entered(visit)
    both(page)
    expect(page.locator(".compared")).to_be_visible(timeout=PATIENCE_MS)
    found = compare.compare(EARLIER, LATER)
    for change in found.changes:
        row = page.locator(f".measured tr[data-figure={change.figure}]")
        expect(row).to_contain_text(f"{change.low:.2f} to" if change.figure in compare.RATIOS else "points")
    expect(page.locator("tr[data-figure=area] b")).to_have_text(re.compile(r"× 1\.(1[5-9]|2[0-5])"))
    expect(page.locator(".compared > .sentence")).to_have_text(text("follow.sentence", "en"))
    expect(page.locator(".each .answer")).to_have_count(2)
    expect(page.locator(".each .disclaimer")).to_have_count(2)
    assert page.locator(".stack img").evaluate_all("all => all.map(one => one.naturalWidth)") == [640, 640]
    expect(page.locator("figcaption")).to_contain_text("turned by 25°")


def test_slider_blink_and_outlines_need_no_request(visit: Visit) -> None:
    page = entered(visit)
    both(page)
    expect(page.locator(".compared")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)
    before = len(visit.requests)
    shown = "document.querySelector('.stack .later').getBoundingClientRect().width && getComputedStyle(document.querySelector('.stack .later')).clipPath"
    page.locator(".wipe").fill("100")
    assert page.evaluate(shown) == "inset(0px 0% 0px 0px)"
    page.locator(".wipe").fill("0")
    assert page.evaluate(shown) == "inset(0px 100% 0px 0px)"
    page.locator("[data-blink]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-blink]")).to_have_attribute("aria-pressed", "true")
    for side in ("0%", "100%", "0%"):
        page.wait_for_function(f"document.querySelector('.stack').style.getPropertyValue('--wiped') === '{side}'")
    page.keyboard.press("Enter")
    expect(page.locator("[data-blink]")).to_have_attribute("aria-pressed", "false")
    page.locator(".outlined").uncheck()
    expect(page.locator(".stack svg").first).to_be_hidden()
    assert visit.requests[before:] == []


@pytest.mark.parametrize("visit", [{"locale": "zh-CN", "viewport": PHONE, "color_scheme": "dark"}], indirect=True)
def test_photos_that_cant_be_read_aligned_or_judged_say_so(visit: Visit) -> None:
    page = entered(visit)
    both(page, LOW, BROKEN)
    expect(page.locator("#followed .failed")).to_contain_text(text("follow.later", "zh"))
    give_again(page, "later", RETAKE)
    expect(page.locator(".compared > .notice")).to_have_text(text("follow.unclear", "zh"))
    expect(page.locator(".each .answer.unclear")).to_have_count(1)
    give_again(page, "later", drawings.encoded(LATER))
    expect(page.locator(".pictures.apart figcaption")).to_have_text(text("follow.not_aligned", "zh"), timeout=PATIENCE_MS)
    expect(page.locator("tr[data-figure=area]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    photographed(page, "follow-phone-dark-apart")
    followed = re.sub(r"\S+@\S+|fp32|CPU|API|skinapp", "", page.locator("#followed").inner_text())
    assert re.findall(r"[A-Za-z]{3,}", followed) == []


def give_again(page: Page, which: str, content: bytes) -> None:
    page.locator(f"#{which}").get_by_label(re.compile("Remove Image|移除|清除|删除")).click()
    expect(page.locator(".compared-none[role=status]")).to_be_visible()
    give(page, which, content)


@pytest.mark.parametrize(
    ("name", "size", "scheme", "locale"),
    [("desk", DESK, "light", "en-US"), ("desk", DESK, "dark", "zh-CN"), ("phone", PHONE, "light", "en-US")],
)
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    browser: Browser, server: str, name: str, size: Any, scheme: Any, locale: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, locale=locale)
    page = entered(Visit(context, server))
    photographed(page, f"follow-{name}-{scheme}-empty")
    both(page)
    expect(page.locator(".compared")).to_be_visible(timeout=PATIENCE_MS)
    photographed(page, f"follow-{name}-{scheme}-compared")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    context.close()


# The renderer alone


def compared(change: compare.Change, language: Language = "en") -> str:
    blank = Assessment.blank(Priority.LOW, ModelInfo("tiny", "r", "f", "fp32", "CPU"))
    edge = np.array([1 + 1j, 5 + 1j, 3 + 4j])
    comparison = compare.Comparison(EARLIER, EARLIER, None, (change,), (edge, edge))
    return followup_view.compared((blank, blank), comparison, language)


@pytest.mark.parametrize(
    ("change", "said", "place"),
    [
        (compare.Change("area", 1, 2, 2, 1, 2), "× 2.00</b><small>1.00 to 2.00", "left: 50.0%; width: 50.0%"),
        (compare.Change("contrast", 40, 20, 0.5, 0.5, 1), "× 0.50</b><small>0.50 to 1.00", "left: 0.0%; width: 50.0%"),
        (
            compare.Change("asymmetry", 0.1, 0.2, 0.1, -0.2, 0.2),
            "+10.0 points</b><small>−20.0 to +20.0",
            "left: 25.0%; width: 50.0%",
        ),
        (compare.Change("area", 1, 9, 9, 8, 10), "× 9.00</b><small>8.00 to 10.00", "left: 100.0%; width: 1.0%"),
    ],
)
def test_a_change_is_told_with_its_interval_and_drawn_around_no_difference(change: compare.Change, said: str, place: str) -> None:
    drawn = compared(change)
    assert said in drawn and place in drawn


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_change_is_judged_and_the_doctor_is_named(language: Language) -> None:
    drawn = unescape(compared(compare.Change("area", 1, 4, 4, 3.5, 4.5), language))
    assert text("follow.sentence", language) in drawn
    rows = drawn.partition('<div class="card measured">')[2].partition("</table>")[0]
    assert not re.search(r"class=\"(urgent|high|medium|low)", rows), "a difference has no colour of a priority"
