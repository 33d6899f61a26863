"""Many callers, one session: what waits while a pass runs is answered by the next one. Knows pixels, but no photos.

Whoever asks waits for nobody to join: a lone caller's pass starts at once on all cores, and under load passes fill by themselves.
"""

import queue
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from skinapp.model.session import Outputs, Runner

MAX_PASS = 8
"""Photos of all passes at the same time: where INT8 on a CPU is fastest (docs/results.md)."""


@dataclass(frozen=True)
class _Request:
    pixels: NDArray[np.float32]
    answer: Future[Outputs] = field(default_factory=Future)


class Batcher:
    """A session for any number of threads. A pass that fails is made again for each caller alone: only the culprit's fails.

    Where there is a `narrow` one beside it, of the same file on one thread, callers who come together get that, in so many
    `passes` at the same time: threads that share a pass wait for each other, the longer the more else goes on.
    """

    def __init__(self, runner: Runner, narrow: Runner | None = None, passes: int = 1) -> None:
        self.provider = runner.provider
        self._runner, self._narrow = runner, narrow or runner
        self._waiting: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._under_way, self._lock = 0, threading.Lock()
        self._limit = max(1, MAX_PASS // passes)
        for number in range(passes):
            threading.Thread(target=self._serve, name=f"skinapp-pool-{number}", daemon=True).start()

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        """The answer to `[n, 3, height, width]`, from a pass that others may share."""
        request = _Request(pixels)
        self._waiting.put(request)
        return request.answer.result()

    def _serve(self) -> None:
        while True:
            batch = self._next_batch()
            with self._lock:
                is_alone = not self._under_way and len(batch) == 1
                self._under_way += 1
            try:
                self._answer(batch, self._runner if is_alone else self._narrow)
            finally:
                with self._lock:
                    self._under_way -= 1
            del batch  # or it would be held while the next one is waited for

    def _next_batch(self) -> list[_Request]:
        """The next caller, and those already waiting behind it, up to the best batch."""
        batch = [self._waiting.get()]
        while sum(len(request.pixels) for request in batch) < self._limit:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _answer(self, batch: list[_Request], runner: Runner) -> None:
        pixels = batch[0].pixels if len(batch) == 1 else np.concatenate([request.pixels for request in batch])
        try:
            outputs = runner.run(pixels)
        except Exception as error:  # whatever a session raises is its caller's to handle, and this thread must live on
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for request in batch:
                    self._answer([request], runner)
        else:
            for request, share in zip(batch, _split(outputs, [len(request.pixels) for request in batch]), strict=True):
                request.answer.set_result(share)


def _split(outputs: Outputs, counts: Iterable[int]) -> Iterable[Outputs]:
    """The outputs of a pass, split into those of so many photos each."""
    start = 0
    for count in counts:
        yield type(outputs)(*(getattr(outputs, output.name)[start : start + count] for output in fields(outputs)))
        start += count
