"""Many threads at one session: each gets the answer to its own photo, in fewer passes, whatever the others give it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from skinapp.assessment import triage
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import preprocess
from skinapp.model import batcher
from skinapp.model.batcher import Batcher
from skinapp.model.session import CPU, Outputs, Runner, Session
from skinapp.web import calls
from tests import TINY_MODEL
from tests.support import drawings

CALLERS = 64
FATAL = 9.0
"""A pixel's value, far from any of a photo's, that this session can't stand."""


class Watched:
    """A session whose first pass waits to be released, that keeps the size of each, and that fails on a photo with FATAL in it."""

    def __init__(self, runs: Runner) -> None:
        self.provider, self.runs = runs.provider, runs
        self.sizes, self.release = list[int](), threading.Event()

    def run(self, pixels: NDArray[np.float32]) -> Outputs:
        self.release.wait()
        self.sizes.append(len(pixels))
        if (pixels == FATAL).any():
            raise RuntimeError("this photo breaks the pass")
        return self.runs.run(pixels)


@pytest.fixture
def watched(assessor: Assessor) -> Watched:
    return Watched(assessor.session)


@pytest.fixture(scope="module")
def pixels(assessor: Assessor) -> NDArray[np.float32]:
    """64 photos, no two alike, ready for the tiny model."""
    photos = [drawings.lesion(64, 64, colour=(20 + 3 * n, 90, 220 - 3 * n), seed=n) for n in range(CALLERS)]
    return preprocess.batch(photos, assessor.spec.transform)


def asked_at_once(pixels: NDArray[np.float32], watched: Watched) -> list[Future[Outputs]]:
    """One thread a photo; the session starts when all of them wait, but for the one that it has taken already."""
    pooled, executor = Batcher(watched), ThreadPoolExecutor(len(pixels))
    answers = [executor.submit(pooled.run, pixels[n : n + 1]) for n in range(len(pixels))]
    while pooled._waiting.qsize() < len(pixels) - batcher.MAX_PASS:
        threading.Event().wait(0.01)
    watched.release.set()
    executor.shutdown()
    return answers


def test_each_of_64_callers_gets_the_answer_to_its_own_photo_in_full_passes(
    assessor: Assessor, watched: Watched, pixels: NDArray[np.float32]
) -> None:
    expected = assessor.session.run(pixels)
    assert len({row.tobytes() for row in expected.logits}) == CALLERS, "no two photos have one answer"
    answers = [future.result() for future in asked_at_once(pixels, watched)]
    for n, answer in enumerate(answers):
        assert answer.logits.shape == (1, 7)
        assert np.abs(answer.logits[0] - expected.logits[n]).max() < 1e-5
        assert np.abs(answer.cams[0] - expected.cams[n]).max() < 1e-5
        assert np.abs(answer.embedding[0] - expected.embedding[n]).max() < 1e-5
    assert max(watched.sizes) == batcher.MAX_PASS
    assert len(watched.sizes) < CALLERS / 4


def test_a_photo_that_breaks_a_pass_fails_alone(assessor: Assessor, watched: Watched, pixels: NDArray[np.float32]) -> None:
    expected, hurt = assessor.session.run(pixels), pixels.copy()
    hurt[[5, 40], 0, 0, 0] = FATAL
    answers = asked_at_once(hurt, watched)
    assert [n for n, answer in enumerate(answers) if answer.exception()] == [5, 40]
    with pytest.raises(RuntimeError, match="this photo breaks the pass"):
        answers[5].result()
    for n in set(range(CALLERS)) - {5, 40}:
        assert np.abs(answers[n].result().logits[0] - expected.logits[n]).max() < 1e-5


def test_a_caller_with_several_photos_gets_as_many_answers(assessor: Assessor, pixels: NDArray[np.float32]) -> None:
    answer = Batcher(assessor.session).run(pixels[:20])
    assert np.abs(answer.logits - assessor.session.run(pixels[:20]).logits).max() < 1e-5


def test_what_is_not_finite_stays_with_its_own_caller(assessor: Assessor, watched: Watched, pixels: NDArray[np.float32]) -> None:
    hurt = pixels.copy()
    hurt[7] = np.nan
    answers = asked_at_once(hurt, watched)
    assert [n for n, answer in enumerate(answers) if not np.isfinite(answer.result().logits).all()] == [7]


def test_the_int8_answer_is_the_same_alone_and_in_any_company(embedded: Assessor) -> None:
    photos = [drawings.lesion(320, 240, colour=drawings.COLOURS[n % 7], seed=n) for n in range(16)]
    pixels, pooled = preprocess.batch(photos, embedded.spec.transform), Batcher(embedded.session)

    def chances(given: NDArray[np.float32]) -> NDArray[np.float64]:
        return triage.probabilities(pooled.run(given).logits, embedded.spec.temperature)

    alone = np.concatenate([chances(pixels[n : n + 1]) for n in range(16)])
    for size in (2, 3, 8, 16):
        company = np.concatenate([chances(pixels[n : n + size]) for n in range(0, 16, size)])
        assert np.abs(company - alone).max() < 1e-6, size


def test_photos_are_read_a_few_at_a_time_and_answered_in_their_order() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slow(number: int) -> int:
        nonlocal running, most
        with lock:
            running, most = running + 1, max(most, running + 1)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return number * number

    assert calls.map_in_order(slow, range(20)) == [n * n for n in range(20)]
    assert most == calls.MAX_READING


def test_a_lone_caller_gets_all_cores_and_many_get_passes_side_by_side(assessor: Assessor, pixels: NDArray[np.float32]) -> None:
    wide, narrow = Watched(assessor.session), Watched(assessor.session)
    pooled = Batcher(wide, narrow, 2)
    wide.release.set()
    for n in range(3):
        pooled.run(pixels[n : n + 4])  # several looks of one caller count as alone, too
    assert wide.sizes == [4, 4, 4] and not narrow.sizes
    wide.release.clear()
    expected, executor = assessor.session.run(pixels), ThreadPoolExecutor(CALLERS)
    answers = [executor.submit(pooled.run, pixels[:1])]
    while not pooled._under_way:
        threading.Event().wait(0.01)
    answers += [executor.submit(pooled.run, pixels[n : n + 1]) for n in range(1, CALLERS)]
    narrow.release.set()
    for n in range(1, CALLERS):  # while the first one's pass goes on
        assert np.abs(answers[n].result().logits[0] - expected.logits[n]).max() < 1e-5
    wide.release.set()
    executor.shutdown()
    assert np.abs(answers[0].result().logits[0] - expected.logits[0]).max() < 1e-5
    assert sum(narrow.sizes) == CALLERS - 1 and max(narrow.sizes) <= batcher.MAX_PASS // 2


def test_the_int8_answer_is_the_same_on_one_thread_and_on_several(embedded: Assessor) -> None:
    photos = [drawings.lesion(320, 240, colour=drawings.COLOURS[n % 7], seed=n) for n in range(8)]
    pixels = preprocess.batch(photos, embedded.spec.transform)
    path = embedded.source.folder / embedded.source.file
    one, two = (Session(path, embedded.spec, CPU, threads) for threads in (1, 2))
    for size in (1, 4, 8):
        for a, b in zip(vars(one.run(pixels[:size])).values(), vars(two.run(pixels[:size])).values(), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_only_a_cpu_of_several_cores_gets_a_second_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads, is_narrow in ((1, 0, False), (2, 0, True), (8, 1, False), (1, 4, True)):
        monkeypatch.setattr("skinapp.model.session.cores", lambda count=cores: count)
        runner = Assessor.load(str(TINY_MODEL), "cpu", threads, pooled=True).session
        assert isinstance(runner, Batcher)
        assert (runner._narrow is not runner._runner) is is_narrow
