"""A visitor's session ends when the last of its connections does.

An application that ends a session at the first heartbeat that drops ends it too early where the page has opened another one, or
an answer is still being sent. Here a heartbeat that drops while another one lives ends unnoticed, and one that drops while an
answer is under way ends after it.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from skinapp.guards.asgi import App, Message, Receive, Scope, Send, path_of


class _SupersededError(Exception):
    """A heartbeat's client is gone, and another one carries on."""


@dataclass
class _Session:
    heartbeats: int = 0
    """Heartbeats whose client is there."""
    events: int = 0
    """Streams of answers."""
    waiting: bool = False
    """Whether a heartbeat whose client is gone waits for the answers' end to tell the application."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Paths:
    """Where an application has a session's heartbeat, which names it as its group `session`, and its stream of answers, which
    names it as `query`."""

    heartbeat: re.Pattern[str]
    events: str
    query: str


class Sessions:
    """ASGI middleware around the application; of one event loop."""

    def __init__(self, app: App, paths: Paths) -> None:
        self._app, self._paths = app, paths
        self._sessions = dict[str, _Session]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_of(scope)
        heartbeat = self._paths.heartbeat.fullmatch(path)
        name = heartbeat["session"] if heartbeat else self._session_name(scope) if path == self._paths.events else None
        if name is None:
            await self._app(scope, receive, send)
            return
        session = self._sessions.setdefault(name, _Session())
        try:
            await (self._heartbeat if heartbeat else self._events)(session, scope, receive, send)
        finally:
            if not session.heartbeats and not session.events and not session.waiting:
                self._sessions.pop(name, None)

    def _session_name(self, scope: Scope) -> str | None:
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get(self._paths.query, [])), None)

    async def _events(self, session: _Session, scope: Scope, receive: Receive, send: Send) -> None:
        session.events += 1
        try:
            await self._app(scope, receive, send)
        finally:
            session.events -= 1
            session.changed.set()

    async def _heartbeat(self, session: _Session, scope: Scope, receive: Receive, send: Send) -> None:
        beat = _Heartbeat(session, receive, send)
        try:
            with suppress(_SupersededError):
                await self._app(scope, beat.receive, beat.send)
        finally:
            beat.leave()


class _Heartbeat:
    """One heartbeat: ASGI's receive, which keeps the end to itself while others of the session live, and its send."""

    def __init__(self, session: _Session, receive: Receive, send: Send) -> None:
        self._session, self._receive, self._send = session, receive, send
        self._is_connected, self._superseded = True, False
        session.heartbeats += 1
        session.changed.set()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.leave()
            await self._wait_until_alone()
        return message

    async def _wait_until_alone(self) -> None:
        """Until nothing else of the session lives; never where another heartbeat tells the application of its end."""
        session = self._session
        while not (session.heartbeats or session.waiting) and session.events:
            session.changed.clear()
            session.waiting = True
            try:
                await session.changed.wait()
            finally:
                session.waiting = False
        if session.heartbeats or session.waiting:
            self._superseded = True
            await asyncio.Future()

    async def send(self, message: Message) -> None:
        if self._superseded:
            raise _SupersededError
        await self._send(message)

    def leave(self) -> None:
        """The client is gone."""
        if self._is_connected:
            self._is_connected = False
            self._session.heartbeats -= 1
            self._session.changed.set()
