"""Where Gradio keeps what visitors send and get, and under which names.

What: uploads go through `receive` in place of `routes.upload_fn`, and each part of one is closed as soon as it is whole; the four
hashes that name Gradio's other files are drawn at random; its lists of files to delete are emptied; and the folder that it makes
for its editor is made there, too.
Why: Gradio names a file by its content and writes it in its place. Of two callers with one photo the second cuts off what the
first is downloading, whoever deletes the one's file deletes the other's, and its date tells whether somebody else asked about the
photo. An upload that breaks off or meets a full disk stays; a file's age is what the wall clock says; and what is deleted
elsewhere stays on the lists for ever.
Without it: answers get lost under load, and uploads lie around or fail without a sentence.
Seen in 6.31.0: route_utils.upload_fn, GradioMultiPartParser and GradioUploadFile; routes.upload_fn and DEFAULT_TEMP_DIR;
processing_utils.hash_*; Blocks.temp_file_sets.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, route_utils, routes
from gradio.exceptions import InvalidPathError
from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from gradio.utils import safe_join
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped]
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skinapp.scratch import Scratch

Uploaded = tuple[list[str], list[str], list[str]]
"""As Gradio's route takes it: the files' paths, and two lists of what is yet to be moved."""
HASHES = ("hash_file", "hash_url", "hash_bytes", "hash_base64")
MAX_PARTS = 64
"""Files, and fields, of one upload: as many photos as one call takes."""


def keep_in(scratch: Scratch, shelf: str) -> None:
    """Have Gradio keep its files on this shelf, for this process, before any component is made."""
    os.environ["GRADIO_TEMP_DIR"] = str(scratch.path / shelf)
    routes.DEFAULT_TEMP_DIR = str(scratch.path)  # type: ignore[attr-defined]  # where it makes an empty folder that nothing uses
    routes.upload_fn = partial(receive, scratch, shelf)  # type: ignore[attr-defined]
    route_utils.GradioUploadFile = _Part  # type: ignore[misc]
    for name in HASHES:
        setattr(processing_utils, name, lambda *_, **__: secrets.token_hex(16))


class _Part(GradioUploadFile):
    """A part of an upload, closed as soon as it is whole, where Gradio winds it back and keeps it open until the last one has
    come; all that is needed of it then is its name."""

    async def seek(self, offset: int) -> None:
        await self.close()


def forget(page: gr.Blocks) -> None:
    """Empty the lists of files that Gradio would delete, of which each call makes them longer."""
    for files in page.temp_file_sets:
        files.clear()


async def receive(
    scratch: Scratch,
    shelf: str,
    request: Request,
    _: str,
    max_file_size: float,
    upload_id: str | None,
    force_move: bool = True,
    upload_progress: Any = None,
) -> Uploaded:
    """Take an upload: each of its files gets a folder of its own, and if one can't be had none stays."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(400, "Invalid content type.")
    if upload_id and upload_progress:
        upload_progress.track(upload_id)
    with scratch.filling(shelf) as folder:
        parser = GradioMultiPartParser(
            request.headers,
            request.stream(),
            max_files=MAX_PARTS,
            max_fields=MAX_PARTS,
            upload_dir=folder,
            max_file_size=max_file_size,
            upload_id=upload_id,
            upload_progress=upload_progress,
        )
        with _closed(parser):
            form = await parser.parse()
            paths = [_placed(file, folder / str(number)) for number, file in enumerate(form.getlist("files"))]
    return paths, [], []


@contextmanager
def _closed(parser: GradioMultiPartParser) -> Iterator[None]:
    """The files of an upload, closed whatever becomes of it."""
    try:
        yield
    finally:
        for file in parser._files_to_close_on_error:
            with suppress(OSError):  # what couldn't be written can't be written at the end either
                file.close()


def _placed(uploaded: UploadFile | str, folder: Path) -> str:
    """An uploaded file under the name that its sender gave it, as far as it is one."""
    if isinstance(uploaded, str):
        raise HTTPException(400, "'files' holds no file.")
    name = strip_invalid_filename_characters(Path(uploaded.filename or "").name) or secrets.token_hex(5)
    folder.mkdir(0o700)
    try:
        path: str = safe_join(str(folder), name)  # type: ignore[arg-type]  # what says where a path comes from
    except InvalidPathError:
        raise HTTPException(400, f"Invalid file name: {name}") from None
    uploaded.file.close()
    os.rename(str(uploaded.file.name), path)
    return path
