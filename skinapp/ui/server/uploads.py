"""The folder where photos lie while they are answered, and its emptying: no file in it gets older than the page promises.

Gradio deletes what it knows of; what it has forgotten (uploads that broke off, files of a server that was killed) goes here.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool

from skinapp.i18n import wording

SWEEP_S = 60
"""Seconds between two looks at the folder."""


def gradios() -> tuple[int, int]:
    """Gradio's `delete_cache`: how often, and from which age on. A look earlier than ours, so that it never misses a file."""
    return SWEEP_S, wording.KEPT_MINUTES * 60 - 3 * SWEEP_S


def lessons() -> Path:
    """The folder beside it, for the rooms of visitors who teach: these are emptied when their visitors go, not by age."""
    uploads = Path(get_upload_folder()).resolve()
    return uploads.with_name(f"{uploads.name}-lessons")


@asynccontextmanager
async def swept(_: Any) -> AsyncIterator[None]:
    """The folder, looked through from the server's start to its end."""
    task = asyncio.create_task(_sweeping())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweeping() -> None:
    while True:
        await run_in_threadpool(sweep, Path(get_upload_folder()), wording.KEPT_MINUTES * 60 - SWEEP_S)
        await asyncio.sleep(SWEEP_S)


def sweep(folder: Path, age_s: float) -> None:
    """Delete the files that have lain in a folder for longer, and the folders that this leaves empty; follows no link."""
    oldest = time.time() - age_s
    for parent, _, names in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in names):
            with suppress(OSError):  # somebody else was faster
                if path.lstat().st_ctime < oldest:
                    path.unlink()
        if Path(parent) != folder:
            with suppress(OSError):  # not empty
                if Path(parent).stat().st_ctime < oldest:
                    Path(parent).rmdir()
