"""The Live tab: frames come in one by one through a guarded door, and a real browser watches a camera that shows a drawn lesion."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from skinapp.assessment.assessor import Assessor
from skinapp.guards import live_sessions
from skinapp.i18n.messages import text
from skinapp.labels import CODES
from skinapp.ui.endpoints import live_frames
from tests.support import drawings
from tests.support.app_server import served
from tests.support.browser import DESK, FLAGS, PATIENCE_MS, PHONE, Visit, photographed

SIDE = 320
LESION = drawings.encoded(drawings.lesion(SIDE, SIDE), "JPEG", quality=85)
OWN = {"Sec-Fetch-Site": "same-origin"}


def asked(address: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    """A POST to the door, as the page sends it, and its status and answer."""
    given = {**OWN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(f"{address}/live/{path}", body, given, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_MS / 1000) as response:
            status, content = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    return status, json.loads(content) if content.startswith(b"{") else {}


@pytest.fixture
def viewer(server: str) -> Iterator[str]:
    name: str = asked(server, "start")[1]["viewer"]
    yield name
    assert asked(server, "stop", viewer=name)[0] == 204


def written(environment: dict[str, str]) -> set[str]:
    """Every file in the server's cache."""
    return {str(Path(folder) / file) for folder, _, files in os.walk(environment["GRADIO_TEMP_DIR"]) for file in files}


# The door


def test_a_frame_is_answered_as_the_runtime_answers_it_and_none_is_written(
    server: str, viewer: str, assessor: Assessor, environment: dict[str, str]
) -> None:
    before, expected = written(environment), assessor.read_and_assess(LESION)[1]
    status, found = asked(server, "frame", LESION, viewer=viewer)
    assert status == 200
    assert np.allclose(found["chances"], expected.chances, atol=1e-6)
    assert (found["priority"], found["focus"], found["issues"]) == (expected.priority, expected.focus.code, [])
    assert (found["width"], found["height"], found["seen"]["right"]) == (SIDE, SIDE, expected.evidence.view_box.right)
    rows, columns = found["heat"]["cells"]
    for code in CODES:
        heat = np.array(found["heat"]["codes"][code]).reshape(rows, columns) / 255
        assert np.abs(heat - expected.evidence.heatmap(code)).max() <= 0.5 / 255 + 1e-6
    for _ in range(20):
        assert asked(server, "frame", LESION, viewer=viewer)[0] == 200
    assert asked(server, "still", LESION, viewer=viewer)[0] == 200
    assert written(environment) == before


def test_a_still_gets_the_photo_tabs_answer_in_the_visitors_language(server: str, viewer: str, assessor: Assessor) -> None:
    _, found = asked(server, "still", LESION, viewer=viewer, Accept_Language="zh-CN")
    assert 'class="answer low" lang="zh"' in found["told"] and text("disclaimer", "zh") in found["told"]
    assert "template class=" in found["told"], "with the report to save"
    assert found["shown"].count('class="layer"') == len(CODES)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"no picture", 422),
        (LESION[:900], 422),
        (drawings.encoded(drawings.plain(90, 2000, 1001)), 422),
        (drawings.encoded(drawings.plain(90, 12, 12)), 422),
        (b"\xff" * (live_frames.FRAME_BYTES + 1), 413),
    ],
    ids=["empty", "text", "cut", "large", "tiny", "heavy"],
)
def test_a_bad_frame_is_refused_and_the_next_one_answered(server: str, viewer: str, body: bytes, status: int) -> None:
    assert asked(server, "frame", body, viewer=viewer)[0] == status
    assert asked(server, "frame", LESION, viewer=viewer)[0] == 200


def test_only_this_servers_own_page_may_ask(server: str, viewer: str) -> None:
    host = server.partition("//")[2]
    for site in ("cross-site", "same-site", "none"):
        assert asked(server, "frame", LESION, viewer=viewer, Sec_Fetch_Site=site)[0] == 403
    for origin, status in ((f"http://{host}", 200), ("http://elsewhere.example", 403), ("null", 403)):
        request = urllib.request.Request(f"{server}/live/frame", LESION, {"Origin": origin, "viewer": viewer}, method="POST")
        try:
            with urllib.request.urlopen(request) as response:
                assert response.status == status, origin
        except urllib.error.HTTPError as error:
            assert error.code == status, origin
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(f"{server}/live/start", b"", method="POST"))


def test_a_stranger_to_the_server_is_told_so(server: str) -> None:
    assert asked(server, "frame", LESION, viewer="nobody") == (410, {"ended": "gone"})
    assert asked(server, "frame", LESION) == (410, {"ended": "gone"})
    assert asked(server, "stop", viewer="nobody")[0] == 204
    for path in ("elsewhere", "../live/../config", "code-x/live/watch.js"):
        assert asked(server, path)[0] in (403, 404, 405)


def test_eight_viewers_get_fair_shares_and_none_starves(server: str) -> None:
    names = [asked(server, "start")[1]["viewer"] for _ in range(8)]
    answered = dict.fromkeys(names, 0)
    left = iter(range(160))

    def watch(name: str) -> None:
        for _ in left:
            assert asked(server, "frame", LESION, viewer=name)[0] == 200
            answered[name] += 1

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(watch, names))
    for name in names:
        asked(server, "stop", viewer=name)
    assert sum(answered.values()) == 160
    assert min(answered.values()) >= 10, answered


def test_whoever_needs_a_password_for_the_page_needs_it_for_the_camera(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_AUTH": "anna:open sesame"}) as address:
        for path in ("start", "frame", "still", "stop"):
            assert asked(address, path, LESION)[0] == 401
        login = urllib.request.Request(f"{address}/login", b"username=anna&password=open+sesame", method="POST")
        with urllib.request.urlopen(login) as response:
            cookie = "; ".join(one.partition(";")[0] for one in response.headers.get_all("set-cookie"))
        status, found = asked(address, "start", Cookie=cookie)
        assert status == 200
        assert asked(address, "frame", LESION, Cookie=cookie, viewer=found["viewer"])[0] == 200


# Turns


def test_places_are_few_and_come_back_when_somebody_leaves_or_falls_silent() -> None:
    now = 0.0
    places = live_sessions.Viewers(2, lambda: now)
    first, second = places.enter(), places.enter()
    assert first and second and places.enter() is None
    places.leave(first)
    third = places.enter()
    assert third and places.enter() is None
    now = live_sessions.IDLE_S - 1
    with places.under_way(second):
        now += live_sessions.IDLE_S
        assert places.enter() and places.enter() is None, "the third was silent, the second is being answered"


def test_a_turn_ends_after_its_time_and_a_viewer_has_two_frames_under_way_at_most() -> None:
    now = 0.0
    places = live_sessions.Viewers(2, lambda: now)
    name = places.enter()
    assert name
    with places.under_way(name, "still"), places.under_way(name), places.under_way(name):
        for kind in live_sessions.LIMITS:
            with pytest.raises(live_sessions.TooManyFramesError), places.under_way(name, kind):
                pass
    now = live_sessions.SECONDS - 0.1
    with places.under_way(name):
        pass
    now = live_sessions.SECONDS
    with pytest.raises(live_sessions.SessionEndedError) as gone, places.under_way(name):
        pass
    assert gone.value.over
    with pytest.raises(live_sessions.SessionEndedError) as gone, places.under_way(name):
        pass
    assert not gone.value.over


# The browser


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of a drawn lesion in a hand that is not quite still, with two seconds of bare wall."""
    return drawings.film(tmp_path_factory.mktemp("film") / "lesion.mjpeg", bare=60)


@pytest.fixture(scope="module")
def filming(driver: Playwright, chromium: str, filmed: Path) -> Iterator[Browser]:
    """A browser whose camera shows the film."""
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={filmed}"]
    browser = driver.chromium.launch(executable_path=chromium, args=flags)
    yield browser
    browser.close()


def entered(visit: Visit) -> Page:
    page = visit.page
    page.get_by_role("tab", name=re.compile("^(Live|实时)$")).click()
    expect(page.locator(".watch[data-state=off]")).to_be_visible()
    return page


def test_a_camera_is_watched_captured_and_stopped(filming: Browser, server: str, environment: dict[str, str]) -> None:
    context = filming.new_context(viewport=DESK, locale="en-US", permissions=["camera"])  # type: ignore[arg-type]
    visit = Visit(context, server)
    page = entered(visit)
    before = written(environment)
    page.click("[data-do=start]")
    expect(page.locator(".watch .told .answer.low")).to_be_visible()
    expect(page.locator(".watch .pace")).to_have_text(re.compile(r"\d+ frames/s, \d+ ms each"))
    expect(page.locator(".watch .left")).to_have_text(re.compile(r"2:\d\d left"))
    video = page.locator(".watch video")
    assert video.evaluate("one => new DOMMatrix(getComputedStyle(one).transform).a") > 0, "never mirrored"
    expect(page.locator(".captured .answer.low")).to_be_visible()
    expect(page.locator(".captured .evidence")).to_be_visible()
    assert page.locator(".captured .evidence img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    page.select_option(".captured .evidence select", "mel")
    expect(page.locator(".captured .layer:visible")).to_have_attribute("data-code", "mel")
    with page.expect_download() as saving:
        page.locator(".captured .save button").click()
    assert saving.value.suggested_filename.startswith("skinapp-")
    assert page.locator(".watch .heat").evaluate(
        "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some((value, i) => i % 4 === 3 && value > 8)"
    )
    expect(page.locator(".watch .told .answer.unclear")).to_be_visible()  # the wall
    expect(page.locator(".watch .hint")).to_have_text(re.compile("contrast|blurred|recognised"))
    photographed(page, "live-desk-light-live")
    page.click("[data-do=stop]")
    expect(page.locator(".watch[data-state=off]")).to_be_visible()
    assert video.evaluate("one => one.srcObject === null")
    expect(page.locator(".captured .answer.low")).to_be_visible()
    page.wait_for_timeout(500)
    asked_before = len(visit.requests)
    page.wait_for_timeout(1000)
    assert visit.requests[asked_before:] == []
    assert written(environment) == before
    assert visit.errors == []
    context.close()


def test_the_zoom_sends_a_smaller_part_and_another_tab_switches_the_camera_off(filming: Browser, server: str) -> None:
    context = filming.new_context(viewport=DESK, locale="en-US", permissions=["camera"])  # type: ignore[arg-type]
    page = entered(Visit(context, server))
    page.evaluate("""() => {
        const grab = window.createImageBitmap;
        window.createImageBitmap = (source, ...box) => { window.lastBox = box; return grab(source, ...box); };
    }""")
    page.click("[data-do=start]")
    page.wait_for_function("window.lastBox?.[2] === 480")
    page.locator(".watch .zoom").fill("2")
    page.wait_for_function("window.lastBox?.[2] === 240")
    assert page.evaluate("window.lastBox.slice(0, 2)") == [200, 120]
    page.get_by_role("tab", name="Photo", exact=True).click()
    page.wait_for_function("document.querySelector('.watch video').srcObject === null")
    page.get_by_role("tab", name="Live", exact=True).click()
    expect(page.locator(".watch .notice")).to_have_text(text("live.hidden", "en"))
    context.close()


BROKEN_CAMERA = "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', '%s'); }; }"


@pytest.mark.parametrize(
    ("name", "said"), [("NotAllowedError", "denied"), ("NotFoundError", "absent"), ("NotReadableError", "taken")]
)
@pytest.mark.parametrize("visit", [{"viewport": PHONE, "locale": "zh-CN", "color_scheme": "dark"}], indirect=True)
def test_a_camera_that_isnt_to_be_had_is_told_with_the_cure(visit: Visit, name: str, said: str) -> None:
    page = entered(visit)
    page.evaluate(BROKEN_CAMERA % name)
    page.click("[data-do=start]")
    expect(page.locator(".watch .notice")).to_have_text(text(f"live.{said}", "zh"))
    expect(page.locator(".watch [data-do=start]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    photographed(page, f"live-phone-dark-{said}")


def _instead(answer: dict[str, Any] | None, route: Route) -> None:
    """Let a request be answered so, or not at all."""
    if answer is None:
        route.abort()
    else:
        route.fulfill(**answer)


def test_a_server_that_says_no_or_goes_away_is_told_and_the_camera_goes_off(filming: Browser, server: str) -> None:
    context = filming.new_context(viewport=PHONE, locale="en-US", permissions=["camera"])  # type: ignore[arg-type]
    page = entered(Visit(context, server))
    full = json.dumps({"ended": "full"})
    for pattern, answer, said in (
        ("**/live/start", {"status": 503, "body": full}, "full"),
        ("**/live/frame", {"status": 410, "body": json.dumps({"ended": "over"})}, "over"),
        ("**/live/frame", {"status": 500, "body": "oops"}, "failed"),
        ("**/live/frame", None, "lost"),
    ):
        page.route(pattern, partial(_instead, answer))
        page.click("[data-do=start]")
        sentence = text(f"live.{said}", "en", minutes=live_sessions.SECONDS // 60, most=live_sessions.MAX_VIEWERS)
        expect(page.locator(".watch .notice")).to_have_text(sentence)
        assert page.locator(".watch video").evaluate("one => one.srcObject === null")
        page.unroute(pattern)
    context.close()


def test_the_keyboard_alone_starts_captures_and_stops(filming: Browser, server: str) -> None:
    context = filming.new_context(viewport=DESK, locale="en-US", permissions=["camera"])  # type: ignore[arg-type]
    page = entered(Visit(context, server))
    page.locator("[data-do=start]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-do=capture]")).to_be_focused()
    expect(page.locator(".watch .told .answer")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".captured .answer")).to_be_visible()
    page.locator("[data-do=stop]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-do=start]")).to_be_focused()
    context.close()


@pytest.mark.parametrize(
    ("name", "size", "scheme", "locale"),
    [("desk", DESK, "dark", "zh-CN"), ("phone", PHONE, "light", "en-US"), ("phone", PHONE, "dark", "zh-CN")],
)
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    filming: Browser, server: str, name: str, size: Any, scheme: Any, locale: str
) -> None:
    context = filming.new_context(viewport=size, color_scheme=scheme, locale=locale, permissions=["camera"])
    page = entered(Visit(context, server))
    photographed(page, f"live-{name}-{scheme}-off")
    page.click("[data-do=start]")
    expect(page.locator(".captured .evidence")).to_be_visible()
    photographed(page, f"live-{name}-{scheme}-captured")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    if locale == "zh-CN":
        text = re.sub(r"\S+@\S+|fp32|CPU|API|skinapp", "", page.locator(".watch").inner_text())
        assert re.findall(r"[A-Za-z]{3,}", text) == []
    context.close()
