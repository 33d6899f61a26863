"""python -m benchmarks.page_load [--photos 20] [--python OTHER/bin/python]

Times the page on the embedded model as a visitor meets it in Chromium: from the command to a page that answers, from the click on
an example to the first answer, from giving a photo of 600x450 pixels to its answer, and what of that the server took, beside the
bare session's pass. Run it on a machine with nothing else to do, and the page with the Python of an environment that has what
requirements.txt lists alone: Gradio imports more where it finds more.
"""

import argparse
import base64
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import preprocess
from skinapp.imaging.decode import read
from skinapp.model.hub import EMBEDDED
from tests.support import drawings
from tests.support.app_server import started
from tests.support.browser import FLAGS, Visit

ANSWERED = """async (ask) => {
    const old = document.querySelector("#answer .answer");
    const began = performance.now();
    await ask();
    let answer;
    while (!(answer = document.querySelector("#answer .answer")) || answer === old) {
        if (performance.now() - began > 60_000) throw new Error("no answer within a minute");
        await new Promise((next) => setTimeout(next, 1));
    }
    return [performance.now() - began, document.querySelector("#answer .ran").innerText];
}"""
GAP_S = 0.2
PRESS_EXAMPLE = f"""(number) => ({ANSWERED})(() => document.querySelector(`[data-example="${{number}}"]`).click())"""
GIVE_PHOTO = f"""(file) => ({ANSWERED})(() => {{
    const bytes = Uint8Array.from(atob(file), (one) => one.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], "spot.jpg", {{ type: "image/jpeg" }}));
    const input = document.querySelector("#photo input[type=file]");
    input.files = given.files;
    input.dispatchEvent(new Event("change", {{ bubbles: true }}));
}})"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page_load", description=__doc__)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    say(f"load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        environment = {**os.environ, "GRADIO_TEMP_DIR": scratch, "SKINAPP_PROVIDER": "cpu"}
        start = time.perf_counter()
        with started([options.python, "app.py"], environment, EMBEDDED) as (address, _):
            say(f"served {time.perf_counter() - start:.1f} s after the command")
            visit = Visit(browser.new_context(locale="en-US"), address)
            say(f"usable {time.perf_counter() - start:.1f} s after the command")
            first, ran_text = visit.page.evaluate(PRESS_EXAMPLE, 0)
            say(f"first answer {first:.0f} ms after the click ({ran_text})")
            time_answers(visit.page, options.photos)


def time_answers(page: Page, count: int) -> None:
    """Photos given one after the other."""
    photos = [drawings.encoded(drawings.lesion(600, 450, seed=number), "JPEG", quality=90) for number in range(count)]
    timings = list[Any]()
    for photo in photos:
        page.locator("#photo").get_by_label("Remove Image").or_(page.locator("#photo").get_by_label("Clear")).first.click()
        expect(page.locator("#answer .waiting")).to_be_visible()
        timings.append(page.evaluate(GIVE_PHOTO, base64.b64encode(photo).decode()))
    server = [int(match[1]) for _, ran_text in timings if (match := re.search(r"(\d+) ms", ran_text))]
    pass_ms = bare(photos)
    say(f"later answers: {statistics.median(ms for ms, _ in timings):.0f} ms after giving, the median of {count}")
    say(f"server's part: {statistics.median(server):.0f} ms; the bare session's pass: {pass_ms:.1f} ms")
    say(f"ratio: {statistics.median(server) / pass_ms:.2f}")


def bare(photos: list[bytes]) -> float:
    """Milliseconds of the session's pass alone, the median, as seldom as a visitor asks: right after another one it is faster."""
    assessor, times = Assessor.load(str(EMBEDDED), "cpu"), list[float]()
    for photo in photos:
        pixels = preprocess.batch([read(photo)], assessor.spec.transform)
        time.sleep(GAP_S)
        started = time.perf_counter()
        assessor.session.run(pixels)
        times.append((time.perf_counter() - started) * 1000)
    return float(np.median(times))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
