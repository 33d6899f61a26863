"""Closes what Gradio leaves open: the server reads uploads alone, fetches no address, and answers no route it doesn't need."""

import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.utils import get_upload_folder
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from skinapp import wording

CLOSED = re.compile(
    r"/gradio_api/(proxy=|file[=/]https?:|deep_link|runs|run-history|vibe-|process_recording|custom_component|dev/)"
    r"|/monitoring",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


class Gate:
    """ASGI middleware that knows nothing of the closed routes: fetching by address, deep links, run history, monitoring."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and CLOSED.search(scope["path"]):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


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
