"""A Hub on 127.0.0.1 that the real client talks to: two real HTTP servers, one for the Hub and one for its storage.

It speaks what the client uses (HEAD and GET of /OWNER/NAME/resolve/REVISION/FILE, a redirect to the storage for weights,
error codes in headers, byte ranges), records every request, and fails where a test tells it to.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import unquote

RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^/]+)")
STORED = (".onnx", ".safetensors")
"""What the Hub keeps in its storage and redirects to; everything else it hands over itself."""


@dataclass(frozen=True)
class Request:
    """One request as it came in: `host` is "hub" or "storage", `file` the file's name whichever of them was asked."""

    host: str
    method: str
    file: str
    authorization: str | None

    def __str__(self) -> str:
        return f"{self.host} {self.method} {self.file}"


@dataclass
class Fault:
    """What goes wrong with one kind of request, `times` times.

    `status` and `code` refuse it, `body` answers with other bytes, `cut` ends the connection after so many bytes of the
    body and `silent` says nothing more from there on (from the start where `cut` is None) until the server closes.
    """

    request: str
    status: int | None = None
    code: str | None = None
    body: bytes | None = None
    cut: int | None = None
    silent: bool = False
    times: int = 1_000


@dataclass
class Repo:
    """A model repository: the files of its commits, its branches and tags, and the token that may read it."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None


class Hub:
    """What both servers know: the repositories, the faults to make and the requests that came."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.closing = Event()
        self.url = self.storage_url = ""

    @property
    def asked(self) -> list[str]:
        """The requests that came, as "HOST METHOD FILE"."""
        return [str(request) for request in self.requests]

    def commit(self, name: str, files: dict[str, bytes], ref: str = "main") -> str:
        """Store files as the newest commit of a branch or tag; its 40-digit hash."""
        content = b"".join(file.encode() + data for file, data in sorted(files.items()))
        commit = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        repo = self.repos.setdefault(name, Repo())
        repo.commits[commit], repo.refs[ref] = dict(files), commit
        return commit

    def stored(self, digest: str) -> tuple[str, bytes]:
        """The name and the bytes of a file in the storage, by its SHA-256."""
        folders = [files for repo in self.repos.values() for files in repo.commits.values()]
        return next(
            ((name, data) for files in folders for name, data in files.items() if _sha256(data) == digest),
            (digest, b""),
        )


@contextmanager
def serve() -> Iterator[Hub]:
    """A Hub that runs until the block ends; its two servers take free ports."""
    hub = Hub()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _bound(hub, answer)) for answer in (_HubAnswer, _StorageAnswer)]
    hub.url, hub.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    for server in servers:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hub
    finally:
        hub.closing.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def _bound(hub: Hub, answer: type["_Answer"]) -> type["_Answer"]:
    return type(answer.__name__, (answer,), {"hub": hub})


def _coded(code: str | None) -> dict[str, str]:
    return {"X-Error-Code": code} if code else {}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class _Answer(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output stays clean."""

    def fault(self, host: str, file: str) -> Fault | None:
        """Record the request; the fault that it meets."""
        request = Request(host, self.command, file, self.headers.get("authorization"))
        self.hub.requests.append(request)
        for fault in self.hub.faults:
            if fault.request == str(request) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def send_status(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def send_file(self, data: bytes, headers: dict[str, str], cut: int | None) -> None:
        """The file from the byte that a Range header names on."""
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers |= {"Content-Length": str(len(data) - start)}
        if start:
            headers |= {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        self.send_status(206 if start else 200, headers)
        if self.command == "GET":
            self.wfile.write(data[start:cut])

    def meet(self, fault: Fault | None, data: bytes, headers: dict[str, str]) -> None:
        """Answer with a file, or with what the fault makes of it."""
        if fault is None:
            self.send_file(data, headers, None)
        elif fault.status is not None:
            self.send_status(fault.status, _coded(fault.code))
        else:
            if fault.cut is not None or not fault.silent:
                self.send_file(data if fault.body is None else fault.body, headers, fault.cut)
            if fault.silent:
                self.wfile.flush()
                self.hub.closing.wait(60)
            self.close_connection = True


class _HubAnswer(_Answer):
    """The Hub: small files, redirects to the storage, and refusals with their codes."""

    def answer(self) -> None:
        match = RESOLVE.fullmatch(self.path)
        fault = self.fault("hub", match[3] if match else self.path)
        if fault is not None and (fault.status or fault.silent):
            self.meet(fault, b"", {})
        elif match is None:
            self.send_status(404, {})
        else:
            self.resolve(match[1], unquote(match[2]), match[3], fault)

    def resolve(self, name: str, revision: str, file: str, fault: Fault | None) -> None:
        """Answer for a file of a repository as it is at a revision."""
        repo = self.hub.repos.get(name, Repo())
        commit = repo.refs.get(revision, revision)
        data = repo.commits.get(commit, {}).get(file)
        if name not in self.hub.repos:
            self.send_status(404, _coded("RepoNotFound"))
        elif repo.token is not None and self.headers.get("authorization") != f"Bearer {repo.token}":
            self.send_status(401, _coded("RepoNotFound"))
        elif commit not in repo.commits:
            self.send_status(404, _coded("RevisionNotFound"))
        elif data is None:
            self.send_status(404, _coded("EntryNotFound"))
        elif file.endswith(STORED):
            self.redirect(data, commit)
        else:
            etag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
            self.meet(fault, data, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

    def redirect(self, data: bytes, commit: str) -> None:
        """Send the client to the storage, with what it needs to know of the file beforehand."""
        digest = _sha256(data)
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{digest}"'}
        self.send_status(302, {"X-Repo-Commit": commit, "Location": f"{self.hub.storage_url}/{digest}"} | linked)


class _StorageAnswer(_Answer):
    """The storage behind the Hub: a file for its SHA-256."""

    def answer(self) -> None:
        digest = self.path.removeprefix("/")
        name, data = self.hub.stored(digest)
        self.meet(self.fault("storage", name), data, {"ETag": f'"{digest}"'})
