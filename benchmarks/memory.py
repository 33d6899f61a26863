"""python -m benchmarks.memory [--requests 5000] [--callers 16] [--model FOLDER]

Sends a server of its own so many requests over plain HTTP and as many through gradio_client, and prints what memory it holds
after every 500 of each; at the end whether that is flat. Exit status 1 where it isn't.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.api_load import resident, say
from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED
from tests.support import client_crowd, plain_http
from tests.support.app_server import started

STEP = 500
DIFFERENT = 64
"""Photos that are sent again and again."""
WARM_UP = 500
"""Requests of each interface before memory is first read: heaps, pools and caches fill with the first ones."""
FLAT_MB = 10.0
"""By which the last readings may lie above the first ones."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = client_crowd.drawn(Path(scratch), DIFFERENT, Assessor.load(str(options.model), "cpu"))
        environment = {**os.environ, "GRADIO_TEMP_DIR": f"{scratch}/cache", "SKINAPP_PROVIDER": "cpu"}
        with started([sys.executable, "app.py"], environment, options.model) as (address, process):
            clients, crowd = client_crowd.connected(address, options.callers), plain_http.Crowd(address, options.callers)

            def send(count: int) -> Counter[str]:
                some = (photos * (count // len(photos) + 1))[: count // options.callers * options.callers]
                return crowd.call(some) + client_crowd.call(clients, some)

            tally, readings = send(WARM_UP), [resident(process.pid)]
            say(f"after {WARM_UP} requests of each interface to warm up: {readings[0]:.0f} MB")
            for sent in range(0, options.requests, STEP):
                tally += send(count := min(STEP, options.requests - sent))
                readings.append(resident(process.pid))
                say(f"after {sent + count} requests more of each: {readings[-1]:.0f} MB")
    growth = grown(readings)
    say(f"{dict(tally)}; {'flat' if growth <= FLAT_MB else 'not flat'}: the last readings are {growth:+.1f} MB from the first")
    return 0 if growth <= FLAT_MB and set(tally) == {"right"} else 1


def grown(readings: Sequence[float]) -> float:
    """Megabytes from the first third of all readings to the last, by their medians: a single peak is none."""
    third = max(1, len(readings) // 3)
    return float(np.median(readings[-third:]) - np.median(readings[:third]))


if __name__ == "__main__":
    sys.exit(main())
