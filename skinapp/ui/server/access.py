"""Who may ask this server, decided in front of every route.

The rule, in this order:

1. Host. A server that is bound to a loopback address is asked under a loopback name (localhost, 127.x.x.x, ::1), or under a
   name that it was told: its share link's, that of GRADIO_ROOT_PATH, those of SKINAPP_HOSTS. Else a stranger's page whose name
   was made to lead to 127.0.0.1 (DNS rebinding) would be read as this server's own. A server bound to any other address, on a LAN
   or on Spaces, doesn't know all its names and may be asked under each.
2. Origin. A browser says which site asks (Sec-Fetch-Site): this server's own page may ask everything, another site may only
   lead to the page (a link, or the frame of a Space). Where it doesn't say so (plain http, older browsers), the Origin, if sent,
   must be the host that was asked, the proxy's (X-Forwarded-Host) or a name that the server was told. Programs send neither. A
   stranger's page can't send X-Forwarded-Host without asking first, which is refused.
3. Password. Where there is one, each path but those in OPEN asks for a login, or for basic authentication as programs send it. A
   path that is new asks for it too.
"""

import base64
import binascii
import ipaddress
import os
import re
import secrets
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from skinapp.i18n.messages import text
from skinapp.ui.server import visitors

OPEN = re.compile(
    r"/|/login/?|/logout|/(assets|static|svelte)/.*|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json"
    r"|/gradio_api/(theme\.css|startup-events)"
)
"""What asks for no password: the login's own page and its files, which everybody has who installs Gradio, and what the program
that starts the server calls to say that it is there."""
HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
PLAIN_HTTP = re.compile(r"/api(/|$)")
"""Where programs ask that read JSON."""
BASIC = re.compile(r"/gradio_api/mcp/?|/api(/.*)?")
"""Where a program is told to send the password along; browsers would open a window of their own at it."""


def path_of(scope: Any) -> str:
    """The path below a proxy's prefix."""
    return str(scope["path"]).removeprefix(scope.get("root_path", "").rstrip("/"))


def refusal(request: Request, told: Collection[str]) -> Response | None:
    """Why this request isn't answered, by Host and Origin; `told` are names that the server was told of."""
    if not all(HOST.fullmatch(value) for value in _asked(request)):
        return PlainTextResponse(text("requests.malformed", "en"), 400)
    known = {*told, *_own_names(request)}
    host = hostname(request.headers.get("host", ""))
    if _is_loopback(_bound(request)) and not (_is_loopback(host) or host in known):
        return PlainTextResponse(
            f"This server knows no host named {host[:100]!r}; who runs it names it in SKINAPP_HOSTS, if it is theirs.", 403
        )
    if not _may_ask(request, known):
        return PlainTextResponse("Only this server's own page, or a program, may ask; open the page itself.", 403)
    return None


def hostname(value: str) -> str:
    """The name in a Host header, an Origin or an address, without a port; empty where there is none."""
    try:
        return (urlsplit(value if "//" in value else f"//{value}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _own_names(request: Request) -> list[str]:
    """The host of the share link, which is known once it is there, and of the address that a proxy serves the page at."""
    page: Any = request.app.get_blocks()
    return [name for name in map(hostname, (page.share_url or "", _address(os.environ.get("GRADIO_ROOT_PATH", "")))) if name]


def _address(path: str) -> str:
    return path if "://" in path else ""


def _bound(request: Request) -> str:
    """The address that the server listens at; before Gradio has said so, it is loopback, the narrower one."""
    return str(getattr(request.app.get_blocks(), "server_name", None) or "127.0.0.1").strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _may_ask(request: Request, known: Collection[str]) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        leads = request.method in ("GET", "HEAD") and request.headers.get("sec-fetch-mode") == "navigate"
        return site in ("same-origin", "none") or (leads and path_of(request.scope) != "/logout")
    origin = request.headers.get("origin")
    return origin is None or names_asked_host(request, origin) or hostname(origin) in known


def names_asked_host(request: Request, origin: str) -> bool:
    """Whether an origin is the host that was asked, here or at the proxy before it."""
    return _authority(origin) in [_authority(f"http://{host}") for host in _asked(request)]


def _asked(request: Request) -> list[str]:
    """The host that was asked, and that which a proxy was asked."""
    asked = [request.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    return [host for host in asked if host]


def _authority(address: str) -> str:
    """Host and port, without the port that goes without saying."""
    return re.sub(r"^https?://", "", address.lower()).removesuffix(":80").removesuffix(":443")


def is_own_page(request: Request) -> bool:
    """Whether this server's own page asks, and no program. Browsers say so themselves, whatever proxies stand between; older ones
    name the page's origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return names_asked_host(request, request.headers.get("origin", ""))


def needs_login(request: Request) -> bool:
    """Whether a request asks for what only those may see who know the password, and shows none."""
    has_password = getattr(request.app, "auth", None) is not None
    return has_password and not OPEN.fullmatch(path_of(request.scope)) and visitors.token(request.scope) is None


def asks_for_login(request: Request) -> Response:
    """The refusal that Gradio's clients understand, and one for assistants."""
    if BASIC.fullmatch(path_of(request.scope)):
        text, headers = "Log in first, with basic authentication", {"WWW-Authenticate": "Basic"}
        reads_json = PLAIN_HTTP.match(path_of(request.scope))
        return JSONResponse({"error": text}, 401, headers) if reads_json else PlainTextResponse(text, 401, headers)
    return JSONResponse({"detail": {"error": "Log in first", "auth_message": None}}, 401)


def knows_password(request: Request) -> bool:
    """Whether a program sends the page's user and password along, as basic authentication."""
    app: Any = request.app
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    known = app.auth.get(user) if isinstance(app.auth, dict) else None
    return scheme.lower() == "basic" and known is not None and secrets.compare_digest(known.encode(), password.encode())
