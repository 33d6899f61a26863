"""Who is looking through the camera at this moment: so many at once, each for so long and with so many frames under way.

With a first-come, first-served queue behind it that is what makes shares fair: whoever has no answer yet sends nothing more.
Holds no picture.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from skinapp.guards.shares import may_take

MAX_VIEWERS = 16
"""Viewers at once."""
SECONDS = 180
"""How long one may look before it is somebody else's turn."""
IDLE_S = 10
"""After so long without a frame a viewer counts as gone."""
LANES = 2
"""Frames of one viewer that may be under way: while one is answered the next one travels."""
LIMITS = {"frame": LANES, "still": 1}
"""What else may be under way beside them: one picture that gets the full answer."""


class SessionEndedError(Exception):
    """There is no such viewer, or not any more; `over` where the time is up."""

    def __init__(self, over: bool) -> None:
        super().__init__()
        self.over = over


class CrowdedError(Exception):
    """Those who come from the same place hold as many places as leave others one."""


class TooManyFramesError(Exception):
    """A viewer sends more frames than may be under way."""


@dataclass
class _Viewer:
    visitor: str
    started: float
    last_seen: float
    under_way: Counter[str] = field(default_factory=Counter)


class Viewers:
    """The viewers of one server; may be shared by threads."""

    def __init__(self, limit: int = MAX_VIEWERS, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._viewers: dict[str, _Viewer] = {}
        self._lock = threading.Lock()

    def enter(self, visitor: str = "") -> str | None:
        """A new viewer's name; none where all places are taken. Raises CrowdedError where this visitor's share is."""
        with self._lock:
            now = self._clock()
            self._viewers = {
                name: viewer
                for name, viewer in self._viewers.items()
                if now - viewer.last_seen < IDLE_S or viewer.under_way.total()
            }
            if len(self._viewers) >= self._limit:
                return None
            of_visitor = sum(viewer.visitor == visitor for viewer in self._viewers.values())
            if not may_take(of_visitor, len(self._viewers), self._limit):
                raise CrowdedError
            name = secrets.token_urlsafe(18)
            self._viewers[name] = _Viewer(visitor, now, now)
            return name

    def touch(self, name: str) -> None:
        """A sign of a viewer, who begins to send a picture."""
        with self._lock:
            self._find(name)

    @contextmanager
    def under_way(self, name: str, kind: str = "frame") -> Iterator[None]:
        """While a frame or a still of this viewer is answered."""
        with self._lock:
            viewer = self._find(name)
            if viewer.under_way[kind] >= LIMITS[kind]:
                raise TooManyFramesError
            viewer.under_way[kind] += 1
        try:
            yield
        finally:
            with self._lock:
                viewer.under_way[kind] -= 1
                viewer.last_seen = self._clock()

    def leave(self, name: str) -> None:
        """Give a place back; it may have been given back before."""
        with self._lock:
            self._viewers.pop(name, None)

    def _find(self, name: str) -> _Viewer:
        viewer = self._viewers.get(name)
        if viewer is None:
            raise SessionEndedError(over=False)
        viewer.last_seen = now = self._clock()
        if now - viewer.started >= SECONDS:
            del self._viewers[name]
            raise SessionEndedError(over=True)
        return viewer
