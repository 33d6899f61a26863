"""Finds connections that bring no request, or don't take their answer: servers wait for those as long as they like."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

HEAD_S = 20
"""Seconds that a connection may go without a whole request head."""
READ_S = 60
"""Seconds that it may go without taking anything of its answer."""
CROWDED_HEAD_S = 2
"""Seconds without a request head while more than half of the files that this process may open are in use."""
LOOK_S = 1.0
"""Seconds between two looks at all connections."""
FILES = 65_536
"""Files and connections that the process asks to have open at the same time; a shell's usual limit is 1,024."""


class Connection(Protocol):
    """What is asked of a connection; two that are equal, and hash alike, are one."""

    @property
    def unread(self) -> int:
        """Bytes of an answer that its client hasn't taken."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""

    def abort(self) -> None:
        """Close it, whatever is yet to be sent."""


def allow_files() -> int:
    """Raise this process's own limit as far as it may, and tell it; Windows has none."""
    if sys.platform == "win32":
        return FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a limit that it doesn't tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass(frozen=True)
class Stuck:
    """What a connection waits for, and since when: a request, or that so many bytes of an answer are taken."""

    since: float
    unread: int


def close_stuck(
    connections: Iterable[Connection], before: Mapping[Connection, Stuck], now: float, crowded: bool
) -> dict[Connection, Stuck]:
    """Close the connections that have been stuck for too long; those that are stuck, as they were `before` and are now."""
    stuck = dict[Connection, Stuck]()
    for connection in connections:
        unread = connection.unread
        if unread or connection.is_idle:
            earlier = before.get(connection)
            stuck[connection] = earlier if earlier and earlier.unread == unread else Stuck(now, unread)
    head_s = CROWDED_HEAD_S if crowded else HEAD_S
    for connection, state in stuck.items():
        if now - state.since >= (READ_S if state.unread else head_s):
            connection.abort()
    return stuck
