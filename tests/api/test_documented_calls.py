"""The examples of docs/api.md, copied out of it and run against the real server; only the address differs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.update_docs import API, README
from skinapp.assessment.assessor import Assessor
from tests.support import drawings
from tests.support.app_server import ROOT, missing

ADDRESS = "http://127.0.0.1:7860"


def examples(language: str, page: Path = API, section: str = "Over the network") -> list[str]:
    """The examples of a page's section in a language, in their order."""
    text = page.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def plain_examples() -> dict[str, str]:
    """The examples of the plain HTTP interface, by the program that runs them."""
    (curl,), (script,) = (examples(language, section="Plain HTTP") for language in ("sh", "javascript"))
    return {"curl": curl, "node": script}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the examples find their photos."""
    (tmp_path / "photo.jpg").write_bytes(drawings.encoded(drawings.lesion(640, 480), "JPEG"))
    (tmp_path / "other.jpg").write_bytes(b"not a photo")
    return tmp_path


def run(command: list[str], example: str, server: str, folder: Path) -> str:
    assert ADDRESS in example
    given = [*command, example.replace(ADDRESS, server)]
    ended = subprocess.run(given, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_each_language_is_there_and_calls_what_there_is() -> None:
    assert {language: len(examples(language)) for language in ("python", "js", "bash")} == {"python": 2, "js": 1, "bash": 1}
    for example in (*examples("python"), *examples("js"), *examples("bash")):
        assert re.findall(r"/(classify\w*)", example)


def test_the_python_example_prints_the_answer(server: str, folder: Path, assessor: Assessor) -> None:
    expected = assessor.read_and_assess(folder / "photo.jpg")[1].to_dict()
    said = run([sys.executable, "-c"], examples("python")[0], server, folder).splitlines()[-1]
    assert said.startswith(f"{expected['priority']} {expected['probabilities']} ")
    assert Path(said.split()[-1]).is_file(), "the overlay is there"


def test_the_python_example_for_several_prints_a_line_a_photo(server: str, folder: Path, assessor: Assessor) -> None:
    expected = assessor.read_and_assess(folder / "photo.jpg")[1].to_dict()
    good, bad = run([sys.executable, "-c"], examples("python")[1], server, folder).splitlines()[-2:]
    assert good == f"photo.jpg {expected['priority']} None"
    assert bad.startswith("other.jpg None The file is not a picture that can be read here")


def test_the_curl_example_ends_with_the_report(server: str, folder: Path, assessor: Assessor) -> None:
    if shutil.which("curl") is None:
        missing("curl is missing: install Debian's curl to run the documented example")
    expected = assessor.read_and_assess(folder / "photo.jpg")[1].to_dict()
    said = run(["bash", "-euo", "pipefail", "-c"], examples("bash")[0], server, folder)
    event, data = said.strip().splitlines()
    assert event == "event: complete"
    assert {**json.loads(data.removeprefix("data: "))[0], "elapsed_ms": 0} == {**expected, "elapsed_ms": 0}


def test_the_curl_example_says_what_is_wrong_with_a_photo(server: str, folder: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is missing: install Debian's curl to run the documented example")
    (folder / "photo.jpg").write_bytes(b"not a photo")
    event, data = run(["bash", "-euo", "pipefail", "-c"], examples("bash")[0], server, folder).strip().splitlines()
    assert event == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"].startswith("The file is not a picture that can be read here")


@pytest.mark.parametrize(("page", "section"), [(API, "In Python"), (README, "Call it")])
def test_the_example_of_the_python_interface_prints_the_answer(
    page: Path, section: str, folder: Path, environment: dict[str, str], embedded: Assessor
) -> None:
    (example,) = examples("python", page, section)
    expected = embedded.read_and_assess(folder / "photo.jpg", careful=True).to_dict()
    elsewhere = {**environment, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", example], cwd=folder, env=elsewhere, capture_output=True, text=True, timeout=300
    )
    assert ended.stdout.startswith(f"{expected['priority']} {{'akiec': "), ended.stderr
