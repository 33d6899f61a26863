"""Who a request comes from, as far as quotas go, and how often a visitor may guess the password.

A visitor is a login where the page asks for a password, so that in a class behind one address each has a share; else the address,
and of IPv6 the network (/64) that one household or host has. Session names are the browser's own and cookies are had for nothing:
who is greedy would bring new ones. The address is uvicorn's: it believes X-Forwarded-For from proxies on this machine, such as
the tunnel of --share, and from those in FORWARDED_ALLOW_IPS.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

GUESSES = 20
"""Wrong passwords of one address in a row: as many as a class has that mistypes at once."""
GUESS_S = 6
"""After so many seconds there may be one more."""
KNOWN = 10_000
"""Addresses whose guesses are counted; the oldest is forgotten first."""


def visitor(scope: Mapping[str, Any]) -> str:
    """The name that a request's quotas are counted under."""
    return token(scope) or address(scope)


def token(scope: Mapping[str, Any]) -> str | None:
    """The login that a request carries in its cookie, where Gradio knows it."""
    app: Any = scope.get("app")
    if getattr(app, "auth", None) is None:
        return None
    cookies = cookie_parser(Headers(raw=scope["headers"]).get("cookie", ""))
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return next((cookies[name] for name in names if app.tokens.get(cookies.get(name)) is not None), None)


def address(scope: Mapping[str, Any]) -> str:
    """Where a request comes from: an IPv4 address, or the network of an IPv6 one."""
    host = (scope.get("client") or ("",))[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


class Guesses:
    """Wrong passwords, by address: so many at once, then one now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = dict[str, float]()
        """When an address will have all its guesses again."""

    def wait_s(self, address: str) -> int:
        """Seconds until this address may guess again; 0 where it may now."""
        return max(0, ceil(self._until.get(address, 0.0) - self._clock() - (GUESSES - 1) * GUESS_S))

    def count(self, address: str) -> None:
        """A guess, before it is known whether it is right."""
        until = max(self._until.pop(address, 0.0), self._clock()) + GUESS_S
        self._until[address] = until
        if len(self._until) > KNOWN:
            del self._until[next(iter(self._until))]

    def forgive(self, address: str) -> None:
        """It was right: no guess after all."""
        if address in self._until:
            self._until[address] -= GUESS_S
