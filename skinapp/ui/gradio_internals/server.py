"""The server that Gradio starts: what stands in front of its application, its names, its connections, its sessions and its end.

What: the application's `middleware_stack`, `get_blocks` and `stop_event`; of the page `server`, `server_name`, `share`,
`share_url` and `is_running`; uvicorn's set of connections (h11), of which each knows the request that it is answering, and its
`should_exit`; the paths of heartbeats and of streams of answers.
Why: Starlette puts middleware within its own handling of errors, and Gradio puts its own outside of ours: something would answer
before the gate. uvicorn waits for connections that bring nothing as long as they like. Gradio ends a session, and with it what a
visitor taught, at the first heartbeat that drops. Gradio's own end (Blocks.close) cuts answers off.
Without it: the gate has holes, idle connections use up all files, visitors lose their work, and so do callers at every restart.
Seen: Starlette.middleware_stack; routes.App; Blocks.launch and close; uvicorn.Server, ServerState and H11Protocol.
"""

import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import gradio as gr

from skinapp.guards import background, connections
from skinapp.guards.access import hostname
from skinapp.guards.asgi import App
from skinapp.guards.ending import Ending
from skinapp.guards.sessions import Paths
from skinapp.ui.gradio_internals import patch, queue

SESSIONS = Paths(re.compile(r"/gradio_api/heartbeat/(?P<session>[^/]+)"), "/gradio_api/queue/data", "session_hash")
CUT_S = 2
"""Seconds that uvicorn waits for connections at the very end."""


def in_front(make: Callable[[App], App]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The server's life with a middleware before all others, and without connections that are stuck."""

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        patch(app, "middleware_stack", make(app.middleware_stack))
        async with background.repeated(connections.LOOK_S, _Watch(app).look):
            yield

    return life


def page_of(app: Any) -> gr.Blocks:
    """The page that an application serves."""
    page: gr.Blocks = app.get_blocks()
    return page


def names(app: Any) -> list[str]:
    """The host of the share link, which is known once it is there, and of the address that a proxy serves the page at."""
    rooted = os.environ.get("GRADIO_ROOT_PATH", "")
    addresses = (page_of(app).share_url or "", rooted if "://" in rooted else "")
    return [name for name in map(hostname, addresses) if name]


def bound_address(app: Any) -> str:
    """The address that the server listens at; before Gradio has said so, it is loopback, the narrower one."""
    return str(getattr(page_of(app), "server_name", None) or "127.0.0.1").strip("[]")


def is_shared(app: Any) -> bool:
    """Whether the page is served over a share link, too."""
    return bool(getattr(page_of(app), "share", False))


@dataclass(frozen=True)
class _Connection:
    """One of uvicorn's."""

    protocol: Any

    @property
    def unread(self) -> int:
        return int(self.protocol.transport.get_write_buffer_size())

    @property
    def is_idle(self) -> bool:
        return self.protocol.cycle is None or self.protocol.cycle.response_complete

    def abort(self) -> None:
        self.protocol.transport.abort()


class _Watch:
    """Looks through the connections of an application's server, once it is there."""

    def __init__(self, app: Any) -> None:
        self._app, self._files = app, connections.allow_files()
        self._stuck = dict[connections.Connection, connections.Stuck]()

    async def look(self) -> None:
        server: Any = getattr(page_of(self._app), "server", None)
        if server is None:
            return
        server.config.ws_protocol_class = None  # no route speaks WebSocket, and a broken handshake would hang
        found = [_Connection(protocol) for protocol in server.server_state.connections]
        self._stuck = connections.close_stuck(found, self._stuck, time.monotonic(), crowded=len(found) > self._files / 2)


def end_in_order(page: gr.Blocks, ending: Ending) -> None:
    """Have a launched page let what is under way come to its end, before signals end the process as they did until now."""
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK", "SIGINT"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP, and it alone has SIGBREAK
        then = signal.getsignal(number) if number else None
        if number and callable(then):
            signal.signal(number, partial(_end, page, ending, then))


def _end(
    page: gr.Blocks, ending: Ending, then: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None
) -> None:
    signal.signal(number, then)  # who sends it twice doesn't wait
    ending.wait(partial(queue.has_calls, page))
    page.server.config.timeout_graceful_shutdown = CUT_S
    page.close(verbose=False)
    then(number, frame)
