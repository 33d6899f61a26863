"""The one gate in front of every route, Gradio's and ours: who may ask, how much and how long.

It stands before all of Gradio's own middleware, so that nothing answers without it.
"""

import logging
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from skinapp.guards import access, security_headers
from skinapp.guards.asgi import App, Message, Receive, Scope, Send, path_of
from skinapp.guards.bodies import Body, BodyError, discard, in_pieces
from skinapp.guards.ending import Ending
from skinapp.guards.leaving import GoneError
from skinapp.guards.sessions import Sessions
from skinapp.guards.shares import FullError, Share
from skinapp.i18n.messages import requested, text
from skinapp.imaging import decode
from skinapp.ui.gradio_internals import files, hardening, server
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server.logins import PLAIN_HTTP, Logins, TooManyGuessesError, is_login
from skinapp.web.views.page import KEPT_MINUTES

log = logging.getLogger(__name__)

CALL_BYTES = 4 * 2**20
"""Bytes of a call, which Gradio holds in memory; the many-photos tab's longest is a quarter of it."""
MCP_BYTES = 16 * 2**20
"""Bytes of a call over MCP, which is held in memory as a whole; a photo that doesn't fit is uploaded first, as a file."""
HTTP_BYTES = 2 * decode.MAX_BYTES + 2**20
"""Bytes of a call over plain HTTP, which is held in memory as a whole: two of the largest photos, or 64 of a megabyte."""
UPLOAD_BYTES = 8 * decode.MAX_BYTES + 2**20
"""Bytes of an upload, which goes into files; that many photos are what the page sends at once."""
LIMITS = {files.UPLOAD_PATH: UPLOAD_BYTES, "/gradio_api/mcp": MCP_BYTES, "/api/classify": HTTP_BYTES}
"""Bytes that a path takes, where it isn't a call."""
REQUESTS = 2048
"""Requests that are answered at the same time, of which most are streams of events that wait: a page holds two."""
MEMORY_BYTES = 2**28
"""Of all bodies that are held in memory while they come in."""
UPLOADS_BYTES = 2**34
"""Of all uploads that may lie on disk at the same time."""
UPLOAD_FLOOR = 2**16
"""What the smallest upload counts: a file takes more of a disk than its bytes."""
KEPT_S = KEPT_MINUTES * 60
RETRY_S = 5
BODY = "skinapp.body"
"""Where a request's body stands in its scope."""
ENDING = Ending()
"""The end of this process's server."""


class RequestGate:
    """ASGI middleware that knows nothing of the closed routes, asks every visitor who they are, and gives each their share of the
    server; `hosts` are names that it may be asked under."""

    def __init__(self, app: App, hosts: Collection[str]) -> None:
        self._app, self._hosts, self._logins = Sessions(app, server.SESSIONS), frozenset(hosts), Logins()
        self._requests, self._memory, self._uploads = Share(REQUESTS), Share(MEMORY_BYTES), Share(UPLOADS_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # no route of ours speaks it
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in hardening.UNHEARD]
        request, reply = Request(scope), _Reply(scope, send)
        refusal = self._refusal(request)
        if refusal is not None:
            await discard(receive, UPLOAD_BYTES)
            await refusal(scope, receive, reply.send)
            return
        try:
            with self._requests.held(visitor(scope)), _counted(path_of(scope)):
                await self._answer(request, receive, reply)
        except FullError:
            await crowded(request, "requests", 503)(scope, receive, reply.send)

    def _refusal(self, request: Request) -> Response | None:
        path = path_of(request.scope)
        if hardening.CLOSED_ROUTES.search(request.scope["path"]):
            return PlainTextResponse("Not Found", 404)
        if not hardening.has_address(request):
            return refused(request.scope, text("requests.malformed", "en"), 400)
        hosts = {*self._hosts, *server.names(request.app)}
        denied = access.refusal(request.method, path, request.headers, server.bound_address(request.app), hosts)
        if denied is not None:
            return PlainTextResponse(denied.reason, denied.status)
        if ENDING.has_begun and request.method == "POST":
            return crowded(request, "ending", 503)
        try:
            refusal = self._logins.refusal(request)
        except TooManyGuessesError as error:
            return crowded(request, "guesses", 429, error.wait_s)
        return _too_large(request) if refusal is None and _length(request) > _limit(path) else refusal

    async def _answer(self, request: Request, receive: Receive, reply: "_Reply") -> None:
        scope, is_upload = request.scope, _is_upload(request)
        share = self._uploads if is_upload else self._memory
        body = scope[BODY] = Body(receive, _limit(path_of(scope)), share, visitor(scope))
        try:
            if is_upload:
                body.charge(UPLOAD_FLOOR)
            await self._app(scope, body.receive, reply.unless(body))
        except Exception:  # a body that was given up may end in whatever a route makes of it
            if body.refused is None or reply.status:
                raise
        finally:
            body.release(KEPT_S if is_upload else 0)
        if body.refused is not None and not reply.status:
            await _given_up(request, body.refused)(scope, receive, reply.send)
        if is_login(request) and reply.status == 200:
            self._logins.succeeded(request)


class Apology:
    """ASGI middleware within the gate: whatever a route fails at (Gradio's do at a function that isn't there), its caller hears a
    sentence."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except (ClientDisconnect, GoneError):  # nobody is left who could hear of it
            return
        except Exception as error:  # not ours to cure: logged, and told without what it tells of this server
            if begun or scope["type"] != "http" or isinstance(error, BodyError):
                raise
            if hardening.is_malformed(error):
                await refused(scope, text("requests.malformed", "en"), 400)(scope, receive, send)
                return
            log.exception("A request for %s failed.", scope["path"])
            await refused(scope, text("requests.unexpected", "en"), 500)(scope, receive, send)


class _Reply:
    """ASGI's send for one request: with the headers that every answer has, and the status once there is one."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path, self._send = path_of(scope), in_pieces(send)
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            security_headers.add(message, self._path.startswith(files.FILE_PATH))
            if self.status in (429, 503):
                MutableHeaders(scope=message).setdefault("Retry-After", str(RETRY_S))
        await self._send(message)

    def unless(self, body: Body) -> Send:
        """The same, silent where the body was given up before anything was said: the gate has the reason."""

        async def sent(message: Message) -> None:
            if self.status or body.refused is None:
                await self.send(message)

        return sent


def crowded(request: Request, why: str, status: int, retry_s: int = RETRY_S) -> Response:
    """A visitor's sentence, in a form that the page shows, and when to come back."""
    language = requested(request.headers)
    sentence = text(f"crowded.{why}", language, minutes=retry_s // 60)
    headers = {"Retry-After": str(retry_s)}
    if _is_upload(request):  # the page shows this answer as it is
        return PlainTextResponse(sentence, status, headers)
    return JSONResponse({"detail": sentence, "error": sentence}, status, headers)


def refused(scope: Scope, sentence: str, status: int) -> Response:
    """A refusal as text, and for whoever reads JSON as that."""
    is_plain = not PLAIN_HTTP.match(path_of(scope))
    return PlainTextResponse(sentence, status) if is_plain else JSONResponse({"error": sentence}, status)


def _given_up(request: Request, error: BodyError) -> Response:
    if error.status == 413:
        return _too_large(request)
    if error.status == 408:
        return crowded(request, "slow", 408)
    return crowded(request, "uploads", 429, KEPT_S) if _is_upload(request) else crowded(request, "requests", 429)


def _too_large(request: Request) -> Response:
    return refused(request.scope, text("requests.too_large", "en", limit=_limit(path_of(request.scope))), 413)


def _length(request: Request) -> int:
    """What a request says of its length; 0 where it says nothing."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() else 0


def _counted(path: str) -> AbstractContextManager[None]:
    """While the server's end waits for this: a heartbeat only ends with the server."""
    return nullcontext() if server.SESSIONS.heartbeat.fullmatch(path) else ENDING.under_way()


def _limit(path: str) -> int:
    """Bytes that a path takes."""
    return LIMITS.get(path.rstrip("/"), CALL_BYTES)


def _is_upload(request: Request) -> bool:
    return path_of(request.scope).rstrip("/") == files.UPLOAD_PATH
