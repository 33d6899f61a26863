"""Who has logged in, for routes beside Gradio's and in front of them.

What: the application's `auth`, `tokens` and `cookie_id`; the paths of its login, and of what that page needs.
Why: Gradio checks logins route by route, in its own routes alone.
Without it: what stands beside them, and whatever route comes new, is open to everybody, and visitors behind one address share one
quota.
Seen: routes.App, get_current_user, login and the routes of the front end; Request.request.
"""

import re
import secrets
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser

from skinapp.guards.asgi import Scope
from skinapp.guards.guesses import address, basic

OPEN_ROUTES = re.compile(
    r"/|/login/?|/logout|/(assets|static|svelte)/.*|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json"
    r"|/gradio_api/(theme\.css|startup-events)"
)
"""What asks for no password: the login's own page and its files, which everybody has who installs Gradio, and what the program
that starts the server calls to say that it is there."""
LOGIN = "/login"


def has_password(request: Request) -> bool:
    """Whether the page asks for one."""
    return getattr(request.app, "auth", None) is not None


def login_of(scope: Scope) -> str | None:
    """The login that a request carries in its cookie, where Gradio knows it."""
    app: Any = scope.get("app")
    if getattr(app, "auth", None) is None:
        return None
    cookies = cookie_parser(Headers(raw=scope["headers"]).get("cookie", ""))
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return next((cookies[name] for name in names if app.tokens.get(cookies.get(name)) is not None), None)


def visitor(scope: Scope) -> str:
    """The name that a request's quotas are counted under: a login where the page asks for a password, so that in a class behind
    one address each has a share; else the address. Session names are the browser's own and cookies are had for nothing: who is
    greedy would bring new ones. The address is uvicorn's: it believes X-Forwarded-For from proxies on this machine, such as the
    tunnel of --share, and from those in FORWARDED_ALLOW_IPS."""
    return login_of(scope) or address(scope)


def visitor_of(request: gr.Request) -> str:
    """The same for an event's request."""
    return visitor(request.request.scope) if request.request else ""


def knows_password(request: Request) -> bool:
    """Whether a program sends the page's user and password along, as basic authentication."""
    auth: Any = request.app.auth
    login = basic(request.headers.get("authorization", ""))
    if login is None or not isinstance(auth, dict):
        return False
    known, password = auth.get(login[0]), login[1]
    return known is not None and secrets.compare_digest(known.encode(), password.encode())
