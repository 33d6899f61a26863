"""Closes connections that bring no request, or don't take their answer: uvicorn waits for those as long as they like.

Looks into uvicorn's set of connections (h11, 0.54), of which each knows the request that it is answering, if any.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from skinapp.ui.server import background

HEAD_S = 20
"""Seconds that a connection may go without a whole request head."""
READ_S = 60
"""Seconds that it may go without taking anything of its answer."""
CROWDED_HEAD_S = 2
"""Seconds without a request head while more than half of the files that this process may open are in use."""
LOOK_S = 1.0
FILES = 65_536
"""Files and connections that the process asks to have open at the same time; a shell's usual limit is 1,024."""


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


@asynccontextmanager
async def watched(server: Callable[[], Any]) -> AsyncIterator[None]:
    """While the server lives; `server` gives it once it is there."""
    async with background.running(_watch(server, allow_files())):
        yield


async def _watch(server: Callable[[], Any], files: int) -> None:
    stuck = dict[Any, Stuck]()
    while True:
        await asyncio.sleep(LOOK_S)
        found = server()
        if found:
            found.config.ws_protocol_class = None  # no route speaks WebSocket, and a broken handshake would hang
        connections = list(found.server_state.connections) if found else []
        stuck = close_stuck(connections, stuck, time.monotonic(), crowded=len(connections) > files / 2)


@dataclass(frozen=True)
class Stuck:
    """What a connection waits for, and since when: a request, or that so many bytes of an answer are taken."""

    since: float
    unread: int


def close_stuck(connections: list[Any], before: Mapping[Any, Stuck], now: float, crowded: bool) -> dict[Any, Stuck]:
    """Close the connections that have been stuck for too long; those that are stuck, as they were found `before` and are now."""
    found = dict[Any, Stuck]()
    for connection in connections:
        unread = connection.transport.get_write_buffer_size()
        if unread or connection.cycle is None or connection.cycle.response_complete:
            earlier = before.get(connection)
            found[connection] = earlier if earlier and earlier.unread == unread else Stuck(now, unread)
    head_s = CROWDED_HEAD_S if crowded else HEAD_S
    for connection, stuck in found.items():
        if now - stuck.since >= (READ_S if stuck.unread else head_s):
            connection.transport.abort()
    return found
