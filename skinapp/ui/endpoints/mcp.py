"""The functions of the client API for assistants (Model Context Protocol); only with SKINAPP_MCP.

Not Gradio's own server, which asks nobody for the page's password, writes photos into files that nothing deletes, and can't take
several of them.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.guards import bodies
from skinapp.guards.asgi import Receive, Scope, Send
from skinapp.guards.shares import FullError, Share
from skinapp.i18n.messages import Message
from skinapp.ui.gradio_internals import files
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server.request_gate import MCP_BYTES
from skinapp.web.mcp_tools import Tools

PATH = "/gradio_api/mcp"
CALLS = 16
"""Calls at the same time."""


class McpEndpoint:
    """ASGI app of the server: only for whoever may see the page, for so many at once, and one POST a call."""

    def __init__(self, assessor: Assessor) -> None:
        self._manager = Tools(assessor, _uploaded).manager(MCP_BYTES)
        self._calls = Share(CALLS)

    def routes(self) -> list[Route]:
        """The server's address, with and without a slash."""
        return [Route(PATH, self), Route(f"{PATH}/", self)]

    def open(self, _: Any) -> AbstractAsyncContextManager[None]:
        """The server's life, beside that of the page."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method != "POST":
            refusal = PlainTextResponse("This is an MCP server; give its address to an assistant", 405, {"Allow": "POST"})
            await refusal(scope, receive, send)
            return
        body = await request.body()  # before it takes a place: one that stalls would keep it
        try:
            with self._calls.held(visitor(scope)):
                await self._manager.handle_request(scope, bodies.replayed(body, receive), send)
        except FullError:
            busy = PlainTextResponse(f"{CALLS} calls are being answered; try again", 503)
            await busy(scope, receive, send)


def _uploaded(path: str) -> Path:
    try:
        return files.received_file({"path": path})
    except gr.Error:
        raise PhotoError(Message("requests.not_uploaded")) from None
