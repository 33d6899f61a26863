"""A camera's frames come in one by one, each is answered and dropped. No frame is ever written to disk.

Not Gradio's streaming, which writes every frame into its cache: a door of our own beside it, with the same guards.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.guards import access, live_sessions, queueing
from skinapp.guards.asgi import Receive, Scope, Send, path_of
from skinapp.i18n.messages import requested
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.web import answering
from skinapp.web.bundles import headers
from skinapp.web.bundles import live as live_bundle
from skinapp.web.views.live import Limits

PATH = "/live"
FRAME_BYTES, STILL_BYTES = 200_000, 3_000_000
"""A square of 256 pixels takes 10 to 30 kB, a still 100 to 500."""
MAX_PIXELS = 2_000_000
LIMITS = Limits(live_sessions.MAX_VIEWERS, live_sessions.SECONDS, live_sessions.LANES)


class _TooLargeError(Exception):
    """More bytes come in than a frame has."""


class LiveEndpoint:
    """ASGI app: hands out the tab's files and answers frames, for this server's own page alone."""

    def __init__(self, assessor: Assessor, viewers: live_sessions.Viewers | None = None) -> None:
        self._assessor, self._viewers = assessor, viewers or live_sessions.Viewers()
        self._files = live_bundle.files(assessor, LIMITS)
        self._workers = ThreadPoolExecutor(queueing.ASSESSING, "skinapp-live")
        self._posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "start": self._start,
            "frame": self._frame,
            "still": self._still,
            "stop": self._stop,
        }

    def route(self) -> Mount:
        """The route of the tab's files and of its frames."""
        return Mount(PATH, app=self)

    @property
    def folder(self) -> str:
        """The address of the tab's files, relative to the page."""
        return f".{PATH}/{next(iter(self._files)).partition('/')[0]}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = PlainTextResponse("Not Found", 404)
        if scope["type"] == "http":
            response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        path = path_of(request.scope).lstrip("/")
        if request.method == "GET" and path in self._files:
            return Response(self._files[path], headers=headers.of(path))
        if request.method != "POST" or path not in self._posts:
            return PlainTextResponse("Not Found", 404)
        if not access.is_own_page(request.headers):
            return PlainTextResponse("Only this server's own page may ask", 403)
        return await self._guarded(self._posts[path], request)

    async def _guarded(self, answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
        """The answer, or in a word why there is none: the page has the sentence for it."""
        try:
            return await answer(request)
        except live_sessions.SessionEndedError as ended:
            return _ended("over" if ended.over else "gone", 410)
        except live_sessions.TooManyFramesError:
            return _ended("hasty", 429)
        except _TooLargeError:
            return _ended("large", 413)
        except PhotoError as error:
            return JSONResponse({"refused": str(error)}, 422)

    async def _start(self, request: Request) -> Response:
        try:
            name = self._viewers.enter(visitor(request.scope))
        except live_sessions.CrowdedError:
            return _ended("crowded", 503)
        if name is None:
            return _ended("full", 503)
        return JSONResponse({"viewer": name, "seconds": live_sessions.SECONDS})

    async def _stop(self, request: Request) -> Response:
        self._viewers.leave(_viewer(request))
        return Response(status_code=204)

    async def _frame(self, request: Request) -> Response:
        content = await self._picture(request, FRAME_BYTES)
        with self._viewers.under_way(_viewer(request)):
            answer = await self._in_thread(partial(answering.live_report, self._assessor, content, MAX_PIXELS))
        return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")

    async def _still(self, request: Request) -> Response:
        language = requested(request.headers)
        content = await self._picture(request, STILL_BYTES)
        with self._viewers.under_way(_viewer(request), "still"):
            answer, evidence = await self._in_thread(
                partial(answering.answer_still, self._assessor, content, MAX_PIXELS, language)
            )
        return JSONResponse({"told": answer, "shown": evidence})

    async def _picture(self, request: Request, limit: int) -> bytes:
        """A viewer's picture. Only once it is whole does it count as under way: a body that stalls keeps nobody's place."""
        self._viewers.touch(_viewer(request))
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > limit:
                raise _TooLargeError
        return bytes(content)

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)


def _viewer(request: Request) -> str:
    return request.headers.get("viewer", "")


def _ended(reason: str, status: int) -> Response:
    return JSONResponse({"ended": reason}, status)
