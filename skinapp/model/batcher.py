"""Many callers, one session: what waits while a pass runs is answered by the next one. Knows pixels, but no photos.

Whoever asks waits for nobody to join: a lone caller's pass starts at once, and under load passes fill by themselves.
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
"""Photos a pass: where INT8 on a CPU is fastest (docs/results.md)."""


@dataclass(frozen=True)
class _Request:
    pixels: NDArray[np.float32]
    answer: Future[Outputs] = field(default_factory=Future)


class Batcher:
    """A session for any number of threads. A pass that fails is made again for each caller alone: only the culprit's fails."""

    def __init__(self, runner: Runner) -> None:
        self.provider = runner.provider
        self._runner = runner
        self._waiting: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="skinapp-pool", daemon=True).start()

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        """The answer to `[n, 3, height, width]`, from a pass that others may share."""
        request = _Request(pixels)
        self._waiting.put(request)
        return request.answer.result()

    def _serve(self) -> None:
        while True:
            self._answer(self._next_batch())

    def _next_batch(self) -> list[_Request]:
        """The next caller, and those already waiting behind it, up to the best batch."""
        batch = [self._waiting.get()]
        while sum(len(request.pixels) for request in batch) < MAX_PASS:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _answer(self, batch: list[_Request]) -> None:
        try:
            outputs = self._runner.run(np.concatenate([request.pixels for request in batch]))
        except Exception as error:  # whatever a session raises is its caller's to handle, and this thread must live on
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:
                for request in batch:
                    self._answer([request])
        else:
            for request, share in zip(batch, _split(outputs, [len(request.pixels) for request in batch]), strict=True):
                request.answer.set_result(share)


def _split(outputs: Outputs, counts: Iterable[int]) -> Iterable[Outputs]:
    """The outputs of a pass, split into those of so many photos each."""
    start = 0
    for count in counts:
        yield type(outputs)(*(getattr(outputs, output.name)[start : start + count] for output in fields(outputs)))
        start += count
