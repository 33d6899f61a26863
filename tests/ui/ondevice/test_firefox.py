"""The On-device tab in Firefox: the same answers as the runtime's, and nothing that leaves, also with a camera."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import text
from skinapp.labels import CODES
from skinapp.model import hub
from tests.support import drawings, photo_matrix
from tests.support.app_server import missing
from tests.support.browser import URGENT
from tests.support.firefox import Firefox, started
from tests.support.ondevice_site import Site, hosted

BARS = """() => [...document.querySelectorAll('.told .chances li')]
    .map((bar) => [bar.dataset.code, bar.querySelector('.track span').style.width])"""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        missing("Firefox is missing: install Debian's firefox-esr to test the On-device tab in it")
    with started(str(path), tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


def test_firefox_and_the_runtime_agree_on_sizes_formats_and_turns(firefox: Firefox, site: Site) -> None:
    given = {name: content for name, content in photo_matrix.hundred().items() if not name.endswith(photo_matrix.OTHERWISE)}
    assert len(given) == 96
    firefox.open(f"{site.address}sw.js")
    answers = firefox.run(photo_matrix.ASK, [photo_matrix.modules(site.folder), photo_matrix.packed(given)])
    assert photo_matrix.furthest(given, answers, str(hub.EMBEDDED_PHONE)) <= photo_matrix.CLOSEST


def test_the_tab_in_the_page_answers_in_firefox_and_asks_nothing_from_file_to_answer(
    firefox: Firefox, server: str, assessor: Assessor, tmp_path: Path
) -> None:
    firefox.open(server)
    firefox.wait("[...document.querySelectorAll('[role=tab]')].some((tab) => tab.innerText === 'On this device')")
    firefox.run("() => [...document.querySelectorAll('[role=tab]')].find((tab) => tab.innerText === 'On this device').click()")
    firefox.wait("document.querySelector('iframe.ondevice-frame[src]')?.contentDocument?.querySelector('[data-state=ready]')")
    firefox.enter()
    assert firefox.run("() => document.querySelector('.private').innerText") == text("ondevice.private", "en")
    assert any("/ondevice/" in url for url in firefox.requests)
    before = len(firefox.requests)
    for seed, (content, priority) in enumerate([(URGENT, "urgent"), (drawings.encoded(drawings.lesion(500, 400)), "low")]):
        (tmp_path / f"{seed}.png").write_bytes(content)
        firefox.give(tmp_path / f"{seed}.png")
        firefox.wait(f"document.querySelector('.told .answer.{priority}')")
        chances = dict(zip(CODES, assessor.read_and_assess(content)[1].chances, strict=True))
        for code, width in firefox.run(BARS):
            assert abs(float(width.removesuffix("%")) - 100 * chances[code]) <= 0.06, (code, width)
    assert [url for url in firefox.requests[before:] if not url.startswith(("blob:", "data:"))] == []


def test_firefox_watches_a_camera_and_goes_on_without_the_server(firefox: Firefox, exported_tiny: Path, tmp_path: Path) -> None:
    with hosted(exported_tiny) as site:
        firefox.open(f"{site.address}index.html")
        firefox.wait("document.querySelector('[data-state=ready]')")
        before, asked = len(firefox.requests), len(site.asked)
        firefox.run("() => document.querySelector('button.camera').click()")
        firefox.wait("document.querySelector('[data-state=live] .told .answer')")
        firefox.wait("/frames a second/.test(document.querySelector('.engine').innerText)")
        firefox.run("() => document.querySelector('button.stop').click()")
        assert site.asked[asked:] == []
    (tmp_path / "spot.png").write_bytes(URGENT)
    firefox.give(tmp_path / "spot.png")
    firefox.wait("document.querySelector('.told .answer.urgent')")
    assert [url for url in firefox.requests[before:] if not url.startswith(("blob:", "data:"))] == []
