"""Hands out what Gradio's page is made of from memory, packed once, and the page's own text packed.

What: the folder of Gradio's front end and the paths that it has in the page; BrotliResponder, and how it packs.
Why: through Gradio's routes each of its sixty files is found, read and packed anew for every visitor, and the page's text goes as
it is.
Without it: a visitor waits for the page longer, and the more others come the longer.
Seen: templates/frontend/assets; brotli_middleware.
"""

import mimetypes
from functools import lru_cache
from pathlib import Path

import brotli  # Gradio's, which packs with it
import gradio as gr
from gradio.brotli_middleware import BrotliResponder, Mode
from starlette.datastructures import Headers
from starlette.responses import Response

from skinapp.guards.asgi import App, Receive, Scope, Send, path_of
from skinapp.ui.gradio_internals import server
from skinapp.web.bundles.headers import LASTING

FOLDER = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
ROUTE = "/assets/"
SHARED_HOST = "https://gradio.s3-us-west-2.amazonaws.com/"
"""Where the page of a share link loads the same files from."""
PACKED = (".js", ".css", ".svg")
QUALITY = 4
"""Gradio's own, as is the rest of how it packs."""
WINDOW, SMALL = 22, 400
KEPT = 256
"""Files in memory, 5 MB; a page asks for sixty."""


class Assets:
    """ASGI middleware that answers for those files and leaves all else to the application."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._files = {ROUTE + path.name: path for path in FOLDER.iterdir() if path.is_file()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._chosen(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else self.app
        await app(scope, receive, send)

    def _chosen(self, scope: Scope) -> App:
        path = path_of(scope)
        if path != "/" and path not in self._files:
            return self.app
        packs = "br" in Headers(scope=scope).get("accept-encoding", "")
        if path in self._files:
            return _response(self._files[path], packs)
        return BrotliResponder(self.app, QUALITY, Mode.text, WINDOW, 0, SMALL) if packs else self.app


def shared_host(scope: Scope) -> str:
    """The host that the page loads files from beside its own; empty where it isn't served over a share link."""
    return SHARED_HOST if server.is_shared(scope["app"]) else ""


def _response(file: Path, packs: bool) -> Response:
    packed = packs and file.suffix in PACKED
    coding = {"Content-Encoding": "br", "Vary": "Accept-Encoding"} if packed else {}
    kind = mimetypes.guess_type(file.name)[0]
    return Response(_content(file, packed), headers={"Cache-Control": LASTING, **coding}, media_type=kind)


@lru_cache(maxsize=KEPT)
def _content(file: Path, packed: bool) -> bytes:
    raw = file.read_bytes()
    return bytes(brotli.compress(raw, quality=QUALITY, lgwin=WINDOW)) if packed else raw
