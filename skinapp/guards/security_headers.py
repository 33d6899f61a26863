"""What every answer tells a browser: to load, run and frame nothing but what this page needs."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator

from skinapp.guards.asgi import App, Message, Receive, Scope, Send, path_of

FRAMES = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
"""A Space opens in a frame on huggingface.co, and the On-device tab in one of the page."""
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), clipboard-read=(self), clipboard-write=(self), fullscreen=(self), "
    "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), display-capture=(), encrypted-media=(), geolocation=(), "
    "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()",
}
"""Of all answers; an answer that says something of its own keeps it. With the first two, which keep the page apart from others'
pages, a browser gives WebAssembly its threads."""
NOTHING = f"default-src 'none'; {FRAMES}; sandbox"
"""Of whatever is no page and no script, a visitor's file above all: opened by itself it runs nothing."""
FRAMED = f"{FRAMES}; object-src 'none'"
"""Of pages that hold a policy of their own, as the On-device tab's do, and of scripts, whose policy is that of their page."""
SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
RUNNABLE = re.compile(r"(text|application)/(javascript|html|css)")


class PagePolicy:
    """ASGI middleware that gives the page the policy that names its own scripts by their hashes; `host` says of a request from
    which other host the page may load, too."""

    def __init__(self, app: App, host: Callable[[Scope], str]) -> None:
        self._app, self._host = app, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and path_of(scope) == "/" and scope["method"] in ("GET", "HEAD")
        await self._app(scope, receive, _Page(self._host(scope), send).send if is_page else send)


class _Page:
    """ASGI's send, which holds the page's head back until its scripts are known."""

    def __init__(self, host: str, send: Send) -> None:
        self._host, self._send = host, send
        self._head: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        page_policy = (b"content-security-policy", policy(self._body, self._host).encode())
        await self._send({**self._head, "headers": [*self._head["headers"], page_policy]})
        await self._send({"type": "http.response.body", "body": self._body})


def add(head: Message, is_file: bool) -> None:
    """Put the headers into the head of an answer, which keeps what it says of its own; `is_file` of a visitor's file."""
    present = {name.lower(): value for name, value in head["headers"]}
    content_type = present.get(b"content-type", b"").decode("latin-1")
    wanted = ((name.lower().encode(), value.encode()) for name, value in of_answer(content_type, is_file))
    head["headers"] = [*head["headers"], *((name, value) for name, value in wanted if name not in present)]


def of_answer(content_type: str, is_file: bool) -> Iterator[tuple[str, str]]:
    """The headers of an answer that says nothing of its own; of a visitor's file whatever it says that it is."""
    yield from HEADERS.items()
    yield "Content-Security-Policy", FRAMED if RUNNABLE.match(content_type) and not is_file else NOTHING


def policy(page: bytes, host: str = "") -> str:
    """The page's policy. Gradio builds functions out of text ('unsafe-eval') and styles elements in place; it needs no script in
    an attribute and none that isn't in the page as it was sent, so that HTML which slips in stays dead."""
    hashes = " ".join(
        sorted({f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in SCRIPT.findall(page)})
    )
    own_hosts = f"'self' {host}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {own_hosts} 'unsafe-eval' {hashes}".strip(),
            f"style-src {own_hosts} 'unsafe-inline'",
            f"img-src {own_hosts} data: blob:",
            f"font-src {own_hosts} data:",
            f"connect-src {own_hosts} data: blob:",
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
