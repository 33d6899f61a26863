"""Some hundred requests of the fuzzer, always the same; `python -m benchmarks.fuzz_http` sends more."""

from itertools import islice

from benchmarks import fuzz_http
from tests import TINY_MODEL

REQUESTS = 300
HANG_S = 30.0
"""Longer than the fuzzer's own, on a machine that may have other work."""


def test_requests_that_are_nearly_right_crash_nothing_and_hang_nothing(environment: dict[str, str]) -> None:
    with fuzz_http.server(environment, TINY_MODEL) as (address, log):
        found = fuzz_http.fuzz(address, log, islice(fuzz_http.requests(17), REQUESTS), HANG_S)
    assert found.statuses.total() == REQUESTS and len(found.statuses) > 8
    assert found.is_good, (found.hangs, found.unclear, found.tracebacks)


def test_the_same_seed_sends_the_same_and_another_one_other_requests() -> None:
    first, again, other = (list(islice(fuzz_http.requests(seed), 200)) for seed in (1, 1, 2))
    assert first == again != other
    assert len({one.content for one in first}) > 150


def test_a_traceback_of_ours_is_found_in_a_log_and_one_that_gradio_is_known_for_isnt() -> None:
    text = 'x\nTraceback (most recent call last):\n  File "/a/b.py", line 3, in work\n    go()\nKeyError: 5\nmore\n'
    known = (
        'Traceback (most recent call last):\n  File "/g/gradio/queueing.py", line 3, in process_events\n    go()\n'
        '  File "/g/gradio/blocks.py", line 4, in validate_inputs\n    go()\nValueError: few\n'
    )
    ours = known.replace("/g/gradio/blocks.py", "/g/skinapp/ui/api.py").replace("validate_inputs", "classify")
    assert fuzz_http.tracebacks(text + known) == {"KeyError in b.py, in work": 1}
    assert fuzz_http.tracebacks(known + ours) == {"ValueError in api.py, in classify": 1}
