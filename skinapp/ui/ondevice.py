"""The On-device tab: a frame with the page that answers in the visitor's browser, and the route that hands out its files."""

from functools import cache
from pathlib import Path, PurePosixPath

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skinapp.assessor import Assessor, Portable
from skinapp.errors import SkinAppError
from skinapp.ui import assets, bundle, pieces, webruntime
from skinapp.wording import Language

PATH = "/ondevice"
ENTRY = "index.html"
STYLE = Path(__file__).parent / "static" / "frame.css"
FRAME_JS = (Path(__file__).parent / "static" / "frame.js").read_text(encoding="utf-8")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
}
SEALED = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""What ONNX Runtime's threads may do, whose policy is that of their script: nothing. The page holds its own policy."""
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""On every answer of this server; with them a browser gives WebAssembly its threads."""


def add(assessor: Assessor, say: gr.I18n) -> None:
    """Put the tab's content into the page that is being built."""
    gr.HTML(say("ondevice"), js_on_load=FRAME_JS, apply_default_css=False, elem_id="ondevice-tab")


def content(assessor: Assessor, language: Language) -> str:
    """The frame, or what is missing for it."""
    return pieces.missing(language) if _model(assessor) is None else pieces.frame(f".{PATH}/{ENTRY}", language)


def routes(assessor: Assessor) -> list[Mount]:
    """The route of the tab's files; none where the tab can't run."""
    model = _model(assessor)
    return [] if model is None else [Mount(PATH, app=Files(model))]


@cache
def _model(assessor: Assessor) -> Portable | None:
    """The model for browsers, where all that the tab needs is there."""
    if not webruntime.present():
        return None
    try:
        return assessor.portable()
    except SkinAppError:
        return None


class Files:
    """ASGI app of the tab's files, with the page's own policy."""

    def __init__(self, model: Portable) -> None:
        self.bundle = bundle.bundle(model)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(self._response, scope)  # the first time it packs some megabytes
        await response(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/") or ENTRY
        if scope["method"] not in ("GET", "HEAD") or path not in self.bundle.paths:
            return PlainTextResponse("Not Found", 404)
        lasting = bundle.is_lasting(path)
        headers = {
            "Cache-Control": assets.LASTING if lasting else "no-cache",
            "X-Content-Type-Options": "nosniff",
        } | ({"Content-Security-Policy": SEALED} if lasting else {})
        kind = KINDS.get(PurePosixPath(path).suffix, "application/octet-stream")
        return Response(self.bundle.content(path), headers=headers, media_type=kind)


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
