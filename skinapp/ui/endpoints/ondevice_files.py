"""The route that hands out the On-device tab's files."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount

from skinapp.guards.asgi import Receive, Scope, Send, path_of
from skinapp.web.bundles import headers
from skinapp.web.bundles.ondevice import Bundle, is_lasting

PATH = "/ondevice"
ENTRY = "index.html"
SHARE = "share"
"""Where an installed app is given a photo by another; its service worker answers, and no photo comes here."""


class OnDeviceFiles:
    """ASGI app of the tab's files, with the page's own policy."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def route(self) -> Mount:
        """The route of the tab's files."""
        return Mount(PATH, app=self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(self._response, scope)  # the first time it packs some megabytes
        await response(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        path = path_of(scope).lstrip("/") or ENTRY
        if path == SHARE:  # without its service worker: what is sent along is left unread
            return RedirectResponse(ENTRY, 303)
        if scope["method"] not in ("GET", "HEAD") or path not in self._bundle.paths:
            return PlainTextResponse("Not Found", 404)
        lasting = is_lasting(path)
        return Response(self._bundle.content(path), headers=headers.of(path, lasting=lasting, sealed=lasting))
