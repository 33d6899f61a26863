"""A room for each visitor who teaches: a folder, what lies in it, and the work that goes on. All of it goes when they go."""

import atexit
import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from skinapp.errors import TeachError
from skinapp.i18n.wording import TAUGHT
from skinapp.teach import quotas
from skinapp.teach.dataset.dataset import Collection
from skinapp.teach.pipeline import Seen, Taught
from skinapp.teach.progress import Progress

MOST = 16
"""Rooms at the same time: each may hold 600 MB of disk and an open model."""
SWEEP_S = 60

T = TypeVar("T")


@dataclass
class Room:
    """One visitor's pictures and model. `folder` has a name that nobody guesses, because what lies there can be downloaded."""

    folder: Path
    visitor: str = ""
    """Whom it is counted for, who may have several: a class often comes from one address."""
    collection: Collection | None = None
    seen: Seen | None = None
    taught: Taught | None = None
    progress: Progress = field(default_factory=Progress)
    touched: float = field(default_factory=time.monotonic)
    brought: list[Path] = field(default_factory=list)
    """Photos that the visitor tried the model with, which lie elsewhere."""

    def fresh(self, name: str) -> Path:
        """A new, random place in the folder."""
        place = self.folder / secrets.token_hex(8)
        place.mkdir(parents=True)
        return place / name


class Work(threading.Thread, Generic[T]):
    """Something long, done beside the page; `result` raises what it raised. Its priority is the server's: a thread of a lower one
    held Python's lock while it waited for the processor, and with it the whole page."""

    def __init__(self, task: Callable[[], T]) -> None:
        super().__init__(name="skinapp-teach", daemon=True)
        self._task, self._done, self._error = task, list[T](), list[BaseException]()
        self.start()

    def run(self) -> None:
        try:
            self._done.append(self._task())
        except BaseException as error:  # handed to who waits for the result
            self._error.append(error)

    def result(self) -> T:
        self.join()
        if self._error:
            raise self._error[0]
        return self._done[0]


class Rooms:
    """All rooms, by their visitors' sessions."""

    def __init__(self, place: Path) -> None:
        self._place, self._rooms, self._lock = place, dict[str, Room](), threading.Lock()
        self._displaced = deque[str](maxlen=16 * MOST)
        _clear(place)
        atexit.register(self.close_all)
        threading.Thread(target=self._sweep, name="skinapp-sweep", daemon=True).start()

    def new(self, session: str, visitor: str = "") -> Room:
        """An empty room for a visitor's session, whose earlier one goes; where all are taken, one goes that can be spared."""
        self.close(session)
        self._make_space(visitor)
        with self._lock:
            if session in self._displaced:
                self._displaced.remove(session)
            if len(self._rooms) >= MOST:
                raise TeachError(TAUGHT["busy"])
            folder = self._place / f"teach-{secrets.token_hex(16)}"
            folder.mkdir(parents=True)
            room = self._rooms[session] = Room(folder, visitor)
        return room

    def of(self, session: str) -> Room:
        """A visitor's room."""
        with self._lock:
            room = self._rooms.get(session)
        if room is None:
            raise TeachError(TAUGHT["displaced" if self.is_displaced(session) else "gone"])
        room.touched = time.monotonic()
        return room

    def close(self, session: str) -> None:
        """Stop a visitor's work and delete everything of it."""
        with self._lock:
            room = self._rooms.pop(session, None)
        if room is not None:
            room.progress.stop()
            room.collection = room.seen = room.taught = None
            for path in room.brought:
                path.unlink(missing_ok=True)
            shutil.rmtree(room.folder, ignore_errors=True)

    def is_displaced(self, session: str) -> bool:
        """Whether a session's room had to go for another visitor's."""
        with self._lock:
            return session in self._displaced

    def _make_space(self, visitor: str) -> None:
        """Where all rooms are taken, close the one that was unused the longest of those of the greediest visitor: if they have
        more than this one will have, or don't use it."""
        with self._lock:
            if len(self._rooms) < MOST:
                return
            held = Counter(room.visitor for room in self._rooms.values())
            most = max(held.values())
            spare = min((name for name in self._rooms if held[self._rooms[name].visitor] == most), key=self._touched)
            if most <= held[visitor] + 1 and time.monotonic() - self._touched(spare) < quotas.SPARE_S:
                return
            self._displaced.append(spare)
        self.close(spare)

    def _touched(self, session: str) -> float:
        return self._rooms[session].touched

    def close_all(self) -> None:
        for session in list(self._rooms):
            self.close(session)

    def has(self, room: Room) -> bool:
        """Whether a room is still somebody's."""
        with self._lock:
            return any(one is room for one in self._rooms.values())

    def _sweep(self) -> None:
        while True:
            time.sleep(SWEEP_S)
            now = time.monotonic()
            for session, room in list(self._rooms.items()):
                if now - room.touched > quotas.IDLE_S:
                    self.close(session)


def _clear(place: Path) -> None:
    """Delete what a server left behind that was killed."""
    for folder in place.glob("teach-*"):
        with suppress(OSError):  # another server was faster
            if time.time() - folder.stat().st_mtime > quotas.STALE_S:
                shutil.rmtree(folder)
