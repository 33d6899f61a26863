"""Puts the security headers on every answer, and the page's own policy on the page."""

from starlette.datastructures import MutableHeaders

from skinapp.guards import security_headers
from skinapp.guards.asgi import App, Message, Receive, Scope, Send, path_of
from skinapp.ui.gradio_internals import files, frontend, server


class SecurityHeaders:
    """ASGI middleware that gives the page the policy that names its own scripts by their hashes."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and path_of(scope) == "/" and scope["method"] in ("GET", "HEAD"):
            host = frontend.SHARED_HOST if server.is_shared(scope["app"]) else ""
            await self.app(scope, receive, _Page(host, send).send)
        else:
            await self.app(scope, receive, send)


class _Page:
    """ASGI's send, which holds the page's head back until its scripts are known."""

    def __init__(self, host: str, send: Send) -> None:
        self._host, self._send = host, send
        self._head: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        MutableHeaders(scope=self._head)["Content-Security-Policy"] = security_headers.policy(self._body, self._host)
        await self._send(self._head)
        await self._send({"type": "http.response.body", "body": self._body})


def add(path: str, head: Message) -> None:
    """Put the headers into the head of an answer to a path."""
    headers = MutableHeaders(scope=head)
    for name, value in security_headers.of_answer(headers.get("content-type", ""), path.startswith(files.FILE_PATH)):
        headers.setdefault(name, value)
