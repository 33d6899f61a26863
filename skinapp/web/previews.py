"""Shows visitors their own photo where their browser can't: HEIC and TIFF go out as JPEG to a browser that doesn't name them.

What was uploaded stays as it is, and is what gets answered; a program, which takes anything, gets it as it is.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from skinapp.errors import PhotoError
from skinapp.guards.asgi import App, Message, Receive, Scope, Send, path_of
from skinapp.guards.shares import FullError, Share
from skinapp.imaging import decode, encode, structure

WORKERS = 2
"""Photos that are unpacked at the same time."""
PREVIEWS = 8
"""Photos that are unpacked or wait; whoever comes after them sees none, and is answered all the same."""
PICTURE = "image/webp"
"""What every browser names where it asks for a picture, and no program."""
NOT_EVERYWHERE = {
    "image/heic": re.compile(rb"....ftyp(" + structure.HEIC_BRANDS + rb")", re.DOTALL),
    "image/tiff": re.compile(rb"II[*+]\0|MM\0[*+]"),
}
"""Kinds that only some browsers show, who name them, and how their files begin."""
HEADERS = ((b"content-type", b"image/jpeg"), (b"cache-control", b"private"), (b"vary", b"Accept"))


class Previews:
    """ASGI middleware that hands on all else as it is. Visitors' files lie below `path`; `visitor` says who asks."""

    def __init__(self, app: App, path: str, visitor: Callable[[Scope], str]) -> None:
        self._app, self._path, self._visitor = app, path, visitor
        self._workers, self._share = ThreadPoolExecutor(WORKERS, "skinapp-preview"), Share(PREVIEWS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["type"] == "http" and scope["method"] == "GET" and path_of(scope).startswith(self._path)
        accepted = _header(scope["headers"], b"accept") if is_file else ""
        if PICTURE not in accepted:
            await self._app(scope, receive, send)
            return
        unknown = [begins for kind, begins in NOT_EVERYWHERE.items() if kind not in accepted]
        found = _Found(unknown, self._share, self._visitor(scope), send)
        try:
            await self._app(scope, receive, found.send)
            if found.is_held:
                preview = await asyncio.get_running_loop().run_in_executor(self._workers, _preview, bytes(found.content))
                await found.answer(preview)
        finally:
            found.release()


class _Found:
    """ASGI's send, which holds a file back once its first bytes say that the browser can't show it."""

    def __init__(self, unknown: list[re.Pattern[bytes]], share: Share, visitor: str, send: Send) -> None:
        self._unknown, self._share, self._visitor, self._send = unknown, share, visitor, send
        self._head: Message | None = None
        self.content, self.is_held = bytearray(), False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200 and _is_small(message):
            self._head = message
            return
        if self._head is not None and not self.is_held:
            self.is_held = self._may_hold(message.get("body", b""))
            if not self.is_held:
                await self._send(self._head)
                self._head = None
        if self.is_held:
            self.content += message.get("body", b"")
        else:
            await self._send(message)

    def _may_hold(self, start: bytes) -> bool:
        if not any(begins.match(start) for begins in self._unknown):
            return False
        try:
            self._share.take(self._visitor)
        except FullError:
            return False
        return True

    async def answer(self, preview: bytes | None) -> None:
        """The preview; where there is none the file itself, which the browser will say it can't show."""
        if self._head is None:
            return
        if preview is not None:
            length = str(len(preview)).encode()
            headers = [*HEADERS, (b"content-length", length)]
            self._head = {"type": "http.response.start", "status": 200, "headers": headers}
        await self._send(self._head)
        await self._send({"type": "http.response.body", "body": bytes(self.content) if preview is None else preview})

    def release(self) -> None:
        """Give back the place of what was held."""
        if self.is_held:
            self._share.give(self._visitor)


def _is_small(head: Message) -> bool:
    """Whether a file may be a photo by its size."""
    length = _header(head["headers"], b"content-length")
    return length.isdecimal() and int(length) <= decode.MAX_BYTES


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def _preview(content: bytes) -> bytes | None:
    try:
        return encode.jpeg(encode.to_overlay_size(decode.read(content)))
    except PhotoError:
        return None
