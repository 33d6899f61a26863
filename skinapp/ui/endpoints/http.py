"""POST /api/classify and GET /api/health, for programs that want no client library: photos in, JSON out.

Photos stay in memory from their first byte to their last: nothing of a call is ever written to disk.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from skinapp.assessment.assessor import Assessor
from skinapp.assessment.classifier import Classifier
from skinapp.errors import BusyError, PhotoError
from skinapp.guards import access, queueing
from skinapp.guards.leaving import unless_gone
from skinapp.guards.shares import FullError, Share
from skinapp.i18n.messages import Language, Message, requested
from skinapp.ui.gradio_internals import queue, server
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server.request_gate import HTTP_BYTES
from skinapp.web import calls
from skinapp.web.views import api

PATH = "/api"
WORKERS = 16
"""Photos that are worked on at the same time: two of the batcher's passes, one that runs and one that fills."""
CALLS = WORKERS + queueing.WAITING
"""Calls that are answered or wait; whoever comes after them is told so."""
Photo = TypeVar("Photo")
Answer = TypeVar("Answer")


def routes(assessor: Assessor | Classifier) -> list[Route]:
    """The two addresses, and what describes them to programs and to people."""
    endpoint = HttpEndpoint(assessor)
    return [
        Route(f"{PATH}/classify", endpoint.classify, methods=["POST"]),
        Route(f"{PATH}/health", endpoint.health, methods=["GET"]),
        Route(f"{PATH}/openapi.json", _openapi, methods=["GET"]),
        *(Route(path, _page, methods=["GET"]) for path in (PATH, f"{PATH}/")),
        Route(f"{PATH}/style.css", _style, methods=["GET"]),
    ]


class HttpEndpoint:
    """Answers calls, so many at once, through the same model as the page's."""

    def __init__(self, assessor: Assessor | Classifier) -> None:
        self._assessor = assessor
        self._workers, self._calls = ThreadPoolExecutor(WORKERS, "skinapp-http"), Share(CALLS)

    async def health(self, request: Request) -> Response:
        """What answers here, and how many calls wait for it."""
        model, page = self._assessor.model, server.page_of(request.app)
        at_work = {"waiting": queue.waiting(page) + max(0, self._calls.taken - WORKERS)}
        return JSONResponse({"ready": True, "model": model.id, "revision": model.revision, "provider": model.provider, **at_work})

    async def classify(self, request: Request) -> Response:
        """The report on one photo, or a row for each of several."""
        language = requested(request.headers)
        try:
            options = calls.read_options(request.query_params, language, request.headers.get("accept", ""))
            photos = await _photos(request)  # before it takes a place: a body that stalls would keep it
            with self._calls.held(visitor(request.scope)):
                return await self._answer(request, photos, options)
        except calls.RefusedError as refused:
            return _refused(refused.message, 422, language)
        except BusyError as error:
            return _refused(error.message, 503, language)
        except PhotoError as error:
            return _refused(error.message, 422, language)
        except FullError:
            return _refused(Message("crowded.requests"), 503, language)

    async def _answer(self, request: Request, photos: Sequence[tuple[str, bytes]], options: calls.Options) -> Response:
        if len(photos) == 1:
            ((_, content),) = photos
            report, picture = await unless_gone(request.receive, self._submit(partial(options.answer, self._assessor), content))
            return Response(picture, media_type=calls.WEBP) if options.is_overlay_alone else JSONResponse(report)
        rows = asyncio.gather(*(self._submit(partial(options.row, self._assessor), photo) for photo in photos))
        return JSONResponse(await unless_gone(request.receive, rows))

    def _submit(self, work: Callable[[Photo], Answer], photo: Photo) -> asyncio.Future[Answer]:
        return asyncio.get_running_loop().run_in_executor(self._workers, work, photo)


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
    if reason := calls.refusal(photos):
        raise calls.RefusedError(reason)
    return photos


def _refused(message: Message, status: int, language: Language) -> Response:
    return JSONResponse({"error": message.to(language)}, status)


async def _openapi(_: Request) -> Response:
    return FileResponse(api.DESCRIPTION, media_type="application/json")


async def _page(request: Request) -> Response:
    """The same for people, whose browser may ask with a slash at the end."""
    base, home = ("", "../") if request.url.path.endswith("/") else (f"{PATH[1:]}/", "./")
    language = requested(request.headers)
    origin = access.origin(request.headers, request.url.scheme) + request.scope.get("root_path", "").rstrip("/")
    return HTMLResponse(api.page(language, origin, base, home), headers={"Content-Security-Policy": api.POLICY})


async def _style(_: Request) -> Response:
    return Response(api.stylesheet(), media_type="text/css")
