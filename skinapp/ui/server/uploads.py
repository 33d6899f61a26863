"""Where photos lie while they are answered, and its emptying: no file there gets older than the page promises.

It is a folder of this process alone, in the system's folder for such files or in $GRADIO_TEMP_DIR: of two servers neither
touches what the other holds, and what one left that was killed is deleted by the next.
"""

import os
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from skinapp.errors import StorageError
from skinapp.guards import background
from skinapp.i18n.messages import requested
from skinapp.scratch import Scratch
from skinapp.ui.gradio_internals import files
from skinapp.web.views.page import KEPT_MINUTES

SWEEP_S = 60
"""Seconds between two looks at the folder."""
UPLOADS, WORKSPACES = "uploads", "lessons"
"""What visitors send and get, which is deleted by its age; and where visitors teach, emptied when they go."""


@cache
def folder() -> Scratch:
    """The folder, made when it is first asked for; Gradio's components must be made after it."""
    os.umask(0o077)  # whatever is written from here on is for this user alone
    scratch = Scratch(os.environ.get("GRADIO_TEMP_DIR"))
    scratch.close_at_the_end()
    files.keep_in(scratch, UPLOADS)
    return scratch


def keep(name: str, content: bytes) -> str:
    """The path of a new file for one visitor to fetch; StorageError where there is no place for it."""
    return str(folder().write(UPLOADS, name, content))


def new_workspace() -> Path:
    """A new folder for a visitor who teaches."""
    return folder().new(WORKSPACES)


def workspaces() -> Path:
    """Where these folders lie."""
    return folder().path / WORKSPACES


async def no_storage(request: Request, error: StorageError) -> Response:
    """What whoever uploads hears where there is no place for it."""
    language = requested(request.headers)
    return PlainTextResponse(error.message.to(language), 507)


def sweeping(app: Any) -> AbstractAsyncContextManager[None]:
    """The folder, looked through from the server's start to its end."""
    return background.repeated(SWEEP_S, partial(_sweep, app))


async def _sweep(app: Any) -> None:
    """Each look finds a file up to SWEEP_S late, twice; and takes its time."""
    await run_in_threadpool(folder().expire, UPLOADS, KEPT_MINUTES * 60 - 3 * SWEEP_S)
    await run_in_threadpool(folder().sweep)
    files.forget(app)
