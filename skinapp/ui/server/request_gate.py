"""Closes what Gradio leaves open: the server reads uploads alone, fetches no address, and answers no route it doesn't need."""

import logging
import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import queueing, utils
from gradio.components import Component
from gradio.exceptions import InvalidPathError
from gradio.utils import get_upload_folder
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skinapp.i18n import wording
from skinapp.imaging import decode

log = logging.getLogger("skinapp.gates")

CLOSED = re.compile(
    r"/gradio_api/(proxy=|file[=/]https?:|deep_link|runs|run-history|vibe-|undo-vibe|process_recording|custom_component|dev/"
    r"|profiling|stream/|component_server)"
    r"|/monitoring|/pwa_icon",
    re.IGNORECASE,
)
NO_UPLOAD = (InvalidPathError, ValidationError)
"""What Gradio raises where a path or anything else is given in a photo's place."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


HEAVY = re.compile(r"/gradio_api/(upload|mcp)/?$")
HEAVIEST_CALL = 4 * 2**20
"""Bytes of a call, which Gradio holds in memory; the many-photos tab's longest is a quarter of it."""
HEAVIEST_UPLOAD = 8 * decode.MAX_BYTES + 2**20
"""Bytes of an upload, which goes into files; that many photos are what the page sends at once."""


class Gate:
    """ASGI middleware that knows nothing of the closed routes (fetching by address, deep links, run history, monitoring), and
    takes no body that is too heavy for what it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif CLOSED.search(scope["path"]):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        elif _length(scope) > _most(scope["path"]):
            await _drained(receive)
            await PlainTextResponse(f"More than {_most(scope['path'])} bytes; send less at once", 413)(scope, receive, send)
        else:
            await self._answer(scope, _counted(receive, _most(scope["path"])), send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever a route fails at (Gradio's do at a function that isn't there), its caller hears a sentence."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:  # not ours to cure: logged, and told without what it tells of this server
            if begun:
                raise
            log.exception("A request for %s failed.", scope["path"])
            await PlainTextResponse(wording.UNEXPECTED.en, 500)(scope, receive, send)


async def _drained(receive: Receive) -> None:
    """Let a body come and go, unless it is endless: who is cut off while sending hears no reason."""
    come = 0
    while come < HEAVIEST_UPLOAD:
        message = await receive()
        come += len(message.get("body", b""))
        if not message.get("more_body"):
            break


def _length(scope: Scope) -> int:
    """What a request says of its length; 0 where it says nothing."""
    told = dict(scope["headers"]).get(b"content-length", b"")
    return int(told) if told.isdigit() else 0


def _most(path: str) -> int:
    """Bytes that a route takes; the MCP server counts for itself."""
    return HEAVIEST_UPLOAD if HEAVY.search(path) else HEAVIEST_CALL


def _counted(receive: Receive, most: int) -> Receive:
    """The same, until more has come than the request said or may say."""
    come = 0

    async def counted() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise HTTPException(413, f"More than {most} bytes; send less at once")
        return message

    return counted


def harden() -> None:
    """Change what Gradio's server says of failures, for this process."""
    queueing.error_payload = utils.error_payload = _told  # type: ignore[attr-defined]


_payload = utils.error_payload


def _told(error: BaseException | None, show_error: bool) -> dict[str, Any]:
    """What a caller hears of a failure: our sentence where Gradio would say nothing at all."""
    told: dict[str, Any] = _payload(error, show_error)
    ours = wording.NOT_UPLOADED if isinstance(error, NO_UPLOAD) else wording.UNEXPECTED
    return told | {"error": told["error"] or ours.en}


def only_uploads(component: Component) -> None:
    """Make a component refuse addresses, which Gradio would download for whoever asks."""
    keep: Any = component.async_move_resource_to_block_cache

    async def refuse_addresses(path: Any) -> str | None:
        if ADDRESS.match(str(path)):
            raise gr.Error(wording.NOT_UPLOADED.en, print_exception=False)
        kept: str | None = await keep(path)
        return kept

    # On the object, because a subclass of a Gradio component makes Gradio write a .pyi file into the source tree.
    component.async_move_resource_to_block_cache = refuse_addresses  # type: ignore[method-assign,assignment]
    # Gradio's own example in the API panel is an address.
    example = {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}
    many = getattr(component, "file_count", "single") == "multiple"
    component.example_payload = lambda: [example] if many else example  # type: ignore[method-assign]


def uploaded(given: Any) -> Path:
    """The file behind what a caller handed in, if it was uploaded here.

    Gradio 6.31 checks that only where the caller sends `meta` along: without it, gr.Image takes any path on the server.
    """
    path = Path(str(given.get("path"))).resolve() if isinstance(given, dict) else None
    if path is None or not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise gr.Error(wording.NOT_UPLOADED.en, print_exception=False)
    return path
