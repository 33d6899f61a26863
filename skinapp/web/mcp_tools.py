"""The functions that programs call as tools for assistants (Model Context Protocol); the only importer of mcp."""

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolResult, ImageContent, TextContent, Tool, ToolAnnotations

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language, preferred, text
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.web import calls

log = logging.getLogger(__name__)

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
        description=f"Assess up to {calls.MAX_BATCH} photos of skin lesions: a JSON report on each. {text('disclaimer', 'en')}",
        inputSchema={
            "type": "object",
            "properties": {"photos": {"type": "array", "items": PHOTO, "minItems": 1, "maxItems": calls.MAX_BATCH}},
            "required": ["photos"],
        },
        annotations=READS,
    ),
]
"""What an assistant may call, as it is told of it."""

Function: TypeAlias = Callable[[dict[str, Any], Language], CallToolResult]


class Tools:
    """What the tools do with a model; `uploaded` gives the file of an upload by its path, or raises PhotoError."""

    def __init__(self, assessor: Assessor, uploaded: Callable[[str], Path]) -> None:
        self._assessor, self._uploaded = assessor, uploaded
        self._functions: dict[str, Function] = {"classify": self._classify, "classify_batch": self._classify_batch}

    def manager(self, max_bytes: int) -> StreamableHTTPSessionManager:
        """What answers calls over HTTP, each by itself; larger ones are refused."""
        return StreamableHTTPSessionManager(self._server(), json_response=True, stateless=True, max_request_body_size=max_bytes)

    def _server(self) -> Server[Any, Any]:
        server: Server[Any, Any] = Server("skinapp", instructions=text("disclaimer", "en"))

        async def listed() -> list[Tool]:
            return TOOLS

        async def called(name: str, arguments: dict[str, Any]) -> CallToolResult:
            request = server.request_context.request
            language = preferred("" if request is None else request.headers.get("accept-language", ""))
            return await self._called(name, arguments, language)

        server.list_tools()(listed)  # type: ignore[no-untyped-call]  # the library's decorator has no types
        server.call_tool(validate_input=False)(called)  # its own check repeats what was given, megabytes of base64 too
        return server

    async def _called(self, name: str, arguments: dict[str, Any], language: Language) -> CallToolResult:
        if name not in self._functions:
            return _refused(f"There is no tool of that name; call {' or '.join(self._functions)}.")
        try:
            return await anyio.to_thread.run_sync(self._functions[name], arguments, language)
        except Exception:  # the library would send its text, with whatever it tells of this server
            log.exception("A photo given over MCP failed.")
            return _refused(text("requests.unexpected", language))

    def _classify(self, arguments: dict[str, Any], language: Language) -> CallToolResult:
        if arguments.get("photo") is None:
            return _refused(text("requests.no_photo", language))
        [(report, overlay)] = calls.map_in_order(partial(self._reported, language, encode.jpeg), [arguments["photo"]])
        if "error" in report:
            return _refused(report["error"])
        picture = ImageContent(type="image", data=base64.b64encode(overlay).decode(), mimeType="image/jpeg")
        return CallToolResult(content=[_text(report), picture], structuredContent=report)

    def _classify_batch(self, arguments: dict[str, Any], language: Language) -> CallToolResult:
        photos = arguments.get("photos")
        photos = photos if isinstance(photos, list) else []
        if reason := calls.refusal(photos):
            return _refused(reason.to(language))
        rows = [report for report, _ in calls.map_in_order(partial(self._reported, language, None), photos)]
        return CallToolResult(content=[_text(rows)], structuredContent={"rows": rows})

    def _reported(self, language: Language, draw: Callable[[Photo], bytes] | None, photo: Any) -> tuple[dict[str, Any], bytes]:
        """The report on one photo, or its error, and the overlay as a file, if one is wanted."""
        try:
            return calls.report(self._assessor, self._source(str(photo)), language, careful=True, draw=draw)
        except PhotoError as error:
            return {"error": str(error)}, b""

    def _source(self, photo: str) -> Path | bytes:
        """The bytes of a photo that came as base64, else the file of an upload."""
        try:
            return base64.b64decode(DATA_URI.sub("", photo), validate=True)
        except (binascii.Error, ValueError):
            return self._uploaded(photo)


def _refused(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=why)], isError=True)


def _text(answer: dict[str, Any] | Sequence[dict[str, Any]]) -> TextContent:
    return TextContent(type="text", text=json.dumps(answer, ensure_ascii=False))
