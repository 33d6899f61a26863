"""Who may wait in the queue: each visitor with so many calls as leave others a place, and all with so much as fits in memory."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request

from skinapp.guards import access, queueing
from skinapp.guards.shares import may_take
from skinapp.i18n.messages import requested, text
from skinapp.imaging import budget
from skinapp.ui.gradio_internals.accounts import visitor
from skinapp.ui.server.request_gate import BODY

CALLS_BYTES = 16 * 2**20
"""Bytes of all calls that wait or are answered, as they were sent; what Gradio makes of them may take twenty times as much."""
RETRY_S = 30
budget.LARGE.max_waiting = queueing.MAX_HEAVY_WAITING


def refusal(request: Request, waiting: Sequence[Request], calls: Sequence[Request]) -> HTTPException | None:
    """Why a request may not join those that wait, as one of all calls. Where the queue is full a program hears 503, as of
    Gradio's own; the page shows the sentence of every other status, and at that one none of ours."""
    mine, size = visitor(request.scope), sum(map(_bytes, calls))
    is_full = len(waiting) >= queueing.WAITING
    may_wait = may_take(sum(visitor(one.scope) == mine for one in waiting), len(waiting), queueing.WAITING)
    if may_wait and not (size and size + _bytes(request) > CALLS_BYTES):
        return None
    status = 503 if is_full and not access.is_own_page(request.headers) else 429
    language = requested(request.headers)
    return HTTPException(status, text("crowded.full" if is_full else "crowded.waiting", language), {"Retry-After": str(RETRY_S)})


def _bytes(request: Request) -> int:
    return int(getattr(request.scope.get(BODY), "received", 0))
