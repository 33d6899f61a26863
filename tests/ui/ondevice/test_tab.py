"""The On-device tab in a real browser: the same answers as the runtime's, and nothing that leaves."""

import base64
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Playwright, expect

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import LANGUAGES, Language, text
from skinapp.labels import CODES, Priority
from skinapp.model import hub
from skinapp.model.spec import ModelSpec
from skinapp.web.views import answer
from tests import TINY_MODEL
from tests.support import drawings, photo_matrix
from tests.support.app_server import served
from tests.support.browser import FLAGS, LOW, RETAKE, SHOTS, URGENT, Visit, photographed
from tests.support.ondevice_site import PATIENCE_MS, Site, Tab, export, hosted

PHONE = str(hub.EMBEDDED_PHONE)

TRIES = (
    "fetch('/x', { method: 'POST', body: 'photo' }).catch(() => undefined)",
    "navigator.sendBeacon('/x', 'photo')",
    "new Image().src = '/x?photo'",
    "try { new WebSocket(`ws://${location.host}/x`) } catch {}",
    "const form = document.body.appendChild(document.createElement('form')); form.action = '/x'; form.submit()",
)
"""How a page could send something."""


COUNT = """() => {
    window.seen = { asked: 0, most: 0, turns: [] };
    const { port1, port2 } = new MessageChannel();
    const post = Worker.prototype.postMessage;
    let open = 0, turns = 0;
    port1.onmessage = () => { turns++; if (open) port2.postMessage(0); };
    Worker.prototype.postMessage = function (message, ...more) {
        if (message.frame) {
            seen.asked++;
            seen.most = Math.max(seen.most, ++open);
            turns = 0;
            port2.postMessage(0);
            this.addEventListener("message", () => { open--; seen.turns.push(turns); }, { once: true });
        }
        return post.call(this, message, ...more);
    };
}"""
"""Counts the frames that are asked about, how many of them at once, and the page's own turns while it waits for each."""


def asked(
    context: BrowserContext, site: Site, given: dict[str, bytes], query: str = "", key: str = "", centred: bool = False
) -> list[Any]:
    """What the browser's own modules say of files, on a page that shows a text."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{site.address}sw.js{query}")
    answers: list[Any] = page.evaluate(
        photo_matrix.ASK, [photo_matrix.modules(site.folder), photo_matrix.packed(given), key, centred]
    )
    return answers


# The same answer


def test_the_browser_and_the_runtime_agree_on_a_hundred_sizes_formats_and_turns(context: BrowserContext, site: Site) -> None:
    given = photo_matrix.hundred()
    assert len(given) == 100
    assert photo_matrix.furthest(given, asked(context, site, given), PHONE) <= photo_matrix.CLOSEST


def test_the_large_network_agrees_too(context: BrowserContext, site: Site) -> None:
    given = dict(list(photo_matrix.hundred().items())[::9])
    assert photo_matrix.furthest(given, asked(context, site, given, key="main")) <= photo_matrix.CLOSEST


def test_the_part_around_the_lesion_is_the_runtimes(context: BrowserContext, site: Site) -> None:
    given = {
        f"{place}.png": drawings.encoded(drawings.lesion(900, 600, place)) for place in ((0.25, 0.3), (0.5, 0.5), (0.8, 0.6))
    }
    answers, runtime = asked(context, site, given, centred=True), photo_matrix.runtime(PHONE)
    for content, ours in zip(given.values(), answers, strict=True):
        photo, theirs = runtime.read_and_assess(content, centred=True, careful=True)
        assert photo.shape[0] == photo.shape[1] <= 600
        assert (ours["height"], ours["width"], ours["priority"]) == (*photo.shape[:2], theirs.priority)
        assert np.abs(np.array(ours["chances"]) - theirs.chances).max() <= photo_matrix.CLOSEST


def test_what_the_runtime_refuses_the_browser_refuses(context: BrowserContext, site: Site) -> None:
    frames = [drawings.lesion(64, 64, seed=seed) for seed in range(2)]
    given = {
        "empty.png": b"",
        "text.jpeg": b"this is no picture",
        "cut.png": LOW[:200],
        "tiny.png": drawings.encoded(drawings.plain(90, 12, 40), "PNG"),
        "strip.png": drawings.encoded(drawings.plain(90, 900, 30), "PNG"),
        "moving.gif": drawings.encoded(frames[0], "GIF", save_all=True, append_images=[Image.fromarray(frames[1])]),
    }
    said = ["empty", "unreadable", "unreadable", "tiny", "strip", "animated"]
    assert asked(context, site, given) == [f"refused_{reason}" for reason in said]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_is_the_servers_html_with_the_same_figures(
    browser: Browser, server: str, assessor: Assessor, language: Language
) -> None:
    context = browser.new_context(locale={"en": "en-US", "zh": "zh-CN"}[language])
    tab = Tab(context, server).enter().ready()
    for content in (URGENT, LOW, RETAKE):
        tab.give(content)
        photo, expected = assessor.read_and_assess(content)
        compared = tab.frame.evaluate(
            """([answer, evidence]) => {
                const plain = (element) => {
                    const copy = element.cloneNode(true);
                    copy.querySelectorAll("[src]").forEach((one) => one.removeAttribute("src"));
                    copy.querySelectorAll(".ran").forEach((one) => one.replaceChildren());
                    return copy.innerHTML.replaceAll(' selected=""', "");
                };
                const theirs = [answer, evidence].map((html) => Object.assign(document.createElement("div"), { innerHTML: html }));
                const ours = [".told", ".shown"].map((place) => document.querySelector(place));
                return [ours.map(plain), theirs.map(plain)];
            }""",
            [answer.answer(expected, language), answer.evidence(photo, expected, language)],
        )
        assert compared[0] == compared[1]
        if expected.quality.ok:
            assert tab.frame.locator(".evidence select").input_value() == expected.focus.code
            assert tab.frame.locator(".evidence img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    assert tab.errors == []
    context.close()


# Nothing leaves


def test_no_request_from_file_to_answer_nor_with_the_camera_and_the_browser_enforces_it(
    context: BrowserContext, site: Site
) -> None:
    context.grant_permissions(["camera"])
    tab = Tab(context, site.address).ready()
    expect(tab.frame.locator(".private")).to_be_visible()
    expect(tab.frame.locator(".private")).to_have_text(text("ondevice.private", "en"))
    before, asked_before = len(tab.sent()), len(site.asked)
    for content in (URGENT, RETAKE):
        tab.give(content)
        expect(tab.frame.locator(".answer")).to_be_visible()
    tab.frame.get_by_text(text("ondevice.camera", "en"), exact=True).click()
    tab.frame.wait_for_selector("[data-state=live]")
    expect(tab.frame.locator(".engine")).to_contain_text("frames a second")
    expect(tab.frame.locator(".told .answer")).to_be_visible()
    tab.page.wait_for_timeout(10_000)
    tab.frame.get_by_text(text("ondevice.take", "en"), exact=True).click()
    tab.frame.wait_for_selector("[data-state=photo]")
    assert tab.frame.evaluate("document.querySelector('video').srcObject") is None
    assert tab.sent()[before:] == [] and site.asked[asked_before:] == []
    for attempt in TRIES:
        tab.frame.evaluate(f"() => {{ {attempt} }}")
    tab.page.wait_for_timeout(500)
    assert site.asked[asked_before:] == []


# Live video


def test_one_frame_is_under_way_at_a_time_and_the_page_is_free_meanwhile(context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["camera"])
    tab = Tab(context, site.address).ready()
    tab.frame.evaluate(COUNT)
    tab.frame.locator("button.camera").click()
    seen = tab.frame.evaluate(
        "async () => { while (seen.turns.length < 12) await new Promise((next) => setTimeout(next, 50)); return seen; }"
    )
    assert seen["most"] == 1 and seen["asked"] - len(seen["turns"]) <= 1
    assert statistics.median(seen["turns"]) > 20, "a page that computes has no turn at all"
    passed = tab.frame.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames")
    assert passed >= seen["asked"], "a frame is never asked about twice"


def test_video_of_a_spot_gets_the_photos_answer_and_its_map_over_the_spot(
    driver: Playwright, chromium: str, exported_tiny: Path, assessor: Assessor, tmp_path: Path
) -> None:
    photo = drawings.lesion(640, 480, (0.4, 0.5), colour=(30, 16, 14))
    still = drawings.encoded(photo, "JPEG", quality=95, subsampling=0)
    (tmp_path / "spot.mjpeg").write_bytes(still * 3)
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={tmp_path / 'spot.mjpeg'}"]
    browser = driver.chromium.launch(executable_path=chromium, args=flags)
    with hosted(exported_tiny) as site:
        tab = Tab(browser.new_context(locale="en-US", permissions=["camera"]), site.address).ready()
        tab.frame.locator("button.camera").click()
        expected = assessor.read_and_assess(still)[1]
        expect(tab.frame.locator(f".told .answer.{expected.priority}")).to_be_visible(timeout=PATIENCE_MS)
        tab.page.wait_for_timeout(3000)
        for code, chance in zip(CODES, expected.chances, strict=True):
            width = tab.frame.locator(f".told [data-code={code}] .track span").evaluate("one => parseFloat(one.style.width)")
            assert abs(width - 100 * chance) <= 3, code
        left, top, right, bottom = tab.frame.locator(".live .map").evaluate(
            """(map) => {
                const [over, under] = [map, document.querySelector("video")].map((one) => one.getBoundingClientRect());
                const place = (x, y) => [(x - under.left) / under.width, (y - under.top) / under.height];
                return [...place(over.left, over.top), ...place(over.right, over.bottom)];
            }"""
        )
        box = [round(edge, 2) for edge in (640 * left, 480 * top, 640 * right, 480 * bottom)]
        assert np.abs(np.subtract(box, expected.evidence.view_box)).max() <= 2
        drawn = tab.frame.locator(".live .map").evaluate(
            "(map) => [...map.getContext('2d').getImageData(0, 0, map.width, map.height).data].filter((_, i) => i % 4 === 3)"
        )
        wanted = expected.evidence.layer(expected.focus.code)[..., 3]
        assert wanted.max() > 0
        assert np.abs(np.reshape(drawn, wanted.shape).astype(int) - wanted).mean() <= 8
        photographed(tab.page, "ondevice-live-spot")
    browser.close()


# Without a network


@pytest.fixture
def folder(exported_tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tab with the tiny model, to be changed."""
    return Path(shutil.copytree(exported_tiny, tmp_path / "site"))


def test_after_one_visit_it_opens_and_answers_cold_without_a_network_and_takes_a_new_model(
    driver: Playwright, chromium: str, folder: Path, tmp_path: Path
) -> None:
    def opened() -> BrowserContext:
        return driver.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=FLAGS, locale="en-US"
        )

    for path in folder.rglob("*"):
        os.utime(path, (0, 0))  # as old as can be: a browser that isn't told otherwise takes such files from its cache for years
    with hosted(folder) as site:
        context = opened()
        tab = Tab(context, site.address).ready()
        port = site.server_port
        devtools = context.new_cdp_session(tab.page)
        assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
        assert devtools.send("Page.getAppManifest")["errors"] == []
    # The server is gone: the open page goes on.
    tab.give(URGENT)
    expect(tab.frame.locator(".answer.urgent")).to_be_visible()
    context.close()
    context = opened()
    context.set_offline(True)
    tab = Tab(context, f"http://127.0.0.1:{port}/").ready()
    tab.give(URGENT)
    expect(tab.frame.locator(".answer.urgent")).to_be_visible()
    first = tab.frame.locator(".answer .ran").inner_text()
    context.close()
    changed = export(str(retempered(tmp_path / "retempered")), tmp_path / "newer")
    with hosted(changed, port):
        context = opened()
        for _ in range(3):  # a host slower than the service worker's patience gets the stored page shown once more
            tab = Tab(context, f"http://127.0.0.1:{port}/").ready()
            tab.give(URGENT)
            second = tab.frame.locator(".answer .ran").inner_text()
            if second.partition(",")[0] != first.partition(",")[0]:
                break
        tab.page.evaluate(
            """async () => {
                const models = async () => {
                    const kept = await (await caches.open("skinapp-ondevice")).keys();
                    return new Set(kept.map(({ url }) => url.match(/model-\\w+/)?.[0]).filter(Boolean)).size;
                };
                while (await models() !== 1) await new Promise((next) => setTimeout(next, 50));
            }"""
        )
        context.close()
    assert first.partition(",")[0] != second.partition(",")[0]


def test_a_model_whose_answers_do_not_fit_is_told_of_once_it_has_been_tried(context: BrowserContext, folder: Path) -> None:
    [config] = folder.rglob("config.json")
    told = json.loads(config.read_text())
    told["skinapp"]["lesion_head"]["weights"].pop()
    config.write_text(json.dumps(told))
    with hosted(folder) as site:
        tab = Tab(context, site.address)
        tab.frame.wait_for_selector("[data-state=broken]")
    expect(tab.frame.locator(".told .failed")).to_contain_text("config.json says")
    expect(tab.frame.locator("button.choose")).to_be_disabled()


def retempered(out: Path) -> Path:
    """The tiny model with another temperature: another config.json, and so another revision."""
    shutil.copytree(TINY_MODEL, out)
    text = (out / "config.json").read_text()
    (out / "config.json").write_text(text.replace('"temperature": 0.5', '"temperature": 0.6'))
    assert ModelSpec.read(out).temperature == 0.6
    return out


# Wherever it runs


def test_without_its_files_the_tab_says_what_to_run_and_the_photo_tab_answers(
    context: BrowserContext, environment: dict[str, str], tmp_path: Path
) -> None:
    bare = f"""
import sys, app
from pathlib import Path
from skinapp.web.bundles import onnxruntime_web
onnxruntime_web.FOLDER = Path({str(tmp_path)!r})
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", bare], environment) as address:
        visit = Visit(context, address)
        visit.page.get_by_role("tab", name=text("tabs.ondevice", "en")).click()
        expect(visit.page.locator(".failed")).to_contain_text(text("ondevice.missing_cure", "en"))
        assert visit.page.locator("iframe").count() == 0
        assert visit.page.request.get(f"{address}/ondevice/index.html").status == 404
        visit.page.get_by_role("tab", name=text("tabs.photo", "en"), exact=True).click()
        visit.give(URGENT)
        expect(visit.page.locator(".answer.urgent")).to_be_visible(timeout=PATIENCE_MS)


def test_in_a_strangers_frame_without_isolation_it_answers_on_one_thread(
    context: BrowserContext, exported_tiny: Path, tmp_path: Path
) -> None:
    with hosted(exported_tiny) as site, hosted(tmp_path) as stranger:
        frame = f'<iframe allow="camera" src="{site.address}index.html" style="width: 390px; height: 800px"></iframe>'
        (tmp_path / "index.html").write_text(f"<!doctype html>{frame}")
        tab = Tab(context, stranger.address.replace("127.0.0.1", "localhost"))
        [tab.frame] = tab.page.main_frame.child_frames
        tab.ready().give(URGENT)
        expect(tab.frame.locator(".answer.urgent")).to_be_visible()
        assert not tab.frame.evaluate("crossOriginIsolated")
        expect(tab.frame.locator(".engine")).to_contain_text("WASM, threads: 1,")
        assert tab.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_where_webgpu_fails_the_same_file_answers_on_webassembly(context: BrowserContext, exported_tiny: Path) -> None:
    with hosted(exported_tiny) as site:
        tab = Tab(context, f"{site.address}index.html?engine=WebGPU").ready().give(URGENT)
    expect(tab.frame.locator(".answer.urgent")).to_be_visible()
    expect(tab.frame.locator(".engine")).to_contain_text("WASM")


def test_webgpu_answers_as_the_runtime_does(driver: Playwright, chromium: str, exported_tiny: Path) -> None:
    """On a GPU that the CPU computes, which the tab itself would not choose."""
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
    browser = driver.chromium.launch(executable_path=chromium, args=[*flags, *software])
    with hosted(exported_tiny) as site:
        context = browser.new_context(locale="en-US")
        given = {"low.png": LOW, "urgent.png": URGENT}
        answers = asked(context, site, given, "?engine=WebGPU")
        assert photo_matrix.furthest(given, answers, str(TINY_MODEL)) <= photo_matrix.CLOSEST
        tab = Tab(context, f"{site.address}index.html?engine=WebGPU").ready()
        expect(tab.frame.locator(".engine")).to_contain_text("WebGPU")
        plain = Tab(context, f"{site.address}index.html").ready()
        expect(plain.frame.locator(".engine")).to_contain_text("WASM")
    browser.close()


# Ways in, and looks


def test_a_dropped_and_a_pasted_photo_are_answered(context: BrowserContext, server: str) -> None:
    tab = Tab(context, server).enter().ready()
    hand = """([kind, content]) => {
        const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "spot.png", { type: "image/png" }));
        const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
        document.querySelector(".drop").dispatchEvent(event);
    }"""
    for kind, content, priority in (("drop", URGENT, Priority.URGENT), ("paste", LOW, Priority.LOW)):
        tab.frame.evaluate(hand, [kind, base64.b64encode(content).decode()])
        expect(tab.frame.locator(f".answer.{priority}")).to_be_visible(timeout=PATIENCE_MS)


def test_nothing_is_loaded_before_the_tab_is_seen_and_the_camera_goes_off_with_it(context: BrowserContext, server: str) -> None:
    context.grant_permissions(["camera"])
    tab = Tab(context, server)
    expect(tab.page.locator(".waiting").first).to_be_visible(timeout=PATIENCE_MS)
    assert [url for url in tab.requests if "/ondevice/" in url] == []
    tab.enter().ready()
    assert tab.frame.evaluate("crossOriginIsolated")
    tab.frame.get_by_text(text("ondevice.camera", "en"), exact=True).click()
    tab.frame.wait_for_selector("[data-state=live]")
    tab.page.get_by_role("tab", name=text("tabs.photo", "en"), exact=True).click()
    # Not wait_for_function, which evaluates strings: the page's policy forbids that.
    tab.frame.evaluate(
        "async () => { while (document.querySelector('video').srcObject) await new Promise((next) => setTimeout(next, 50)); }"
    )


def test_the_self_test_finds_no_difference_to_a_server_with_the_same_file(context: BrowserContext, server: str) -> None:
    page = context.new_page()
    page.goto(f"{server}/ondevice/selftest.html")
    page.wait_for_selector(".worst, [data-failed]", timeout=PATIENCE_MS)
    assert page.locator(".worst").count(), page.locator("body").inner_text()
    assert float(page.locator(".worst").get_attribute("data-worst") or 1) <= photo_matrix.CLOSEST
    expect(page.locator(".selftest tr")).to_have_count(7)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("desk", 1440), ("phone", 390)])
def test_nothing_is_wider_than_the_screen_and_everything_is_photographed(
    browser: Browser, server: str, name: str, width: int, scheme: Any
) -> None:
    SHOTS.mkdir(exist_ok=True)
    locale = "zh-CN" if (name, scheme) == ("phone", "dark") else "en-US"
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale, permissions=["camera"]
    )
    tab = Tab(context, server).enter().ready()
    for state, content in (("empty", None), ("urgent", URGENT), ("retake", RETAKE), ("failed", b"no picture"), ("live", None)):
        if content is not None:
            tab.give(content)
        if state == "live":
            tab.frame.locator("button.camera").click()
            tab.frame.wait_for_selector("[data-state=live] .told .answer")
        tab.page.wait_for_timeout(500)
        tab.page.screenshot(path=SHOTS / f"ondevice-{name}-{scheme}-{state}.png", full_page=True)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # Both heights at one moment, and after the page had a moment to follow: live answers come and go.
        tab.frame.wait_for_function("frameElement.getBoundingClientRect().height >= document.body.offsetHeight - 1")
    assert tab.frame.locator("body").evaluate("one => one.classList.contains('dark')") is (scheme == "dark")
    context.close()
