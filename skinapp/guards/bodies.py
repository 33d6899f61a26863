"""A request's body on its way in and its answer's on its way out: how large, how slow, and at whose expense."""

import asyncio

from skinapp.guards.asgi import Message, Receive, Send
from skinapp.guards.shares import FullError, Share

GRACE_S = 20
"""Seconds that a body may take whatever its size, counted while the server waits for it."""
MIN_BYTES_PER_S = 8_000
"""Bytes a second that it must bring beyond them: 64 kbit/s, a phone at the edge of its network."""
PIECE_BYTES = 2**18
"""Bytes of an answer that a client which doesn't read it keeps in memory here."""


class BodyError(Exception):
    """A body is too large, too slow, or more than its sender's share: `status` says which, as HTTP does."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Body:
    """ASGI's receive, which gives up a body that breaks a limit; `refused` then says why, whatever a route made of it."""

    def __init__(self, receive: Receive, limit: int, share: Share, visitor: str) -> None:
        self._receive, self._limit, self._share, self._visitor = receive, limit, share, visitor
        self._complete, self._waited, self._charged = False, 0.0, 0
        self.received = 0
        self.refused: BodyError | None = None

    async def receive(self) -> Message:
        if self._complete:  # what comes now is the client's hanging up
            return await self._receive()
        if self.refused:
            raise self.refused
        message = await self._next()
        size = len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self.received + size > self._limit:
            self._give_up(413)
        self.charge(size)
        self.received += size
        return message

    def charge(self, size: int) -> None:
        """Take so much of the share, or give the body up."""
        if not size:
            return
        try:
            self._share.take(self._visitor, size)
        except FullError:
            self._give_up(429)
        self._charged += size

    async def _next(self) -> Message:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(GRACE_S + self.received / MIN_BYTES_PER_S - self._waited):
                return await self._receive()
        except TimeoutError:
            self._give_up(408)
            raise
        finally:
            self._waited += clock() - started

    def _give_up(self, status: int) -> None:
        self.refused = BodyError(status)
        raise self.refused

    def release(self, after_s: float) -> None:
        """Give back what the body took of the share, so many seconds from now."""
        if self._charged:
            asyncio.get_running_loop().call_later(after_s, self._share.give, self._visitor, self._charged)


async def discard(receive: Receive, limit: int) -> None:
    """Let a body come and go, unless it is endless or slow: who is cut off while sending hears no reason."""
    body = Body(receive, limit, Share(2 * limit), "")
    try:
        while (await body.receive()).get("more_body"):
            pass
    except BodyError:
        return


def replayed(body: bytes, receive: Receive) -> Receive:
    """ASGI's receive with a body that has come in already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def in_pieces(send: Send) -> Send:
    """The same, in pieces that go out as the client reads them, where a server would put all of an answer into memory."""

    async def sent(message: Message) -> None:
        body = memoryview(message.get("body", b""))
        while len(body) > PIECE_BYTES:
            await send({"type": "http.response.body", "body": bytes(body[:PIECE_BYTES]), "more_body": True})
            body = body[PIECE_BYTES:]
        await send({**message, "body": bytes(body)} if message["type"] == "http.response.body" else message)

    return sent
