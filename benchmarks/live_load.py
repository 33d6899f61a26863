"""python -m benchmarks.live_load [--seconds 10] [--viewers 8] [--model FOLDER] [--threads N] [--dump FILE.png]

Loads the Live tab of a server of its own on the embedded model: one viewer in Chromium, whose camera shows a drawn lesion at 30
frames a second, and then so many programs that each send frames as the page does, with as many under way. Prints frames answered
a second, in all and for each viewer, and what was written to the server's cache. Run it on a machine with nothing else to do.
"""

import argparse
import http.client
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.api_load import say
from skinapp.guards import live_sessions
from skinapp.model.hub import EMBEDDED
from skinapp.web.bundles import live as live_bundle
from tests.support import drawings
from tests.support.app_server import started
from tests.support.browser import DESK, FLAGS

WARM_S = 3
BEGIN = """() => { performance.setResourceTimingBufferSize(100000); performance.clearResourceTimings();
    return performance.now(); }"""
COUNT = """since => performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/live/frame")
    && one.responseEnd > since).map((one) => one.responseEnd - one.startTime)"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--viewers", type=int, default=8)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--dump", type=Path, help="save what the page looked like")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) / "cache"
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(cache), "SKINAPP_PROVIDER": "cpu"}
        environment["SKINAPP_THREADS"] = str(options.threads)
        with started([sys.executable, "app.py"], environment, options.model) as (address, _):
            time_browser(address, drawings.film(Path(scratch) / "lesion.mjpeg"), options)
            crowd(address, options)
        say(f"files in the server's cache: {sum(path.is_file() for path in cache.rglob('*'))}")


def time_browser(address: str, film: Path, options: argparse.Namespace) -> None:
    """One viewer, as visitors meet the tab."""
    with sync_playwright() as driver:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport=DESK, locale="en-US")  # type: ignore[arg-type]
        page.goto(address)
        page.get_by_role("tab", name="Live", exact=True).click()
        page.locator(".watch[data-state=off] [data-do=start]").click()
        page.locator(".watch .told .answer").wait_for()
        page.wait_for_timeout(1000 * WARM_S)
        since = page.evaluate(BEGIN)
        page.wait_for_timeout(1000 * options.seconds)
        times = page.evaluate(COUNT, since)
        if options.dump:
            page.screenshot(path=options.dump, full_page=True)
        browser.close()
    say(
        f"one viewer in Chromium: {len(times) / options.seconds:.1f} frames/s answered, "
        f"{np.median(times):.0f} ms a request (median)"
    )


def crowd(address: str, options: argparse.Namespace) -> None:
    """Many viewers, without the browsers that would take the server's cores."""
    side = live_bundle.LEAST_SIDE
    frames = [drawings.encoded(drawings.lesion(side, side, seed=seed), "JPEG", quality=85) for seed in range(options.viewers)]
    connections = [http.client.HTTPConnection(urlsplit(address).netloc) for _ in frames]
    names = [
        json.loads(post(connection, "start", "", visitor=f"2001:db8:0:{index:x}::1"))["viewer"]
        for index, connection in enumerate(connections)
    ]
    deadline = time.monotonic() + options.seconds
    counts = dict.fromkeys(names, 0)
    lock = threading.Lock()

    def watch(lane: int) -> None:
        index = lane % len(names)
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        while time.monotonic() < deadline:
            post(connection, "frame", names[index], frames[index])
            with lock:
                counts[names[index]] += 1

    lanes = len(names) * live_sessions.LANES
    with ThreadPoolExecutor(lanes) as executor:
        list(executor.map(watch, range(lanes)))
    rates = sorted(count / options.seconds for count in counts.values())
    say(f"{len(names)} viewers: {sum(rates):.1f} frames/s in all, each {rates[0]:.1f} to {rates[-1]:.1f}")


def post(connection: http.client.HTTPConnection, path: str, viewer: str, body: bytes = b"", visitor: str = "127.0.0.1") -> bytes:
    headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": visitor, "viewer": viewer}
    connection.request("POST", f"/live/{path}", body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"/live/{path} answered {response.status}: {content!r}")
    return content


if __name__ == "__main__":
    main()
