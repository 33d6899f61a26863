"""Who may ask: the page itself, whoever Gradio has let in, and programs that send its user and password."""

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request


def is_own_page(request: Request) -> bool:
    """Whether this server's own page asks. Browsers say so themselves, whatever proxies stand between; older ones name the
    page's origin, which must be the host that they asked."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    hosts = [request.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    return urlsplit(request.headers.get("origin", "")).netloc in [host for host in hosts if host]


def may_see(request: Request) -> bool:
    """Whether Gradio, where it asks for a password, knows this visitor; its own check covers its own routes alone."""
    app: Any = request.scope["app"]
    if getattr(app, "auth", None) is None:
        return True
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(app.tokens.get(request.cookies.get(name)) for name in names)


def knows_password(request: Request) -> bool:
    """Whether a program sends the page's user and password along, as basic authentication."""
    app: Any = request.scope["app"]
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    known = app.auth.get(user) if isinstance(app.auth, dict) else None
    return scheme.lower() == "basic" and known is not None and secrets.compare_digest(known.encode(), password.encode())
