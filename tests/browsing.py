"""A real browser's visit to the page: what the browser tests share. Screenshots lie in test-output/ afterwards."""

from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page, expect

from skinapp.labels import Priority
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

expect.set_options(timeout=PATIENCE_MS)


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


def shown(visit: Visit, priority: Priority) -> None:
    expect(visit.page.locator(f".answer.{priority}")).to_be_visible()


def photographed(page: Page, name: str) -> None:
    """Save a screenshot of the whole page, once fonts and pictures have settled."""
    SHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
