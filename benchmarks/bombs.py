"""python -m benchmarks.bombs [--plain 10] [--model FOLDER]

What hostile and heavy photos cost: each of tests/support/bombs.py on the command line; a plain photo's answer through
gradio_client, alone and while eight bombs are sent; and the server's peak memory with twelve photos of 50 megapixels at once.
Run it on a machine with nothing else to do.
"""

import argparse
import io
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image

from benchmarks.api_load import resident, say
from skinapp.model.hub import EMBEDDED
from tests.support import bombs, client_crowd, drawings
from tests.support.app_server import ROOT, started

FORK = multiprocessing.get_context("fork")
HEAVY: dict[str, Callable[[], bytes]] = {
    "webp.webp": bombs.webp_pixels,
    "progressive.jpg": lambda: bombs.large("JPEG", quality=60, progressive=True, subsampling=0),
    "alpha.png": lambda: bombs.large("PNG", mode="RGBA"),
    "packed.tif": lambda: bombs.large("TIFF", compression="tiff_lzw"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bombs", description=__doc__)
    parser.add_argument("--plain", type=int, default=10, help="plain photos that are timed")
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    say(f"load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.jpg")
        Image.open(io.BytesIO(drawings.encoded(drawings.lesion(600, 450)))).save(plain, quality=90)
        _time_command_line(plain, options.model)
        hostile = [_write_file(Path(folder, f"{name}.bin"), make) for name, make in bombs.SIX.items()]
        for name, make in bombs.MORE.items():
            _time_command_line(_write_file(Path(folder, f"{name}.bin"), make), options.model)
        for path in hostile:
            _time_command_line(path, options.model)
        heavy = [_write_file(Path(folder, name), make) for name, make in HEAVY.items()]
        environment = {**os.environ, "GRADIO_TEMP_DIR": f"{folder}/cache", "SKINAPP_PROVIDER": "cpu"}
        with started([sys.executable, "app.py"], environment, options.model) as (address, process):
            _time_beside_bombs(address, plain, hostile, options.plain)
            say(f"server's peak: {resident(process.pid, 'VmHWM'):.0f} MB")
        with started([sys.executable, "app.py"], environment, options.model) as (address, process):
            _send_heavy(address, [path for path, _ in zip(cycle(heavy), range(12), strict=False)])
            say(f"server's peak, twelve photos of 50 megapixels at once: {resident(process.pid, 'VmHWM'):.0f} MB")


def _write_file(path: Path, make: Callable[[], bytes]) -> Path:
    """A file that a process of its own made: Linux counts what a parent holds as its child's peak."""
    maker = FORK.Process(target=lambda: path.write_bytes(make()))
    maker.start()
    maker.join()
    assert maker.exitcode == 0, f"{path.name} could not be made"
    return path


def _time_command_line(path: Path, model: Path) -> None:
    """Seconds, megabytes and last words of `python -m skinapp` on one file, with Python's own start."""
    command = [sys.executable, "-m", "skinapp", str(path), "--model", str(model)]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, words = time.perf_counter() - started, output.strip().splitlines()
    cpu = usage.ru_utime + usage.ru_stime
    say(f"{path.stem}: {seconds:.2f} s ({cpu:.2f} s CPU), {usage.ru_maxrss / 1024:.0f} MB, {words[-1] if words else 'nothing'}")


def _time_beside_bombs(address: str, plain: Path, hostile: list[Path], count: int) -> None:
    """A plain photo's seconds alone, and while eight bombs are under way all the time."""
    plain_client, bomb_clients = client_crowd.connection(address), client_crowd.connected(address, 8)
    say(f"plain photo, alone: {_seconds(plain_client, plain, count)}")
    has_ended = False

    def send_until_end(client: Client, paths: Iterator[Path]) -> int:
        sent = 0
        while not has_ended:
            _is_answered(client, next(paths))
            sent += 1
        return sent

    with ThreadPoolExecutor(8) as executor:
        futures = [
            executor.submit(send_until_end, client, cycle(hostile[index % 6 :] + hostile[: index % 6]))
            for index, client in enumerate(bomb_clients)
        ]
        time.sleep(1)
        try:
            say(f"plain photo, while eight bombs are sent: {_seconds(plain_client, plain, count)}")
        finally:
            has_ended = True
        say(f"  bombs that were answered meanwhile: {sum(future.result() for future in futures)}")


def _seconds(client: Client, photo: Path, count: int) -> str:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        assert _is_answered(client, photo), "the plain photo wasn't answered"
        times.append(time.perf_counter() - started)
    return f"median {statistics.median(times):.2f} s, worst {max(times):.2f} s of {count}"


def _send_heavy(address: str, photos: list[Path]) -> None:
    clients = client_crowd.connected(address, len(photos))
    with ThreadPoolExecutor(len(photos)) as executor:
        results = list(executor.map(_is_answered, clients, photos))
    say(f"heavy photos answered: {sum(results)} of {len(photos)}")


def _is_answered(client: Client, photo: Path) -> bool:
    """Whether a photo got a report; a refusal in words is an answer too, but none to count here."""
    try:
        client.predict(photo=handle_file(photo), api_name="/classify")
    except Exception:  # refused: what counts here is what it costs the others
        return False
    return True


if __name__ == "__main__":
    main()
