"""A room for each visitor who teaches: a folder, what lies in it, and the work that goes on. All of it goes when they go."""

import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from skinapp import scratch
from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
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
    """Photos that the visitor tried the model with, which lie elsewhere, each in a folder of its own."""

    def fresh(self, name: str) -> Path:
        """A new, random place in the folder."""
        place = self.folder / secrets.token_hex(8)
        place.mkdir(0o700)
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
    """All rooms, by their visitors' sessions. `make` gives an empty folder of a name that nobody guesses, in one that goes with
    this process: no room outlives it, however it ends."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make, self._rooms, self._lock = make, dict[str, Room](), threading.Lock()
        self._left = list[Path]()
        self._displaced = deque[str](maxlen=16 * MOST)
        threading.Thread(target=self._sweep, name="skinapp-sweep", daemon=True).start()

    def new(self, session: str, visitor: str = "") -> Room:
        """An empty room for a visitor's session, whose earlier one goes; where all are taken, one goes that can be spared."""
        self.close(session)
        self._make_space(visitor)
        with self._lock:
            if session in self._displaced:
                self._displaced.remove(session)
            if len(self._rooms) >= MOST:
                raise TeachError(Message("taught.busy"))
            room = self._rooms[session] = Room(self._make(), visitor)
        return room

    def of(self, session: str) -> Room:
        """A visitor's room."""
        with self._lock:
            room = self._rooms.get(session)
        if room is None:
            raise TeachError(Message("taught.displaced" if self.is_displaced(session) else "taught.gone"))
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
                scratch.discard(path)
            self._delete_left(room.folder)

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
            self._delete_left()

    def _delete_left(self, *more: Path) -> None:
        """Delete the folders of closed rooms; one in which work was still writing is tried again at the next look."""
        with self._lock:
            folders, self._left = [*self._left, *more], []
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._left += [folder for folder in folders if folder.exists()]
