"""What several tests share: the tiny model, loaded, and the real page on it, served by app.py in a process of its own."""

import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skinapp.assessor import Assessor
from tests import TINY_MODEL, drawings

ROOT = Path(__file__).parent.parent

START_S = 120
"""Seconds until app.py must have said its address; it takes 4 on an idle machine."""


@pytest.fixture(scope="session")
def assessor() -> Assessor:
    return Assessor.load(str(TINY_MODEL), "cpu")


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
from skinapp.assessor import Assessor
from tests import TINY_MODEL, drawings
def stumble(*given):
    raise RuntimeError("/secret/place")
Assessor.read_and_assess = stumble
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", fault], environment) as address:
        yield address


@contextmanager
def served(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    command = [*command, "--model", str(TINY_MODEL), "--port", str(_free_port())]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        said: queue.Queue[str] = queue.Queue()
        # The pipe is read to its end, or the server would stop when it is full.
        threading.Thread(target=lambda: [said.put(line) for line in process.stderr or ()], daemon=True).start()
        try:
            lines = [said.get(timeout=START_S)]
            while not lines[-1].startswith("http"):
                assert process.poll() is None, lines
                lines.append(said.get(timeout=START_S))
            yield lines[-1].split()[0].rstrip("/")
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
