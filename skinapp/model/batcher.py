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

from skinapp.model.session import Answer, Runs

MOST = 8
"""Photos a pass: where INT8 on a CPU is fastest (docs/results.md)."""


@dataclass(frozen=True)
class _Asked:
    pixels: NDArray[np.float32]
    answer: Future[Answer] = field(default_factory=Future)


class Pool:
    """A session for any number of threads. A pass that fails is made again for each caller alone: only the culprit's fails."""

    def __init__(self, runs: Runs) -> None:
        self.provider = runs.provider
        self._runs = runs
        self._waiting: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="skinapp-pool", daemon=True).start()

    def run(self, pixels: NDArray[np.float32]) -> Answer:
        """The answer to `[n, 3, height, width]`, from a pass that others may share."""
        asked = _Asked(pixels)
        self._waiting.put(asked)
        return asked.answer.result()

    def _serve(self) -> None:
        while True:
            self._answer(self._taken())

    def _taken(self) -> list[_Asked]:
        """The next caller, and those already waiting behind it, up to the best batch."""
        taken = [self._waiting.get()]
        while sum(len(asked.pixels) for asked in taken) < MOST:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return taken

    def _answer(self, taken: list[_Asked]) -> None:
        try:
            answer = self._runs.run(np.concatenate([asked.pixels for asked in taken]))
        except Exception as error:  # whatever a session raises is its caller's to handle, and this thread must live on
            if len(taken) == 1:
                taken[0].answer.set_exception(error)
            else:
                for asked in taken:
                    self._answer([asked])
        else:
            for asked, part in zip(taken, _parts(answer, [len(asked.pixels) for asked in taken]), strict=True):
                asked.answer.set_result(part)


def _parts(answer: Answer, counts: Iterable[int]) -> Iterable[Answer]:
    """An answer cut into those of so many photos each."""
    start = 0
    for count in counts:
        yield Answer(*(getattr(answer, of.name)[start : start + count] for of in fields(Answer)))
        start += count
