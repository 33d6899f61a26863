"""Closes what Gradio leaves open: the server reads uploads alone and fetches no address."""

import re
import secrets
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, queueing, route_utils, routes, utils
from gradio.components import Component
from gradio.exceptions import InvalidPathError
from gradio.utils import get_upload_folder
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from skinapp import wording

NO_UPLOAD = (InvalidPathError, ValidationError, UnicodeError)
"""What Gradio raises where a path or anything else is given in a photo's place."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def harden() -> None:
    """Change what Gradio's server does with its files' names and with failures, for this process."""
    # A file's address is a hash of its content and this seed, which Gradio writes once into its own package: whoever has a photo
    # and an image of the machine could look whether somebody else asked about it.
    processing_utils.hash_seed = secrets.token_bytes(32)
    queueing.error_payload = utils.error_payload = _told  # type: ignore[attr-defined]
    route_utils.GradioMultiPartParser = _FewParts  # type: ignore[misc]
    route_utils.GradioUploadFile = _Closed  # type: ignore[misc]
    routes.templates.TemplateResponse = _without_signature  # type: ignore[method-assign,assignment]


PARTS = 64
"""Files, and fields, of one upload: as many photos as one call takes."""


class _FewParts(route_utils.GradioMultiPartParser):
    """Gradio's reader of uploads, which would take a thousand."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **{**options, "max_files": PARTS, "max_fields": PARTS})


class _Closed(route_utils.GradioUploadFile):
    """A part of an upload, closed as soon as it is whole, where Gradio winds it back and keeps it open until the last one has
    come; all that is needed of it then is its name."""

    async def seek(self, offset: int) -> None:
        await self.close()


_page = routes.templates.TemplateResponse


def _without_signature(request: Request, name: str, context: dict[str, Any]) -> Response:
    """The page; before a login it doesn't tell what the API takes and gives."""
    if context["config"].get("auth_required"):
        context = {**context, "gradio_api_info": {"named_endpoints": {}, "unnamed_endpoints": {}}}
    return _page(request, name, context)


_payload = utils.error_payload


def _told(error: BaseException | None, show_error: bool) -> dict[str, Any]:
    """What a caller hears of a failure: our sentence where Gradio would say nothing at all."""
    told: dict[str, Any] = _payload(error, show_error)
    ours = wording.NOT_UPLOADED if isinstance(error, NO_UPLOAD) else wording.UNEXPECTED
    return told | {"error": told["error"] or ours.en}


def only_uploads(component: Component) -> None:
    """Make a component refuse addresses, which Gradio would download for whoever asks."""
    keep: Any = component.async_move_resource_to_block_cache

    async def refuse_addresses(path: Any) -> str | None:
        if ADDRESS.match(str(path)):
            raise gr.Error(wording.NOT_UPLOADED.en, print_exception=False)
        kept: str | None = await keep(path)
        return kept

    # On the object, because a subclass of a Gradio component makes Gradio write a .pyi file into the source tree.
    component.async_move_resource_to_block_cache = refuse_addresses  # type: ignore[method-assign,assignment]
    # Gradio's own example in the API panel is an address.
    example = {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}
    many = getattr(component, "file_count", "single") == "multiple"
    component.example_payload = lambda: [example] if many else example  # type: ignore[method-assign]


def uploaded(given: Any) -> Path:
    """The file behind what a caller handed in, if it was uploaded here.

    Gradio 6.31 checks that only where the caller sends `meta` along: without it, gr.Image takes any path on the server.
    """
    path = Path(str(given.get("path"))).resolve() if isinstance(given, dict) else None
    if path is None or not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise gr.Error(wording.NOT_UPLOADED.en, print_exception=False)
    return path
