"""How far a lesson is, reported by the thread that works and read by the one that shows it; and how it is stopped."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar

from skinapp.errors import TeachError
from skinapp.i18n.messages import Message
from skinapp.teach import quotas

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for this lesson any more."""


class Counted(Iterable[T_co], Sized, Protocol[T_co]):
    """What can be walked through and has a length."""


class Progress:
    """The stage that runs, how much of it is done, and how long the rest of it will take; and the budget of processor time that
    the work has. May be shared by threads, of which one works."""

    def __init__(self) -> None:
        self.stage, self.done, self.total = "", 0, 1
        self._started, self._is_stopped = time.monotonic(), False
        self._worker_started_s: float | None = None

    def begin(self, stage: str, count: int) -> None:
        """Start a stage of so many equal steps."""
        self.stage, self.done, self.total, self._started = stage, 0, max(1, count), time.monotonic()
        self.check()

    def step(self, count: int = 1) -> None:
        """Some steps are done."""
        self.done += count
        self.check()

    def check(self) -> None:
        """For the thread that works: Stopped, if nobody waits any more; TeachError once the budget of time is spent."""
        if self._is_stopped:
            raise Stopped
        if self.spent_s > quotas.SECONDS:
            raise TeachError(Message("taught.slow", most=quotas.SECONDS // 60))

    @property
    def spent_s(self) -> float:
        """Processor time of the thread that works and asks, since it first did: other visitors' work doesn't count."""
        now = time.thread_time()
        if self._worker_started_s is None:
            self._worker_started_s = now
        return now - self._worker_started_s

    def stop(self) -> None:
        """Make the work end at its next step."""
        self._is_stopped = True

    def walk(self, stage: str, items: Counted[T]) -> Iterator[T]:
        """Each item as a step of a stage."""
        self.begin(stage, len(items))
        for item in items:
            yield item
            self.step()

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest of the stage will take, as far as is known."""
        elapsed = time.monotonic() - self._started
        return elapsed / self.done * (self.total - self.done) if self.done and elapsed > 1 else None
