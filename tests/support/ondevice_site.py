"""The On-device tab on a static host that counts what it is asked, and a browser's tab that has it open."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Frame, Page

from export.release import static_site

PATIENCE_MS = 120_000


class Site(ThreadingHTTPServer):
    """A static host of one folder, which notes every request."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.asked = folder, list[str]()
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *values: Any) -> None:
                asked.append(self.requestline)

        super().__init__(("127.0.0.1", port), partial(Handler, directory=str(folder)))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@contextmanager
def hosted(folder: Path, port: int = 0) -> Iterator[Site]:
    with Site(folder, port) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


def export(model: str | None, out: Path) -> Path:
    assert sum(1 for _ in static_site.write(model, out)) > 20
    return out


class Tab:
    """The tab, opened by itself or in the program's page, with every request that it made."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.frame: Frame = self.page.main_frame

    def enter(self) -> "Tab":
        """Open the tab in the program's page."""
        self.page.get_by_role("tab", name="On this device").or_(self.page.get_by_role("tab", name="本机处理")).click()
        handle = self.page.wait_for_selector("iframe.ondevice-frame[src]")
        frame = handle.content_frame()
        assert frame is not None
        self.frame = frame
        return self

    def ready(self) -> "Tab":
        self.frame.wait_for_selector("[data-state=ready], [data-state=broken]")
        assert self.frame.locator("[data-state=ready]").count(), self.frame.locator(".told").inner_text()
        return self

    def give(self, content: bytes, name: str = "spot.png", kind: str = "image/png") -> "Tab":
        self.frame.set_input_files("input[type=file]", {"name": name, "mimeType": kind, "buffer": content})
        self.frame.wait_for_selector("[data-state=photo], [data-state=refused]")
        return self

    def sent(self) -> list[str]:
        """Requests that left the page."""
        return [url for url in self.requests if not url.startswith(("blob:", "data:"))]
