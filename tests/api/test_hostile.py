"""Whoever means ill gets a clear answer and nothing else: hundreds of files and requests at a server whose every step is written down."""

import json
import re
import site
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from skinapp import scratch
from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import section, text
from tests.support import drawings, hostile_inputs
from tests.support.app_server import ROOT, served

PATIENCE_S = 120
INTERNALS = re.compile(r"Traceback|site-packages|File \"|root:x:|object at 0x|Internal Server Error")
"""What no answer may hold."""
GOOD = drawings.encoded(drawings.lesion(320, 240))


@dataclass(frozen=True)
class Fortress:
    """A server of its own: where it is, where its photos lie, what it wrote down, and a service beside it that counts visitors."""

    address: str
    cache: Path
    elsewhere: Path
    audit: Path
    beside: str
    visitors: list[str]

    def noted(self) -> list[tuple[str, str]]:
        return hostile_inputs.told(self.audit.read_text())


class _Counts(BaseHTTPRequestHandler):
    visitors: list[str]

    def do_GET(self) -> None:
        self.visitors.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(GOOD)

    do_HEAD = do_POST = do_GET

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def beside() -> Iterator[tuple[str, list[str]]]:
    visitors = list[str]()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Counts", (_Counts,), {"visitors": visitors})) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{service.server_port}", visitors
        service.shutdown()


@pytest.fixture(scope="module")
def fortress(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, beside: tuple[str, list[str]]
) -> Iterator[Fortress]:
    place = tmp_path_factory.mktemp("fortress")
    for name in ("cache", "tmp", "home"):
        (place / name).mkdir()
    ours = {
        **environment,
        "GRADIO_TEMP_DIR": str(place / "cache"),
        "TMPDIR": str(place / "tmp"),
        "HOME": str(place / "home"),
        "AUDIT": str(place / "audit"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with served([sys.executable, "-c", hostile_inputs.AUDITED], ours) as address:
        yield Fortress(address, place / "cache", place / "tmp", place / "audit", *beside)


def answer(client: httpx.Client, name: str, given: object) -> str:
    """What a call's stream of events holds, or the refusal."""
    begun = client.post(f"/gradio_api/call/{name}", json={"data": [given]})
    if begun.status_code != 200:
        return begun.text
    return heard(client, f"/gradio_api/call/{name}/{begun.json()['event_id']}")


def heard(client: httpx.Client, path: str) -> str:
    """All that a stream of events says; Gradio says of one that isn't there that it isn't, and hangs up."""
    said = list[str]()
    with suppress(httpx.RemoteProtocolError), client.stream("GET", path) as stream:
        said.extend(stream.iter_text())
    return "".join(said)


def uploaded(client: httpx.Client, bad: hostile_inputs.Bad) -> str:
    sent = client.post("/gradio_api/upload", files={"files": (bad.name, bad.content, "image/png")})
    assert sent.status_code == 200, sent.text
    return str(sent.json()[0])


def client_of(address: str) -> httpx.Client:
    """Patient, and on a new connection each time: what comes after a request that makes no sense is cut off with it."""
    return httpx.Client(base_url=address, timeout=PATIENCE_S, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.fixture(scope="module")
def answers(fortress: Fortress) -> dict[str, str]:
    """What each hostile file is answered."""
    with client_of(fortress.address) as client, ThreadPoolExecutor(4) as several:

        def ask(bad: hostile_inputs.Bad) -> tuple[str, str]:
            return bad.what, answer(client, "classify", {"path": uploaded(client, bad), "meta": hostile_inputs.META})

        return dict(several.map(ask, hostile_inputs.files()))


@pytest.fixture(scope="module")
def replies(fortress: Fortress) -> dict[str, tuple[int, str]]:
    """What each hostile request is answered: the status and the text, of a call also its events."""
    [cache] = fortress.cache.glob("skinapp-*")
    link = cache / "uploads" / "link.png"
    link.symlink_to("/etc/passwd")

    def send(client: httpx.Client, ask: hostile_inputs.Ask) -> tuple[int, str]:
        body = {"content": ask.body} if isinstance(ask.body, bytes) else {"json": ask.body} if ask.body is not None else {}
        headers = [(name, value.encode()) for name, value in ask.headers]
        try:
            with client.stream(ask.method, ask.path, headers=headers, **body) as got:  # type: ignore[arg-type]
                endless = "text/event-stream" in got.headers.get("content-type", "")
                text = next(got.iter_text(), "") if endless else got.read().decode(errors="replace")
        except httpx.TransportError as error:
            return 0, f"{type(error).__name__}: {error}"
        if got.status_code == 200 and "/gradio_api/call/" in ask.path and '"event_id"' in text:
            text += heard(client, f"{ask.path}/{json.loads(text)['event_id']}")
        return got.status_code, text

    with client_of(fortress.address) as client, ThreadPoolExecutor(4) as several:
        asks = list(hostile_inputs.requests(fortress.beside, str(cache), str(link)))
        return {
            ask.what: got
            for ask, got in zip(asks, several.map(lambda ask: send(client, ask), asks), strict=True)
        }  # fmt: skip


def test_there_are_hundreds_of_both_kinds(answers: dict[str, str], replies: dict[str, tuple[int, str]]) -> None:
    assert len(answers) >= 200 and len(replies) >= 200


def test_every_hostile_file_is_answered_with_a_report_or_with_a_sentence_of_ours(answers: dict[str, str]) -> None:
    starts = tuple(sentence.split("{")[0] for sentence in section("unreadable", "en").values())
    unclear = dict[str, str]()
    for what, heard in answers.items():
        kind, _, data = heard.partition("\n")
        found = json.loads(data.removeprefix("data: "))
        if kind == "event: complete":
            clear = found[0]["status"] in ("ok", "retake")
        else:
            said = found["error"]
            clear = said.startswith(starts) and said.endswith(".") and "\n" not in said and not INTERNALS.search(said)
        if not clear:
            unclear[what] = heard
    assert not unclear, json.dumps(unclear, indent=1)


OWNED_UP = (text("requests.unexpected", "en"), json.dumps({"error": text("requests.unexpected", "en")}, separators=(",", ":")))
"""What a call that only a program makes may hear with a status of 500."""


def test_every_hostile_request_is_answered_clearly(replies: dict[str, tuple[int, str]]) -> None:
    unclear = {
        what: (status, text[:200])
        for what, (status, text) in replies.items()
        if not (200 <= status < 500 or (status == 500 and text in OWNED_UP)) or INTERNALS.search(text) or '"error": null' in text
    }
    assert not unclear, json.dumps(unclear, indent=1)


def test_no_hostile_request_is_given_a_file(replies: dict[str, tuple[int, str]]) -> None:
    given = {what: status for what, (status, _) in replies.items() if what.startswith(("file=", "proxy=")) and status < 400}
    assert given == {}
    assert not any("event: complete" in text for what, (_, text) in replies.items() if what.startswith("classify"))


def test_no_service_beside_the_server_is_visited(fortress: Fortress, replies: dict[str, tuple[int, str]]) -> None:
    assert replies and fortress.visitors == []


def test_the_server_lives_and_answers_a_good_photo_right(
    fortress: Fortress, answers: dict[str, str], replies: dict[str, tuple[int, str]], assessor: Assessor, tmp_path: Path
) -> None:
    path = tmp_path / "good.png"
    path.write_bytes(GOOD)
    with client_of(fortress.address) as client:
        given = {"path": uploaded(client, hostile_inputs.Bad("good", "good.png", GOOD)), "meta": hostile_inputs.META}
        event, data = answer(client, "classify", given).strip().split("\n")
    report = json.loads(data.removeprefix("data: "))[0]
    expected = assessor.read_and_assess(path)[1].to_dict()
    assert event == "event: complete"
    assert {**report, "elapsed_ms": 0} == {**expected, "elapsed_ms": 0}


def test_nothing_outside_the_cache_is_written_and_nothing_but_the_program_is_read(
    fortress: Fortress, answers: dict[str, str], replies: dict[str, tuple[int, str]]
) -> None:
    noted = fortress.noted()
    assert len(noted) > 1000 and any(what.startswith(str(fortress.cache)) for kind, what in noted if kind == "write")
    written = {what for kind, what in noted if kind == "write" and not within(what, fortress.cache)} - {"/dev/null", *SEED}
    assert len(written) <= 1, written
    assert all(re.fullmatch(rf"{fortress.elsewhere}/\w{{8}}", what) for what in written), "Python's own try whether it could"
    homes = [fortress.cache, ROOT, *(Path(home).resolve() for home in (sys.prefix, sys.base_prefix, *site.getsitepackages()))]
    read = {what for kind, what in noted if kind == "read" and not within(str(Path(what).resolve()), *homes)}
    assert {what for what in read if not SYSTEM.match(what)} == set()
    assert list(fortress.elsewhere.iterdir()) == []


SEED = {str(Path(site.getsitepackages()[0]) / "gradio" / "hash_seed.txt")}
"""What Gradio writes once, when it is first imported after its installation; skinapp doesn't use it."""
SYSTEM = re.compile(
    r"/proc/(self|cpuinfo|meminfo|stat|sys/kernel/random/boot_id)\b|/sys/|/dev/(u?random|null)$|/usr/(lib|share)/|/lib(64)?/"
    r"|/etc/(os-release|mime\.types|localtime|ssl/|hosts$|resolv\.conf$|nsswitch\.conf$|host\.conf$)"
)
"""What Python and its libraries read of a system by themselves."""


def within(path: str, *folders: Path | str) -> bool:
    return any(path == str(folder) or path.startswith(f"{folder}/") for folder in folders)


def test_no_address_but_loopback_is_named_and_no_program_is_started(
    fortress: Fortress, answers: dict[str, str], replies: dict[str, tuple[int, str]]
) -> None:
    noted = fortress.noted()
    hosts = {what for kind, what in noted if kind.startswith("socket.")}
    assert hosts and {host for host in hosts if not re.search(r"127\.0\.0\.1|localhost|::1", host)} == set()
    assert [what for kind, what in noted if kind == "start"] == []
    assert not any(str(fortress.beside.rpartition(":")[2]) in host for host in hosts), "not even the service beside it"


# One visitor and another's photo


def test_the_address_of_a_photo_has_nothing_to_do_with_what_is_in_it(fortress: Fortress) -> None:
    photo = drawings.encoded(drawings.lesion(100, 90, seed=77))
    with client_of(fortress.address) as client:
        mine, others = (Path(uploaded(client, hostile_inputs.Bad("mine", "mine.png", photo))) for _ in range(2))
        assert client.get(f"/gradio_api/file={mine}").content == photo
        assert len(set(mine.parent.parent.name)) > 8 and mine.parent.parent != others.parent.parent
        for folder in (mine.parent, mine.parents[1], mine.parents[2], mine.parents[3], f"{mine.parent}/*"):
            assert client.get(f"/gradio_api/file={folder}").status_code == 403
        assert client.get(f"/gradio_api/file={mine.parents[3] / scratch.MARKER}").status_code == 403


def test_that_somebody_else_asks_about_the_same_photo_cant_be_told(fortress: Fortress) -> None:
    """Neither from the upload nor from what is answered: their dates, and what tells whether they have changed, stay."""
    with client_of(fortress.address) as client:

        def ask() -> list[str]:
            path = uploaded(client, hostile_inputs.Bad("mine", "mine.png", GOOD))
            report = answer(client, "classify", {"path": path, "meta": hostile_inputs.META}).partition("data: ")[2]
            return [path, json.loads(report)[1]["path"]]

        def seen(paths: list[str]) -> list[dict[str, str]]:
            found = [client.get(f"/gradio_api/file={path}").headers for path in paths]
            return [{name: headers[name] for name in ("etag", "last-modified", "content-length")} for headers in found]

        mine = ask()
        before = seen(mine)
        time.sleep(1.1)  # a date has whole seconds
        others = ask()
        assert seen(mine) == before
        assert not set(mine) & set(others) and [Path(path).name for path in mine] == [Path(path).name for path in others]


def test_another_visitors_answers_are_heard_by_nobody_who_cant_name_the_session(fortress: Fortress) -> None:
    with client_of(fortress.address) as client:
        given = {"path": uploaded(client, hostile_inputs.Bad("mine", "mine.png", GOOD)), "meta": hostile_inputs.META}
        event = client.post("/gradio_api/call/classify", json={"data": [given]}).json()["event_id"]
        assert re.fullmatch(r"[0-9a-f]{8,}(-?[0-9a-f]+)*", event) and len(event) >= 32, "122 bits nobody can guess"
        for session in (event[:-1], f"{event}0", "0" * 32):
            assert "probabilities" not in heard(client, f"/gradio_api/queue/data?session_hash={session}")
        assert "probabilities" in heard(client, f"/gradio_api/call/classify/{event}")


# What is kept


def test_no_file_outlives_its_age_whoever_left_it(environment: dict[str, str], tmp_path: Path) -> None:
    """Though the clock is set back by an hour again and again."""
    short = """
import itertools, sys, time
from skinapp.ui.server import uploads
uploads.KEPT_MINUTES, uploads.SWEEP_S = 0.1, 1
clock, calls = time.time, itertools.count()
time.time = lambda: clock() - 3600 * next(calls)
import app
sys.exit(app.main(sys.argv[1:]))
"""
    own = tmp_path / "skinapp"
    (own / ".git").mkdir(parents=True)
    mine = own / ".git" / "mine.jpg"
    mine.write_bytes(GOOD)
    with served([sys.executable, "-c", short], {**environment, "GRADIO_TEMP_DIR": str(own)}) as address:
        [folder] = own.glob("skinapp-*")
        with client_of(address) as client:
            time.sleep(0.5)
            path = uploaded(client, hostile_inputs.Bad("good", "good.png", GOOD))
            assert answer(client, "classify", {"path": path, "meta": hostile_inputs.META}).startswith("event: complete")
            part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + GOOD
            client.post("/gradio_api/upload", content=part, headers={"content-type": "multipart/form-data; boundary=x"})
            assert len(list(folder.rglob("*.*"))) >= 3, "the upload, the overlay and the marker lie there"
            (folder / "uploads" / "link.jpg").symlink_to(mine)
            (folder / "uploads" / "links").symlink_to(mine.parent)
        until = time.monotonic() + PATIENCE_S
        while left := list((folder / "uploads").iterdir()):
            assert time.monotonic() < until, left
            time.sleep(0.5)
    assert mine.read_bytes() == GOOD, "neither what a link leads to goes, nor what else is in a folder of our name"


# With a password


@pytest.fixture(scope="module")
def locked(environment: dict[str, str]) -> Iterator[str]:
    with served([sys.executable, "app.py"], {**environment, "SKINAPP_AUTH": "ada:pass:word", "SKINAPP_MCP": "1"}) as address:
        yield address


LOCKED = [
    ("GET", "/config"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/openapi.json"),
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/upload_progress?upload_id=a"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("GET", "/gradio_api/file/a"),
    ("POST", "/gradio_api/call/classify"),
    ("GET", "/gradio_api/call/classify/a"),
    ("POST", "/gradio_api/call/v2/classify"),
    ("POST", "/gradio_api/run/classify"),
    ("POST", "/gradio_api/api/classify"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data?session_hash=a"),
    ("GET", "/gradio_api/queue/status"),
    ("POST", "/gradio_api/mcp"),
]


def test_with_a_password_every_route_asks_for_it(locked: str) -> None:
    with client_of(locked) as client:
        got = {
            (method, path): client.request(method, path, **({"json": {}} if method == "POST" else {})).status_code
            for method, path in [*LOCKED, ("GET", "/ondevice/index.html")]
        }
        open_ones = {path: status for path, status in got.items() if status != 401}
        missing = {("GET", "/ondevice/index.html"): 404}  # where ONNX Runtime for browsers isn't installed
        assert open_ones in ({}, missing)
        page = client.get("/").text.replace(" ", "")
        assert all(part in page for part in ('"auth_required":true', '"components":[]', '"dependencies":[]')), page[:5000]


def test_with_a_password_who_logs_in_is_answered(locked: str) -> None:
    with client_of(locked) as client:
        assert client.post("/login", data={"username": "ada", "password": "wrong"}).status_code == 400
        assert client.get("/config").status_code == 401
        assert client.post("/login", data={"username": "ada", "password": "pass:word"}).status_code == 200
        path = uploaded(client, hostile_inputs.Bad("good", "good.png", GOOD))
        assert answer(client, "classify", {"path": path, "meta": hostile_inputs.META}).startswith("event: complete")
