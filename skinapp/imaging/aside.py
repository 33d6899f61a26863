"""A second thread for half of what one photo takes. Whoever finds it in use does that half, too: with many photos under way all
cores are busy without it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

Result = TypeVar("Result")

_thread, _in_use = ThreadPoolExecutor(1, "skinapp-aside"), Lock()


def begin(work: Callable[[], Result]) -> Callable[[], Result]:
    """Have work begun aside, if that thread is free. What is returned gives its result, or does it where it wasn't begun."""
    if not _in_use.acquire(blocking=False):
        return work
    future = _thread.submit(work)
    future.add_done_callback(lambda _: _in_use.release())
    return future.result
