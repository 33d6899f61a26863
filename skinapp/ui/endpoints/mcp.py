"""The functions of the client API as tools of an MCP server (Model Context Protocol), for assistants; only with SKINAPP_MCP.

Not Gradio's own server, which asks nobody for the page's password, writes photos into files that nothing deletes, and can't take
several of them.
"""

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, ImageContent, TextContent, Tool, ToolAnnotations
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from skinapp.assessment.assessor import Assessor
from skinapp.guards.asgi import Message, Receive, Scope, Send
from skinapp.guards.shares import FullError, Share
from skinapp.i18n.messages import Language, preferred, text
from skinapp.ui.endpoints import api
from skinapp.ui.gradio_internals import files
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server import queueing
from skinapp.ui.server.request_gate import MCP_BYTES
from skinapp.web import answering

log = logging.getLogger(__name__)

PATH = "/gradio_api/mcp"
CALLS = 16
"""Calls at the same time."""
RETRY_S = 5
PHOTO = {
    "type": "string",
    "description": "The photo as data:image/jpeg;base64,... (JPEG, PNG or WebP), or the path that /gradio_api/upload answered.",
}
DATA_URI = re.compile(r"^data:[^,]*;base64,", re.IGNORECASE)
READS = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
TOOLS = [
    Tool(
        name="classify",
        description=f"Assess a photo of a skin lesion: a JSON report and where the evidence lies. {text('disclaimer', 'en')}",
        inputSchema={"type": "object", "properties": {"photo": PHOTO}, "required": ["photo"]},
        annotations=READS,
    ),
    Tool(
        name="classify_batch",
        description=f"Assess up to {api.MAX_BATCH} photos of skin lesions: a JSON report on each. {text('disclaimer', 'en')}",
        inputSchema={
            "type": "object",
            "properties": {"photos": {"type": "array", "items": PHOTO, "minItems": 1, "maxItems": api.MAX_BATCH}},
            "required": ["photos"],
        },
        annotations=READS,
    ),
]
"""What an assistant may call, as it is told of it."""

Function: TypeAlias = Callable[[dict[str, Any], Language], CallToolResult]


class McpEndpoint:
    """ASGI app of the server: only for whoever may see the page, for so many at once, and one POST a call."""

    def __init__(self, assessor: Assessor) -> None:
        self._manager = StreamableHTTPSessionManager(
            _server(assessor), json_response=True, stateless=True, max_request_body_size=MCP_BYTES
        )
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
                await self._manager.handle_request(scope, _whole(body, receive), send)
        except FullError:
            busy = PlainTextResponse(f"{CALLS} calls are being answered; try again", 503, {"Retry-After": str(RETRY_S)})
            await busy(scope, receive, send)


def _whole(body: bytes, receive: Receive) -> Receive:
    """ASGI's receive with a body that has come in already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _server(assessor: Assessor) -> Server[Any, Any]:
    tools: dict[str, Function] = {"classify": partial(_classify, assessor), "classify_batch": partial(_classify_batch, assessor)}
    server: Server[Any, Any] = Server("skinapp", instructions=text("disclaimer", "en"))

    async def listed() -> list[Tool]:
        return TOOLS

    async def called(name: str, arguments: dict[str, Any]) -> CallToolResult:
        request = server.request_context.request
        language = preferred("" if request is None else request.headers.get("accept-language", ""))
        if name not in tools:
            return _refused(f"There is no tool of that name; call {' or '.join(tools)}.")
        try:
            return await run_in_threadpool(tools[name], arguments, language)
        except Exception:  # the library would send its text, with whatever it tells of this server
            log.exception("A photo given over MCP failed.")
            return _refused(text("requests.unexpected", language))

    server.list_tools()(listed)  # type: ignore[no-untyped-call]  # the library's decorator has no types
    server.call_tool(validate_input=False)(called)  # its own check repeats what was given, megabytes of base64 too
    return server


def _classify(assessor: Assessor, arguments: dict[str, Any], language: Language) -> CallToolResult:
    if arguments.get("photo") is None:
        return _refused(text("requests.no_photo", language))
    [(report, overlay)] = queueing.each(partial(_assessed, assessor, language, True), [arguments["photo"]])
    if "error" in report:
        return _refused(report["error"])
    picture = ImageContent(type="image", data=base64.b64encode(overlay).decode(), mimeType="image/jpeg")
    return CallToolResult(content=[_text(report), picture], structuredContent=report)


def _classify_batch(assessor: Assessor, arguments: dict[str, Any], language: Language) -> CallToolResult:
    photos = arguments.get("photos")
    photos = photos if isinstance(photos, list) else []
    if reason := api.refusal(photos):
        return _refused(reason.to(language))
    rows = [report for report, _ in queueing.each(partial(_assessed, assessor, language, False), photos)]
    return CallToolResult(content=[_text(rows)], structuredContent={"rows": rows})


def _assessed(assessor: Assessor, language: Language, drawn: bool, photo: Any) -> tuple[dict[str, Any], bytes]:
    """The report on one photo, or its error, and where wanted the overlay as JPEG."""
    try:
        return answering.reported(assessor, _source(photo), language, careful=True, drawn=drawn)
    except gr.Error as error:
        return {"error": str(error.message)}, b""


def _source(photo: Any) -> Path | bytes:
    """The bytes of a photo that came as base64, else the file of an upload."""
    text = str(photo)
    try:
        return base64.b64decode(DATA_URI.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return files.received_file({"path": text})


def _refused(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=why)], isError=True)


def _text(answer: dict[str, Any] | Sequence[dict[str, Any]]) -> TextContent:
    return TextContent(type="text", text=json.dumps(answer, ensure_ascii=False))
