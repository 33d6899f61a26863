"""The queue of calls: who is refused before they join it, and whether it holds any.

What: `push` of the page's queue, and its lists of calls.
Why: Gradio's queue is first come, first served: it refuses whoever comes once it is full, in English, and knows neither visitors
nor how large a call is.
Without it: one visitor fills the queue for all, calls fill the memory, and the server can't know when its last call has ended.
Seen: Blocks._queue; Queue.push, event_queue_per_concurrency_id and event_ids_to_events.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import gradio as gr
from gradio.data_classes import PredictBodyInternal
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skinapp.ui.gradio_internals import patch

Pushed = tuple[bool, str | list[dict[str, Any]], Literal["success", "error", "queue_full", "validator_error"]]
Rule = Callable[[Request, Sequence[Request], Sequence[Request]], HTTPException | None]
"""Why a request may not join, if so; after those that wait, and those that wait or are answered."""


def guard(page: gr.Blocks, rule: Rule) -> None:
    """Have a rule decide who joins the page's queue."""
    queue = page._queue
    push = queue.push

    async def push_or_refuse(body: PredictBodyInternal, request: Request, username: str | None) -> Pushed:
        waiting = [event.request for one in queue.event_queue_per_concurrency_id.values() for event in one.queue]
        refusal = rule(request, waiting, [event.request for event in queue.event_ids_to_events.values()])
        if refusal is not None:
            raise refusal
        return await push(body, request, username)

    patch(queue, "push", push_or_refuse)


def waiting(page: gr.Blocks) -> int:
    """How many calls wait in the page's queue."""
    return sum(len(one.queue) for one in page._queue.event_queue_per_concurrency_id.values())


def has_calls(page: gr.Blocks) -> bool:
    """Whether any call waits or is answered."""
    return bool(page._queue.event_ids_to_events)
