"""What every answer tells a browser: to load, run and frame nothing but what this page needs."""

import base64
import hashlib
import re
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skinapp.ui.server.access import path_of

FRAMES = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
"""A Space opens in a frame on huggingface.co, and the On-device tab in one of the page."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), clipboard-read=(self), clipboard-write=(self), fullscreen=(self), "
    "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), display-capture=(), encrypted-media=(), geolocation=(), "
    "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()",
}
"""Of all answers; an answer that says something of its own keeps it."""
NOTHING = f"default-src 'none'; {FRAMES}; sandbox"
"""Of whatever is no page and no script, a visitor's file above all: opened by itself it runs nothing."""
FRAMED = f"{FRAMES}; object-src 'none'"
"""Of pages that hold a policy of their own, as the On-device tab's do, and of scripts, whose policy is that of their page."""
SHARED = "https://gradio.s3-us-west-2.amazonaws.com/"
"""Where the page of a share link loads Gradio's front end from."""
SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class SecurityHeaders:
    """ASGI middleware that adds the headers, and to the page the policy that names its own scripts by their hashes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and path_of(scope) == "/" and scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, _Page(scope, send).send)
        else:
            await self.app(scope, receive, send)


class _Page:
    """ASGI's send, which holds the page's head back until its scripts are known."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._head: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        page: Any = self._scope["app"].get_blocks()
        host = SHARED if getattr(page, "share", False) else ""
        MutableHeaders(scope=self._head)["Content-Security-Policy"] = policy(self._body, host)
        await self._send(self._head)
        await self._send({"type": "http.response.body", "body": self._body})


def policy(page: bytes, host: str = "") -> str:
    """The page's policy. Gradio builds functions out of text ('unsafe-eval') and styles elements in place; it needs no script in
    an attribute and none that isn't in the page as it was sent, so that HTML which slips in stays dead."""
    hashes = " ".join(
        sorted({f"'sha256-{base64.b64encode(hashlib.sha256(found).digest()).decode()}'" for found in SCRIPT.findall(page)})
    )
    own = f"'self' {host}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {own} 'unsafe-eval' {hashes}".strip(),
            f"style-src {own} 'unsafe-inline'",
            f"img-src {own} data: blob:",
            f"font-src {own} data:",
            f"connect-src {own} data: blob:",
            "media-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "manifest-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            FRAMES,
        )
    )


def add(path: str, message: Message) -> None:
    """Put the headers into the head of an answer to a path."""
    if message["type"] != "http.response.start":
        return
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    kind = headers.get("content-type", "")
    is_file = path.startswith("/gradio_api/file")
    runs = not is_file and re.match(r"(text|application)/(javascript|html|css)", kind)
    if "content-security-policy" not in headers:
        headers["Content-Security-Policy"] = FRAMED if runs else NOTHING
