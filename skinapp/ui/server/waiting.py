"""Who waits in the line: each visitor with so many calls as leave others a place, and all with so much as fits in memory."""

from typing import Any, Literal

import gradio as gr
from gradio.data_classes import PredictBodyInternal
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skinapp.i18n.messages import preferred, text
from skinapp.ui.server import queueing
from skinapp.ui.server.shares import may_take
from skinapp.ui.server.visitors import visitor

CALLS_BYTES = 16 * 2**20
"""Bytes of all calls that wait or are answered, as they were sent; what Gradio makes of them may take twenty times as much."""
RETRY_S = 30
BODY = "skinapp.body"
"""Where the gate puts a request's body into its scope."""


def share_line(page: gr.Blocks) -> None:
    """Let the page's queue refuse a visitor who already holds as much of it as they may."""
    queue = page._queue
    push = queue.push

    async def push_fairly(
        body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, str | list[dict[str, Any]], Literal["success", "error", "queue_full", "validator_error"]]:
        waiting = [visitor(event.request.scope) for lane in queue.event_queue_per_concurrency_id.values() for event in lane.queue]
        mine = waiting.count(visitor(request.scope))
        sent = sum(_bytes(event.request) for event in queue.event_ids_to_events.values())
        is_full = len(waiting) >= queueing.WAITING  # which is Gradio's to refuse
        room = is_full or may_take(mine, len(waiting), queueing.WAITING)
        if not room or (sent and sent + _bytes(request) > CALLS_BYTES):
            language = preferred(request.headers.get("accept-language", ""))
            raise HTTPException(429, text("crowded.waiting", language), {"Retry-After": str(RETRY_S)})
        return await push(body, request, username)

    queue.push = push_fairly  # type: ignore[method-assign]


def calls(page: gr.Blocks) -> int:
    """How many calls wait in the page's queue."""
    return sum(len(lane.queue) for lane in page._queue.event_queue_per_concurrency_id.values())


def _bytes(request: Request) -> int:
    return int(getattr(request.scope.get(BODY), "received", 0))
