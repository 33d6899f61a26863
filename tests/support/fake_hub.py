"""A Hub on 127.0.0.1 that the real client talks to: two real HTTP servers, one for the Hub and one for its storage.

It speaks what the client uses (HEAD and GET of /OWNER/NAME/resolve/REVISION/FILE, a redirect to the storage for weights,
error codes in headers, byte ranges; accounts, repositories, commits, tags and variables for who uploads), records every request,
and fails where a test tells it to.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^/]+)")
API = re.compile(r"/api/(models|spaces)/([^/]+/[^/]+)/([a-z-]+)(?:/([^/]+))?")
BATCH = re.compile(r"/(?:spaces/)?[^/]+/[^/]+\.git/info/lfs/objects/batch")
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
    """A repository: the files of its commits, its branches and tags, the token that may read it, and a Space's variables."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    private: bool = False
    variables: dict[str, str] = field(default_factory=dict)


class Hub:
    """What both servers know: the repositories, the faults to make and the requests that came.

    A Space is a repository named "spaces/OWNER/NAME". `accounts` are the users by their tokens; one may write what is his own.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.accounts: dict[str, str] = {}
        self.uploaded: dict[str, bytes] = {}
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

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

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
    """The Hub: small files, redirects to the storage, and refusals with their codes; what uploads ask is a room of its own."""

    def answer(self) -> None:
        match = RESOLVE.fullmatch(self.path)
        fault = self.fault("hub", match[3] if match else urlsplit(self.path).path)
        if self.command == "POST" or self.path.startswith("/api/"):
            content = self.body()
        if fault is not None and (fault.status or fault.silent):
            self.meet(fault, b"", {})
        elif self.command == "POST" or self.path.startswith("/api/"):
            self.send_json(*_Desk(self.hub, self.headers.get("authorization", "")).answer(self.command, self.path, content))
        elif match is None:
            self.send_status(404, {})
        else:
            self.resolve(match[1], unquote(match[2]), match[3], fault)

    def send_json(self, status: int, answer: object) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if isinstance(answer, dict) and "error" in answer:
            self.send_header("X-Error-Message", str(answer["error"]))
        self.end_headers()
        self.wfile.write(content)

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


class _Desk:
    """What the Hub answers to one request of who uploads: a status and a JSON object."""

    def __init__(self, hub: Hub, authorization: str) -> None:
        self.hub, self.user = hub, hub.accounts.get(authorization.removeprefix("Bearer "))

    def answer(self, method: str, path: str, content: bytes) -> tuple[int, object]:
        path = urlsplit(path).path
        if self.user is None:
            return 401, {"error": "Invalid username or password."}
        if path == "/api/whoami-v2":
            return 200, {"type": "user", "name": self.user}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            return self.create(json.loads(content))
        if BATCH.fullmatch(path):
            return 200, {"objects": [self.upload(wanted) for wanted in json.loads(content)["objects"]]}
        match = API.fullmatch(path)
        name = match and (match[2] if match[1] == "models" else f"spaces/{match[2]}")
        if match is None or name not in self.hub.repos:
            return 404, {"error": "Repository not found"}
        if method == "POST" and match[3] != "paths-info" and match[2].partition("/")[0] != self.user:
            return 403, {"error": "You don't have the rights"}
        return getattr(self, match[3].replace("-", "_"))(name, unquote(match[4] or ""), content)

    def create(self, asked: dict[str, Any]) -> tuple[int, object]:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] != self.user:
            return 403, {"error": "You don't have the rights"}
        url = f"{self.hub.url}/{'spaces/' if asked.get('type') == 'space' else ''}{name}"
        name = url.removeprefix(f"{self.hub.url}/")
        if name in self.hub.repos:
            return 409, {"error": "You already created this repo", "url": url}
        self.hub.commit(name, {".gitattributes": b"*.onnx filter=lfs\n"})
        self.hub.repos[name].private = asked.get("private", False)
        return 200, {"url": url}

    def upload(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Where to put a large file, if it isn't there yet."""
        if wanted["oid"] in self.hub.uploaded:
            return wanted
        return wanted | {"actions": {"upload": {"href": f"{self.hub.storage_url}/{wanted['oid']}"}}}

    def files(self, name: str, revision: str) -> dict[str, bytes]:
        repo = self.hub.repos[name]
        return repo.commits[repo.refs.get(revision, revision)]

    def refs(self, name: str, _: str, __: bytes) -> tuple[int, object]:
        refs = [{"name": ref, "ref": ref, "targetCommit": commit} for ref, commit in self.hub.repos[name].refs.items()]
        return 200, {
            "branches": [ref for ref in refs if ref["name"] == "main"],
            "tags": [ref for ref in refs if ref["name"] != "main"],
            "converts": [],
        }

    def paths_info(self, name: str, revision: str, content: bytes) -> tuple[int, object]:
        files = self.files(name, revision)
        return 200, [_about(path, files[path]) for path in parse_qs(content.decode())["paths"] if path in files]

    def preupload(self, name: str, revision: str, content: bytes) -> tuple[int, object]:
        files = self.files(name, revision)
        said = []
        for asked in json.loads(content)["files"]:
            path = asked["path"]
            mode = "lfs" if path.endswith(STORED) else "regular"
            oid = _about(path, files[path])["oid"] if path in files else None
            said.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return 200, {"files": said}

    def commit(self, name: str, revision: str, content: bytes) -> tuple[int, object]:
        files = dict(self.files(name, revision))
        for line in content.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploaded[value["oid"]]
        commit = self.hub.commit(name, files, revision)
        return 200, {"success": True, "commitOid": commit, "commitUrl": f"{self.hub.url}/{name}/commit/{commit}"}

    def tag(self, name: str, revision: str, content: bytes) -> tuple[int, object]:
        repo, tag = self.hub.repos[name], json.loads(content)["tag"]
        if tag in repo.refs:
            return 409, {"error": f"Tag {tag} already exists"}
        repo.refs[tag] = repo.refs.get(revision, revision)
        return 200, {}

    def variables(self, name: str, _: str, content: bytes) -> tuple[int, object]:
        known = self.hub.repos[name].variables
        if content:
            asked = json.loads(content)
            known[asked["key"]] = asked["value"]
        return 200, {key: {"value": value, "updatedAt": "2026-01-01T00:00:00.000Z"} for key, value in known.items()}


def _about(path: str, data: bytes) -> dict[str, Any]:
    """A file as the Hub lists it: large ones by their SHA-256, all by git's name for what is in the repository."""
    if path.endswith(STORED):
        digest = _sha256(data)
        return {
            "type": "file",
            "path": path,
            "size": len(data),
            "oid": digest,
            "lfs": {"oid": digest, "size": len(data), "pointerSize": 134},
        }
    name = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return {"type": "file", "path": path, "size": len(data), "oid": name}


class _StorageAnswer(_Answer):
    """The storage behind the Hub: a file for its SHA-256."""

    def answer(self) -> None:
        digest = self.path.removeprefix("/")
        if self.command == "PUT":
            data, fault = self.body(), self.fault("storage", digest)
            self.hub.uploaded |= {_sha256(data): data}
            self.meet(fault, b"", {})
            return
        name, data = self.hub.stored(digest)
        self.meet(self.fault("storage", name), data, {"ETag": f'"{digest}"'})
