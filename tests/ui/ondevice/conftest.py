"""What the browser tests of the On-device tab share: a browser, and the tab on a static host that counts what it is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from skinapp.web.bundles import onnxruntime_web
from tests import TINY_MODEL
from tests.support.app_server import missing
from tests.support.ondevice_site import Site, export, hosted


@pytest.fixture(scope="session", autouse=True)
def runtime() -> None:
    if not onnxruntime_web.present():
        missing("ONNX Runtime for browsers is missing: run 'make ondevice' to test the On-device tab")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tab with the embedded model, as `export static` writes it."""
    return export(None, tmp_path_factory.mktemp("site") / "embedded")


@pytest.fixture(scope="session")
def exported_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(str(TINY_MODEL), tmp_path_factory.mktemp("site") / "tiny")


@pytest.fixture(scope="session")
def site(exported: Path) -> Iterator[Site]:
    with hosted(exported) as site:
        yield site


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    yield context
    context.close()
