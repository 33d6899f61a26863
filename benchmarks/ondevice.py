"""python -m benchmarks.ondevice [FOLDER]

Measures the On-device tab with the two embedded models in the browsers that are installed here, and prints the figures: agreement
with the runtime on the photos of FOLDER (else on a hundred drawn ones), time a frame, start, size, and the camera. Other work
on the machine makes times longer: the load is printed too.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode
from skinapp.model import hub
from tests.support import drawings, firefox, photo_matrix
from tests.support.app_server import started
from tests.support.browser import FLAGS
from tests.support.ondevice_site import Site, Tab, export, hosted

VISITS, FRAMES, WATCHED_MS = 5, 100, 10_000

TIMED = """async ([code, file, count, key]) => {
    const modules = new URL(code, location.href);
    const { open } = await import(new URL("ondevice/engine.js", modules));
    const about = await (await fetch(new URL("about.json", modules))).json();
    const model = about.models.find((one) => one.key === key);
    const network = await open(modules, about, () => undefined, model);
    const bytes = Uint8Array.from(atob(file), (one) => one.charCodeAt(0));
    const times = [];
    for (let i = 0; i < count; i++) {
        const frame = await createImageBitmap(new Blob([bytes]));
        const began = performance.now();
        const { assessment } = await network.ask({ frame });
        times.push({ ...assessment.elapsed_ms, "question to answer": performance.now() - began });
    }
    network.close();
    return { ...network.engine, times };
}"""
"""For a page beside the folder of the modules: what frames of a video take, stage by stage and from question to answer."""

WATCH = """(milliseconds) => new Promise((done) => {
    const gaps = [];
    const began = performance.now();
    let last = began, answers = 0;
    const engine = new MutationObserver(() => answers++);
    engine.observe(document.querySelector(".engine"), { childList: true });
    const tick = (now) => {
        gaps.push(now - last);
        last = now;
        if (now - began < milliseconds) requestAnimationFrame(tick);
        else done({ gaps: gaps.slice(1), answers });
    };
    requestAnimationFrame(tick);
})"""

Run = Callable[[str, list[Any]], Any]


def main(folder: str | None) -> None:
    say(f"load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    photos = read_photos(Path(folder)) if folder else photo_matrix.hundred()
    with tempfile.TemporaryDirectory() as scratch, hosted(export(None, Path(scratch) / "site")) as site:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            say(f"\nChromium {browser.version}")

            def run(script: str, arguments: list[Any]) -> Any:
                page = browser.new_context().new_page()  # a page can't be used twice: it has sealed itself
                page.goto(f"{site.address}sw.js")
                return page.evaluate(script, arguments)

            compare(run, site, photos)
            time_frames(run, site)
            first_visit(browser, site)
            in_the_page(browser, Path(scratch) / "gradio")
            browser.close()
        path = shutil.which("firefox-esr") or shutil.which("firefox")
        if path:
            in_firefox(path, Path(scratch) / "profile", site, photos)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_photos(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in decode.SUFFIXES)
    return {path.name: path.read_bytes() for path in paths}


def compare(run: Run, site: Site, photos: dict[str, bytes]) -> None:
    answers = run(photo_matrix.ASK, [photo_matrix.modules(site.folder), photo_matrix.packed(photos)])
    phone = str(hub.EMBEDDED_PHONE)
    for assessor in (photo_matrix.runtime(phone), Assessor.load(phone, provider="cpu"), Assessor.load(provider="cpu")):
        expected = photo_matrix.expected(photos, assessor)
        differences = photo_matrix.differences(answers, expected)
        same_priority = sum(
            answer["priority"] == expected_answer.priority for answer, expected_answer in zip(answers, expected, strict=True)
        )
        say(
            f"against {assessor.model.name}, {assessor.model.file}: {len(photos)} photos, "
            f"difference in probability at most {max(differences):.1e}, "
            f"median {statistics.median(differences):.1e}; same priority on {same_priority}"
        )


def time_frames(run: Run, site: Site) -> None:
    [(_, _, file)] = photo_matrix.packed({"frame.png": drawings.encoded(drawings.lesion(640, 480))})
    for key in ("phone", "main"):
        result = run(TIMED, [photo_matrix.modules(site.folder), file, FRAMES, key])
        stages = {stage: sorted(times[stage] for times in result["times"]) for stage in result["times"][0]}
        medians = ", ".join(f"{stage} {statistics.median(times):.1f}" for stage, times in stages.items())
        whole = stages["question to answer"]
        say(
            f"a frame of 640x480, {key} network on {result['provider']}, {result['threads']} thread(s), "
            f"medians of {FRAMES} in ms: {medians} (best {whole[0]:.1f}, p95 {whole[FRAMES * 95 // 100]:.1f})"
        )


def first_visit(browser: Browser, site: Site) -> None:
    """By itself: what the host sends until the tab is ready and its service worker holds everything."""
    before = len(site.asked)
    context = browser.new_context()
    tab = Tab(context, site.address).ready()
    tab.page.wait_for_timeout(2000)
    paths = [line.split()[1].partition("?")[0].lstrip("/") or "index.html" for line in site.asked[before:]]
    size = sum((site.folder / path).stat().st_size for path in paths if (site.folder / path).is_file())
    say(f"first visit of the exported tab: {len(paths)} requests, {size / 1e6:.2f} MB on the wire")
    context.close()


def in_the_page(browser: Browser, cache: Path) -> None:
    """From the click on the tab in the program's page, each time as a new visitor; then the camera."""
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(cache), "SKINAPP_PROVIDER": "cpu"}
    with started([sys.executable, "app.py"], environment, hub.EMBEDDED) as (address, _):
        waits = [wait(browser.new_context(), address) for _ in range(VISITS)]
        say(
            f"ready after the click on the tab: {statistics.median(waits[1:]):.2f} s "
            f"(median of {VISITS - 1} new visitors; the first, for whom the server packs: {waits[0]:.2f} s)"
        )
        watched(browser.new_context(locale="en-US", permissions=["camera"]), address)


def wait(context: BrowserContext, address: str) -> float:
    tab = Tab(context, address)
    tab.page.wait_for_timeout(1500)
    started = time.perf_counter()
    tab.enter().ready()
    ended = time.perf_counter()
    context.close()
    return ended - started


def watched(context: BrowserContext, address: str) -> None:
    tab = Tab(context, address).enter().ready()
    before = len(tab.sent())
    tab.frame.locator("button.camera").click()
    tab.frame.wait_for_selector("[data-state=live] .told .answer")
    counts = tab.frame.evaluate(WATCH, WATCHED_MS)
    gaps = sorted(counts["gaps"])
    say(
        f"camera, {WATCHED_MS / 1000:.0f} s: {counts['answers'] * 1000 / WATCHED_MS:.1f} answers a second, the page drew "
        f"{len(gaps) * 1000 / WATCHED_MS:.0f} times a second (p95 of the gaps {gaps[len(gaps) * 95 // 100]:.0f} ms, "
        f"longest {gaps[-1]:.0f} ms), {len(tab.sent()) - before} requests"
    )
    context.close()


def in_firefox(path: str, profile: Path, site: Site, photos: dict[str, bytes]) -> None:
    with firefox.started(path, profile) as window:
        say("\nFirefox")

        def run(script: str, arguments: list[Any]) -> Any:
            window.open(f"{site.address}sw.js")
            return window.run(script, arguments)

        compare(run, site, {name: content for name, content in photos.items() if not name.endswith(photo_matrix.OTHERWISE)})
        time_frames(run, site)


if __name__ == "__main__":
    main(*sys.argv[1:2] or [None])
