"""Work that goes on beside a server, from its start to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


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


async def _repeat(every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(every_s)
