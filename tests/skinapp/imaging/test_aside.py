"""Work that is done in a second thread where that one is free."""

import threading
import time

import numpy as np
import pytest

from skinapp.assessment.assessor import Assessor
from skinapp.imaging import aside
from tests import TINY_MODEL
from tests.support import drawings

TINY = Assessor.load(str(TINY_MODEL), "cpu")


def in_which() -> str:
    return threading.current_thread().name


def free() -> None:
    """Wait until the thread is free."""
    while aside._in_use.locked():
        time.sleep(0.001)


def test_work_is_done_aside_and_by_whoever_finds_that_thread_in_use() -> None:
    free()
    gate = threading.Event()
    first = aside.begin(lambda: gate.wait(60) and in_which())
    second = aside.begin(in_which)
    assert second() == in_which()
    gate.set()
    assert str(first()).startswith("skinapp-aside")
    free()
    assert aside.begin(in_which)().startswith("skinapp-aside")


def test_what_fails_aside_fails_where_its_result_is_asked_for() -> None:
    free()
    with pytest.raises(ZeroDivisionError):
        aside.begin(lambda: 1 / 0)()
    free()
    assert aside.begin(lambda: 7)() == 7


@pytest.mark.parametrize("careful", [False, True])
def test_an_answer_is_the_same_wherever_its_parts_are_worked_out(careful: bool) -> None:
    photos = [drawings.lesion(600, 450, seed=seed) for seed in range(3)] + [drawings.plain(9, 70, 90)]
    free()
    alone = [TINY.assess([photo], careful=careful)[0] for photo in photos]
    gate = threading.Event()
    busy = aside.begin(lambda: gate.wait(60))
    together = TINY.assess(photos, careful=careful)
    gate.set()
    assert busy()
    for one, other, photo in zip(alone, together, photos, strict=True):
        assert {**one.to_dict(), "elapsed_ms": 0} == {**other.to_dict(), "elapsed_ms": 0}
        np.testing.assert_array_equal(one.overlay(photo), other.overlay(photo))
