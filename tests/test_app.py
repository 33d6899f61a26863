"""app.py: what it loads, and how it says that it can't start."""

import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests import TINY_MODEL
from tests.support.app_server import ROOT, free_port

ANSWERS = "The model is tiny_model, revision a651520385bf: FP32 on the CPU (CPUExecutionProvider).\n"
needs_no_gpu = pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has an NVIDIA driver")


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_importing_app_loads_no_library_that_trains_or_teaches(environment: dict[str, str]) -> None:
    script = (
        "import app, sys; print([n for n in ('torch', 'timm', 'transformers', 'optimum', 'onnx', 'sklearn') if n in sys.modules])"
    )
    assert run(environment, "-c", script).stdout == "[]\n"


HEAPS = """
import ctypes, re, threading
import app
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
together = threading.Barrier(12)
def take():
    together.wait()
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
file = ctypes.c_void_p(libc.fopen(b"HERE", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(len(re.findall("<heap nr", open("HERE").read())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc, which knows no bound")
def test_threads_share_two_heaps(environment: dict[str, str], tmp_path: Path) -> None:
    code = HEAPS.replace("HERE", str(tmp_path / "heaps.xml"))
    assert 1 <= int(run(environment, "-c", code).stdout) <= 2


def test_importing_app_switches_gradios_telemetry_off(environment: dict[str, str]) -> None:
    script = "import app, gradio.analytics as a; print(a.analytics_enabled())"
    assert run(environment, "-c", script).stdout == "False\n"


def test_importing_app_leaves_the_collector_of_garbage_on(environment: dict[str, str]) -> None:
    assert run(environment, "-c", "import app, gc; print(gc.isenabled())").stdout == "True\n"


def test_no_garbage_is_looked_for_among_what_was_imported(environment: dict[str, str]) -> None:
    assert int(run(environment, "-c", "import app, gc; print(gc.get_freeze_count())").stdout) > 50_000


@pytest.mark.parametrize(
    ("changed", "arguments", "line"),
    [
        (
            {},
            ["--model", "/nowhere"],
            "/nowhere is not a folder; give a model folder made by 'python -m export build', or OWNER/NAME[@REVISION] of a Hub model.",
        ),
        ({"SKINAPP_SHARE": "maybe"}, [], "SKINAPP_SHARE is 'maybe'; give 1 or 0."),
        (
            {"SKINAPP_PROVIDER": "abacus"},
            ["--model", str(TINY_MODEL)],
            "SKINAPP_PROVIDER is 'abacus'; it must be auto, tensorrt, cuda, cpu.",
        ),
    ],
)
def test_a_start_that_fails_says_so_in_one_line(
    environment: dict[str, str], changed: dict[str, str], arguments: list[str], line: str
) -> None:
    ended = run({**environment, **changed}, "app.py", *arguments)
    assert (ended.returncode, ended.stderr, ended.stdout) == (2, line + "\n", "")


def test_a_port_that_is_taken_is_one_line_too(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run(environment, "app.py", "--model", str(TINY_MODEL), "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr == ANSWERS + (
        f"The page can't be served (Cannot find empty port in range: {port}-{port}); give another --host or --port.\n"
    )


def test_without_a_tunnel_the_page_says_so_and_goes_on_locally(environment: dict[str, str], tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"  # nobody listens there, so that the tunnel's program can't be downloaded
    offline = {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "NO_PROXY": "127.0.0.1,localhost", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "app.py", "--model", str(TINY_MODEL), "--port", str(free_port())]
    environment = {**environment, **offline, "SKINAPP_SHARE": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as page:
        try:
            said = [str(page.stderr and page.stderr.readline()) for _ in range(3)]
            address = said[2].split()[0]
            assert said[0] == ANSWERS and said[1] == f"No public link could be had; the page goes on at {address}.\n"
            assert httpx.get(address, timeout=60).status_code == 200
        finally:
            page.terminate()


def first_words(environment: dict[str, str], *arguments: str) -> list[str]:
    """What a start says until the page is there."""
    command = [sys.executable, "app.py", "--model", str(TINY_MODEL), "--port", str(free_port()), *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as page:
        try:
            said = [str(page.stdout.readline())]
            while not said[-1].startswith("http") and page.poll() is None:
                said.append(page.stdout.readline())
            return said
        finally:
            page.terminate()


@needs_no_gpu
def test_without_a_gpu_a_start_says_what_answers_and_where_the_page_is_and_nothing_of_what_is_missing(
    environment: dict[str, str],
) -> None:
    said = first_words({**environment, "SKINAPP_PROVIDER": "auto"})
    assert said[0] == ANSWERS and len(said) == 2
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/ is the page; Ctrl\+C ends it\.\n", said[1])


@needs_no_gpu
def test_asked_for_more_words_it_also_says_what_was_left_out(environment: dict[str, str]) -> None:
    said = first_words({**environment, "SKINAPP_PROVIDER": "auto"}, "--verbose")
    assert [line.split(" is left out: ")[0] for line in said[:2]] == ["TensorrtExecutionProvider", "CUDAExecutionProvider"]
    assert said[2] == ANSWERS and said[-1].startswith("http://127.0.0.1:")


def test_app_is_short_enough_to_be_read_at_once() -> None:
    for path in ("app.py", "skinapp/serve.py"):
        assert len(Path(ROOT / path).read_text(encoding="utf-8").splitlines()) <= 90
