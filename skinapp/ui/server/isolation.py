"""Keeps the page apart from others' pages, which browsers ask of whoever wants threads for WebAssembly."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""On every answer of this server; with them a browser gives WebAssembly its threads."""


class Isolation:
    """ASGI middleware that adds the headers without which a browser gives WebAssembly one thread."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def isolated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ISOLATED)
            await send(message)

        await self.app(scope, receive, isolated)
