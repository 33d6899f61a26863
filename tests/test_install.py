"""The package as a user installs it: a wheel, in an environment of its own, run from elsewhere.

The libraries are those of the environment that tests run in: what the wheel asks for is read from its metadata instead.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement

from tests.support import drawings
from tests.support.app_server import ROOT, started

MADE = ("__pycache__", "*.pyc", "*.egg-info")
PLACES = {
    "linux": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "macos": {"sys_platform": "darwin", "platform_machine": "arm64"},
    "windows": {"sys_platform": "win32", "platform_machine": "AMD64"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is packaged, so that nothing is left in the working tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "skinapp", source / "skinapp", ignore=shutil.ignore_patterns(*MADE))
    for name in ("pyproject.toml", "requirements.txt", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source]
    subprocess.run(command, check=True, timeout=600)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment into which the wheel was installed."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False)
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(place), "platbase": str(place)}))
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)}))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, timeout=600)
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return scripts


def test_the_wheel_holds_whatever_the_tree_holds_that_isnt_made(wheel: Path) -> None:
    with ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if name.startswith("skinapp/")}
    there = {path for path in (ROOT / "skinapp").rglob("*") if path.is_file() and not any(map(path.match, MADE))}
    assert held == {path.relative_to(ROOT).as_posix() for path in there if "__pycache__" not in path.parts}


@pytest.mark.parametrize("place", PLACES)
def test_it_asks_for_what_requirements_txt_pins_and_for_one_onnxruntime_everywhere(wheel: Path, place: str) -> None:
    with ZipFile(wheel) as packed:
        metadata = message_from_bytes(packed.read(next(name for name in packed.namelist() if name.endswith("/METADATA"))))
    asked = [Requirement(value) for value in metadata.get_all("Requires-Dist")]
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert [one.name for one in asked] == pinned
    runtime = [
        one.name for one in asked if one.name.startswith("onnxruntime") and (not one.marker or one.marker.evaluate(PLACES[place]))
    ]
    assert runtime == ["onnxruntime-gpu" if place == "linux" else "onnxruntime"]


def test_its_command_answers_a_photo_from_another_folder_as_the_tree_does(
    commands: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(drawings.encoded(drawings.lesion(640, 480), "JPEG"))
    answers = [
        json.loads(
            subprocess.run([*command, "photo.jpg", "--json"], cwd=tmp_path, env=env, capture_output=True, check=True).stdout
        )
        for command, env in (
            ([commands / "skinapp"], environment),
            ([sys.executable, "-m", "skinapp"], {**environment, "PYTHONPATH": str(ROOT)}),
        )
    ]
    assert answers[0].pop("elapsed_ms").keys() == answers[1].pop("elapsed_ms").keys()
    assert answers[0] == answers[1] and answers[0]["careful"]
    code = (
        "import skinapp; print(skinapp.__file__); print(skinapp.load(provider='cpu').assess('photo.jpg').to_dict()['priority'])"
    )
    ran = subprocess.run(
        [commands / "python", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    file, priority = ran.stdout.split()
    assert Path(file).is_relative_to(commands.parent) and priority == answers[0]["priority"]


def test_its_page_serves(commands: Path, environment: dict[str, str], tmp_path: Path) -> None:
    uploads = {**environment, "GRADIO_TEMP_DIR": str(tmp_path)}
    with started([str(commands / "skinapp-page")], uploads) as (address, _):
        assert "skinapp" in httpx.get(address, timeout=60).text
