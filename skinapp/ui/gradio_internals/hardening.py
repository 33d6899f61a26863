"""Closes what Gradio leaves open: routes that nobody needs, what it tells before a login, and what it doesn't tell of failures.

What: the paths of routes that are closed; headers of a front server of Gradio's; the sentence that a caller hears of a failure,
in place of `utils.error_payload`; the page before a login, without the API's signature; which exceptions of its routes mean that
a request makes no sense.
Why: Gradio fetches addresses for whoever asks, keeps runs and states under links, believes headers about its own address, says
nothing at all of a failure, tells everybody what the API takes, and checks few requests before it uses them.
Without it: the server asks others in its visitors' name, callers wait for a reason that doesn't come, and nonsense is logged as a
fault of ours.
Seen: routes.router; queueing.error_payload and utils.error_payload; routes.templates.TemplateResponse;
route_utils.get_request_origin; the exceptions below.
"""

import re
from errno import ENAMETOOLONG
from typing import Any

import httpx
from fastapi.exceptions import RequestValidationError
from gradio import queueing, route_utils, routes, utils
from gradio.exceptions import InvalidPathError
from gradio.route_utils import FnIndexInferError
from pydantic import ValidationError
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from skinapp.i18n.messages import text
from skinapp.ui.gradio_internals import patch

CLOSED_ROUTES = re.compile(
    r"/gradio_api/(proxy=|file[=/]https?:|deep_link|runs|run-history|vibe-|undo-vibe|process_recording|custom_component|dev/"
    r"|profiling|stream/|component_server)"
    r"|/monitoring|/pwa_icon",
    re.IGNORECASE,
)
"""Fetching by address, deep links, run history, monitoring."""
UNHEARD = (b"x-gradio-server", b"x-direct-url")
"""Headers of a front server of Gradio's, which isn't used here, and whose word Gradio would take for its own address."""
NO_UPLOAD = (InvalidPathError, ValidationError, UnicodeError)
"""What Gradio raises where a path or anything else is given in a photo's place."""
MALFORMED = (UnicodeError, httpx.InvalidURL, ValidationError, InvalidPathError, FnIndexInferError, MultiPartException)
"""What Gradio and FastAPI raise at text that is none, addresses, bodies, paths, functions and forms that can't be."""
STUMBLES = re.compile(r"gradio(_client)?/(routes|route_utils|utils)\.py$")
"""Where Gradio reads requests, and raises whatever Python does."""

_error_payload = utils.error_payload
_page = routes.templates.TemplateResponse


def apply() -> None:
    """Change what Gradio's server says of failures and before a login, for this process."""
    for module in (queueing, utils):
        patch(module, "error_payload", error_payload)
    patch(routes.templates, "TemplateResponse", _without_signature)


def error_payload(error: BaseException | None, show_error: bool) -> dict[str, Any]:
    """What a caller hears of a failure: our sentence where Gradio would say nothing at all."""
    payload: dict[str, Any] = _error_payload(error, show_error)
    ours = text("requests.not_uploaded" if isinstance(error, NO_UPLOAD) else "requests.unexpected", "en")
    return payload | {"error": payload["error"] or ours}


def _without_signature(request: Request, name: str, context: dict[str, Any]) -> Response:
    """The page; before a login it doesn't tell what the API takes and gives."""
    if context["config"].get("auth_required"):
        context = {**context, "gradio_api_info": {"named_endpoints": {}, "unnamed_endpoints": {}}}
    return _page(request, name, context)


def has_address(request: Request) -> bool:
    """Whether Gradio can make out the address that a request was sent to, as it does in the middle of its answers, too."""
    try:
        route_utils.get_request_origin(request, "")
    except MALFORMED:
        return False
    return True


def is_malformed(error: Exception) -> bool:
    """Whether a request makes no sense, rather than the server."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    is_gradios = bool(frame and STUMBLES.search(frame.tb_frame.f_code.co_filename))
    is_stumble = isinstance(error, AttributeError | LookupError | TypeError | ValueError) and is_gradios
    is_too_long = isinstance(error, OSError) and error.errno == ENAMETOOLONG
    return isinstance(error, MALFORMED) or isinstance(error.__context__, RequestValidationError) or is_stumble or is_too_long
