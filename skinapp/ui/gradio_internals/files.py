"""Where Gradio keeps what visitors send and get, under which names, and which of it counts as sent.

What: uploads go through `receive` in place of `routes.upload_fn`, and each part of one is closed as soon as it is whole; the four
hashes that name Gradio's other files are drawn at random; its lists of files to delete are emptied; the folder that it makes for
its editor is made there, too; a component's way of keeping a file that a caller names, and its example; the folder of uploads,
which each file that a caller names is looked for in; and the address of a file.
Why: Gradio names a file by its content and writes it in its place. Of two callers with one photo the second cuts off what the
first is downloading, whoever deletes the one's file deletes the other's, and its date tells whether somebody else asked about the
photo. An upload that breaks off or meets a full disk stays; a file's age is what the wall clock says; and what is deleted
elsewhere stays on the lists for ever. It downloads what a caller gives the address of, shows an address of its makers as the
example, and checks paths only where the caller sends `meta` along: without it, gr.Image takes any path on the server.
Without it: answers get lost under load, uploads lie around or fail without a sentence, and callers read this machine's files and
ask others in its name.
Seen: route_utils.upload_fn, GradioMultiPartParser and GradioUploadFile; routes.upload_fn and DEFAULT_TEMP_DIR;
processing_utils.hash_*; Blocks.temp_file_sets; Block.async_move_resource_to_block_cache; Component.example_payload;
utils.get_upload_folder; the routes upload and file.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, route_utils, routes
from gradio.components import Component
from gradio.data_classes import DeveloperPath, UserProvidedPath
from gradio.exceptions import InvalidPathError
from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from gradio.utils import get_upload_folder, safe_join
from gradio_client.utils import strip_invalid_filename_characters
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skinapp.i18n.messages import text
from skinapp.scratch import Scratch
from skinapp.ui.gradio_internals import patch

UPLOAD_PATH, FILE_PATH = "/gradio_api/upload", "/gradio_api/file"
Uploaded = tuple[list[str], list[str], list[str]]
"""As Gradio's route takes it: the files' paths, and two lists of what is yet to be moved."""
HASHES = ("hash_file", "hash_url", "hash_bytes", "hash_base64")
MAX_PARTS = 64
"""Files, and fields, of one upload: as many photos as one call takes."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
EXAMPLE = {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}
"""What the API panel shows as a file."""


def keep_in(scratch: Scratch, shelf: str) -> None:
    """Have Gradio keep its files on this shelf, for this process, before any component is made."""
    os.environ["GRADIO_TEMP_DIR"] = str(scratch.path / shelf)
    patch(routes, "DEFAULT_TEMP_DIR", str(scratch.path))  # where it makes an empty folder that nothing uses
    patch(routes, "upload_fn", partial(receive, scratch, shelf))
    patch(route_utils, "GradioUploadFile", _Part)
    for name in HASHES:
        patch(processing_utils, name, lambda *_, **__: secrets.token_hex(16))


class _Part(GradioUploadFile):
    """A part of an upload, closed as soon as it is whole, where Gradio winds it back and keeps it open until the last one has
    come; all that is needed of it then is its name."""

    async def seek(self, offset: int) -> None:
        await self.close()


def forget(app: Any) -> None:
    """Empty an application's lists of files that Gradio would delete, of which each call makes them longer."""
    for files in app.get_blocks().temp_file_sets:
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
        path = safe_join(DeveloperPath(str(folder)), UserProvidedPath(name))
    except InvalidPathError:
        raise HTTPException(400, f"Invalid file name: {name}") from None
    uploaded.file.close()
    os.rename(str(uploaded.file.name), path)
    return path


def refuse_addresses(component: Component) -> None:
    """Make a component refuse addresses, which Gradio would download for whoever asks."""
    keep = component.async_move_resource_to_block_cache

    async def keep_uploads(path: Any) -> str | None:
        if ADDRESS.match(str(path)):
            raise _not_uploaded()
        return await keep(path)

    # On the object, because a subclass of a Gradio component makes Gradio write a .pyi file into the source tree.
    patch(component, "async_move_resource_to_block_cache", keep_uploads)
    many = getattr(component, "file_count", "single") == "multiple"
    patch(component, "example_payload", lambda: [EXAMPLE] if many else EXAMPLE)


def received_file(payload: Any) -> Path:
    """The file behind what a caller handed in, if it was uploaded here."""
    path = Path(str(payload.get("path"))).resolve() if isinstance(payload, dict) else None
    if path is None or not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise _not_uploaded()
    return path


def _not_uploaded() -> gr.Error:
    return gr.Error(text("requests.not_uploaded", "en"), print_exception=False)


def link(path: Path) -> str:
    """Where a page downloads a file of a folder that is allowed, relative to its own address."""
    return f"{FILE_PATH[1:]}={path}"
