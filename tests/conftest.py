"""What several tests share: the tiny model, loaded, and the real page on it, served by app.py in a process of its own."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.app_server import missing, served, started

if TYPE_CHECKING:  # the model environment, which runs some of the tests, holds no playwright
    from playwright.sync_api import Browser, Playwright

    from tests.support.browser import Visit


@pytest.fixture(scope="session")
def assessor() -> Assessor:
    return Assessor.load(str(TINY_MODEL), "cpu")


@pytest.fixture(scope="session")
def embedded() -> Assessor:
    """The model that ships."""
    return Assessor.load(provider="cpu")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn photos, its labels.csv and its others.csv."""
    return drawings.labelled(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This process's environment without settings of ours, and with a cache that nobody else uses."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SKINAPP_", "GRADIO_"))}
    return {**ours, "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("gradio")), "SKINAPP_PROVIDER": "cpu"}


@pytest.fixture(scope="session")
def server(environment: dict[str, str]) -> Iterator[str]:
    """The page's address, without a slash at its end."""
    with served([sys.executable, "app.py"], environment) as address:
        yield address


@pytest.fixture(scope="session")
def stumbling_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the same page with a fault of ours behind it, which tells a secret."""
    fault = """
import sys, app
from skinapp.assessment.assessor import Assessor
def stumble(*given, **ways):
    raise RuntimeError("/secret/place")
Assessor.read_and_assess = stumble
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", fault], environment) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's chromium."""
    path = shutil.which("chromium")
    if path is None:
        missing("chromium is missing: install Debian's chromium to run the browser tests")
    return str(path)


@pytest.fixture(scope="session")
def driver() -> "Iterator[Playwright]":
    """What starts browsers; a process may have one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(driver: "Playwright", chromium: str) -> "Iterator[Browser]":
    """One for all tests."""
    from tests.support.browser import FLAGS

    browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def visit(browser: "Browser", server: str, request: pytest.FixtureRequest) -> "Iterator[Visit]":
    """A visit at the desk in English, or as the test's parameters say; no visit may err or leave this machine."""
    from tests.support.browser import DESK, Visit, leaving

    options = {"viewport": DESK, "locale": "en-US", **getattr(request, "param", {})}
    context = browser.new_context(**options)
    visited = Visit(context, server)
    yield visited
    context.close()
    assert leaving(visited.requests) == []
    assert len(visited.requests) > 5, "requests were collected"
    assert visited.errors == []


@pytest.fixture(scope="session")
def teaching_server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The page on the embedded model, which tells more apart than the tiny one; and its folder of uploads."""
    uploads = tmp_path_factory.mktemp("teach")
    with started([sys.executable, "app.py"], {**environment, "GRADIO_TEMP_DIR": str(uploads)}, EMBEDDED) as (address, _):
        yield address, uploads
