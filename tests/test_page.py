"""The page in a real browser, as visitors meet it. Screenshots lie in test-output/ afterwards."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from skinapp import explain, wording
from skinapp.assessor import Assessor
from skinapp.labels import CODES, Priority
from skinapp.ui import answer
from tests import drawings

SHOTS = Path(__file__).parent.parent / "test-output"
PATIENCE_MS = 30_000
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

LOW = drawings.encoded(drawings.lesion(640, 480))
RETAKE = drawings.encoded(drawings.plain(10, 640, 480))
URGENT = drawings.encoded((drawings.lesion(640, 480) * 0.45).astype(np.uint8))
BROKEN = b"<img src=x>, which is not a JPEG"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "chromium is missing: install Debian's chromium to run the browser tests"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page that is being visited, with every request it made and every error it logged."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page, self.requests, self.errors = context.new_page(), list[str](), list[str]()
        self.page.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        expect(self.page.locator(".waiting")).to_be_visible(timeout=PATIENCE_MS)
        expect(self.page.locator("#photo input[type=file]")).to_be_attached()

    def give(self, content: bytes, name: str = "spot.png", kind: str = "image/png") -> Page:
        self.page.set_input_files("#photo input[type=file]", {"name": name, "mimeType": kind, "buffer": content})
        return self.page


@pytest.fixture
def visit(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visit at the desk in English, or as the test's parameters say; no visit may err or leave this machine."""
    options = {"viewport": DESK, "locale": "en-US", **getattr(request, "param", {})}
    context = browser.new_context(**options)
    visited = Visit(context, server)
    yield visited
    context.close()
    assert [url for url in visited.requests if not re.match(r"(http|ws)://127\.0\.0\.1[:/]|data:|blob:", url)] == []
    assert len(visited.requests) > 5, "requests were collected"
    assert visited.errors == []


def shown(visit: Visit, priority: Priority) -> None:
    expect(visit.page.locator(f".answer.{priority}")).to_be_visible(timeout=PATIENCE_MS)


# The answer


def test_an_uploaded_photo_gets_priority_seven_bars_overlay_and_disclaimer(visit: Visit, assessor: Assessor) -> None:
    page, expected = visit.give(URGENT), assessor.read_and_assess(URGENT)[1]
    shown(visit, Priority.URGENT)
    expect(page.locator(".verdict h2")).to_have_text("Urgent")
    expect(page.locator(".verdict .advice")).to_have_text(wording.ADVICE[Priority.URGENT].en)
    ranked = sorted(zip(expected.chances, CODES, strict=True), reverse=True)
    bars = page.locator(".chances li")
    assert [bars.nth(i).get_attribute("data-code") for i in range(7)] == [code for _, code in ranked]
    assert bars.locator(".percent").all_inner_texts()[0] == f"{ranked[0][0]:.0%}"
    expect(page.locator(".chances [role=meter]").first).to_have_attribute("aria-valuenow", f"{ranked[0][0] * 100:.0f}")
    assert page.locator(".evidence img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    expect(page.locator(".evidence .layer:visible")).to_have_attribute("data-code", "mel")
    expect(page.locator(".answer .ran")).to_contain_text(f"{expected.model.id}@{expected.model.revision}, fp32, on CPU, in")
    expect(page.get_by_text(wording.DISCLAIMER.en).locator("visible=true")).to_have_count(1)


def test_the_priority_is_the_first_and_largest_thing_of_the_answer(visit: Visit) -> None:
    page = visit.give(URGENT)
    shown(visit, Priority.URGENT)
    sizes = page.locator(".answer *").evaluate_all("all => all.map(one => parseFloat(getComputedStyle(one).fontSize))")
    assert page.locator(".verdict .icon").evaluate("one => parseFloat(getComputedStyle(one).fontSize)") == max(sizes)
    top = page.locator(".verdict").bounding_box()
    assert top and all(top["y"] < page.locator(place).bounding_box()["y"] for place in (".chances", ".evidence"))  # type: ignore[index]


def test_another_lesions_map_and_the_fade_need_no_request(visit: Visit) -> None:
    page = visit.give(URGENT)
    shown(visit, Priority.URGENT)
    page.wait_for_load_state("networkidle")
    before = len(visit.requests)
    page.select_option(".evidence select", "nv")
    expect(page.locator(".evidence .layer:visible")).to_have_attribute("data-code", "nv")
    page.locator(".evidence input[type=range]").fill("0")
    assert page.locator(".evidence .layer:visible").evaluate("one => getComputedStyle(one).opacity") == "0"
    assert visit.requests[before:] == []


def test_a_photo_that_cant_be_judged_lists_the_reasons_over_greyed_bars(visit: Visit) -> None:
    page = visit.give(RETAKE)
    shown(visit, Priority.UNCLEAR)
    expect(page.locator(".verdict h2")).to_have_text("Retake")
    reasons = page.locator(".verdict .reasons li").all_inner_texts()
    assert reasons == [wording.ISSUES[issue].en for issue in ("dark", "flat", "blurred", "no_lesion")]  # type: ignore[index]
    expect(page.locator(".chances.greyed li")).to_have_count(7)
    expect(page.locator(".evidence")).to_have_count(0)
    expect(page.locator(".answer .disclaimer")).to_be_visible()


def test_a_photo_that_replaces_another_is_assessed_once(visit: Visit) -> None:
    page = visit.give(LOW)
    shown(visit, Priority.LOW)
    visit.give(URGENT)
    shown(visit, Priority.URGENT)
    page.wait_for_load_state("networkidle")
    assert sum("/queue/join" in url for url in visit.requests) == 2


# Ways in


def test_a_pasted_photo_is_answered(visit: Visit) -> None:
    page = visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async bytes => navigator.clipboard.write(
            [new ClipboardItem({"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])""",
        list(LOW),
    )
    page.get_by_label("Paste from clipboard").click()
    shown(visit, Priority.LOW)


@pytest.mark.parametrize("visit", [{"permissions": ["camera"]}], indirect=True)
def test_a_webcam_snapshot_is_answered(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Capture from camera").click()
    page.locator("#photo").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("[...document.querySelectorAll('#photo video')].some(one => one.videoWidth > 0)")
    page.get_by_label("capture photo").click()
    expect(page.locator(".answer")).to_be_visible(timeout=PATIENCE_MS)


def test_the_keyboard_alone_opens_the_file_chooser(visit: Visit) -> None:
    page = visit.page
    with page.expect_file_chooser() as chosen:
        for _ in range(6):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('#photo .upload-container')"):
                page.keyboard.press("Enter")
                break
    chosen.value.set_files({"name": "spot.png", "mimeType": "image/png", "buffer": LOW})
    shown(visit, Priority.LOW)


def test_removing_the_photo_brings_the_beginning_back(visit: Visit) -> None:
    page = visit.give(LOW)
    shown(visit, Priority.LOW)
    page.get_by_label("Remove Image").click()
    expect(page.locator(".waiting")).to_be_visible()
    expect(page.locator(".answer, .evidence")).to_have_count(0)


# What goes wrong


def test_a_broken_file_gets_our_sentence_and_a_good_photo_works_afterwards(visit: Visit) -> None:
    page = visit.give(LOW)
    shown(visit, Priority.LOW)
    visit.give(BROKEN, "broken.jpg", "image/jpeg")
    failed = page.locator(".failed[role=alert]")
    expect(failed).to_contain_text("The file is not a picture that can be read here (it starts with b'<img src')")
    expect(page.locator(".answer, .evidence")).to_have_count(0)
    visit.give(URGENT)
    shown(visit, Priority.URGENT)
    expect(failed).to_have_count(0)


def test_a_fault_of_ours_is_owned_up_to_without_details(browser: Browser, stumbling_server: str) -> None:
    context = browser.new_context(locale="en-US")
    page = Visit(context, stumbling_server).give(LOW)
    expect(page.locator(".failed")).to_contain_text(wording.UNEXPECTED.en, timeout=PATIENCE_MS)
    assert "secret" not in page.locator("body").inner_text()
    context.close()


# Languages and looks


@pytest.mark.parametrize("visit", [{"locale": "zh-CN"}, {"locale": "zh-TW"}], indirect=True)
def test_a_chinese_browser_gets_chinese_throughout(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("h1")).to_have_text(wording.PAGE["question"].zh)
    expect(page.locator("#photo h2")).to_have_text(wording.PAGE["drop"].zh.splitlines()[0].removeprefix("# "))
    visit.give(RETAKE)
    expect(page.locator(".verdict h2")).to_have_text(wording.PRIORITIES[Priority.UNCLEAR].zh)
    visit.give(URGENT)
    shown(visit, Priority.URGENT)
    text = re.sub(r"\S+@\S+|fp32|CPU|API|skinapp", "", page.locator("body").inner_text())
    assert re.findall(r"[A-Za-z]{3,}", text) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("phone", PHONE)])
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    browser: Browser, server: str, name: str, size: dict[str, int], scheme: str
) -> None:
    SHOTS.mkdir(exist_ok=True)
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-US")  # type: ignore[arg-type]
    visit = Visit(context, server)
    page = visit.page
    for state, content in (("empty", None), ("result", URGENT), ("low", LOW), ("retake", RETAKE), ("failed", BROKEN)):
        if content is not None:
            visit.give(content, "spot.jpg", "image/jpeg")
        awaited = {"empty": ".waiting", "result": ".answer.urgent", "retake": ".answer.unclear", "failed": ".failed"}
        expect(page.locator(awaited.get(state, f".answer.{state}"))).to_be_visible(timeout=PATIENCE_MS)
        page.wait_for_timeout(400)  # for the fonts and the photo itself
        page.screenshot(path=SHOTS / f"{name}-{scheme}-{state}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.locator("body").evaluate("one => one.classList.contains('dark')") is (scheme == "dark")
    context.close()


@pytest.mark.parametrize("visit", [{"viewport": PHONE}], indirect=True)
def test_on_a_phone_the_priority_is_on_the_first_screen(visit: Visit) -> None:
    page = visit.give(URGENT)
    shown(visit, Priority.URGENT)
    box = page.locator(".verdict .headline").bounding_box()
    assert box and box["y"] + box["height"] < PHONE["height"]


# The renderer alone


def test_the_layer_on_the_photo_looks_like_the_overlay(assessor: Assessor) -> None:
    photo = (drawings.lesion(explain.LAYER_SIDE, explain.LAYER_SIDE) * 0.45).astype(np.uint8)
    assessment = assessor.assess([photo])[0]
    layer = assessment.layer("mel").astype(float)
    weight = layer[:, :, 3:] / 255
    laid = photo * (1 - weight) + layer[:, :, :3] * weight
    assert np.abs(laid - assessment.overlay(photo, "mel")).max() < 3


def test_what_isnt_ours_is_escaped(assessor: Assessor) -> None:
    assert "<b>" not in answer.failed("<b>bold</b>", "en")
    footer = answer.footer(assessor.model, ("<i>{0}</i>",), "en")
    assert "&lt;i&gt;&#123;0&#125;&lt;/i&gt;" in footer


@pytest.mark.parametrize(
    ("chance", "text"), [(0.0, "&lt;1%"), (0.0099, "&lt;1%"), (0.01, "1%"), (0.345, "34%"), (0.99, "99%"), (1.0, "&gt;99%")]
)
def test_no_probability_is_shown_as_nothing_or_all(chance: float, text: str) -> None:
    assert answer.percent(chance) == text
