"""The real page in a process of its own, as its visitors meet it."""

import os
import queue
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import TINY_MODEL

ROOT = Path(__file__).parents[2]
START_S = 300
"""Seconds until app.py must have said its address; it takes 4 on an idle machine."""


def missing(reason: str) -> None:
    """Skip what can't be tested on this machine; CI's has everything."""
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@contextmanager
def served(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    with started(command, environment) as (address, _):
        yield address


@contextmanager
def started(
    command: list[str], environment: dict[str, str], model: Path = TINY_MODEL, port: int = 0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The page on a model, at its address, and its process."""
    command = [*command, "--model", str(model), "--port", str(port or free_port())]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        said: queue.Queue[str] = queue.Queue()
        # The pipe is read to its end, or the server would stop when it is full.
        reader = threading.Thread(target=lambda: [said.put(line) for line in process.stderr or ()], daemon=True)
        reader.start()
        try:
            lines = [said.get(timeout=START_S)]
            while not lines[-1].startswith("http"):
                assert process.poll() is None, lines
                lines.append(said.get(timeout=START_S))
            yield lines[-1].split()[0].rstrip("/"), process
        finally:
            process.terminate()
            process.wait()
            reader.join(START_S)  # else the pipe would be closed under it


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
