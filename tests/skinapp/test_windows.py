"""What Windows lacks isn't needed, as far as that can be seen on Linux: `tests.support.windows` says how far that is."""

import subprocess
import sys
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from skinapp.scratch import PREFIX
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.app_server import ROOT, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is open is read from Linux's /proc")

HERE = [sys.executable, "-m", "tests.support.windows"]
HOLDS = """
import os, sys
from skinapp.scratch import Scratch
scratch = Scratch(sys.argv[1])
print(scratch.write("uploads", "spot.png", b"a photo"), flush=True)
sys.stdin.readline() and scratch.close()
os._exit(9)
"""
LOOKS = """
import sys
from pathlib import Path
from skinapp.scratch import Scratch
own, link = Scratch(sys.argv[1]), Path(sys.argv[1]) / "mine"
for name in sys.argv[2:]:
    print(Path(name).exists())
photo = own.write("uploads", "spot.png", b"a photo")
own.expire("uploads", -1)
print(photo.exists(), own.path.exists())
own.close()
print(own.path.exists())
"""


def run(code: str, *arguments: object) -> str:
    command = [*HERE, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_stand_in_lacks_what_windows_lacks() -> None:
    code = """
for line in ("import fcntl", "import resource", "import os; os.geteuid", "import signal; signal.SIGHUP", "import os; os.open('.', 0)"):
    try:
        exec(line, {"__name__": "skinapp.anything"})
    except (ImportError, AttributeError, PermissionError) as error:
        print(type(error).__name__)
"""
    assert run(code).split() == ["ModuleNotFoundError"] * 2 + ["AttributeError"] * 2 + ["PermissionError"]


def test_a_folder_of_a_killed_process_goes_that_of_a_living_one_stays_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"mine")
    command = [*HERE, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        held = Path(living.stdout.readline().strip())  # it has looked for what others left before one of them ends
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dead:
            left = Path(dead.stdout.readline().strip())
            (left.parent / "link").symlink_to(tmp_path / "mine")
            dead.stdin.close()
        assert left.exists() and held.exists()
        assert run(LOOKS, tmp_path, left, held).split() == ["False", "True", "False", "True", "False"]
        living.stdin.write("close\n")
        living.stdin.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"] and (tmp_path / "mine" / "photo.jpg").exists()


def test_the_page_starts_answers_and_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    photo = tmp_path / "spot.png"
    photo.write_bytes(drawings.encoded(drawings.lesion()))
    uploads = tmp_path / "uploads"
    with started([*HERE, "app.py"], {**environment, "GRADIO_TEMP_DIR": str(uploads)}, TINY_MODEL) as (address, _):
        client = Client(address, verbose=False, ssl_verify=False, download_files=str(tmp_path / "fetched"))
        report, overlay = client.predict(handle_file(photo), api_name="/classify")
        assert report["status"] == "ok" and Path(overlay).is_file()
        assert [path.name.startswith(PREFIX) for path in uploads.iterdir()] == [True]
    assert list(uploads.iterdir()) == []
