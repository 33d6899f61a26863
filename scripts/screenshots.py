"""python -m scripts.screenshots [NAME ...]

Photographs the page on drawn spots, which are nobody's skin, in Chromium, and draws the packages of the program: docs/images/,
light and dark. Names are those of the pictures; without one, all are made. `app` stands for the icons and the screenshots that
browsers show when the tab on this device is to be installed.
"""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Frame, Locator, Page, expect, sync_playwright

from scripts import architecture
from skinapp.imaging import synthetic
from skinapp.imaging.decode import Photo
from skinapp.model.hub import EMBEDDED
from skinapp.web import STATIC
from skinapp.web.views.examples import SPOTS
from tests.support import drawings, zip_files
from tests.support.app_server import started
from tests.support.browser import FLAGS

IMAGES = Path(__file__).parents[1] / "docs" / "images"
ICON = STATIC / "favicon.svg"
ICONS = {"192": (192, "36%", "0"), "512": (512, "36%", "0"), "maskable": (512, "0", "10%")}
"""Sides in pixels, how round the corners are, and the rim that a phone may cut off."""
SCREENS = {"wide": (1280, 800, 1), "narrow": (390, 844, 2)}
"""Width, height and pixels in each."""
MAX_BYTES = 120_000
THEMES = ("light", "dark")
TABS = ("photo", "many", "live", "follow", "ondevice", "teach", "about")
"""The page's tabs in their order."""
PATIENCE_MS = 240_000
PAD = 8
WIDE, SMALL = 1600, 900
"""Pixels of a picture's width: twice what a page of GitHub's gives it."""


def main(names: Sequence[str]) -> int:
    """Make the pictures of these names, or all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    architecture.write(IMAGES)
    wanted = [name for name in SHOTS if name in names or not names]
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        film = drawings.film(Path(scratch) / "spot.mjpeg")
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        environment = {**os.environ, "GRADIO_TEMP_DIR": scratch, "SKINAPP_PROVIDER": "cpu"}
        with started([sys.executable, "app.py"], environment, EMBEDDED) as (address, _):
            for name in wanted:
                photograph(browser, address, name)
            if not names or "app" in names:
                photograph_app(browser, address)
        browser.close()
    return 0


def photograph_app(browser: Browser, address: str) -> None:
    """The icons and screenshots that the manifest of the tab on this device names."""
    page = browser.new_page()
    for name, (side, corner, rim) in ICONS.items():
        page.set_viewport_size({"width": side, "height": side})
        picture = f'<div style="height:100vh;background:#0f766e;padding:{rim};border-radius:{corner}">{ICON.read_text()}</div>'
        page.set_content(f"<style>*{{margin:0;box-sizing:border-box}}svg{{display:block}}</style>{picture}")
        page.screenshot(path=STATIC / "icons" / f"{name}.png", omit_background=True)
    for name, (width, height, scale) in SCREENS.items():
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale, locale="en-US")
        page.goto(f"{address}/ondevice/index.html")
        answer_on_device(page.main_frame)
        page.wait_for_timeout(600)
        shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        shot.quantize(192).save(STATIC / "screenshots" / f"{name}.png", optimize=True)


def photograph(browser: Browser, address: str, name: str) -> None:
    """A picture in both themes: the page is brought to where it is to be seen once, and changes its looks."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        device_scale_factor=2,
        locale="en-US",
        permissions=["camera"],
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/")
    expect(page.locator(".waiting")).to_be_visible(timeout=PATIENCE_MS)
    part = SHOTS[name](page)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        dress(page, theme)
        page.wait_for_timeout(600)
        box = part.bounding_box() or {}
        clip = {"x": 0, "y": max(0, box["y"] - PAD), "width": 1280, "height": box["height"] + 2 * PAD}
        taken = page.screenshot(animations="disabled", full_page=True, clip=clip)  # type: ignore[arg-type]
        save(Image.open(io.BytesIO(taken)), f"{name}-{theme}", WIDE if name == "answer" else SMALL)
    context.close()


def dress(page: Page, theme: str) -> None:
    """Put the page, and what is framed in it, into a theme: as Gradio does by its class."""
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", theme == "dark")


def save(picture: Image.Image, name: str, width: int) -> None:
    """Write a picture so wide, a small tab's cut to one shape, with as little loss as its size allows."""
    picture = picture.convert("RGB")
    if width == SMALL:
        picture = picture.crop((0, 0, picture.width, min(picture.height, picture.width * 3 // 4)))
    picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    for quality in range(92, 40, -6):
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=quality, method=6)
        if content.tell() < MAX_BYTES:
            break
    (IMAGES / f"{name}.webp").write_bytes(content.getvalue())


def entered(page: Page, tab: str) -> Locator:
    """A tab of the page, opened; and all of the page, which is what is photographed."""
    page.get_by_role("tab").nth(TABS.index(tab)).click()
    return page.locator("body")


def given(name: str, photo: Photo) -> dict[str, object]:
    return {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": drawings.encoded(photo, "JPEG", quality=92)}


def answer(page: Page) -> Locator:
    """The answer to an uneven spot."""
    page.set_input_files("#photo input[type=file]", given("spot", synthetic.draw(SPOTS["uneven"])))  # type: ignore[arg-type]
    expect(page.locator(".answer")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".evidence img").first).to_be_visible(timeout=PATIENCE_MS)
    page.locator(".evidence select").select_option(index=0)  # of the likeliest lesion, whose map shows most
    return page.locator("#tabs")


def many(page: Page) -> Locator:
    part, spots = entered(page, "many"), list(SPOTS.values())
    photos = [synthetic.draw(replace(spots[number % 4], seed=spots[number % 4].seed + number // 4)) for number in range(8)]
    page.set_input_files("[data-input=files]", [given(f"spot {n}", photo) for n, photo in enumerate(photos, 1)])  # type: ignore[misc]
    expect(page.locator(".answers tbody tr")).to_have_count(len(photos), timeout=PATIENCE_MS)
    expect(page.locator("[data-do=stop]")).to_be_disabled(timeout=PATIENCE_MS)
    return part


def live(page: Page) -> Locator:
    part = entered(page, "live")
    page.click("[data-do=start]")
    expect(page.locator(".watch .told .answer")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(2500)
    return part


def follow(page: Page) -> Locator:
    part, earlier = entered(page, "follow"), synthetic.draw(replace(SPOTS["red"], hairs=14))  # by which photos are aligned
    around = np.pad(earlier, ((120, 120), (40, 40), (0, 0)), "symmetric").astype(np.float32)
    shots = {"earlier": earlier, "later": drawings.shot(around, 15, 1.1, (0.97, 0.98, 1.0), (6, -5), 2)}
    for name, photo in shots.items():
        page.set_input_files(f"#{name} input[type=file]", given(name, photo))  # type: ignore[arg-type]
        page.wait_for_timeout(500)
    expect(page.locator(".compared")).to_be_visible(timeout=PATIENCE_MS)
    return part


def ondevice(page: Page) -> Locator:
    part = entered(page, "ondevice")
    frame = page.wait_for_selector("iframe.ondevice-frame[src]").content_frame()
    if frame is None:
        raise LookupError("The tab on this device has no frame.")
    answer_on_device(frame)
    return part


def answer_on_device(frame: Frame) -> None:
    frame.wait_for_selector("[data-state=ready]", timeout=PATIENCE_MS)
    frame.set_input_files("input[type=file]", given("spot", synthetic.draw(SPOTS["even"])))  # type: ignore[arg-type]
    frame.wait_for_selector("[data-state=photo]", timeout=PATIENCE_MS)


def teach(page: Page) -> Locator:
    entered(page, "teach")
    content = zip_files.content(zip_files.drawn(("dots", "stripes", "rings"), 14))
    page.set_input_files("[data-input=zip]", {"name": "cloth.zip", "mimeType": "application/zip", "buffer": content})
    expect(page.locator(".given")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("[data-do=train]").click()
    expect(page.locator(".taught")).to_be_visible(timeout=PATIENCE_MS)
    return page.locator(".taught")


def about(page: Page) -> Locator:
    return entered(page, "about")


SHOTS: dict[str, Callable[[Page], Locator]] = {
    "answer": answer,
    "photo": lambda page: entered(page, "photo"),
    "many": many,
    "live": live,
    "follow": follow,
    "ondevice": ondevice,
    "teach": teach,
    "about": about,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
