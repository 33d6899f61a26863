"""The route that hands out the On-device tab's files."""

from functools import cache
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.loaded_model import Portable
from skinapp.errors import SkinAppError
from skinapp.ui.server import frontend_files
from skinapp.web.bundles import ondevice as ondevice_bundle
from skinapp.web.bundles import onnxruntime_web

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


def routes(assessor: Assessor) -> list[Mount]:
    """The route of the tab's files; none where the tab can't run."""
    model = available_model(assessor)
    return [] if model is None else [Mount(PATH, app=Files(model))]


@cache
def available_model(assessor: Assessor) -> Portable | None:
    """The model for browsers, where all that the tab needs is there."""
    if not onnxruntime_web.present():
        return None
    try:
        return assessor.portable()
    except SkinAppError:
        return None


class Files:
    """ASGI app of the tab's files, with the page's own policy."""

    def __init__(self, model: Portable) -> None:
        self.bundle = ondevice_bundle.bundle(model)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(self._response, scope)  # the first time it packs some megabytes
        await response(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/") or ENTRY
        if scope["method"] not in ("GET", "HEAD") or path not in self.bundle.paths:
            return PlainTextResponse("Not Found", 404)
        lasting = ondevice_bundle.is_lasting(path)
        headers = {
            "Cache-Control": frontend_files.LASTING if lasting else "no-cache",
            "X-Content-Type-Options": "nosniff",
        } | ({"Content-Security-Policy": SEALED} if lasting else {})
        kind = KINDS.get(PurePosixPath(path).suffix, "application/octet-stream")
        return Response(self.bundle.content(path), headers=headers, media_type=kind)
