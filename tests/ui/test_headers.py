"""What answers tell a browser, and a browser that obeys them: every tab works under the page's policy."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from skinapp.guards import security_headers
from skinapp.i18n.messages import text
from skinapp.labels import Priority
from skinapp.ui.gradio_internals import frontend
from skinapp.web.bundles import onnxruntime_web
from tests.support.browser import DESK, LOW, Visit, shown

PATIENCE_S = 60
PATHS = ("/", "/api", "/config", "/theme.css", "/gradio_api/info", "/nothing", "/live/nothing", "/gradio_api/file=/etc/hostname")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers_of_a_careful_site(server: str, path: str) -> None:
    said = httpx.get(server + path, timeout=PATIENCE_S).headers
    assert said["x-content-type-options"] == "nosniff"
    assert said["referrer-policy"] == "same-origin"
    assert "camera=(self)" in said["permissions-policy"] and "microphone=()" in said["permissions-policy"]
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in said["content-security-policy"]
    assert said["cross-origin-opener-policy"] == "same-origin", "the On-device tab's threads need it"


def test_refusals_have_them_too(server: str) -> None:
    for answer in (
        httpx.get(server, headers={"origin": "https://evil.example"}),
        httpx.get(f"{server}/monitoring"),
        httpx.get(server, headers={"host": "evil.example"}),
    ):
        assert answer.status_code in (403, 404)
        assert answer.headers["x-content-type-options"] == "nosniff" and "content-security-policy" in answer.headers


def test_the_page_runs_its_own_scripts_alone_and_loads_from_nowhere_else(server: str) -> None:
    answer = httpx.get(server, timeout=PATIENCE_S)
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == rules["object-src"] == "'none'"
    assert "'unsafe-inline'" not in rules["script-src"]
    assert len(re.findall("'sha256-", rules["script-src"])) == len(set(security_headers.SCRIPT.findall(answer.content))) > 2
    assert not [source for name, rule in rules.items() if name != "frame-ancestors" for source in rule.split() if "://" in source]


def test_a_share_links_page_may_load_gradios_front_end_from_its_host_and_no_other() -> None:
    rules = security_headers.policy(b"<script>a()</script>", frontend.SHARED_HOST)
    assert f"script-src 'self' {frontend.SHARED_HOST} 'unsafe-eval' 'sha256-" in rules
    assert f"style-src 'self' {frontend.SHARED_HOST} 'unsafe-inline'" in rules


def test_an_uploaded_page_runs_nothing_when_it_is_opened(server: str) -> None:
    sent = httpx.post(f"{server}/gradio_api/upload", files={"files": ("a.svg", b"<svg onload='alert(1)'/>")}, timeout=PATIENCE_S)
    answer = httpx.get(f"{server}/gradio_api/file={sent.json()[0]}", timeout=PATIENCE_S)
    assert answer.status_code == 200 and answer.headers["content-security-policy"] == security_headers.NOTHING


WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (event) =>
    window.broken.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""


@pytest.fixture
def watched(browser: Browser, server: str) -> Iterator[Visit]:
    """A visit that notes whatever the page's policy forbids, in its frames too."""
    context = browser.new_context(viewport=DESK, locale="en-US", permissions=["camera"])  # type: ignore[arg-type]
    context.add_init_script(WATCH)
    visit = Visit(context, server)
    yield visit
    assert [broken for frame in visit.page.frames for broken in frame.evaluate("window.broken")] == []
    assert visit.errors == []
    context.close()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=text(f"tabs.{name}", "en"), exact=True).click()


def test_photo_examples_camera_and_report_break_no_rule(watched: Visit) -> None:
    page = watched.page
    watched.give(LOW)
    shown(watched, Priority.LOW)
    with page.expect_download():
        page.locator(".save button").click()
    page.locator("[data-example='0']").click()
    expect(page.locator("#answer .answer")).to_be_visible()
    page.locator("#photo button[aria-label='Clear']").or_(page.locator("#photo button[aria-label='Remove Image']")).first.click()
    expect(page.locator("#answer .waiting")).to_be_visible()
    page.get_by_label("Capture from camera").click()
    page.locator("#photo").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("[...document.querySelectorAll('#photo video')].some(one => one.videoWidth > 0)")
    page.get_by_label("capture photo").click()
    expect(page.locator("#answer .answer")).to_be_visible()


def test_many_live_and_follow_break_no_rule(watched: Visit) -> None:
    page = watched.page
    tab(page, "many")
    files: Any = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": LOW} for n in range(3)]
    page.set_input_files(".many input[type=file] >> nth=0", files)
    expect(page.locator(".many .answers tbody tr")).to_have_count(3)
    tab(page, "live")
    page.click(".watch [data-do=start]")
    page.wait_for_function("document.querySelector('.watch video').videoWidth > 0")
    expect(page.locator(".watch .told .answer")).to_be_visible()
    page.click(".watch [data-do=stop]")
    tab(page, "follow")
    expect(page.locator("#later input[type=file]")).to_be_attached()
    page.set_input_files("#earlier input[type=file]", files[0])
    expect(page.locator(".compared-none[role=status]")).to_be_visible()
    page.set_input_files("#later input[type=file]", files[1])
    expect(page.locator(".compared")).to_be_visible()
    tab(page, "teach")
    page.locator("#teach-tab [data-do=sample]").click()
    expect(page.locator("#teach-tab [data-do=train]")).to_be_visible()
    tab(page, "about")
    page.wait_for_timeout(500)


@pytest.mark.skipif(not onnxruntime_web.present(), reason="ONNX Runtime for browsers is missing: run 'make ondevice'")
def test_the_on_device_tab_answers_with_its_worker_threads_and_service_worker(watched: Visit) -> None:
    page = watched.page
    tab(page, "ondevice")
    frame = page.wait_for_selector("iframe.ondevice-frame[src]").content_frame()  # type: ignore[union-attr]
    assert frame is not None
    frame.wait_for_selector("[data-state=ready]", timeout=120_000)
    frame.set_input_files("input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": LOW})
    frame.wait_for_selector("[data-state=photo]", timeout=120_000)
    assert frame.evaluate("crossOriginIsolated") is True
    assert frame.evaluate("navigator.serviceWorker.ready.then((found) => found.scope)").endswith("/ondevice/")


def test_markup_that_slips_in_stays_dead(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport=DESK, locale="en-US")  # type: ignore[arg-type]
    context.add_init_script(WATCH)
    page = Visit(context, server).page
    page.evaluate("""() => { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked = 1'>"); }""")
    page.wait_for_function("window.broken.length > 0")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("fetch('https://evil.example').then(() => 'sent', () => 'blocked')") == "blocked"
    context.close()
