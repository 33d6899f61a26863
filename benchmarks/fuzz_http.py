"""python -m benchmarks.fuzz_http [--seed 0] [--requests 2000 | --seconds S] [--model FOLDER]

Sends a server of its own requests that are nearly right: methods, paths, headers, lengths, chunks, JSON and multipart, each
changed in a few places. Prints what went wrong: an answer that took over 5 s, a failure that isn't a sentence, a traceback in the
log, and whether the server still answers afterwards. The same seed sends the same requests.
"""

import argparse
import json
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from skinapp.i18n.messages import text
from skinapp.model.hub import EMBEDDED
from tests.support import drawings
from tests.support.app_server import started

HANG_S = 5.0
SENTENCES = [text(f"requests.{key}", "en").encode() for key in ("unexpected", "not_uploaded", "no_photo", "malformed")]
KNOWN = re.compile(r"HTTPException in routes\.py, in sse_stream|RuntimeError in _exception_handler\.py|ProtocolError in ")
"""Tracebacks that Gradio prints of streams of sessions which aren't there, whose callers hear so; and those of uvicorn, which
refuses a broken chunk in the middle of an answer by a second one."""
READING = re.compile(r"gradio/(queueing|routes)\.py\", line \d+, in (process_events|predict)\n")
"""Where Gradio reads what a call gives; it prints a traceback of what can't be read, and the caller hears a sentence."""
CUT_SHORT = "Too little data for declared Content-Length"
TRACEBACK = r"Traceback \(most recent call last\):\n(?:(?: .*|)\n)+(?:\S.*\n)"
CHAIN = re.compile(rf"{TRACEBACK}(?:\n(?:During handling|The above exception) .*\n\n{TRACEBACK})*")
SENDERS = 8
SHORT_S = 0.3
"""How long an answer is waited for where the request itself never ends."""
LOGGING_APP = """
import os, sys
class Both:
    def __init__(self, one, other):
        self.one, self.other = one, other
    def write(self, text):
        self.one.write(text), self.other.write(text), self.flush()
    def flush(self):
        self.one.flush(), self.other.flush()
    def __getattr__(self, name):
        return getattr(self.one, name)
sys.stderr = Both(sys.stderr, open(os.environ["LOG"], "a"))
import app
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, whose complaints are also written into the file LOG."""
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "BREW")
GETS = (
    "/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/login", "/logout", "/openapi.json",
    "/ondevice/", "/assets/a.js", "/static/img/logo.svg", "/svelte/a", "/live/start", "/gradio_api/info",
    "/gradio_api/info?all_endpoints=1",
    "/gradio_api/openapi.json", "/gradio_api/app_id", "/gradio_api/user", "/gradio_api/token", "/gradio_api/login_check",
    "/gradio_api/queue/status", "/gradio_api/queue/data?session_hash=fuzz", "/gradio_api/heartbeat/fuzz",
    "/gradio_api/file=/tmp/a.png",
    "/gradio_api/upload_progress?upload_id=fuzz", "/gradio_api/call/classify/0123456789abcdef", "/gradio_api/startup-events",
    "/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/stream/a/b/1/playlist.m3u8", "/monitoring/summary", "/pwa_icon/9",
)  # fmt: skip
FILE = {"path": "/tmp/gradio/a.png", "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
CALL = {"data": [FILE], "fn_index": 0, "session_hash": "fuzz", "trigger_id": 1, "event_data": None}
TOOL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "classify", "arguments": {"photo": "AAAA"}}}
POSTS: dict[str, Any] = {
    "/gradio_api/call/classify": {"data": [FILE]},
    "/gradio_api/call/classify_batch": {"data": [[FILE, FILE]]},
    "/gradio_api/call/v2/classify": {"photo": FILE},
    "/gradio_api/run/classify": CALL,
    "/gradio_api/api/classify": CALL,
    "/gradio_api/queue/join": CALL,
    "/gradio_api/cancel": {"session_hash": "fuzz", "fn_index": 0, "event_id": "a"},
    "/gradio_api/reset": {"event_id": "a"},
    "/gradio_api/component_server": {"data": [], "component_id": 1, "fn_name": "a", "session_hash": "fuzz"},
    "/gradio_api/mcp": TOOL,
    "/login": {"username": "a", "password": "b"},
}
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1e308, "", "\0", "a" * 5000, "\ud800", "../../etc/passwd", "http://127.0.0.1:1/a.png",
    [], {}, [[[]]], {"path": None}, {"__class__": 1}, [None] * 500, "classify", "fuzz",
)  # fmt: skip
HEADERS = (
    ("Host", "evil.example"), ("Host", ""), ("Origin", "null"), ("Origin", "https://evil.example"), ("Sec-Fetch-Mode", "cors"),
    ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", "text/plain"),
    ("Content-Type", "multipart/form-data"),
    ("Range", "bytes=9-1"), ("Content-Type", "application/json; charset=\xff"), ("Cookie", "access-token=" + "a" * 3000),
    ("Authorization", "Basic !!!"), ("Accept-Language", "zh;q=9" * 200), ("X-Forwarded-For", "fe80::1%eth0, ,"),
    ("X-Forwarded-Host", "a:b:c"),
    ("viewer", "\xe9"),
    ("X-Forwarded-Proto", "gopher"), ("X-Gradio-Server", "http://[::"), ("Connection", "upgrade"), ("Upgrade", "websocket"),
    ("Expect", "100-continue"), ("Accept-Encoding", "br;q=x"), ("If-None-Match", "*"), ("X" * 300, "a"), ("A", "b" * 20_000),
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """The bytes of a request, and whether it is whole: nobody need answer one that isn't."""

    content: bytes
    is_whole: bool


@dataclass
class Outcome:
    """What came of it."""

    statuses: Counter[int] = field(default_factory=Counter)
    hangs: list[bytes] = field(default_factory=list)
    unclear: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Failures that aren't a sentence of ours, with the request."""
    tracebacks: Counter[str] = field(default_factory=Counter)
    """By the last line of each and the place that it names."""
    answers_still: bool = False

    @property
    def is_good(self) -> bool:
        return self.answers_still and not (self.hangs or self.unclear or self.tracebacks)


def requests(seed: int) -> Iterator[Request]:
    """Requests without end."""
    rng = random.Random(f"skinapp http {seed}")
    while True:
        yield _request(rng)


def _request(rng: random.Random) -> Request:
    method, path, kind, body = _valid_request(rng)
    if rng.random() < 0.2:
        method = rng.choice(METHODS)
    if rng.random() < 0.3:
        path = _change_path(rng, path)
    if rng.random() < 0.3:
        body = _change_bytes(rng, body)
    headers = [("Host", "127.0.0.1"), ("Content-Type", kind), ("Connection", "close")]
    if path.startswith("/live/"):
        headers += [("Sec-Fetch-Site", "same-origin"), ("viewer", "fuzz")]
    headers += rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 1, 2, 4)))
    length_headers, content, is_whole = _frame(rng, body)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in [*headers, *length_headers]), "", ""]
    head = "\r\n".join(lines).encode("latin-1", "replace")
    if rng.random() < 0.05:
        return Request(_change_bytes(rng, head) + content, False)
    return Request(head + content, is_whole)


def _valid_request(rng: random.Random) -> tuple[str, str, str, bytes]:
    """A request as a page or a program sends it, but for what JSON and multipart hold."""
    draw = rng.random()
    if draw < 0.3:
        return "GET", rng.choice(GETS), "text/plain", b""
    if draw < 0.75:
        path, payload = rng.choice(list(POSTS.items()))
        for _ in range(rng.randrange(4)):
            payload = _change_json(rng, payload)
        return "POST", path, "application/json", json.dumps(payload).encode()
    if draw < 0.9:
        return "POST", "/gradio_api/upload", "multipart/form-data; boundary=x", _multipart(rng)
    photo = _change_bytes(rng, drawings.encoded(drawings.lesion(64, 64), "JPEG"))
    return "POST", f"/live/{rng.choice(('start', 'frame', 'still', 'stop'))}", "image/jpeg", photo


def _change_json(rng: random.Random, payload: Any) -> Any:
    """The same with one place of it changed."""
    if not payload or not isinstance(payload, dict | list) or rng.random() < 0.2:
        return rng.choice(ODD)
    if isinstance(payload, list):
        changed = rng.randrange(len(payload))
        return [_change_json(rng, item) if number == changed else item for number, item in enumerate(payload)]
    name = rng.choice(list(payload))
    if rng.random() < 0.2:
        return {key: value for key, value in payload.items() if key != name}
    return {**payload, name: _change_json(rng, payload[name])}


def _multipart(rng: random.Random) -> bytes:
    dispositions = (
        'name="files"; filename="a.png"',
        'name="files"',
        'filename="a"',
        'name="files"; filename="../\xff"',
        "",
        'name="',
    )
    parts = [
        f"--x\r\nContent-Disposition: form-data; {rng.choice(dispositions)}\r\n\r\n".encode() + rng.randbytes(rng.randrange(200))
        for _ in range(rng.choice((0, 1, 1, 2, 5, 90)))
    ]
    return b"\r\n".join([*parts, rng.choice((b"--x--\r\n", b"--x--\r\n", b"--x", b""))])


def _change_path(rng: random.Random, path: str) -> str:
    position = rng.randrange(len(path) + 1)
    odd = rng.choice(
        ("%00", "%2e%2e%2f", "//", "..", "%ff", "%", "?", "&&", "{}", "[]", ";", "a" * 2000, quote("照片"), "/", "%0d%0aX:1")
    )
    return rng.choice((path[:position] + odd + path[position:], path + odd, odd + path, path.upper(), path[: max(1, position)]))


def _change_bytes(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        position = rng.randrange(len(changed) + 1)
        if rng.random() < 0.5:
            changed[position : position + rng.randrange(9)] = rng.randbytes(rng.randrange(9))
        else:
            changed[position:position] = changed[position : position + rng.randrange(99)]
    return bytes(changed[: rng.randrange(len(changed) + 1)]) if rng.random() < 0.2 else bytes(changed)


def _frame(rng: random.Random, body: bytes) -> tuple[list[tuple[str, str]], bytes, bool]:
    """Headers that say how long a body is, the body in that form, and whether it is all there."""
    draw = rng.random()
    if draw < 0.8:
        return [("Content-Length", str(len(body)))], body, True
    if draw < 0.88:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:]) if part)
        return [("Transfer-Encoding", "chunked")], chunks + b"0\r\n\r\n", True
    if draw < 0.92:
        return [("Transfer-Encoding", "chunked")], rng.choice((b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n")) + body, False
    length = rng.choice(("-1", "9" * 30, "1e3", "0x10", "", str(len(body) + 10), str(len(body) // 2), "4194305", "\xb2"))
    return [("Content-Length", length)], body, False


def send(address: tuple[str, int], request: Request, outcome: Outcome, hang_s: float) -> None:
    """Send one and note what is answered."""
    started = time.monotonic()
    answer = b""
    with suppress(ConnectionError), socket.create_connection(address, hang_s) as connection:
        connection.settimeout(hang_s if request.is_whole else SHORT_S)
        try:
            connection.sendall(request.content)
            while b"\r\n\r\n" not in answer and (chunk := connection.recv(65_536)):
                answer += chunk
            connection.settimeout(SHORT_S)
            while b"event-stream" not in answer[:2000] and len(answer) < 100_000 and (chunk := connection.recv(65_536)):
                answer += chunk
        except TimeoutError:
            if request.is_whole and b"\r\n\r\n" not in answer and time.monotonic() - started >= hang_s:
                outcome.hangs.append(request.content)
    match = re.match(rb"HTTP/1\.1 (\d+)", answer)
    status = int(match[1]) if match else 0
    outcome.statuses[status] += 1
    if (
        status >= 500
        and status != 503
        and not any(sentence in answer for sentence in SENTENCES)
        and request.content[:4] != b"HEAD"
    ):
        outcome.unclear.append((request.content, answer))


def tracebacks(log: str) -> Counter[str]:
    """The ends of the tracebacks in a log, by exception and by the last place that each names; those that led to one another
    count as one."""
    counts = Counter[str]()
    for chain in CHAIN.findall(log):
        lines = chain.splitlines()
        location = [line for line in lines if line.lstrip().startswith("File ")][-1].split(", ")
        end = f"{lines[-1].partition(':')[0]} in {Path(location[0].split(chr(34))[1]).name}, {location[-1]}"
        is_from_gradio = READING.search(chain) and "/skinapp/" not in chain
        if CUT_SHORT in chain or not (KNOWN.search(end) or is_from_gradio):
            counts[end] += 1
    return counts


@contextmanager
def server(environment: dict[str, str], model: Path) -> Iterator[tuple[str, Path]]:
    """A server's address, and the file that it complains into."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        log.touch()
        server_environment = {**environment, "GRADIO_TEMP_DIR": str(Path(folder, "gradio")), "SKINAPP_MCP": "1", "LOG": str(log)}
        with started([sys.executable, "-c", LOGGING_APP], server_environment, model) as (address, _):
            yield address, log


def fuzz(address: str, log: Path, sent: Iterator[Request], hang_s: float = HANG_S) -> Outcome:
    """What comes of these requests."""
    outcome, host_and_port = Outcome(), (urlsplit(address).hostname or "", urlsplit(address).port or 0)
    with ThreadPoolExecutor(SENDERS) as executor:
        for _ in executor.map(lambda request: send(host_and_port, request, outcome, hang_s), sent):
            pass
    outcome.hangs = [content for content in outcome.hangs if _hangs_again(host_and_port, content, hang_s)]
    outcome.tracebacks = tracebacks(log.read_text(errors="replace"))
    with suppress(httpx.TransportError):
        outcome.answers_still = _answers(address)
    return outcome


def _hangs_again(address: tuple[str, int], content: bytes, hang_s: float) -> bool:
    """Whether a request hangs when nobody else asks: the machine may have been busy."""
    outcome = Outcome()
    send(address, Request(content, True), outcome, hang_s)
    return bool(outcome.hangs)


def _answers(address: str) -> bool:
    """Whether a good photo still gets its answer."""
    with httpx.Client(base_url=address, timeout=120) as client:
        path = client.post("/gradio_api/upload", files={"files": ("a.png", drawings.encoded(drawings.lesion(320, 240)))}).json()[
            0
        ]
        payload = {"data": [{**FILE, "path": path}]}
        event = client.post("/gradio_api/call/classify", json=payload).json()["event_id"]
        return "event: complete" in client.get(f"/gradio_api/call/classify/{event}").text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_http")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seconds", type=float, help="as long as this, instead of so many")
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    return run(options.seed, options.requests, options.seconds, options.model)


def run(seed: int, count: int, seconds: float | None, model: Path) -> int:
    """Fuzz a server of its own and print what was found; the exit status is 1 where something was."""
    deadline = time.monotonic() + (seconds or 0)
    endless = requests(seed)
    sent = takewhile(lambda _: time.monotonic() < deadline, endless) if seconds else islice(endless, count)
    with server(dict(os.environ), model) as (address, log):
        outcome = fuzz(address, log, sent)
    say = sys.stdout.write
    say(f"{outcome.statuses.total()} requests: {dict(sorted(outcome.statuses.items()))}\n")
    for request in outcome.hangs:
        say(f"over {HANG_S:.0f} s: {request[:300]!r}\n")
    for request, answer in outcome.unclear:
        say(f"no sentence: {request[:300]!r} -> {answer[:300]!r}\n")
    for end, times in outcome.tracebacks.most_common():
        say(f"traceback, {times} times: {end}\n")
    say(f"the server {'still answers' if outcome.answers_still else 'answers no more'}\n")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
