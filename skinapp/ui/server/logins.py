"""Who doesn't know the page's password, where there is one, and how often it may be guessed. Each path asks for it but those of
the login's own page; one that is new, too."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from skinapp.guards.asgi import path_of
from skinapp.guards.guesses import Guesses, address
from skinapp.ui.gradio_internals import accounts

PLAIN_HTTP = re.compile(r"/api(/|$)")
"""Where programs ask that read JSON."""
BASIC = re.compile(r"/gradio_api/mcp/?|/api(/.*)?")
"""Where a program is told to send the password along, as basic authentication; browsers would open a window of their own."""


class TooManyGuessesError(Exception):
    """An address has to wait before it may guess again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Logins:
    """Of one server: the guesses of all addresses, of which each counts until it proves right."""

    def __init__(self) -> None:
        self._guesses = Guesses()

    def refusal(self, request: Request) -> Response | None:
        """The answer to whoever doesn't know the password; TooManyGuessesError where they have guessed too often."""
        if not accounts.has_password(request):
            return None
        needs_login = not accounts.OPEN_ROUTES.fullmatch(path_of(request.scope)) and accounts.login_of(request.scope) is None
        sends_basic = request.headers.get("authorization", "").lower().startswith("basic ")
        if not is_login(request) and not (needs_login and sends_basic):
            return _ask(request) if needs_login else None
        if wait_s := self._guesses.wait_s(address(request.scope)):
            raise TooManyGuessesError(wait_s)
        self._guesses.count(address(request.scope))
        if is_login(request):
            return None
        if not accounts.knows_password(request):
            return _ask(request)
        self.succeeded(request)
        return None

    def succeeded(self, request: Request) -> None:
        """The guess was right."""
        self._guesses.forgive(address(request.scope))


def is_login(request: Request) -> bool:
    """Whether a request is a login."""
    return request.method == "POST" and path_of(request.scope).rstrip("/") == accounts.LOGIN


def _ask(request: Request) -> Response:
    """The refusal that Gradio's clients understand, and one for assistants."""
    if BASIC.fullmatch(path_of(request.scope)):
        text, headers = "Log in first, with basic authentication", {"WWW-Authenticate": "Basic"}
        reads_json = PLAIN_HTTP.match(path_of(request.scope))
        return JSONResponse({"error": text}, 401, headers) if reads_json else PlainTextResponse(text, 401, headers)
    return JSONResponse({"detail": {"error": "Log in first", "auth_message": None}}, 401)
