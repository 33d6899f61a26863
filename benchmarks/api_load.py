"""python -m benchmarks.api_load [--requests 2000] [--callers 64] [--photos 10] [--different 640] [--runs 1] [--model FOLDER]

Loads a server of its own on the embedded model: so many callers at once with so many photos each, over plain HTTP, one by one and
as batches, and a folder of the same photos on the command line; then requests without end. Prints what was right, wrong and lost,
photos a second beside the bare session's own at its best batch size, and the server's memory before and after. Run it on a
machine with nothing else to do.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skinapp.assessment import pipeline
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import preprocess
from skinapp.imaging.decode import read
from skinapp.model.hub import EMBEDDED
from tests.support import client_crowd, drawings, plain_http
from tests.support.app_server import started

BATCHES = (1, 2, 4, 8, 16, 32)
FOLDER = 640
"""Photos of 600x450 in a folder."""
WARM_UP_REQUESTS = 64
"""Requests before memory is first read: imports, pools and caches fill with the first ones."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_load", description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--different", type=int, help="of all callers' photos; with fewer, some are under way several times")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        assessor = Assessor.load(str(options.model), "cpu", options.threads, pooled=True)
        count = options.callers * options.photos
        different = client_crowd.drawn(Path(scratch), options.different or count, assessor)
        photos = (different * count)[:count]
        best = bare(assessor, photos[0].path)
        folder(Path(scratch), options, best)
        environment = {**os.environ, "GRADIO_TEMP_DIR": f"{scratch}/cache", "SKINAPP_PROVIDER": "cpu"}
        environment["SKINAPP_THREADS"] = str(options.threads)
        with started([sys.executable, "app.py"], environment, options.model) as (address, process):
            crowd(address, process.pid, photos, options, best)


def bare(assessor: Assessor, path: Path) -> float:
    """Photos a second of the session alone, at the batch size that is best for it."""
    rates, busy_ms = dict[int, float](), dict[int, float]()
    for size in BATCHES:
        pixels = preprocess.batch([read(path)] * size, assessor.spec.transform)
        rounds = max(3, 64 // size)
        times, busy_before = [], time.process_time()
        for _ in range(rounds):
            started = time.perf_counter()
            assessor.session.run(pixels)
            times.append(time.perf_counter() - started)
        rates[size], busy_ms[size] = size / float(np.median(times)), (time.process_time() - busy_before) * 1000 / rounds / size
    size = max(rates, key=rates.__getitem__)
    say(f"bare session: {rates[size]:.0f} photos/s at {size} a pass, its best ({rates[1]:.0f} at 1)")
    say(f"  processor time a photo: {busy_ms[size]:.0f} ms")
    return rates[size]


def folder(scratch: Path, options: argparse.Namespace, best: float) -> None:
    """Photos a second of a folder on the command line, from its first answer to its last: what it takes to start is left out."""
    (photo_folder := scratch / "folder").mkdir()
    for number in range(FOLDER):
        photo = drawings.encoded(drawings.lesion(600, 450, seed=number % 16), "JPEG")
        (photo_folder / f"{number:04}.jpg").write_bytes(photo)
    command = [sys.executable, "-m", "skinapp", str(photo_folder), "--json", "--model", str(options.model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        started, count = 0.0, 0
        for _ in process.stdout or ():
            started, count = started or time.perf_counter(), count + 1
        rate = (count - pipeline.MAX_PASS) / (time.perf_counter() - started)
    say(f"folder on the command line: {count} photos, {rate:.0f} photos/s, {rate / best:.0%} of the bare session's")


def crowd(address: str, pid: int, photos: list[client_crowd.Expected], options: argparse.Namespace, best: float) -> None:
    """All callers at once, in both ways, and then requests for the memory's sake."""
    clients = client_crowd.connected(address, options.callers)
    client_crowd.call(clients, (photos * WARM_UP_REQUESTS)[: max(WARM_UP_REQUESTS, options.callers)])
    before = resident(pid)
    http_callers = plain_http.Crowd(address, options.callers)
    for _ in range(options.runs):
        timed("plain HTTP, /api/classify?careful=0", pid, len(photos), best, lambda: http_callers.call(photos))
        timed("one by one, /classify", pid, len(photos), best, lambda: client_crowd.call(clients, photos))
        timed(
            "each caller's at once, /classify_batch",
            pid,
            len(photos),
            best,
            lambda: client_crowd.call(clients, photos, together=True),
        )
    for sent in range(0, options.requests, 500):
        count = min(500, options.requests - sent) // options.callers * options.callers
        client_crowd.call(clients, (photos * 500)[:count])
        http_callers.call((photos * 500)[:count])
        say(f"after {sent + count} requests more of each interface: {resident(pid):.0f} MB")
    say(f"server's memory: {before:.0f} MB before, {resident(pid):.0f} MB after (highest {resident(pid, 'VmHWM'):.0f} MB)")


def timed(name: str, pid: int, count: int, best: float, work: Callable[[], Counter[str]]) -> None:
    started, server_s, callers_s = time.perf_counter(), busy(pid), time.process_time()
    tally = work()
    rate = count / (time.perf_counter() - started)
    server_s, callers_s = (
        (after - before) * 1000 / count for before, after in ((server_s, busy(pid)), (callers_s, time.process_time()))
    )
    say(f"{name}: {dict(tally)}, {rate:.0f} photos/s, {rate / best:.0%} of the bare session's")
    say(f"  processor time a photo: the server's {server_s:.0f} ms, the callers' {callers_s:.0f} ms")


def busy(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(pid: int, field: str = "VmRSS") -> float:
    """Megabytes that a process holds."""
    match = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(match[1]) / 1024 if match else float("nan")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
