"""How a program sends a password, how often an address may guess it, and which addresses count as one."""

import base64
import binascii
import ipaddress
import time
from collections.abc import Callable
from math import ceil

from skinapp.guards.asgi import Scope

GUESSES = 20
"""Wrong passwords of one address in a row: as many as a class has that mistypes at once."""
GUESS_S = 6
"""After so many seconds there may be one more."""
KNOWN = 10_000
"""Addresses whose guesses are counted; the oldest is forgotten first."""


def address(scope: Scope) -> str:
    """Where a request comes from: an IPv4 address, or of IPv6 the network (/64) that one household or host has."""
    host = (scope.get("client") or ("",))[0]
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def basic(authorization: str) -> tuple[str, str] | None:
    """User and password as a program sends them along, by basic authentication; None where the header holds none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return user, password


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
