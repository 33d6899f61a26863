"""The memory that decoders share: large photos wait for each other, small ones don't wait for them, and nobody waits for ever."""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from skinapp.errors import PhotoError
from skinapp.imaging import budget, decode
from skinapp.imaging.budget import Lane
from tests.support import bombs, drawings
from tests.support.app_server import started
from tests.support.hostile_inputs import META

PATIENCE_S = 60
LARGE = drawings.encoded(drawings.plain(120, 5000, 4000))
"""20 megapixels, more than the small lane takes."""


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def several() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_shares_never_exceed_the_lane_and_all_have_their_turn(several: ThreadPoolExecutor) -> None:
    lane, most = Lane(100), 0

    def decode(size: int) -> int:
        nonlocal most
        with lane.share(size, PATIENCE_S):
            most = max(most, lane.used)
            time.sleep(0.002)
        return size

    sizes = [30, 70, 50, 100, 10] * 20
    assert list(several.map(decode, sizes)) == sizes
    assert 0 < most <= 100 and lane.used == 0


def test_what_is_larger_than_the_lane_has_it_to_itself(several: ThreadPoolExecutor) -> None:
    lane = Lane(100)
    with lane.share(1):
        waiting = several.submit(_held, lane, 500, 0.0)
        time.sleep(0.05)
        assert not waiting.done()
    assert waiting.result(PATIENCE_S) == 500


def _held(lane: Lane, size: int, seconds: float) -> int:
    with lane.share(size, PATIENCE_S):
        time.sleep(seconds)
        return lane.used


def test_a_large_one_isnt_overtaken_for_ever_by_ones_that_would_fit(several: ThreadPoolExecutor) -> None:
    lane, order = Lane(100), list[int]()

    def decode(size: int) -> None:
        with lane.share(size, PATIENCE_S):
            order.append(size)

    with lane.share(60):
        first = several.submit(decode, 90)
        until(lambda: len(lane._queue) == 1)
        second = several.submit(decode, 20)
        until(lambda: len(lane._queue) == 2)
        assert order == []
    first.result(PATIENCE_S), second.result(PATIENCE_S)
    assert order == [90, 20]


def test_who_waits_too_long_is_told_what_the_photo_takes(several: ThreadPoolExecutor) -> None:
    lane = Lane(100)

    def hold() -> None:
        with lane.share(80):
            begun.set()
            ended.wait(PATIENCE_S)

    begun, ended = threading.Event(), threading.Event()
    holding = several.submit(hold)
    begun.wait(PATIENCE_S)
    with pytest.raises(PhotoError) as caught, lane.share(200 * 2**20, 0.05):
        raise AssertionError
    assert str(caught.value) == (
        "Other large photos are being read at the moment, and this one takes 200 MB of memory; "
        "send it again in a minute, or a smaller one."
    )
    ended.set()
    holding.result(PATIENCE_S)
    with lane.share(100, 1):
        assert lane.used == 100


def test_where_enough_wait_one_more_is_refused_at_once_unless_it_holds_a_photo(several: ThreadPoolExecutor) -> None:
    lane = Lane(100)
    lane.max_waiting = 2
    with lane.share(80):
        waiting = [several.submit(_held, lane, 50, 0.0) for _ in range(2)]
        until(lambda: len(lane._queue) == 2)
        with pytest.raises(PhotoError, match="Other large photos"), lane.share(50, PATIENCE_S):
            raise AssertionError
        assert len(lane._queue) == 2
    assert [one.result(PATIENCE_S) for one in waiting] in ([50, 50], [50, 100], [100, 50], [100, 100])
    assert budget.SMALL.max_waiting is None


def test_a_photo_counts_until_the_last_view_of_it_is_gone() -> None:
    gc.collect()
    before = budget.LARGE.used
    photo = decode.read(LARGE)
    view = photo[10:20]
    assert budget.LARGE.used - before == int(photo.nbytes * budget.COPY_SHARE)
    del photo
    assert budget.LARGE.used > before
    del view
    assert budget.LARGE.used == before


def test_a_refused_photo_gives_its_share_back() -> None:
    before = budget.LARGE.used
    for _ in range(3):
        with pytest.raises(PhotoError, match="damaged or cut off"):
            decode.read(LARGE[: len(LARGE) // 2])
    assert budget.LARGE.used == before


def test_threads_that_hold_a_photo_each_may_all_read_another(several: ThreadPoolExecutor) -> None:
    """As a follow-up does: with eight of them the lane is full of first photos."""
    together = threading.Barrier(8, timeout=PATIENCE_S)
    lane = Lane(80)

    def follow(_: int) -> bool:
        photo = np.empty(budget.LIGHT_BYTES + 1, np.uint8)
        lane.hold(photo)
        together.wait()
        with lane.share(70, PATIENCE_S):
            return photo.size > 0

    assert all(several.map(follow, range(8)))


def test_a_list_of_photos_may_be_held() -> None:
    """As training and Ray's batches do: whoever holds photos never waits for them."""
    photos = [decode.read(LARGE) for _ in range(8)]
    assert sum(photo.nbytes for photo in photos) * budget.COPY_SHARE > budget.LARGE_LANE_BYTES
    light = [decode.read(drawings.encoded(drawings.plain(90, 600, 450))) for _ in range(3)]
    assert len(light) == 3


# The server

BUSY = "Other large photos are being read at the moment"


def answer(client: httpx.Client, name: str, content: bytes) -> str:
    """What the stream of a call to /classify ends in."""
    path = client.post("/gradio_api/upload", files={"files": (name, content, "image/png")}).json()[0]
    begun = client.post("/gradio_api/call/classify", json={"data": [{"path": path, "meta": META}]})
    with client.stream("GET", f"/gradio_api/call/classify/{begun.json()['event_id']}") as stream:
        said = "".join(stream.iter_text())
    return next((event for event in said.split("\n\n") if not event.startswith("event: heartbeat")), said)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_heavy_photos_at_once_leave_the_server_in_bounds_and_a_plain_one_answered_first(environment: dict[str, str]) -> None:
    heavy = [bombs.webp_pixels(), bombs.large("JPEG", quality=60, progressive=True, subsampling=0)]
    plain = drawings.encoded(drawings.lesion(600, 450), "JPEG")
    with (
        started([sys.executable, "app.py"], environment) as (address, process),
        httpx.Client(base_url=address, timeout=10 * PATIENCE_S, limits=httpx.Limits(max_connections=None)) as client,
        ThreadPoolExecutor(10) as visitors,
    ):
        assert answer(client, "plain.jpg", plain).startswith("event: complete")
        sent = [visitors.submit(answer, client, f"{number}.bin", heavy[number % 2]) for number in range(10)]
        until(lambda: sum(one.running() for one in sent) == 10)
        for _ in range(3):
            assert answer(client, "plain.jpg", plain).startswith("event: complete")
        assert not all(one.done() for one in sent), "the plain ones didn't wait for the heavy ones' end"
        answers = [one.result() for one in sent]
        status = Path(f"/proc/{process.pid}/status").read_text()
    assert all(said.startswith("event: complete") or BUSY in said for said in answers), answers
    assert any(said.startswith("event: complete") for said in answers)
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    assert peak < 1500
