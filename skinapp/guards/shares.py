"""How much one visitor may take of what all share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

GENEROSITY = 3
"""A visitor may hold so many times what is still free: alone three quarters of all, so that whoever comes next finds a place."""


class FullError(Exception):
    """A visitor holds as much as they may, or all is taken."""


def may_take(held: int, taken: int, total: int, amount: int = 1) -> bool:
    """Whether a visitor who holds `held` may take more, while all visitors hold `taken` of `total`.

    Dynamic thresholds, as switches share their memory (Choudhury and Hahne, 1998): who shares with nobody isn't held back by
    places kept for others who don't come, and no number of greedy visitors takes all.
    """
    return held + amount <= GENEROSITY * (total - taken) and taken + amount <= total


class Share:
    """So much of one thing, and who holds how much of it; of one event loop."""

    def __init__(self, total: int) -> None:
        self.total, self.taken = total, 0
        self._held_by = Counter[str]()

    def take(self, visitor: str, amount: int = 1) -> None:
        """Raises FullError where it is more than the visitor may hold."""
        if not may_take(self._held_by[visitor], self.taken, self.total, amount):
            raise FullError
        self._held_by[visitor] += amount
        self.taken += amount

    def give(self, visitor: str, amount: int = 1) -> None:
        """Give back what was taken."""
        self.taken -= amount
        self._held_by[visitor] -= amount
        if not self._held_by[visitor]:
            del self._held_by[visitor]

    @contextmanager
    def held(self, visitor: str, amount: int = 1) -> Iterator[None]:
        """Hold it for a while."""
        self.take(visitor, amount)
        try:
            yield
        finally:
            self.give(visitor, amount)
