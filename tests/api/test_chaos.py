"""Whatever happens to a server and its disk: callers who try again get their answer, the others notice nothing, nothing is left."""

import json
import os
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
import pytest
from gradio_client import handle_file

from skinapp.assessment.assessor import Assessor
from skinapp.i18n.messages import section, text
from skinapp.web import calls
from tests import TINY_MODEL
from tests.api.test_concurrency import HELD, wait_until
from tests.support import client_crowd, drawings
from tests.support.app_server import free_port, started

CALLERS, EACH = 16, 3
PATIENCE_S = client_crowd.PATIENCE_S
META = {"_type": "gradio.FileData"}
PHOTO = drawings.encoded(drawings.lesion(320, 240))


@dataclass(frozen=True)
class LoadedModel:
    """A server of its own, and where it keeps its files."""

    address: str
    pid: int
    base: Path

    @property
    def folder(self) -> Path:
        [folder] = self.base.iterdir()
        return folder

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*"))

    def upload(self, content: bytes = PHOTO, language: str = "en") -> httpx.Response:
        files, headers = {"files": ("spot.png", content, "image/png")}, {"accept-language": language}
        return httpx.post(f"{self.address}/gradio_api/upload", files=files, headers=headers, timeout=PATIENCE_S)

    def classify(self, path: str) -> str:
        """What the events of a call say."""
        body = {"data": [{"path": path, "meta": META}]}
        event = httpx.post(f"{self.address}/gradio_api/call/classify", json=body, timeout=PATIENCE_S).json()["event_id"]
        return httpx.get(f"{self.address}/gradio_api/call/classify/{event}", timeout=PATIENCE_S).text


@contextmanager
def serving(environment: dict[str, str], base: Path, model: Path = TINY_MODEL, port: int = 0) -> Iterator[LoadedModel]:
    ours = {**environment, "GRADIO_TEMP_DIR": str(base)}
    with started([sys.executable, "app.py"], ours, model, port) as (address, process):
        yield LoadedModel(address, process.pid, base)
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, assessor: Assessor) -> list[client_crowd.Expected]:
    return client_crowd.drawn(tmp_path_factory.mktemp("callers"), 12, assessor)


@pytest.fixture(scope="module")
def served(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    with serving(environment, tmp_path_factory.mktemp("base")) as server:
        yield server


# Servers that end


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda ends: ends.name)
def test_callers_who_try_again_after_a_restart_get_their_answers_and_nothing_is_left(
    environment: dict[str, str], tmp_path: Path, photos: list[client_crowd.Expected], ends: signal.Signals
) -> None:
    port, base, verdicts, given_up = free_port(), tmp_path / "base", list[str](), Event()
    shares = [(photos * CALLERS)[number : number + EACH] for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as executor, closing_with(given_up):
        with started([sys.executable, "app.py"], {**environment, "GRADIO_TEMP_DIR": str(base)}, port=port) as (address, process):
            pending = [executor.submit(client_crowd.insist, address, share, verdicts, given_up) for share in shares]
            wait_until(lambda: len(verdicts) >= CALLERS // 4, PATIENCE_S)
            process.send_signal(ends)
            process.wait()
            assert len(list(base.iterdir())) == (ends == signal.SIGKILL), "who is killed can't delete, all others do"
        before = len(verdicts)
        with serving(environment, base, port=port) as again:
            for call in pending:
                call.result()
            assert again.folder.is_dir(), "there is one folder again"
    assert before < CALLERS * EACH and verdicts == ["right"] * (CALLERS * EACH)
    assert list(base.iterdir()) == []


def test_who_is_being_answered_when_the_server_is_told_to_end_gets_the_answer(
    environment: dict[str, str], tmp_path: Path
) -> None:
    ours = {**environment, "GRADIO_TEMP_DIR": str(tmp_path / "base"), **held(tmp_path)}
    with started([sys.executable, "-c", HELD], ours) as (address, process):
        server = LoadedModel(address, process.pid, tmp_path / "base")
        path = server.upload().json()[0]
        heart = httpx.stream("GET", f"{address}/gradio_api/heartbeat/any", timeout=PATIENCE_S)
        with heart as alive, ThreadPoolExecutor(1) as executor:
            assert alive.status_code == 200
            call = executor.submit(server.classify, path)
            wait_until(lambda: (tmp_path / "seen").read_text() == ".")
            process.terminate()
            wait_until(lambda: server.upload(language="zh").status_code == 503)
            late = server.upload(language="zh")
            assert (late.status_code, late.text) == (503, text("crowded.ending", "zh")) and int(late.headers["retry-after"]) > 0
            (tmp_path / "gate").touch()
            answer = call.result()
            assert answer.startswith("event: complete")
            overlay = json.loads(answer.partition("data: ")[2])[1]["path"]
            assert httpx.get(f"{address}/gradio_api/file={overlay}", timeout=PATIENCE_S).content.startswith(b"\xff\xd8\xff")
            assert process.wait(PATIENCE_S) == -signal.SIGTERM
    assert list((tmp_path / "base").iterdir()) == []


@pytest.mark.parametrize("twice", [False, True], ids=["waits", "is told twice"])
def test_what_doesnt_come_to_an_end_keeps_no_server_that_is_told_to(
    environment: dict[str, str], tmp_path: Path, twice: bool
) -> None:
    ours = {**environment, "GRADIO_TEMP_DIR": str(tmp_path / "base"), **held(tmp_path)}
    with started([sys.executable, "-c", HELD], ours) as (address, process), ThreadPoolExecutor(1) as executor:
        server = LoadedModel(address, process.pid, tmp_path / "base")
        path = server.upload().json()[0]
        call = executor.submit(server.classify, path)
        wait_until(lambda: (tmp_path / "seen").read_text() == ".")
        process.terminate()
        if twice:
            wait_until(lambda: server.upload().status_code == 503)
            process.terminate()
        assert process.wait(PATIENCE_S) == -signal.SIGTERM
        with pytest.raises(httpx.TransportError):
            assert "event: complete" not in call.result()
            raise httpx.ReadError("it was told that the server ends")
    assert list((tmp_path / "base").iterdir()) == []


def held(folder: Path) -> dict[str, str]:
    """What HELD has to know: it answers once there is a gate, and notes what it has seen."""
    (folder / "seen").touch()
    return {"GATE": str(folder / "gate"), "SEEN": str(folder / "seen")}


@contextmanager
def closing_with(given_up: Event) -> Iterator[None]:
    """Callers who try again until the block ends."""
    try:
        yield
    finally:
        given_up.set()


def test_a_living_servers_files_are_nobody_elses_business(environment: dict[str, str], served: LoadedModel) -> None:
    path = Path(served.upload().json()[0])
    with started([sys.executable, "app.py"], {**environment, "GRADIO_TEMP_DIR": str(served.base)}) as (_, process):
        assert len(list(served.base.iterdir())) == 2
        os.kill(process.pid, signal.SIGTERM)
        process.wait()
        assert process.returncode == -signal.SIGTERM, "it ends as whoever sent the signal expects"
    assert path.read_bytes() == PHOTO and served.classify(str(path)).startswith("event: complete")


# Uploads that fail


def test_of_an_upload_that_breaks_off_nothing_is_left(served: LoadedModel) -> None:
    before = served.files()
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}

    def broken() -> Iterator[bytes]:
        yield head + PHOTO
        wait_until(lambda: len(served.files()) > len(before))
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        httpx.post(f"{served.address}/gradio_api/upload", content=broken(), headers=kind, timeout=PATIENCE_S)
    wait_until(lambda: served.files() == before, PATIENCE_S)
    bad = head.replace(b"a.png", b"..") + PHOTO + b"\r\n--x--\r\n"
    for content in (head[:30] + b"\r\n\r\n", bad, (head + b"\r\n") * 65, (head + b"\r\n") * 3 + bad):
        answer = httpx.post(f"{served.address}/gradio_api/upload", content=content, headers=kind, timeout=PATIENCE_S)
        assert answer.status_code == 400
    assert served.files() == before


def test_all_that_a_server_keeps_is_its_users_alone(served: LoadedModel) -> None:
    assert served.classify(served.upload().json()[0]).startswith("event: complete")
    modes = {path.stat().st_mode & 0o777 for path in (served.folder, *served.files())}
    assert modes == {0o700, 0o600}


# Disks that fail


@contextmanager
def full(server: LoadedModel) -> Iterator[None]:
    """No file may have more than 2,000 bytes, as if the disk were full."""
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def replaced(server: LoadedModel) -> Iterator[None]:
    """Nothing can be written, as if the disk were read-only; which doesn't stop root."""
    uploads = server.folder / "uploads"
    uploads.rename(server.folder / "kept")
    uploads.touch()
    try:
        yield
    finally:
        uploads.unlink()
        (server.folder / "kept").rename(uploads)


@pytest.mark.parametrize("fails", [full, replaced])
def test_where_there_is_no_place_whoever_sends_is_told_so_and_nobody_else_notices(served: LoadedModel, fails: object) -> None:
    path = served.upload().json()[0]
    before = served.files()
    with fails(served):  # type: ignore[operator]
        for language in ("en", "zh"):
            answer = served.upload(language=language)
            assert (answer.status_code, answer.text) == (507, text("requests.no_storage", language))  # type: ignore[arg-type]
        if fails is full:
            assert json.loads(served.classify(path).partition("data: ")[2])["error"] == text("requests.no_storage", "en")
            assert served.files() == before
        assert httpx.get(served.address, timeout=PATIENCE_S).status_code == 200
        viewer = httpx.post(f"{served.address}/live/start", headers={"sec-fetch-site": "same-origin"}, timeout=PATIENCE_S).json()
        headers = {"sec-fetch-site": "same-origin", "viewer": viewer["viewer"]}
        frame = drawings.encoded(drawings.lesion(256, 256), "JPEG")
        assert httpx.post(f"{served.address}/live/frame", content=frame, headers=headers, timeout=PATIENCE_S).status_code == 200
    assert served.files() == before
    assert served.classify(path).startswith("event: complete"), "afterwards all is as it was"


@pytest.mark.parametrize("place", [".", "uploads"])
def test_a_folder_that_is_removed_while_serving_is_made_anew(served: LoadedModel, place: str) -> None:
    lost = served.upload().json()[0]
    shutil.rmtree(served.folder / place)
    assert served.classify(lost).startswith("event: error"), "what was in it is gone"
    found = served.classify(served.upload().json()[0])
    assert found.startswith("event: complete") and Path(json.loads(found.partition("data: ")[2])[1]["path"]).is_file()


# Photos and models that fail


def test_of_hundreds_of_photos_each_gets_its_own_answer_though_a_tenth_are_broken(
    served: LoadedModel, photos: list[client_crowd.Expected], tmp_path: Path
) -> None:
    whole = photos[0].path.read_bytes()
    broken = [tmp_path / f"broken{number}.png" for number in range(4)]
    for path, content in zip(broken, (b"", b"no picture", whole[: len(whole) // 2], whole[:20] + bytes(500)), strict=True):
        path.write_bytes(content)
    asked = [broken[number % 4] if number % 10 == 5 else photos[number % 12] for number in range(5 * calls.MAX_BATCH)]
    parts = [asked[start : start + calls.MAX_BATCH] for start in range(0, len(asked), calls.MAX_BATCH)]

    def answers(part: list[client_crowd.Expected | Path]) -> list[dict[str, object]]:
        files = [handle_file(one if isinstance(one, Path) else one.path) for one in part]
        return client_crowd.connection(served.address).predict(photos=files, api_name="/classify_batch")  # type: ignore[no-any-return]

    with ThreadPoolExecutor(len(parts)) as executor:
        rows = [row for part in executor.map(answers, parts) for row in part]
    starts = tuple(sentence.split("{")[0] for sentence in section("unreadable", "en").values())
    for one, row in zip(asked, rows, strict=True):
        if isinstance(one, Path):
            assert row.keys() == {"file", "error"} and row["file"] == one.name and row["error"].startswith(starts)
        else:
            assert row["file"] == one.path.name and client_crowd.judged(row, one.chances) == "right"


def test_a_model_that_is_swapped_while_it_serves_changes_no_answer(
    environment: dict[str, str], tmp_path: Path, photos: list[client_crowd.Expected]
) -> None:
    model = Path(shutil.copytree(TINY_MODEL, tmp_path / "model"))
    with serving(environment, tmp_path / "base", model) as server:
        client = client_crowd.connection(server.address)
        for path in [*model.glob("*.onnx"), model / "config.json"]:
            path.write_bytes(b"swapped" * 1000)
        assert client_crowd.call([client], photos) == Counter(right=len(photos))
        shutil.rmtree(model)
        assert client_crowd.call([client], photos) == Counter(right=len(photos))
        assert httpx.get(server.address, timeout=PATIENCE_S).status_code == 200
