"""How a server ends: nothing new is begun, and what is under way has some seconds to come to its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0
"""Seconds that what is under way has; whoever stops containers waits for ten."""
QUIET_S = 0.5
"""Without anything under way for so long all is done: a caller who has just heard of an answer comes for its picture."""
POLL_S = 0.05


class Ending:
    """Counts what a server does, in its own thread, so that another one can wait for the end of it."""

    def __init__(self) -> None:
        self.has_begun = False
        self._count = 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While something is done that the end waits for."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    def wait(self, is_busy: Callable[[], bool]) -> None:
        """Begin the end, and wait until nothing is under way and the server isn't busy, or patience ends."""
        self.has_begun = True
        started = quiet_since = time.monotonic()
        while (now := time.monotonic()) - started < PATIENCE_S and now - quiet_since < QUIET_S:
            if self._count or is_busy():
                quiet_since = now
            time.sleep(POLL_S)
