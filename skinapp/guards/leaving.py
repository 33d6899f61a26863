"""An answer is given up when nobody waits for it any more."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from skinapp.guards.asgi import Receive

Answer = TypeVar("Answer")


class GoneError(Exception):
    """The client has left, and nobody is there who could hear of it."""


async def unless_gone(receive: Receive, answer: Awaitable[Answer]) -> Answer:
    """An answer, given up as far as it isn't begun when its client leaves; whose body must have come in already."""
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise GoneError
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
