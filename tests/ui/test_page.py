"""The page in a real browser, as visitors meet it. Screenshots lie in test-output/ afterwards."""

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language, sentence, text
from skinapp.imaging import decode
from skinapp.labels import CODES, Priority
from skinapp.web.render import percent
from skinapp.web.views import examples
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.app_server import served
from tests.support.browser import BROKEN, DESK, LOW, PHONE, RETAKE, URGENT, Visit, photographed, shown

ASIDE = drawings.encoded(drawings.lesion(480, 240, (0.32, 0.5)))

# The answer


def test_an_uploaded_photo_gets_priority_seven_bars_overlay_and_disclaimer(visit: Visit, assessor: Assessor) -> None:
    page, expected = visit.give(URGENT), assessor.read_and_assess(URGENT)[1]
    shown(visit, Priority.URGENT)
    expect(page.locator(".verdict h2")).to_have_text("Urgent")
    expect(page.locator(".verdict .advice")).to_have_text(text(f"advice.{Priority.URGENT}", "en"))
    ranked = sorted(zip(expected.chances, CODES, strict=True), reverse=True)
    bars = page.locator(".chances li")
    assert [bars.nth(i).get_attribute("data-code") for i in range(7)] == [code for _, code in ranked]
    assert bars.locator(".percent").all_inner_texts()[0] == f"{ranked[0][0]:.0%}"
    expect(page.locator(".chances [role=meter]").first).to_have_attribute("aria-valuenow", f"{ranked[0][0] * 100:.0f}")
    assert page.locator(".evidence img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    expect(page.locator(".evidence .layer:visible")).to_have_attribute("data-code", "mel")
    expect(page.locator(".answer .ran")).to_contain_text(f"{expected.model.id}@{expected.model.revision}, fp32, on CPU, in")
    expect(page.get_by_text(text("disclaimer", "en")).locator("visible=true")).to_have_count(1)


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
    page.wait_for_timeout(1500)
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
    assert reasons == [text(f"issues.{issue}", "en") for issue in ("dark", "flat", "blurred", "no_lesion")]  # type: ignore[index]
    expect(page.locator(".chances.greyed li")).to_have_count(7)
    expect(page.locator(".evidence")).to_have_count(0)
    expect(page.locator(".answer .disclaimer")).to_be_visible()


def test_a_photo_that_replaces_another_is_assessed_once(visit: Visit) -> None:
    page = visit.give(LOW)
    shown(visit, Priority.LOW)
    visit.give(URGENT)
    shown(visit, Priority.URGENT)
    page.wait_for_timeout(1500)
    assert sum("/queue/join" in url for url in visit.requests) == 2


def test_the_malignant_lesions_are_summed_up_beside_the_bars(visit: Visit, assessor: Assessor) -> None:
    page, chances = visit.give(LOW), assessor.read_and_assess(LOW)[1].chances
    shown(visit, Priority.LOW)
    malignant = sum(chances[CODES.index(code)] for code in ("akiec", "bcc", "mel"))
    expect(page.locator(".sum .malignant b")).to_have_text(percent(malignant))
    expect(page.locator(".sum .benign b")).to_have_text(percent(1 - malignant))
    expect(page.locator(".answer .fine")).to_have_text(text("answer.quality_ok", "en"))
    visit.give(RETAKE)
    shown(visit, Priority.UNCLEAR)
    expect(page.locator(".sum, .fine, .save")).to_have_count(0)


def test_a_borderline_photo_is_answered_with_its_warning(visit: Visit, assessor: Assessor) -> None:
    page, report = visit.give(ASIDE), assessor.read_and_assess(ASIDE)[1].quality
    assert report.ok and "aside" in report.warnings
    expect(page.locator(".answer:not(.unclear)")).to_have_count(1)
    told = page.locator(".verdict .warnings li")
    expect(told).to_have_text([text(f"warnings.{warning}", "en") for warning in report.warnings])
    expect(page.locator(".answer .fine")).to_be_hidden()


def test_the_part_around_the_spot_is_answered_and_shown_where_it_is_asked_for(visit: Visit) -> None:
    page = visit.give(ASIDE)
    photo = page.locator(".stage .photo")
    expect(photo).to_be_visible()
    wide = photo.evaluate("image => image.decode().then(() => image.naturalWidth / image.naturalHeight)")
    expect(page.locator("#centred input")).not_to_be_checked()
    page.locator("#centred input").check()
    expect(page.locator("[data-warning=aside]")).to_have_count(0)
    square = photo.evaluate("image => image.decode().then(() => image.naturalWidth / image.naturalHeight)")
    assert (wide, square) == (2, 1)
    page.locator("#centred input").uncheck()
    expect(page.locator("[data-warning=aside]")).to_have_count(1)


# The report


@pytest.mark.parametrize(
    ("visit", "language"), [({}, "en"), ({"locale": "zh-CN", "color_scheme": "dark"}, "zh")], indirect=["visit"]
)
def test_a_saved_report_opens_offline_and_holds_pictures_and_numbers(
    visit: Visit, browser: Browser, assessor: Assessor, tmp_path: Path, language: Language
) -> None:
    page, expected = visit.give(URGENT), assessor.read_and_assess(URGENT)[1]
    shown(visit, Priority.URGENT)
    page.wait_for_timeout(1500)
    before = len(visit.requests)
    with page.expect_download() as saving:
        page.locator(".save button").click()
    assert [url for url in visit.requests[before:] if not url.startswith("blob:")] == [], "the server has no part in it"
    assert re.fullmatch(r"skinapp-\d{4}-\d\d-\d\d-\d{4}\.html", saving.value.suggested_filename)
    saving.value.save_as(tmp_path / "report.html")
    context = browser.new_context(offline=True)
    opened, asked = context.new_page(), list[str]()
    context.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "report.html").as_uri())
    report = opened.locator("body").inner_text()
    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "report.html").as_uri()]
    assert opened.locator("html").get_attribute("lang") == language
    for chance in (*expected.chances, expected.malignant, 1 - expected.malignant):
        assert f"{chance:.1%}" in report
    figures, model = expected.quality.figures, expected.model
    for seen in (
        f"{figures.short_side} px",
        f"{figures.sharpness:.1f}",
        model.id,
        model.revision,
        model.file,
        model.precision,
        "CPU",
    ):
        assert seen in report
    for key in ("disclaimer", "advice.urgent", "when.urgent", *(f"lesions.{code}" for code in CODES)):
        assert text(key, language) in report
    assert opened.locator("time").get_attribute("datetime")
    assert opened.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)") == [640, 640, explain.LAYER_SIDE]
    expect(opened.locator("[data-slot=overlay] .layer")).to_have_attribute("data-code", expected.focus.code)
    assert opened.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    photographed(opened, f"report-{language}")
    context.close()


# Ways in


def test_an_example_is_answered_as_if_it_had_been_uploaded(visit: Visit, assessor: Assessor) -> None:
    page = visit.page
    for number, example in enumerate(examples.gather(TINY_MODEL)):
        page.locator(f"[data-example='{number}']").click()
        expected = assessor.read_and_assess(example.content)[1]
        shown(visit, expected.priority)
        first = percent(expected.chances.max())
        expect(page.locator(".chances .percent").first).to_have_text(first)
        expect(page.locator("#photo img")).to_be_visible()
    expect(page.get_by_text(text("examples.drawings_note", "en"))).to_be_visible()


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
    expect(page.locator(".answer")).to_be_visible()


def test_the_keyboard_alone_opens_the_file_chooser(visit: Visit) -> None:
    page = visit.page
    with page.expect_file_chooser() as chosen:
        for _ in range(15):
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


def test_an_example_that_is_removed_takes_its_answer_with_it(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-example='0']").click()
    expect(page.locator("#answer .answer")).to_be_visible()
    page.locator("#photo button[aria-label='Clear']").or_(page.locator("#photo button[aria-label='Remove Image']")).first.click()
    expect(page.locator("#answer .waiting")).to_be_visible()
    page.wait_for_timeout(1000)  # an answer that comes late would come now
    expect(page.locator("#answer .waiting")).to_be_visible()
    expect(page.locator("#evidence .answer, #evidence figure")).to_have_count(0)


def test_the_keyboard_alone_reaches_an_example_and_saves_its_report(visit: Visit) -> None:
    page = visit.page
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-example]')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_be_visible()
    page.locator(".save button").focus()
    with page.expect_download():
        page.keyboard.press("Enter")


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
    expect(page.locator(".failed")).to_contain_text(text("requests.unexpected", "en"))
    assert "secret" not in page.locator("body").inner_text()
    context.close()


FULL = """
import sys, app
from skinapp.guards import queueing
queueing.WAITING = 0
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, whose queue has no place."""


def test_who_finds_the_queue_full_reads_our_sentence_in_their_language(browser: Browser, environment: dict[str, str]) -> None:
    context = browser.new_context(locale="zh-CN")
    with served([sys.executable, "-c", FULL], environment) as address:
        page = Visit(context, address).give(LOW)
        expect(page.get_by_text(text("crowded.full", "zh")).first).to_be_visible()
        assert "busy" not in page.locator("body").inner_text()
        context.close()


# Languages and looks


@pytest.mark.parametrize("visit", [{"locale": "zh-CN"}, {"locale": "zh-TW"}], indirect=True)
def test_a_chinese_browser_gets_chinese_throughout(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("h1")).to_have_text(text("page.question", "zh"))
    expect(page.locator("#photo h2")).to_have_text(text("page.drop", "zh").splitlines()[0].removeprefix("# "))
    visit.give(RETAKE)
    expect(page.locator(".verdict h2")).to_have_text(text(f"priorities.{Priority.UNCLEAR}", "zh"))
    visit.give(URGENT)
    shown(visit, Priority.URGENT)
    assert english(page) == []


SIDE = 4 * decode.MIN_SIDE


@pytest.mark.parametrize("visit", [{"locale": "zh-CN"}], indirect=True)
def test_a_chinese_browser_gets_chinese_errors_too(visit: Visit) -> None:
    strip = drawings.encoded(drawings.plain(90, decode.MAX_ASPECT * SIDE + 1, SIDE))
    for content, key in ((b"", "empty"), (LOW[:5000], "damaged"), (strip, "strip"), (BROKEN, "no_picture")):
        with pytest.raises(PhotoError) as caught:
            decode.read(content)
        page = visit.give(content, f"{key}.png")
        expect(page.locator(".failed")).to_contain_text(caught.value.message.to("zh"))
        assert caught.value.message.to("zh").startswith(sentence(f"unreadable.{key}", "zh").partition("{")[0])
        assert english(page, r"（[^）]*）") == []


def english(page: Page, quoted: str = "$^") -> list[str]:
    """English words in sight, but for names and what is quoted of a file."""
    text = re.sub(rf"\S+@\S+|fp32|CPU|API|skinapp|JPEG|PNG|WebP|{quoted}", "", page.locator("body").inner_text())
    return re.findall(r"[A-Za-z]{3,}", text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("phone", PHONE)])
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    browser: Browser, server: str, name: str, size: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-US")  # type: ignore[arg-type]
    visit = Visit(context, server)
    page = visit.page
    for state, content in (("empty", None), ("result", URGENT), ("low", LOW), ("retake", RETAKE), ("failed", BROKEN)):
        if content is not None:
            visit.give(content, "spot.jpg", "image/jpeg")
        awaited = {"empty": ".waiting", "result": ".answer.urgent", "retake": ".answer.unclear", "failed": ".failed"}
        expect(page.locator(awaited.get(state, f".answer.{state}"))).to_be_visible()
        photographed(page, f"{name}-{scheme}-{state}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.locator("body").evaluate("one => one.classList.contains('dark')") is (scheme == "dark")
    context.close()


@pytest.mark.parametrize("visit", [{"viewport": PHONE}], indirect=True)
def test_on_a_phone_the_priority_is_on_the_first_screen(visit: Visit) -> None:
    page = visit.give(URGENT)
    shown(visit, Priority.URGENT)
    box = page.locator(".verdict .headline").bounding_box()
    assert box and box["y"] + box["height"] < PHONE["height"]
