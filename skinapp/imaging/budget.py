"""The memory that all decoders of this process share: each asks for what its picture will take, before anything is decoded.

Two lanes, so that large pictures wait for each other and small ones for none of them. A photo counts until nobody holds it.
"""

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import BusyError
from skinapp.i18n.messages import Message

SMALL_BYTES = 128 * 2**20
"""What a small picture takes at most while it is decoded: a JPEG of 18 megapixels."""
SMALL_LANE_BYTES = 512 * 2**20
"""Of all small ones at once."""
LARGE_LANE_BYTES = 640 * 2**20
"""Of all large ones at once; one that takes more has the lane to itself."""
PATIENCE_S = 120.0
"""How long a picture waits for its share before it is refused."""
LIGHT_BYTES = 8 * 2**20
"""A photo of so few bytes is no longer counted once it is decoded: thousands of them may be held to learn from."""
COPY_SHARE = 7 / 3
"""What a photo takes with the copy of 4 bytes a pixel that it is scaled down from, in its own bytes."""


class Lane:
    """A first-come, first-served share of memory; may be used by threads. Where `max_waiting` pictures wait, one more is refused
    at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.max_waiting: int | None = None
        self._decoding: dict[int, int] = {}
        self._held: dict[int, tuple[int, int]] = {}
        self._queue: deque[int] = deque()
        self._tickets = count()
        # Re-entrant, because a photo can be given back in whatever line of a thread that Python collects garbage.
        self._changed = threading.Condition(threading.RLock())

    @property
    def used(self) -> int:
        """Bytes in use at this moment."""
        return sum(list(self._decoding.values())) + sum(size for size, _ in list(self._held.values()))

    @contextmanager
    def share(self, size: int, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """Wait for so many bytes and hold them while a picture is decoded; BusyError where it takes too long."""
        ticket, holder = next(self._tickets), threading.get_ident()
        with self._changed:
            # Whoever holds a photo goes first, and waits for decoders alone: two that hold one each would wait for each other.
            is_holder = any(thread == holder for _, thread in list(self._held.values()))
            (self._queue.appendleft if is_holder else self._queue.append)(ticket)
            is_full = self.max_waiting is not None and len(self._queue) > self.max_waiting and not is_holder
            fits = not is_full and self._changed.wait_for(
                lambda: self._queue[0] == ticket and self._fits(size, is_holder), patience_s
            )
            self._queue.remove(ticket)
            if fits:
                self._decoding[ticket] = size
            self._changed.notify_all()
        if not fits:
            raise BusyError(Message("unreadable.busy", size=size // 2**20))
        try:
            yield
        finally:
            self._release(ticket)

    def hold(self, photo: NDArray[np.uint8]) -> None:
        """Count a photo until it is gone."""
        if photo.nbytes > LIGHT_BYTES:
            ticket = next(self._tickets)
            self._held[ticket] = (int(photo.nbytes * COPY_SHARE), threading.get_ident())
            weakref.finalize(photo, self._release, ticket).atexit = False

    def _fits(self, size: int, is_holder: bool) -> bool:
        used = sum(list(self._decoding.values())) if is_holder else self.used
        return not used or used + size <= self.limit

    def _release(self, ticket: int) -> None:
        self._decoding.pop(ticket, None)
        self._held.pop(ticket, None)
        with self._changed:
            self._changed.notify_all()


SMALL, LARGE = Lane(SMALL_LANE_BYTES), Lane(LARGE_LANE_BYTES)


def lane(size: int) -> Lane:
    """The lane of a picture that takes so many bytes."""
    return SMALL if size <= SMALL_BYTES else LARGE
