"""The route that hands out the On-device tab's files."""

from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount

from skinapp.assessment.loaded_model import BrowserModel
from skinapp.guards.asgi import Receive, Scope, Send, path_of
from skinapp.ui.gradio_internals.frontend import LASTING
from skinapp.web.bundles import ondevice as ondevice_bundle

PATH = "/ondevice"
ENTRY = "index.html"
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


class OnDeviceFiles:
    """ASGI app of the tab's files, with the page's own policy."""

    def __init__(self, model: BrowserModel) -> None:
        self.bundle = ondevice_bundle.bundle(model)

    def route(self) -> Mount:
        """The route of the tab's files."""
        return Mount(PATH, app=self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(self._response, scope)  # the first time it packs some megabytes
        await response(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        path = path_of(scope).lstrip("/") or ENTRY
        if scope["method"] not in ("GET", "HEAD") or path not in self.bundle.paths:
            return PlainTextResponse("Not Found", 404)
        lasting = ondevice_bundle.is_lasting(path)
        headers = {
            "Cache-Control": LASTING if lasting else "no-cache",
            "X-Content-Type-Options": "nosniff",
        } | ({"Content-Security-Policy": SEALED} if lasting else {})
        kind = KINDS.get(PurePosixPath(path).suffix, "application/octet-stream")
        return Response(self.bundle.content(path), headers=headers, media_type=kind)
