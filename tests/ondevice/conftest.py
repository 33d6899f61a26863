"""What the browser tests of the On-device tab share: a browser, and the tab on a static host that counts what it is asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page

from export.release import static_site
from skinapp.web.bundles import onnxruntime_web
from tests import TINY_MODEL
from tests.conftest import missing

PATIENCE_MS = 120_000


@pytest.fixture(scope="session", autouse=True)
def runtime() -> None:
    if not onnxruntime_web.present():
        missing("ONNX Runtime for browsers is missing: run 'make ondevice' to test the On-device tab")


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


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tab with the embedded model, as `export static` writes it."""
    return export(None, tmp_path_factory.mktemp("site") / "embedded")


@pytest.fixture(scope="session")
def exported_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(str(TINY_MODEL), tmp_path_factory.mktemp("site") / "tiny")


def export(model: str | None, out: Path) -> Path:
    assert sum(1 for _ in static_site.write(model, out)) > 20
    return out


@pytest.fixture(scope="session")
def site(exported: Path) -> Iterator[Site]:
    with hosted(exported) as site:
        yield site


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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    yield context
    context.close()
