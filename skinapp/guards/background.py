"""Work that goes on beside a server, from its start to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import TypeVar

Server = TypeVar("Server")


@asynccontextmanager
async def repeated(every_s: float, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While this is entered the work is done again and again, with so many seconds between."""
    task = asyncio.create_task(_repeat(every_s, work))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def together(
    *parts: Callable[[Server], AbstractAsyncContextManager[None]],
) -> Callable[[Server], AbstractAsyncContextManager[None]]:
    """All that goes on beside a server as one, begun in this order and ended in the other."""

    @asynccontextmanager
    async def life(server: Server) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in parts:
                await stack.enter_async_context(part(server))
            yield

    return life


async def _repeat(every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(every_s)
