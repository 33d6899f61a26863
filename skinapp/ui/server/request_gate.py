"""The one gate in front of every route, Gradio's and ours: who may ask (see access), how much and how long.

It stands before all of Gradio's own middleware, so that nothing answers without it.
"""

import logging
import re
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
from fastapi.exceptions import RequestValidationError
from gradio.exceptions import InvalidPathError
from gradio.route_utils import FnIndexInferError
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skinapp.i18n.messages import preferred, text
from skinapp.ui.server import access, connections, security_headers
from skinapp.ui.server.bodies import CALL_BYTES, HTTP_BYTES, MCP_BYTES, UPLOAD_BYTES, Body, BodyError, drain, in_pieces
from skinapp.ui.server.sessions import Sessions
from skinapp.ui.server.shares import FullError, Share
from skinapp.ui.server.visitors import Guesses, address, visitor
from skinapp.ui.server.waiting import BODY
from skinapp.web.views.page import KEPT_MINUTES

log = logging.getLogger("skinapp.gates")

CLOSED = re.compile(
    r"/gradio_api/(proxy=|file[=/]https?:|deep_link|runs|run-history|vibe-|undo-vibe|process_recording|custom_component|dev/"
    r"|profiling|stream/|component_server)"
    r"|/monitoring|/pwa_icon",
    re.IGNORECASE,
)
LIMITS = {"/gradio_api/upload": UPLOAD_BYTES, "/gradio_api/mcp": MCP_BYTES, "/api/classify": HTTP_BYTES}
"""Bytes that a path takes, where it isn't a call."""
UNHEARD = (b"x-gradio-server", b"x-direct-url")
"""Headers of a front server of Gradio's, which isn't used here, and whose word Gradio would take for its own address."""
UPLOAD, LOGIN = "/gradio_api/upload", "/login"
REQUESTS = 2048
"""Requests that are answered at the same time, of which most are streams of events that wait: a page holds two."""
MEMORY_BYTES = 2**28
"""Of all bodies that are held in memory while they come in."""
UPLOADS_BYTES = 2**34
"""Of all uploads that may lie on disk at the same time."""
UPLOAD_FLOOR = 2**16
"""What the smallest upload counts: a file takes more of a disk than its bytes."""
MALFORMED = (UnicodeError, httpx.InvalidURL, ValidationError, InvalidPathError, FnIndexInferError, MultiPartException)
"""What Gradio and FastAPI raise at text that is none, addresses, bodies, paths, functions and forms that can't be."""
STUMBLES = re.compile(r"gradio(_client)?/(routes|route_utils|utils)\.py$")
"""Where Gradio reads requests, and raises whatever Python does."""
KEPT_S = KEPT_MINUTES * 60
RETRY_S = 5


def guarded(told: Collection[str]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The server's life behind the gate; `told` are host names that it may be asked under."""

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = RequestGate(app.middleware_stack, told)
        async with connections.watched(lambda: getattr(app.get_blocks(), "server", None)):
            yield

    return life


class RequestGate:
    """ASGI middleware that knows nothing of the closed routes (fetching by address, deep links, run history, monitoring), asks
    every visitor who they are, and gives each their share of the server."""

    def __init__(self, app: ASGIApp, told: Collection[str]) -> None:
        self._app, self._told = Sessions(app), frozenset(told)
        self._requests, self._memory, self._uploads = Share(REQUESTS), Share(MEMORY_BYTES), Share(UPLOADS_BYTES)
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # no route of ours speaks it
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in UNHEARD]
        reply = _Reply(scope, send)
        request = Request(scope)
        refusal = self._refusal(request)
        if refusal is not None:
            await drain(receive)
            await refusal(scope, receive, reply.send)
            return
        try:
            with self._requests.held(visitor(scope)):
                await self._answer(request, receive, reply)
        except FullError:
            await refused(request, "requests", 503, RETRY_S)(scope, receive, reply.send)

    def _refusal(self, request: Request) -> Response | None:
        path = access.path_of(request.scope)
        if CLOSED.search(request.scope["path"]):
            return PlainTextResponse("Not Found", 404)
        refusal = access.refusal(request, self._told) or self._unknown(request)
        if refusal is None and _length(request) > _limit(path):
            return _heavy(request)
        return refusal

    def _unknown(self, request: Request) -> Response | None:
        """The refusal of who doesn't know the password, or has guessed too often; each guess counts until it proves right."""
        sends_basic = request.headers.get("authorization", "").lower().startswith("basic ")
        if getattr(request.app, "auth", None) is None:
            return None
        guesses = _is_login(request) or (access.needs_login(request) and sends_basic)
        if not guesses:
            return access.asks_for_login(request) if access.needs_login(request) else None
        place = address(request.scope)
        wait_s = self._guesses.wait_s(place)
        if wait_s:
            return refused(request, "guesses", 429, wait_s)
        self._guesses.count(place)
        if _is_login(request):
            return None
        if not access.knows_password(request):
            return access.asks_for_login(request)
        self._guesses.forgive(place)
        return None

    async def _answer(self, request: Request, receive: Receive, reply: "_Reply") -> None:
        scope, is_upload = request.scope, _is_upload(request)
        body = Body(receive, _limit(access.path_of(scope)), self._uploads if is_upload else self._memory, visitor(scope))
        scope[BODY] = body
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
        if _is_login(request) and reply.status == 200:
            self._guesses.forgive(address(scope))


class Apology:
    """ASGI middleware within the gate: whatever a route fails at (Gradio's do at a function that isn't there), its caller hears a
    sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:  # nobody is left who could hear of it
            return
        except Exception as error:  # not ours to cure: logged, and told without what it tells of this server
            if begun or scope["type"] != "http" or isinstance(error, BodyError):
                raise
            if _is_malformed(error):
                await told(scope, text("requests.malformed", "en"), 400)(scope, receive, send)
                return
            log.exception("A request for %s failed.", scope["path"])
            await told(scope, text("requests.unexpected", "en"), 500)(scope, receive, send)


def _is_malformed(error: Exception) -> bool:
    """Whether a request makes no sense, rather than the server: Gradio checks few of them before it uses them."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    is_gradios = bool(frame and STUMBLES.search(frame.tb_frame.f_code.co_filename))
    is_stumble = isinstance(error, AttributeError | LookupError | TypeError | ValueError) and is_gradios
    return isinstance(error, MALFORMED) or isinstance(error.__context__, RequestValidationError) or is_stumble


class _Reply:
    """ASGI's send for one request: with the headers that every answer has, and the status once there is one."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path, self._send = access.path_of(scope), in_pieces(send)
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            security_headers.add(self._path, message)
            if self.status in (429, 503):
                MutableHeaders(scope=message).setdefault("Retry-After", str(RETRY_S))
        await self._send(message)

    def unless(self, body: Body) -> Send:
        """The same, silent where the body was given up before anything was said: the gate has the reason."""

        async def sent(message: Message) -> None:
            if self.status or body.refused is None:
                await self.send(message)

        return sent


def refused(request: Request, why: str, status: int, retry_s: int) -> Response:
    """A visitor's sentence, in a form that the page shows, and when to come back."""
    language = preferred(request.headers.get("accept-language", ""))
    message = text(f"crowded.{why}", language, minutes=retry_s // 60)
    headers = {"Retry-After": str(retry_s)}
    if _is_upload(request):  # the page shows this answer as it is
        return PlainTextResponse(message, status, headers)
    return JSONResponse({"detail": message, "error": message}, status, headers)


def told(scope: Scope, sentence: str, status: int) -> Response:
    """A refusal as text, and for whoever reads JSON as that."""
    is_plain = not access.PLAIN_HTTP.match(access.path_of(scope))
    return PlainTextResponse(sentence, status) if is_plain else JSONResponse({"error": sentence}, status)


def _given_up(request: Request, error: BodyError) -> Response:
    if error.status_code == 413:
        return _heavy(request)
    if error.status_code == 408:
        return refused(request, "slow", 408, RETRY_S)
    return refused(request, *(("uploads", 429, KEPT_S) if _is_upload(request) else ("requests", 429, RETRY_S)))


def _heavy(request: Request) -> Response:
    return told(request.scope, f"More than {_limit(access.path_of(request.scope))} bytes; send less at once", 413)


def _length(request: Request) -> int:
    """What a request says of its length; 0 where it says nothing."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdecimal() else 0


def _limit(path: str) -> int:
    """Bytes that a path takes."""
    return LIMITS.get(path.rstrip("/"), CALL_BYTES)


def _is_upload(request: Request) -> bool:
    return access.path_of(request.scope).rstrip("/") == UPLOAD


def _is_login(request: Request) -> bool:
    return request.method == "POST" and access.path_of(request.scope).rstrip("/") == LOGIN
