"""Where photos wait for their turn: one queue for the whole page and the API, bounded, and few photos in memory at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from skinapp.imaging import budget

WAITING = 128
"""Calls that may wait; whoever comes after them is told so, and whoever waits is told their place."""
MAX_HEAVY_WAITING = 16
"""Large photos that wait for memory; one more is refused at once, so that they never are all that the server works on."""
ASSESSING = 8 + MAX_HEAVY_WAITING
"""Calls that are begun at the same time: enough to fill the pool's passes, beside all those that may wait for memory."""
STATUS_S = 1.0
"""How often all who wait are told their place, beside when they join. Gradio's default tells all of them at every answer: with 64
waiting, that took the server longer than the answers."""
READING = 4
"""Photos of calls with several that are assessed at the same time, in all such calls together. What they take of memory is
imaging/budget.py's to bound."""

budget.LARGE.max_waiting = MAX_HEAVY_WAITING

_readers = ThreadPoolExecutor(READING, "skinapp-reader")

Photo = TypeVar("Photo")
Result = TypeVar("Result")


def each(function: Callable[[Photo], Result], photos: Iterable[Photo]) -> list[Result]:
    """What a function makes of each of several photos, in their order; at most READING at once."""
    return list(_readers.map(function, photos))
