"""A real browser's visit to the page: what the browser tests share. Screenshots lie in test-output/ afterwards."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, expect

from skinapp.i18n.messages import text
from skinapp.labels import Priority
from tests.support import drawings

SHOTS = Path(__file__).parents[2] / "test-output"
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


@contextmanager
def watched(browser: Browser, options: dict[str, Any], enter: Callable[[BrowserContext], Page]) -> Iterator[Page]:
    """A page that was entered at the desk in English, or as the options say; no visit may err or leave this machine."""
    context = browser.new_context(**{"viewport": DESK, "locale": "en-US", **options})
    errors, requests = list[str](), list[str]()
    context.on("request", lambda sent: requests.append(sent.url))
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield enter(context)
    context.close()
    assert errors == []
    assert requests and leaving(requests) == []


def leaving(requests: list[str]) -> list[str]:
    """The requests that left this machine."""
    return [url for url in requests if not re.match(r"(http|ws)://127\.0\.0\.1[:/]|data:|blob:", url)]


def entered(context: BrowserContext, address: str, tab: str, patience_ms: float) -> Page:
    """A page with this tab open, ready to be given files."""
    page = context.new_page()
    page.set_default_timeout(patience_ms)
    page.goto(address)
    page.get_by_role("tab", name=re.compile(f"^({text(f'tabs.{tab}', 'en')}|{text(f'tabs.{tab}', 'zh')})$")).click()
    expect(page.locator(f".{tab} .drop")).to_be_visible(timeout=patience_ms)
    return page


def shown(visit: Visit, priority: Priority) -> None:
    expect(visit.page.locator(f".answer.{priority}")).to_be_visible()


def photographed(page: Page, name: str) -> None:
    """Save a screenshot of the whole page, once fonts and pictures have settled."""
    SHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
