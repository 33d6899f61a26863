"""The gate in front of every route: who may ask, how slowly, how much, and what the others notice of it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from skinapp.guards import access, connections, guesses, live_sessions
from skinapp.guards.shares import FullError, Share, may_take
from skinapp.i18n.messages import LANGUAGES, Message, text
from skinapp.ui.gradio_internals import accounts, files, hardening
from skinapp.ui.gradio_internals import server as gradio_server
from skinapp.web.views.page import KEPT_MINUTES
from tests.support import drawings
from tests.support.app_server import served, started

PATIENCE_S = 60
PHOTO = drawings.encoded(drawings.lesion(160, 120))
FRAME = drawings.encoded(drawings.lesion(320, 320), "JPEG", quality=85)
SELF = {"sec-fetch-site": "same-origin"}
LISTED = """
import json, os, sys, app
from gradio.routes import App
from starlette.routing import Mount
create = App.create_app
def routes(found, before=""):
    for route in found:
        path = before + getattr(route, "path", "")
        inner = getattr(getattr(route, "original_router", route), "routes", None)  # FastAPI keeps an included router whole
        if inner:
            yield from routes(inner, path)
        elif isinstance(route, Mount):
            yield path + "/{path:path}", ["GET", "POST"]
        else:
            yield path, sorted(getattr(route, "methods", None) or ["GET", "POST"])
def told(*given, **options):
    made = create(*given, **options)
    if made is not None:
        open(os.environ["ROUTES"], "w").write(json.dumps(list(routes(made.routes))))
    return made
App.create_app = staticmethod(told)
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, which writes down all routes of the application that it serves."""
HASTY = """
import sys, app
from skinapp.guards import bodies, connections
bodies.GRACE_S, connections.READ_S, connections.HEAD_S, connections.LOOK_S = 2, 2, 2, 0.2
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py with a tenth of its patience."""


def client_of(address: str, **headers: str) -> httpx.Client:
    return httpx.Client(
        base_url=address, timeout=PATIENCE_S, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    with socket.create_connection((urlsplit(address).hostname or "", urlsplit(address).port or 0), PATIENCE_S) as found:
        yield found


def head(path: str, length: int, method: str = "POST", **headers: str) -> bytes:
    said = {
        "Host": "127.0.0.1",
        "Content-Length": str(length),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    return "\r\n".join(lines).encode()


def status(found: socket.socket) -> int:
    """The status of what comes back, 0 where the connection was closed without a word."""
    return int([*found.recv(4096).split(b" ", 2), b"0", b"0"][1])


# Every route


class Walked:
    """A server and all its routes, each as a method and a path that can be asked."""

    def __init__(self, address: str, listed: Path) -> None:
        self.address = address
        self.routes = sorted({(method, path) for path, methods in json.loads(listed.read_text()) for method in methods})

    def statuses(self, **headers: str) -> dict[tuple[str, str], int]:
        """What each route answers; a stream that begins has answered."""
        with client_of(self.address, **headers) as client, ThreadPoolExecutor(8) as several:
            return dict(several.map(lambda route: (route, self._status(client, *route)), self.routes))

    @staticmethod
    def _status(client: httpx.Client, method: str, path: str) -> int:
        for name, value in (("{path:path}", "start"), ("{id}", "1"), ("{size}", "9"), ("{component_id}", "1")):
            path = path.replace(name, value)
        while "{" in path:
            path = path[: path.index("{")] + "a" + path[path.index("}") + 1 :]
        with client.stream(method, path, **({"json": {}} if method == "POST" else {})) as got:
            return got.status_code


@pytest.fixture(scope="module")
def unlocked(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    listed = tmp_path_factory.mktemp("routes") / "open.json"
    with served([sys.executable, "-c", LISTED], {**environment, "ROUTES": str(listed), "SKINAPP_MCP": "1"}) as address:
        yield Walked(address, listed)


@pytest.fixture(scope="module")
def locked(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    listed = tmp_path_factory.mktemp("routes") / "locked.json"
    ours = {**environment, "ROUTES": str(listed), "SKINAPP_MCP": "1", "SKINAPP_AUTH": "ada:pass:word"}
    with served([sys.executable, "-c", LISTED], ours) as address:
        yield Walked(address, listed)


WITHOUT_PASSWORD = {
    "/",
    "/login",
    "/login/",
    "/logout",
    "/svelte/{path:path}",
    "/static/{path:path}",
    "/assets/{path:path}",
    "/favicon.ico",
    "/robots.txt",
    "/manifest.json",
    "/theme.css",
    "/gradio_api/theme.css",
    "/gradio_api/startup-events",
}
"""The login's own page, its files, and what the program calls that starts the server."""


def closed(path: str) -> bool:
    return bool(hardening.CLOSED_ROUTES.search(path))


def test_the_walk_knows_gradios_routes_and_ours(locked: Walked) -> None:
    paths = {path for _, path in locked.routes}
    assert len(paths) > 60
    assert paths > {
        "/gradio_api/queue/join",
        "/gradio_api/heartbeat/{session_hash}",
        "/gradio_api/mcp",
        "/live/{path:path}",
        "/config",
        "/api",
        "/api/",
        "/api/classify",
        "/api/style.css",
    }
    assert paths > WITHOUT_PASSWORD


def test_with_a_password_every_route_asks_for_it_but_those_of_the_login(locked: Walked) -> None:
    got = locked.statuses()
    others = {route: status for route, status in got.items() if not closed(route[1]) and route[1] not in WITHOUT_PASSWORD}
    assert {route: status for route, status in others.items() if status != 401} == {}
    assert {status for route, status in got.items() if closed(route[1])} == {404}
    assert not {route: status for route, status in got.items() if route[1] in WITHOUT_PASSWORD and status == 401}
    assert httpx.get(f"{locked.address}/nothing/of/the/kind").status_code == 401, "a route that nobody has thought of"


def test_without_a_password_none_asks_for_it(unlocked: Walked) -> None:
    got = unlocked.statuses()
    refused = {route[1] for route, status in got.items() if status in (401, 403)}
    files = {"/gradio_api/file={path_or_url:path}", "/gradio_api/file/{path:path}"}
    assert refused == {"/live/{path:path}", *files}, "frames are for the page alone, and nobody is given a file that isn't theirs"


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {
            "host": "evil.example",
            "origin": "http://evil.example",
            "sec_fetch_site": "same-origin",
            "x_forwarded_host": "localhost",
        },
    ],
    ids=str,
)
def test_no_route_answers_a_strangers_page_nor_one_whose_name_leads_here(unlocked: Walked, foreign: dict[str, str]) -> None:
    assert {
        route: status for route, status in unlocked.statuses(**foreign).items() if status != (404 if closed(route[1]) else 403)
    } == {}


@pytest.mark.parametrize("name", ["host", "x-forwarded-host"])
@pytest.mark.parametrize("value", ["a:b:c", "a b", "a/b", "[::1", "a:999999", "<script>"])
def test_a_host_that_cant_be_one_is_refused(server: str, name: str, value: str) -> None:
    answer = httpx.get(f"{server}/config", headers={name: value})
    assert (answer.status_code, answer.text) == (400, text("requests.malformed", "en"))


def test_a_path_that_no_file_can_have_is_refused(server: str) -> None:
    answer = httpx.get(f"{server}/assets/{'a' * 3000}.js")
    assert (answer.status_code, answer.text) == (400, text("requests.malformed", "en"))


def test_a_path_that_no_address_may_hold_is_refused_before_an_answer_begins(server: str) -> None:
    event = httpx.post(f"{server}/gradio_api/call/classify", json={"data": [None]}).json()["event_id"]
    answer = httpx.get(f"{server}/gradio_api/call/classify/{event}%0d")
    assert (answer.status_code, answer.text) == (400, text("requests.malformed", "en"))


def test_a_preflight_of_a_strangers_page_is_refused_too(server: str) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = httpx.options(f"{server}/gradio_api/call/classify", headers=asked)
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_a_strangers_page_writes_nothing(server: str, environment: dict[str, str]) -> None:
    cache = Path(environment["GRADIO_TEMP_DIR"])
    before = sorted(cache.rglob("*"))
    answer = httpx.post(
        f"{server}/gradio_api/upload",
        files={"files": ("a.png", PHOTO)},
        headers={"origin": "https://evil.example"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 403
    assert sorted(cache.rglob("*")) == before


@pytest.mark.parametrize(
    "mine",
    [
        {},
        {"host": "localhost:7860", "origin": "http://localhost:7860"},
        {"host": "[::1]:7860", "origin": "http://[::1]:7860"},
        {"x_forwarded_host": "skin.example.org", "origin": "https://skin.example.org", "x_forwarded_proto": "https"},
        {"x_forwarded_host": "skin.example.org:8443", "origin": "https://skin.example.org:8443"},
        {"sec_fetch_site": "same-origin", "origin": "https://anywhere.example"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
        {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"},
    ],
    ids=str,
)
def test_programs_proxies_links_and_frames_get_the_page(server: str, mine: dict[str, str]) -> None:
    with client_of(server, **mine) as client:
        assert client.get("/").status_code == client.get("/config").status_code == 200


def test_a_link_from_elsewhere_logs_nobody_out(locked: Walked) -> None:
    with client_of(locked.address) as client:
        assert client.post("/login", data={"username": "ada", "password": "pass:word"}).status_code == 200
        led = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert client.get("/logout", headers=led).status_code == 403
        assert client.get("/config").status_code == 200


def test_a_proxy_that_hands_its_own_name_on_is_let_in_where_that_was_told(environment: dict[str, str]) -> None:
    told = {**environment, "SKINAPP_HOSTS": "skin.example.org, other.example", "GRADIO_ROOT_PATH": "https://rooted.example/skin"}
    with served([sys.executable, "app.py"], told) as address:
        for host in ("skin.example.org", "other.example:8080", "rooted.example", "127.0.0.1"):
            with client_of(address, host=host, origin=f"https://{host}") as client:
                assert client.get("/config").status_code == 200, host
        with client_of(address, host="third.example") as client:
            answer = client.get("/config")
        assert answer.status_code == 403
        assert answer.text == (
            "This server knows no host named 'third.example'; who runs it names it in SKINAPP_HOSTS, if it is theirs."
        )


def test_on_a_lan_any_name_of_the_server_will_do_but_no_strangers_page(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py", "--host", "0.0.0.0"], environment) as address:
        local = address.replace("localhost", "127.0.0.1")
        with client_of(local, host="ward-3.lan:7860", origin="http://ward-3.lan:7860") as client:
            assert client.get("/config").status_code == 200
        with client_of(local, host="ward-3.lan:7860", origin="http://elsewhere.lan:7860") as client:
            assert client.get("/config").status_code == 403


@pytest.mark.parametrize(("host", "is_let_in"), [("0a1b2c.gradio.live", True), ("other.gradio.live", False), ("localhost", True)])
def test_a_share_links_own_name_is_known_once_it_is_there(host: str, is_let_in: bool) -> None:
    page = SimpleNamespace(share_url="https://0a1b2c.gradio.live", server_name="127.0.0.1")
    app, headers = SimpleNamespace(get_blocks=lambda: page), {"host": host, "origin": f"https://{host}"}
    refusal = access.refusal("GET", "/", headers, gradio_server.bound_address(app), gradio_server.names(app))
    assert (refusal is None) == is_let_in


def test_a_page_before_its_login_tells_the_rule_for_guesses_and_nothing_of_the_api(locked: Walked, unlocked: Walked) -> None:
    said = httpx.get(locked.address).text
    rule = Message("requests.guesses", count=guesses.GUESSES, seconds=guesses.GUESS_S)
    assert all(rule.to(language) in said for language in LANGUAGES)
    assert "probabilities" not in httpx.get(locked.address).text and "/classify" not in httpx.get(locked.address).text
    assert "/classify" in httpx.get(unlocked.address).text
    with client_of(locked.address) as client:
        client.post("/login", data={"username": "ada", "password": "pass:word"})
        assert "/classify" in client.get("/").text


# Passwords


def test_200_wrong_passwords_are_answered_by_twenty_guesses_and_a_wait(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_AUTH": "ada:pass:word", "SKINAPP_MCP": "1"}) as address:
        with client_of(address, x_forwarded_for="203.0.113.5", accept_language="zh") as client, ThreadPoolExecutor(16) as several:

            def guess(number: int) -> httpx.Response:
                if number % 2:
                    return client.post("/login", data={"username": "ada", "password": str(number)})
                return client.post("/gradio_api/mcp", json={}, auth=("ada", str(number)))

            answers = list(several.map(guess, range(200)))
            wrong = [answer for answer in answers if answer.status_code in (400, 401)]
            late = [answer for answer in answers if answer.status_code == 429]
            assert len(wrong) + len(late) == 200 and guesses.GUESSES <= len(wrong) <= guesses.GUESSES + 5
            assert late[0].json()["detail"] == text("crowded.guesses", "zh")
            assert 0 < int(late[0].headers["retry-after"]) <= guesses.GUESS_S
            right = {"username": "ada", "password": "pass:word"}
            assert client.post("/login", data=right).status_code == 429, "nor is the right one told from them meanwhile"
        with client_of(address, x_forwarded_for="203.0.113.6") as other:
            for _ in range(2 * guesses.GUESSES):
                assert other.post("/login", data=right).status_code == 200, "who knows it may log in as often as they like"


def test_guesses_come_back_one_by_one_and_each_address_has_its_own() -> None:
    now = 0.0
    counted = guesses.Guesses(lambda: now)
    for _ in range(guesses.GUESSES):
        assert counted.wait_s("a") == 0
        counted.count("a")
    assert counted.wait_s("a") == guesses.GUESS_S and counted.wait_s("b") == 0
    now = guesses.GUESS_S
    assert counted.wait_s("a") == 0
    counted.count("a")
    assert counted.wait_s("a") == guesses.GUESS_S
    counted.forgive("a")
    assert counted.wait_s("a") == 0


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (("203.0.113.5", 1), "203.0.113.5"),
        (("::ffff:203.0.113.5", 1), "203.0.113.5"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::", 1), "2001:db8:1:2::/64"),
        (None, ""),
    ],
)
def test_a_visitor_is_an_address_and_of_ipv6_a_network(client: tuple[str, int] | None, name: str) -> None:
    assert accounts.visitor({"client": client, "headers": []}) == name


# Shares


def test_a_visitor_takes_three_quarters_alone_and_never_all() -> None:
    share = Share(128)
    with pytest.raises(FullError):
        while True:
            share.take("greedy")
    assert share.taken == 96
    for number in range(16):
        share.take(f"visitor {number}")
    share.give("greedy", 96)
    assert share.taken == 16 and may_take(0, share.taken, share.total, 84) and not may_take(0, share.taken, share.total, 128)


def test_a_share_is_given_back_whatever_happens() -> None:
    share = Share(4)
    with pytest.raises(ZeroDivisionError), share.held("a", 2):
        _ = 1 // 0
    assert share.taken == 0


# Time


@pytest.fixture(scope="module")
def hasty(environment: dict[str, str]) -> Iterator[str]:
    with served([sys.executable, "-c", HASTY], {**environment, "SKINAPP_MCP": "1"}) as address:
        yield address


def mcp_answers(address: str) -> bool:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    return httpx.post(f"{address}/gradio_api/mcp", json=ask, headers=headers, timeout=PATIENCE_S).status_code == 200


def test_bodies_that_stall_keep_no_place_of_mcp_or_of_the_camera(unlocked: Walked) -> None:
    with client_of(unlocked.address, **SELF) as client:
        names = [client.post("/live/start").json()["viewer"] for _ in range(4)]
        stalling = [head("/gradio_api/mcp", 1000, Content_Type="application/json") for _ in range(32)]
        stalling += [head("/live/frame", 1000, viewer=name, Sec_Fetch_Site="same-origin") for name in names for _ in range(4)]
        place = (urlsplit(unlocked.address).hostname or "", urlsplit(unlocked.address).port or 0)
        held = [socket.create_connection(place, PATIENCE_S) for _ in stalling]
        for connection, sent in zip(held, stalling, strict=True):
            connection.sendall(sent + b"{")
        assert mcp_answers(unlocked.address)
        assert client.post("/live/frame", content=FRAME, headers={"viewer": names[0]}).status_code == 200
        time.sleep(live_sessions.IDLE_S + 1)
        assert client.post("/live/frame", content=FRAME, headers={"viewer": names[1]}).status_code in (200, 410)
        assert client.post("/live/start").status_code == 200
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/call/classify", "/gradio_api/mcp", "/live/frame", "/login", "/nothing"]
)
def test_a_body_of_one_byte_a_second_is_given_up(hasty: str, path: str) -> None:
    viewer = httpx.post(f"{hasty}/live/start", headers=SELF).json()["viewer"]
    sent = {
        "viewer": viewer,
        "Sec_Fetch_Site": "same-origin",
        "Content_Type": "multipart/form-data; boundary=x",
        "Accept_Language": "zh",
    }
    if path == "/gradio_api/call/classify":
        sent["Content_Type"] = "application/json"
    with connected(hasty) as found:
        found.sendall(head(path, 1000, **sent) + b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n')
        found.settimeout(0.5)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < PATIENCE_S:
            try:
                found.sendall(b"-")
                answer = found.recv(4096)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ") or path in ("/login", "/nothing"), answer
        assert time.monotonic() - began < PATIENCE_S / 2
    with client_of(hasty, **SELF) as client:
        client.post("/live/stop", headers={"viewer": viewer})


def test_a_connection_without_a_request_is_closed_and_one_with_answers_isnt(hasty: str) -> None:
    with connected(hasty) as idle, connected(hasty) as dripping, connected(hasty) as alive:
        alive.sendall(b"GET /gradio_api/heartbeat/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b" 200 " in alive.recv(4096)
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        began, ended = time.monotonic(), False
        while not ended and time.monotonic() - began < PATIENCE_S:
            time.sleep(0.3)
            try:
                dripping.sendall(b"x")
            except OSError:
                ended = True
        assert ended
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""
        alive.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while alive.recv(4096):
                pass


def test_who_doesnt_read_the_answer_is_hung_up_on(hasty: str) -> None:
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(PATIENCE_S)
        deaf.connect((urlsplit(hasty).hostname, urlsplit(hasty).port))
        asks = b"GET /config HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\r\n" * 100
        deaf.sendall(asks)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            time.sleep(0.3)
            if not is_open(deaf.getsockname()[1]):
                break
        assert time.monotonic() < until


def is_open(port: int) -> bool:
    """Whether the server's end of a connection from this port is still in use by the server."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)  # established


def test_500_idle_connections_and_event_streams_keep_nobody_from_an_answer(server: str) -> None:
    place = (urlsplit(server).hostname or "", urlsplit(server).port or 0)
    held = [socket.create_connection(place, PATIENCE_S) for _ in range(1000)]
    try:
        for number, connection in enumerate(held[:500]):
            connection.sendall(f"GET /gradio_api/heartbeat/idle{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        for connection in held[:500]:
            assert b" 200 " in connection.recv(4096)
        with client_of(server) as client:
            path = client.post("/gradio_api/upload", files={"files": ("a.png", PHOTO)}).json()[0]
            given = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
            began = time.monotonic()
            event = client.post("/gradio_api/call/classify", json=given).json()["event_id"]
            assert "event: complete" in client.get(f"/gradio_api/call/classify/{event}").text
            assert time.monotonic() - began < PATIENCE_S / 2
    finally:
        for connection in held:
            connection.close()


def test_connections_that_bring_nothing_go_sooner_where_there_are_many_and_readers_that_go_on_stay() -> None:
    closed = list[str]()

    class Connection:
        def __init__(self, name: str, is_idle: bool, unread: int = 0) -> None:
            self.is_idle, self.unread = is_idle, unread
            self.abort = lambda: closed.append(name)

    def seen(now: float, crowded: bool = False, slow: int = 0) -> list[str]:
        nonlocal stuck
        closed.clear()
        reader.unread = slow
        stuck = connections.close_stuck([*four, reader], stuck, now, crowded)
        return closed

    stuck: dict[Any, connections.Stuck] = {}
    four = [Connection("new", True), Connection("done", True), Connection("at work", False), Connection("deaf", False, 9)]
    reader = Connection("slow reader", False)
    assert seen(0, slow=100) == seen(connections.CROWDED_HEAD_S, slow=90) == []
    assert seen(connections.CROWDED_HEAD_S, crowded=True, slow=90) == ["new", "done"]
    assert seen(connections.HEAD_S, slow=80) == ["new", "done"]
    assert seen(connections.READ_S, slow=70) == ["new", "done", "deaf"]


# Size


def test_an_upload_of_many_parts_is_refused_and_one_of_some_keeps_no_file_open(
    environment: dict[str, str], tmp_path: Path
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\na\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    ours = {**environment, "GRADIO_TEMP_DIR": str(tmp_path)}
    with started([sys.executable, "app.py"], ours) as (address, process):
        answer = httpx.post(f"{address}/gradio_api/upload", content=part * (files.MAX_PARTS + 1) + b"--x--\r\n", headers=kind)
        assert (answer.status_code, answer.text) == (400, f"Too many files. Maximum number of files is {files.MAX_PARTS}.")
        assert (
            len(httpx.post(f"{address}/gradio_api/upload", content=part * files.MAX_PARTS + b"--x--\r\n", headers=kind).json())
            == files.MAX_PARTS
        )
        with connected(address) as found:
            found.sendall(head("/gradio_api/upload", 10**6, **{"Content-Type": kind["content-type"]}) + part * files.MAX_PARTS)
            until = time.monotonic() + PATIENCE_S
            while (come := written(tmp_path)) < files.MAX_PARTS or len(opened(process, tmp_path)) > 1:
                assert time.monotonic() < until, (come, opened(process, tmp_path))
                time.sleep(0.1)


def written(folder: Path) -> int:
    """How many parts of an upload that isn't whole yet lie in a folder."""
    paths = [Path(place) / name for place, _, names in os.walk(folder) for name in names]  # passes over what is deleted meanwhile
    return sum(path.stat().st_size == 1 for path in paths if path.exists())


def opened(process: "subprocess.Popen[str]", folder: Path) -> list[str]:
    """What files of a folder a process has open."""
    found = list[str]()
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except OSError:
            continue
    return [path for path in found if path.startswith(str(folder))]


def test_a_visitor_who_fills_the_disk_is_told_and_others_go_on(environment: dict[str, str]) -> None:
    small = """
import sys, app
from skinapp.ui.server import request_gate
request_gate.UPLOADS_BYTES = 10 * request_gate.UPLOAD_FLOOR
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", small], environment) as address:

        def send(visitor: str, language: str = "en") -> httpx.Response:
            headers = {"x-forwarded-for": visitor, "accept-language": language}
            return httpx.post(
                f"{address}/gradio_api/upload", files={"files": ("a.png", PHOTO)}, headers=headers, timeout=PATIENCE_S
            )

        answers = [send("203.0.113.5", "zh") for _ in range(9)]
        assert Counter(answer.status_code for answer in answers)[429] >= 2 and answers[0].status_code == 200
        assert answers[-1].text == text("crowded.uploads", "zh", minutes=KEPT_MINUTES)
        assert answers[-1].headers["retry-after"] == str(KEPT_MINUTES * 60)
        assert send("203.0.113.6").status_code == 200


def test_bodies_that_fill_the_memory_are_their_senders_own_problem(environment: dict[str, str]) -> None:
    small = """
import sys, app
from skinapp.ui.server import request_gate
request_gate.MEMORY_BYTES = 400_000
sys.exit(app.main(sys.argv[1:]))
"""
    with served([sys.executable, "-c", small], environment) as address:
        kind = {"Content_Type": "application/json"}
        with connected(address) as first, connected(address) as second:
            first.sendall(head("/gradio_api/call/classify", 290_000, **kind) + b" " * 280_000)
            time.sleep(1)
            second.sendall(head("/gradio_api/call/classify", 290_000, **kind) + b" " * 280_000)
            assert status(second) == 429
            other = {"x-forwarded-for": "203.0.113.6", "content-type": "application/json"}
            body = json.dumps({"data": [None], "_": " " * 50_000})
            answer = httpx.post(f"{address}/gradio_api/call/classify", content=body, headers=other, timeout=PATIENCE_S)
            assert answer.status_code == 200


def test_a_visitor_holds_twelve_of_the_cameras_places_and_the_next_one_finds_one(environment: dict[str, str]) -> None:
    with served([sys.executable, "app.py"], environment) as address:
        with client_of(address, **SELF, x_forwarded_for="203.0.113.5") as greedy:
            answers = [greedy.post("/live/start") for _ in range(live_sessions.MAX_VIEWERS)]
        assert [answer.status_code for answer in answers] == [200] * 12 + [503] * 4
        assert answers[-1].json() == {"ended": "crowded"} and "retry-after" in answers[-1].headers
        with client_of(address, **SELF, x_forwarded_for="203.0.113.6") as other:
            assert other.post("/live/start").status_code == 200


# Sessions


def beat(address: str, session: str) -> socket.socket:
    found = socket.create_connection((urlsplit(address).hostname or "", urlsplit(address).port or 0), PATIENCE_S)
    found.sendall(f"GET /gradio_api/heartbeat/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert b" 200 " in found.recv(4096)
    return found


def workspaces(uploads: Path) -> list[Path]:
    return list(uploads.glob("skinapp-*/lessons/*"))


def test_a_room_outlives_a_heartbeat_that_drops_while_another_lives(environment: dict[str, str], tmp_path: Path) -> None:
    ours = {**environment, "GRADIO_TEMP_DIR": str(tmp_path / "here"), "GRADIO_HEARTBEAT_INTERVAL": "1"}
    with served([sys.executable, "app.py"], ours) as address:
        first, second = beat(address, "pupil"), beat(address, "pupil")
        config = httpx.get(f"{address}/config", timeout=PATIENCE_S).json()
        function = next(one["id"] for one in config["dependencies"] if any(target[1] == "sample" for target in one["targets"]))
        body = {"data": [], "fn_index": function, "session_hash": "pupil"}
        assert httpx.post(f"{address}/gradio_api/queue/join", json=body, timeout=PATIENCE_S).status_code == 200
        stream = httpx.get(f"{address}/gradio_api/queue/data?session_hash=pupil", timeout=10 * PATIENCE_S)
        assert '"process_completed"' in stream.text
        assert len(workspaces(tmp_path / "here")) == 1
        first.close()
        time.sleep(4)
        assert len(workspaces(tmp_path / "here")) == 1
        second.close()
        until = time.monotonic() + PATIENCE_S
        while workspaces(tmp_path / "here") and time.monotonic() < until:
            time.sleep(0.2)
        assert workspaces(tmp_path / "here") == []
