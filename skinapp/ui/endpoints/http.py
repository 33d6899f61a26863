"""POST /api/classify and GET /api/health, for programs that want no client library: photos in, JSON out.

Photos stay in memory from their first byte to their last: nothing of a call is ever written to disk.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Namer
from skinapp.errors import BusyError, PhotoError
from skinapp.guards.shares import FullError, Share
from skinapp.i18n.messages import LANGUAGES, Language, Message, preferred
from skinapp.imaging import encode
from skinapp.ui.endpoints import api
from skinapp.ui.gradio_internals import calls, server
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server import queueing
from skinapp.ui.server.request_gate import HTTP_BYTES
from skinapp.web import STATIC

PATH = "/api"
WORKERS = 16
"""Photos that are worked on at the same time: two of the pool's passes, one that runs and one that fills."""
CALLS = WORKERS + queueing.WAITING
"""Calls that are answered or wait; whoever comes after them is told so."""
RETRY_S = 5
SWITCH = {"0": False, "false": False, "1": True, "true": True}
WEBP = "image/webp"

Got = TypeVar("Got")


class _RefusedError(Exception):
    """A call that can't be answered, with its status and sentence."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class _Order:
    """How the photos of a call are to be answered; `careful` None leaves it to how many they are."""

    language: Language
    overlay: bool
    careful: bool | None
    as_picture: bool
    """Whether the overlay is the whole answer."""


def routes(assessor: Assessor | Namer) -> list[Route]:
    """The two addresses, and what describes them."""
    desk = Desk(assessor)
    return [
        Route(f"{PATH}/classify", desk.classify, methods=["POST"]),
        Route(f"{PATH}/health", desk.health, methods=["GET"]),
        Route(f"{PATH}/openapi.json", _described, methods=["GET"]),
    ]


class Desk:
    """Answers calls, so many at once, through the same model as the page's."""

    def __init__(self, assessor: Assessor | Namer) -> None:
        self._assessor = assessor
        self._workers, self._calls = ThreadPoolExecutor(WORKERS, "skinapp-http"), Share(CALLS)

    async def health(self, request: Request) -> Response:
        """What answers here, and how many calls wait for it."""
        model, page = self._assessor.model, server.page_of(request.app)
        at_work = {"waiting": calls.waiting(page) + max(0, self._calls.taken - WORKERS)}
        return JSONResponse({"ready": True, "model": model.id, "revision": model.revision, "provider": model.provider, **at_work})

    async def classify(self, request: Request) -> Response:
        """The report on one photo, or a row for each of several."""
        language = preferred(request.headers.get("accept-language", ""))
        try:
            order = _order(request, language)
            photos = await _photos(request)  # before it takes a place: a body that stalls would keep it
            with self._calls.held(visitor(request.scope)):
                return await self._answered(request, photos, order)
        except _RefusedError as refused:
            return _refused(refused.message, refused.status, language)
        except BusyError as error:
            return _refused(error.message, 503, language)
        except PhotoError as error:
            return _refused(error.message, 422, language)
        except FullError:
            return _refused(Message("crowded.requests"), 503, language)

    async def _answered(self, request: Request, photos: Sequence[tuple[str, bytes]], order: _Order) -> Response:
        if len(photos) == 1:
            ((_, content),) = photos
            report, picture = await _unless_gone(request, self._begun(partial(self._assessed, order, True), content))
            return Response(picture, media_type=WEBP) if order.as_picture else JSONResponse(report)
        rows = await _unless_gone(request, asyncio.gather(*(self._begun(partial(self._row, order), photo) for photo in photos)))
        return JSONResponse(rows)

    def _begun(self, work: Callable[[Any], Got], given: Any) -> asyncio.Future[Got]:
        return asyncio.get_running_loop().run_in_executor(self._workers, work, given)

    def _assessed(self, order: _Order, alone: bool, content: bytes) -> tuple[dict[str, Any], bytes]:
        """The report on one photo, and where that is all that is wanted the overlay as a file."""
        careful = alone if order.careful is None else order.careful
        photo, assessment = self._assessor.read_and_assess(content, careful=careful)
        report = assessment.to_dict(order.language)
        if order.as_picture and alone:
            return report, encode.webp(assessment.overlay(photo))
        if order.overlay:
            overlay = base64.b64encode(encode.jpeg(assessment.overlay(photo))).decode()
            report["overlay"] = f"data:image/jpeg;base64,{overlay}"
        return report, b""

    def _row(self, order: _Order, photo: tuple[str, bytes]) -> dict[str, Any]:
        name, content = photo
        try:
            return {"file": name, **self._assessed(order, False, content)[0]}
        except PhotoError as error:
            return {"file": name, "error": error.message.to(order.language)}


def _order(request: Request, language: Language) -> _Order:
    """What a call's address asks for; _RefusedError where it asks for anything else."""
    given = dict(request.query_params)
    overlay, careful = (_switch(name, given.pop(name, None)) for name in ("overlay", "careful"))
    chosen = given.pop("language", language)
    if chosen not in LANGUAGES:
        raise _unknown("language", chosen)
    for name, value in given.items():
        raise _unknown(name, value)
    return _Order(chosen, bool(overlay), careful, WEBP in request.headers.get("accept", ""))


def _switch(name: str, value: str | None) -> bool | None:
    if value is not None and value not in SWITCH:
        raise _unknown(name, value)
    return None if value is None else SWITCH[value]


def _unknown(name: str, value: str) -> _RefusedError:
    return _RefusedError(422, Message("requests.option", option=f"{name}={value}"[:100]))


async def _photos(request: Request) -> list[tuple[str, bytes]]:
    """A call's photos with their names: the files of a form, or a body that is a photo itself."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/"):
        content = await request.body()
        photos = [("", content)] if content else []
    else:
        parser = MultiPartParser(request.headers, request.stream())
        parser.spool_max_size = HTTP_BYTES  # what is larger goes to disk
        form = await parser.parse()
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        photos = [(file.filename or "", await file.read()) for file in files]
        await form.close()
    if reason := api.refusal(photos):
        raise _RefusedError(422, reason)
    return photos


async def _unless_gone(request: Request, answer: Awaitable[Got]) -> Got:
    """An answer, given up as far as it isn't begun when nobody waits for it any more."""
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(message: Message, status: int, language: Language) -> Response:
    return JSONResponse({"error": message.to(language)}, status, {"Retry-After": str(RETRY_S)} if status == 503 else None)


async def _described(_: Request) -> Response:
    return FileResponse(STATIC / "api" / "openapi.json", media_type="application/json")
