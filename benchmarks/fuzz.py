"""python -m benchmarks.fuzz [--count N | --seconds S] [--workers N] [--first N]

Gives the program's readers one bad file after the other (tests/mutations.py) and tells of each that crashes one, hangs it, takes
a gigabyte or gets an answer that isn't a sentence. A number names a file for ever: `--first N --count 1` tries it again.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skinapp.errors import LabelError, ModelError, PhotoError, SkinAppError, TeachError
from skinapp.imaging import decode
from skinapp.metrics import ground_truth
from skinapp.model.spec import ModelSpec
from skinapp.teach.dataset import zip_archive
from tests.support import mutations

SLOW_S, HEAVY_BYTES = 5.0, 2**30
HANGS_S = 60.0
"""Without an answer for so long a worker is killed: five seconds of work may take that on a busy machine."""
BATCH = 500
"""Files that a worker is given at once."""
ALLOWED: dict[str, type[SkinAppError]] = {"photo": PhotoError, "zip": TeachError, "config": ModelError, "labels": LabelError}


def complaint(number: int, folder: Path) -> str:
    """What is wrong with how a file was answered; empty where nothing is."""
    bad_file = mutations.make(number)
    _forget_peak()
    before, started = _memory("VmRSS"), time.process_time()
    try:
        outcome = _read(bad_file, folder)
    except ALLOWED[bad_file.reader] as error:
        outcome = _unlike_a_sentence(str(error))
    except Exception as error:  # whatever else a reader raises is what is looked for
        outcome = f"{type(error).__name__}: {error}"[:300]
    elapsed, peak = time.process_time() - started, _memory("VmHWM") - before
    if not outcome and elapsed > SLOW_S:
        outcome = f"took {elapsed:.1f} s"
    return outcome or (f"took {peak / 2**20:.0f} MB" if peak > HEAVY_BYTES else "")


def _read(bad_file: mutations.Input, folder: Path) -> str:
    if bad_file.reader == "photo":
        photo = decode.read(bad_file.content)
        is_photo = photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.flags.c_contiguous
        return "" if is_photo else f"no photo: {photo.dtype} {photo.shape}"
    if bad_file.reader == "zip":
        (path := folder / "a.zip").write_bytes(bad_file.content)
        with zip_archive.open_archive(path) as archive:
            for entry in archive.entries:
                try:
                    archive.read(entry)
                except zip_archive.Unreadable:
                    continue
        return ""
    if bad_file.reader == "config":
        ModelSpec.read(mutations.folder_of(bad_file.content, folder))
        return ""
    ground_truth.read(bad_file.content)
    return ""


def _unlike_a_sentence(text: str) -> str:
    is_sentence = text.endswith(".") and len(text) < 2000 and "Traceback" not in text
    return "" if is_sentence else f"not a sentence: {text[:300]!r}"


def _memory(name: str) -> int:
    """Bytes of this process, as the kernel counts them; 0 where it doesn't say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # another system: the peak is that of the process
        return


def _work(first: int, count: int, current: Any, complaints: Any) -> None:
    with TemporaryDirectory() as folder:
        for number in range(first, first + count):
            current.value = number
            if problem := complaint(number, Path(folder)):
                complaints.put((number, problem))
        current.value = -1


class Worker:
    """A process that tries a part, and is watched."""

    def __init__(self, first: int, count: int) -> None:
        self.end, self.current = first + count, multiprocessing.Value("q", first)
        self.complaints: Any = multiprocessing.SimpleQueue()
        self._last_number, self._since = first, time.monotonic()
        self._process = multiprocessing.Process(target=_work, args=(first, count, self.current, self.complaints))
        self._process.start()

    def failed(self) -> str:
        """Why it ended before its part did, or must; empty while it works and when it is done."""
        number = self.current.value
        if number != self._last_number:
            self._last_number, self._since = number, time.monotonic()
        if number >= 0 and self._process.is_alive() and time.monotonic() - self._since > HANGS_S:
            self._process.kill()
            self._process.join()
            return f"hangs over {HANGS_S:.0f} s"
        if number >= 0 and not self._process.is_alive():
            return f"kills the process ({self._process.exitcode})"
        return ""

    def is_done(self) -> bool:
        return self.current.value < 0


def run(first: int, count: int, seconds: float, workers: int) -> tuple[int, list[tuple[int, str]]]:
    """Try so many files, or until the time is up; how many were tried, and what was wrong with which."""
    for number in range(len(mutations.READERS)):
        mutations.make(number)  # what all workers change is drawn once
    deadline, next_number, tried = time.monotonic() + seconds, first, 0
    working: list[Worker] = []
    complaints: list[tuple[int, str]] = []
    while True:
        while len(working) < workers and next_number < first + count and time.monotonic() < deadline:
            batch = min(BATCH, first + count - next_number)
            working.append(Worker(next_number, batch))
            next_number, tried = next_number + batch, tried + batch
        if not working:
            return tried, sorted(complaints)
        time.sleep(0.05)
        for worker in list(working):
            while not worker.complaints.empty():
                complaints.append(worker.complaints.get())
                _say(*complaints[-1])
            if failure := worker.failed():
                number = worker.current.value
                complaints.append((number, failure))
                _say(*complaints[-1])
                working.remove(worker)
                if number + 1 < worker.end:
                    working.append(Worker(number + 1, worker.end - number - 1))
            elif worker.is_done() and worker.complaints.empty():
                working.remove(worker)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Try files; the exit status is 1 if any was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description="Bad files for every reader.")
    parser.add_argument("--count", type=int, default=2**40, help="files; default: no end")
    parser.add_argument("--seconds", type=float, default=3600, help="default: an hour")
    parser.add_argument("--workers", type=int, default=1, help="processes; default: 1")
    parser.add_argument("--first", type=int, default=0, help="the number of the first file; default: 0")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    tried, complaints = run(options.first, options.count, options.seconds, options.workers)
    counts = Counter(mutations.READERS)
    shares = ", ".join(f"{count} in {len(mutations.READERS)} {reader}" for reader, count in counts.items())
    _say(f"{tried} files ({shares}) in {time.monotonic() - started:.0f} s: {len(complaints)} answered wrongly")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
