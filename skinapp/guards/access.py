"""Which hosts a server may be asked under, and which sites may ask it.

The rule, in this order:

1. Host. A server that is bound to a loopback address is asked under a loopback name (localhost, 127.x.x.x, ::1), or under a
   name that it was told: its share link's, that of GRADIO_ROOT_PATH, those of SKINAPP_HOSTS. Else a stranger's page whose name
   was made to lead to 127.0.0.1 (DNS rebinding) would be read as this server's own. A server bound to any other address, on a LAN
   or on Spaces, doesn't know all its names and may be asked under each.
2. Origin. A browser says which site asks (Sec-Fetch-Site): this server's own page may ask everything, another site may only
   lead to the page (a link, or the frame of a Space). Where it doesn't say so (plain http, older browsers), the Origin, if sent,
   must be the host that was asked, the proxy's (X-Forwarded-Host) or a name that the server was told. Programs send neither. A
   stranger's page can't send X-Forwarded-Host without asking first, which is refused.

Passwords come after it: ui/server/logins.py.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from skinapp.i18n.messages import text

HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)

Headers = Mapping[str, str]
"""A request's headers, by names in lower case."""


@dataclass(frozen=True)
class Refusal:
    """Why a request isn't answered: an HTTP status, and a sentence."""

    status: int
    reason: str


def refusal(method: str, path: str, headers: Headers, bound: str, known: Collection[str]) -> Refusal | None:
    """Why this request isn't answered by a server at the address `bound`; `known` are the host names that it was told."""
    if not all(HOST.fullmatch(value) for value in _requested_hosts(headers)):
        return Refusal(400, text("requests.malformed", "en"))
    host = hostname(headers.get("host", ""))
    if _is_loopback(bound) and not (_is_loopback(host) or host in known):
        return Refusal(403, text("requests.unknown_host", "en", host=repr(host[:100])))
    if not _may_ask(method, path, headers, known):
        return Refusal(403, text("requests.other_site", "en"))
    return None


def hostname(value: str) -> str:
    """The name in a Host header, an Origin or an address, without a port; empty where there is none."""
    try:
        return (urlsplit(value if "//" in value else f"//{value}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def origin(headers: Headers, scheme: str) -> str:
    """Where a browser found this server, also behind a proxy; `scheme` is that of the request itself."""
    proxied = headers.get("x-forwarded-proto", scheme).partition(",")[0].strip()
    return f"{'https' if proxied == 'https' else 'http'}://{_requested_hosts(headers)[-1]}"


def is_own_page(headers: Headers) -> bool:
    """Whether this server's own page asks, and no program. Browsers say so themselves, whatever proxies stand between; older ones
    name the page's origin."""
    site = headers.get("sec-fetch-site")
    return _is_requested_host(headers, headers.get("origin", "")) if site is None else site == "same-origin"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _may_ask(method: str, path: str, headers: Headers, known: Collection[str]) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        is_navigation = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        return site in ("same-origin", "none") or (is_navigation and path != "/logout")
    origin = headers.get("origin")
    return origin is None or _is_requested_host(headers, origin) or hostname(origin) in known


def _is_requested_host(headers: Headers, origin: str) -> bool:
    """Whether an origin is the host that was asked, here or at the proxy before it."""
    return _authority(origin) in [_authority(f"http://{host}") for host in _requested_hosts(headers)]


def _requested_hosts(headers: Headers) -> list[str]:
    """The host that was asked, and that which a proxy was asked."""
    hosts = [headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")]
    return [host for host in hosts if host]


def _authority(address: str) -> str:
    """Host and port, without the port that goes without saying."""
    return re.sub(r"^https?://", "", address.lower()).removesuffix(":80").removesuffix(":443")
