"""What the benchmarks compare this program with answers as it does, and what they make of their readings."""

import os
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import memory
from skinapp.assessment.assessor import Assessor
from tests import TINY_MODEL
from tests.support import client_crowd, drawings, plain_http
from tests.support.app_server import started


def test_the_bare_route_gives_this_programs_probabilities(tmp_path: Path) -> None:
    assessor, photos = Assessor.load(str(TINY_MODEL), "cpu"), []
    for seed, size in enumerate([(600, 450), (320, 240), (450, 600)]):
        path = tmp_path / f"{seed}.jpg"
        path.write_bytes(drawings.encoded(drawings.lesion(*size, seed=seed), "JPEG"))
        photos.append(client_crowd.expected(path, assessor))
    command = [sys.executable, "-m", "benchmarks.contender_servers", "fastapi"]
    with started(command, dict(os.environ)) as (address, _), closing(plain_http.Crowd(address, 2, "/classify")) as crowd:
        assert crowd.call(photos * 4) == {"right": 12}


@pytest.mark.parametrize(
    ("readings", "growth"),
    [
        ([300, 301, 299, 300, 302, 300, 301, 300, 299], 0.0),
        ([300, 310, 320, 330, 340, 350], 40.0),
        ([300, 300, 300, 420, 300, 300, 300], 0.0),
        ([300], 0.0),
    ],
)
def test_memory_that_grows_is_told_from_a_single_peak(readings: list[float], growth: float) -> None:
    assert memory.grown(readings) == growth
