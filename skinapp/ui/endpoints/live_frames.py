"""A camera's frames come in one by one, each is answered and dropped. No frame is ever written to disk.

Not Gradio's streaming, which writes every frame into its cache: a door of our own beside it, with the same guards.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from skinapp.assessment.assessor import Assessor
from skinapp.errors import PhotoError
from skinapp.i18n.messages import Language, preferred
from skinapp.imaging import decode
from skinapp.labels import CODES, View
from skinapp.ui.server import access, frontend_files, live_sessions, queueing
from skinapp.ui.server.visitors import visitor
from skinapp.web import answering
from skinapp.web.bundles import live as live_bundle
from skinapp.web.views.live import Limits

PATH = "/live"
FRAME_BYTES, STILL_BYTES = 200_000, 3_000_000
"""A square of 256 pixels takes 10 to 30 kB, a still 100 to 500."""
MOST_PIXELS = 2_000_000
LIMITS = Limits(live_sessions.MOST, live_sessions.SECONDS, live_sessions.LANES)

log = logging.getLogger("skinapp.live")


class _TooLargeError(Exception):
    """More bytes come in than a frame has."""


def routes(assessor: Assessor) -> list[Mount]:
    """The route of the tab's files and of its frames."""
    return [Mount(PATH, app=Door(assessor))]


@cache
def files(assessor: Assessor) -> dict[str, bytes]:
    """The tab's files by path."""
    return live_bundle.files(assessor, LIMITS)


class Door:
    """ASGI app: hands out the tab's files and answers frames, for this server's own page alone."""

    def __init__(self, assessor: Assessor, places: live_sessions.Viewers | None = None) -> None:
        self._assessor, self._viewers = assessor, places or live_sessions.Viewers()
        self._workers = ThreadPoolExecutor(queueing.ASSESSING, "skinapp-live")
        self._posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "start": self._start,
            "frame": self._frame,
            "still": self._still,
            "stop": self._stop,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = PlainTextResponse("Not Found", 404)
        if scope["type"] == "http":
            response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", "")).lstrip("/")
        if request.method == "GET" and path in files(self._assessor):
            return _file(path, files(self._assessor)[path])
        if request.method != "POST" or path not in self._posts:
            return PlainTextResponse("Not Found", 404)
        if not access.is_own_page(request):
            return PlainTextResponse("Only this server's own page may ask", 403)
        return await self._guarded(self._posts[path], request)

    async def _guarded(self, answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
        """The answer, or in a word why there is none: the page has the sentence for it."""
        try:
            return await answer(request)
        except live_sessions.GoneError as gone:
            return _ended("over" if gone.over else "gone", 410)
        except live_sessions.HastyError:
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
        content = await self._sent(request, FRAME_BYTES)
        with self._viewers.looking(_viewer(request)):
            found = await self._worked(partial(_seen, self._assessor, content))
        return Response(json.dumps(found, separators=(",", ":")), media_type="application/json")

    async def _still(self, request: Request) -> Response:
        language = preferred(request.headers.get("accept-language", ""))
        content = await self._sent(request, STILL_BYTES)
        with self._viewers.looking(_viewer(request), "still"):
            told, shown = await self._worked(partial(_answered, self._assessor, content, language))
        return JSONResponse({"told": told, "shown": shown})

    async def _sent(self, request: Request, most: int) -> bytes:
        """A viewer's picture. Only once it is whole does it count as under way: a body that stalls keeps nobody's place."""
        self._viewers.see(_viewer(request))
        return await _body(request, most)

    async def _worked(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)


def _seen(assessor: Assessor, content: bytes) -> dict[str, Any]:
    """What one frame shows, as the browser's own modules would say it, with every lesion's evidence in 0..255."""
    frame = decode.read(content, MOST_PIXELS)
    assessment = assessor.assess([frame])[0]
    heats = [np.rint(assessment.heatmap(code) * 255).astype(int) for code in CODES]
    return {
        **assessment.report.to_dict(),
        "chances": assessment.chances.tolist(),
        "view": assessment.view or View.DERMOSCOPIC,
        "priority": assessment.priority,
        "focus": assessment.focus.code,
        "figures": vars(assessment.report.figures),
        "seen": assessment.seen._asdict(),
        "width": frame.shape[1],
        "height": frame.shape[0],
        "elapsed_ms": assessment.elapsed_ms,
        "heat": {
            "cells": list(heats[0].shape),
            "codes": {code: heat.ravel().tolist() for code, heat in zip(CODES, heats, strict=True)},
        },
    }


def _answered(assessor: Assessor, content: bytes, language: Language) -> tuple[str, str]:
    """The full answer to one picture, as the photo tab gives it."""
    return answering.answered(assessor, decode.read(content, MOST_PIXELS), language)


def _viewer(request: Request) -> str:
    return request.headers.get("viewer", "")


async def _body(request: Request, most: int) -> bytes:
    """What is sent, refused as soon as it is too much."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise _TooLargeError
    return bytes(content)


def _ended(reason: str, status: int) -> Response:
    return JSONResponse({"ended": reason}, status)


def _file(path: str, content: bytes) -> Response:
    kind = "text/javascript; charset=utf-8" if path.endswith(".js") else "application/json"
    headers = {"Cache-Control": frontend_files.LASTING, "X-Content-Type-Options": "nosniff"}
    return Response(content, headers=headers, media_type=kind)
