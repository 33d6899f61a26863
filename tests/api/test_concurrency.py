"""Many callers at one server: none gets another's answer, and none of those that fail, leave or overfill the line disturbs it."""

import os
import signal
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from skinapp.assessment.assessor import Assessor
from skinapp.guards import queueing
from skinapp.i18n.messages import text
from skinapp.ui.server import waiting
from tests.support import client_crowd, drawings
from tests.support.app_server import free_port, served, started

CALLERS, EACH = 64, 2
HELD = """
import os, sys, time, app
from skinapp.assessment.assessor import Assessor
answer, gate, seen = Assessor.read_and_assess, os.environ["GATE"], os.environ["SEEN"]
def held(self, source, careful=False):
    with open(seen, "a") as file:
        file.write(".")
    while not os.path.exists(gate):
        time.sleep(0.05)
    return answer(self, source, careful=careful)
Assessor.read_and_assess = held
sys.exit(app.main(sys.argv[1:]))
"""
"""app.py, answering only once the file GATE exists, and writing a dot into SEEN for every photo of a caller that it
begins with (not for the drawing that it answers for itself, as the page does, centred or not)."""


class Held:
    """A server that answers nobody before it is released."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.seen = folder / "gate", folder / "seen"
        self.seen.touch()

    def release(self) -> None:
        self.gate.touch()

    def begun(self) -> int:
        return len(self.seen.read_text())


@pytest.fixture
def held(tmp_path: Path, environment: dict[str, str]) -> Iterator[tuple[str, Held]]:
    server = Held(tmp_path)
    with served([sys.executable, "-c", HELD], {**environment, "GATE": str(server.gate), "SEEN": str(server.seen)}) as address:
        yield address, server
        server.release()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, assessor: Assessor) -> list[client_crowd.Expected]:
    return client_crowd.drawn(tmp_path_factory.mktemp("callers"), CALLERS * EACH, assessor)


def wait_until(reached: object, seconds: float = 60) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if reached():  # type: ignore[operator]
            return
        pause.wait(0.1)
    raise AssertionError("it never came to that")


def joined(address: str, session: str, path: str, function: int, visitor: str = "", **site: str) -> httpx.Response:
    """A browser's way into the line; each session is a visitor's of its own, or this one's."""
    visitor = visitor or f"2001:db8:0:{zlib.crc32(session.encode()) & 0xFFFF:x}::1"
    file = {"path": path, "orig_name": "spot.png", "meta": {"_type": "gradio.FileData"}}
    body = {"data": [file], "fn_index": function, "session_hash": session}
    headers = {"x-forwarded-for": visitor, "accept-language": "zh", **site}
    return httpx.post(f"{address}/gradio_api/queue/join", json=body, headers=headers, timeout=60)


def uploaded(address: str, content: bytes) -> str:
    files = {"files": ("spot.png", content, "image/png")}
    found: str = httpx.post(f"{address}/gradio_api/upload", files=files, timeout=60).json()[0]
    return found


def number_of(address: str, api_name: str) -> int:
    functions = httpx.get(f"{address}/config", timeout=60).json()["dependencies"]
    return int(next(one["id"] for one in functions if one["api_name"] == api_name))


def test_64_callers_at_once_each_get_the_answers_to_their_own_photos(server: str, photos: list[client_crowd.Expected]) -> None:
    clients = client_crowd.connected(server, CALLERS)
    assert client_crowd.call(clients, photos) == Counter(right=CALLERS * EACH)
    assert client_crowd.call(clients, photos, together=True) == Counter(right=CALLERS * EACH)


def test_none_of_those_who_ask_about_one_photo_at_once_loses_an_answer(server: str, assessor: Assessor, tmp_path: Path) -> None:
    """Its overlay is large, so that it takes a while to be sent."""
    large = tmp_path / "large.png"
    large.write_bytes(drawings.encoded(drawings.lesion(900, 900, seed=3)))
    same = client_crowd.expected(large, assessor)
    clients = client_crowd.connected(server, 16)
    assert client_crowd.call(clients, [same] * 16 * 8) == Counter(right=16 * 8)


def test_a_photo_that_fails_disturbs_none_that_is_asked_for_beside_it(
    server: str, photos: list[client_crowd.Expected], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"broken")
    clients = client_crowd.connected(server, 16)
    failing = clients[0].submit(photo=handle_file(broken), api_name="/classify")
    assert client_crowd.call(clients[1:], photos[:15]) == Counter(right=15)
    with pytest.raises(AppError, match="not a picture"):
        failing.result()


def test_the_line_is_bounded_and_tells_everyone_their_place(held: tuple[str, Held]) -> None:
    address, server = held
    path, function = uploaded(address, drawings.encoded(drawings.lesion())), number_of(address, "classify")
    answers = [joined(address, f"s{number}", path, function) for number in range(queueing.ASSESSING)]
    wait_until(lambda: server.begun() == queueing.ASSESSING)
    answers += [joined(address, f"w{number}", path, function) for number in range(queueing.WAITING)]
    assert {answer.status_code for answer in answers} == {200}
    for site, status in (({}, 503), ({"sec-fetch-site": "same-origin"}, 429)):  # a program's, and the page's own
        turned_away = joined(address, "late", path, function, **site)
        assert (turned_away.status_code, turned_away.json()["detail"]) == (status, text("crowded.full", "zh"))
        assert int(turned_away.headers["retry-after"]) > 0
    with httpx.stream("GET", f"{address}/gradio_api/queue/data?session_hash=w5", timeout=60) as stream:
        told = next(text for text in stream.iter_lines() if '"estimation"' in text)
    assert '"rank":5' in told.replace(" ", "") and '"queue_size":6' in told.replace(" ", "")
    server.release()
    wait_until(lambda: joined(address, "later", path, function).status_code == 200)


def test_one_visitor_fills_three_quarters_of_the_line_and_the_next_one_finds_a_place(held: tuple[str, Held]) -> None:
    address, server = held
    path, function = uploaded(address, drawings.encoded(drawings.lesion())), number_of(address, "classify")
    for number in range(queueing.ASSESSING):
        joined(address, f"s{number}", path, function, "203.0.113.5")
    wait_until(lambda: server.begun() == queueing.ASSESSING)
    answers = [joined(address, f"w{number}", path, function, "203.0.113.5") for number in range(queueing.WAITING)]
    assert Counter(answer.status_code for answer in answers) == {200: queueing.WAITING * 3 // 4, 429: queueing.WAITING // 4}
    assert answers[-1].json()["detail"] == text("crowded.waiting", "zh") and int(answers[-1].headers["retry-after"]) > 0
    assert joined(address, "other", path, function, "203.0.113.6").status_code == 200


def test_calls_that_are_heavy_wait_in_small_numbers(held: tuple[str, Held]) -> None:
    address, server = held
    path, function = uploaded(address, drawings.encoded(drawings.lesion())), number_of(address, "classify")
    for number in range(queueing.ASSESSING):
        joined(address, f"s{number}", path, function)
    wait_until(lambda: server.begun() == queueing.ASSESSING)
    size, most = 3 * 2**20, waiting.CALLS_BYTES // (3 * 2**20)
    body = {"data": [{"path": "x" * size}], "fn_index": function, "session_hash": "heavy"}
    answers = [httpx.post(f"{address}/gradio_api/queue/join", json=body, timeout=60).status_code for _ in range(8)]
    assert Counter(answers) == {200: most, 429: 8 - most}
    assert joined(address, "light", path, function).status_code == 200


def test_whoever_leaves_the_line_costs_nothing(held: tuple[str, Held]) -> None:
    address, server = held
    path, function = uploaded(address, drawings.encoded(drawings.lesion())), number_of(address, "classify")
    for number in range(queueing.ASSESSING):
        joined(address, f"s{number}", path, function)
    wait_until(lambda: server.begun() == queueing.ASSESSING)
    for number in range(5):
        joined(address, f"gone{number}", path, function)
        with httpx.stream("GET", f"{address}/gradio_api/queue/data?session_hash=gone{number}", timeout=60) as stream:
            assert '"estimation"' in next(stream.iter_lines())
    joined(address, "stays", path, function)
    wait_until(lambda: httpx.get(f"{address}/gradio_api/queue/status", timeout=60).json()["queue_size"] == 1)
    with httpx.stream("GET", f"{address}/gradio_api/queue/data?session_hash=stays", timeout=120) as stream:
        server.release()
        assert any('"process_completed"' in text and '"success":true' in text.replace(" ", "") for text in stream.iter_lines())
    assert server.begun() == queueing.ASSESSING + 1, "nobody worked for the five that had left"


def test_after_kill_9_the_same_port_answers_again(environment: dict[str, str], photos: list[client_crowd.Expected]) -> None:
    port = free_port()
    with started([sys.executable, "app.py"], environment, port=port) as (address, process):
        client = client_crowd.connected(address, 1)[0]
        assert client_crowd.call([client], photos[:1]) == Counter(right=1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with started([sys.executable, "app.py"], environment, port=port) as (again, _):
        assert again == address
        assert client_crowd.call([client_crowd.connection(again)], photos[:2]) == Counter(right=2)
