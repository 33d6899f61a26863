"""Closes what Gradio leaves open: its server reads uploads alone, fetches no address and tells nothing of failures.

What: the sentence that a caller hears of a failure, in place of `utils.error_payload`; the page before a login, without the API's
signature; the components' way of keeping a file that a caller names by its address.
Why: Gradio says nothing at all of a failure, tells everybody what the API takes, and downloads whatever a caller names.
Without it: callers wait for a reason that doesn't come, and the server asks others in its visitors' name.
Seen in 6.31.0: queueing.error_payload and utils.error_payload; routes.templates; Component.async_move_resource_to_block_cache.
"""

import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import queueing, routes, utils
from gradio.components import Component
from gradio.exceptions import InvalidPathError
from gradio.utils import get_upload_folder
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from skinapp.i18n.messages import ENGLISH, text

NO_UPLOAD = (InvalidPathError, ValidationError, UnicodeError)
"""What Gradio raises where a path or anything else is given in a photo's place."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def harden() -> None:
    """Change what Gradio's server says of failures and before a login, for this process."""
    queueing.error_payload = utils.error_payload = _told  # type: ignore[attr-defined]
    routes.templates.TemplateResponse = _without_signature  # type: ignore[method-assign,assignment]


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
    ours = text("requests.not_uploaded" if isinstance(error, NO_UPLOAD) else "requests.unexpected", ENGLISH)
    return told | {"error": told["error"] or ours}


def only_uploads(component: Component) -> None:
    """Make a component refuse addresses, which Gradio would download for whoever asks."""
    keep: Any = component.async_move_resource_to_block_cache

    async def refuse_addresses(path: Any) -> str | None:
        if ADDRESS.match(str(path)):
            raise gr.Error(text("requests.not_uploaded", ENGLISH), print_exception=False)
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
        raise gr.Error(text("requests.not_uploaded", ENGLISH), print_exception=False)
    return path
