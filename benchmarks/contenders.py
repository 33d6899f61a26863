"""python -m benchmarks.contenders [--photos 256] [--callers 64] [--rounds 3] [--torch .venv-model] [--model FOLDER]

Serves the same photos of 600x450 in three ways at once, which take turns: this program, over plain HTTP and through
gradio_client; the same INT8 session behind a bare FastAPI route; torch and pytorch-grad-cam in a plain Gradio Interface. Prints
for each how long a lone caller waits and how many photos a second so many callers get, beside this program's own. Run it on a
machine with nothing else to do.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client, handle_file

from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED
from tests.support import client_crowd, drawings, plain_http
from tests.support.app_server import started
from tests.support.client_crowd import Expected

Call = Callable[[Sequence[Expected]], "Counter[str]"]
LONE_CALLS = 12
"""Calls of a lone caller a round."""


@dataclass(frozen=True)
class Way:
    """A way to have photos answered: by one caller, and by many at once."""

    name: str
    alone: Call
    together: Call


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contenders", description=__doc__)
    parser.add_argument("--photos", type=int, default=256)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--torch", type=Path, default=Path(".venv-model"), help="the environment that holds torch and grad-cam")
    parser.add_argument("--model", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        photos = drawn(Path(scratch), options.photos, Assessor.load(str(options.model), "cpu"))
        environment = {**os.environ, "GRADIO_TEMP_DIR": f"{scratch}/cache", "SKINAPP_PROVIDER": "cpu"}
        environment |= {"SKINAPP_THREADS": str(options.threads), "GRADIO_ANALYTICS_ENABLED": "False"}

        def serve(*command: str) -> str:
            return stack.enter_context(started([sys.executable, *command], environment, options.model))[0]

        servers = ("-m", "benchmarks.contender_servers")
        ours = serve("app.py")
        bare = serve(*servers, "fastapi", "--threads", str(options.threads))
        packages = next(options.torch.glob("lib/python*/site-packages"), None)
        plain = serve(*servers, "gradio", "--threads", str(options.threads), "--packages", str(packages)) if packages else None
        report(ways(ours, bare, plain, options.callers), photos, options)


def drawn(folder: Path, count: int, assessor: Assessor) -> list[Expected]:
    """Photos of 600x450 with the answers that are right from one look."""
    found = []
    for number in range(min(count, 32)):
        path = folder / f"spot{number:02}.jpg"
        path.write_bytes(drawings.encoded(drawings.lesion(600, 450, seed=number), "JPEG"))
        found.append(client_crowd.expected(path, assessor))
    return (found * count)[:count]


def ways(ours: str, bare: str, plain: str | None, callers: int) -> list[Way]:
    """All ways, this program's own first."""
    found = [
        http_way("skinapp, POST /api/classify?careful=0", ours, "/api/classify?careful=0", callers),
        http_way("skinapp, the same with ?overlay=1", ours, "/api/classify?careful=0&overlay=1", callers),
        http_way("bare FastAPI, the same INT8 session", bare, "/classify", callers),
        gradio_way("skinapp, /classify from one look through gradio_client", ours, _quick, callers),
    ]
    if plain:
        found.append(gradio_way("Gradio Interface of torch + pytorch-grad-cam", plain, _predict, callers))
    return found


def http_way(name: str, address: str, path: str, callers: int) -> Way:
    return Way(name, plain_http.Crowd(address, 1, path).call, plain_http.Crowd(address, callers, path).call)


def gradio_way(name: str, address: str, ask: Callable[[Client, Expected], str], callers: int) -> Way:
    clients = client_crowd.connected(address, callers)

    def alone(photos: Sequence[Expected]) -> Counter[str]:
        return Counter(ask(clients[0], photo) for photo in photos)

    def together(photos: Sequence[Expected]) -> Counter[str]:
        with ThreadPoolExecutor(callers) as executor:
            return Counter(executor.map(ask, (clients * len(photos))[: len(photos)], photos))

    return Way(name, alone, together)


def _quick(client: Client, photo: Expected) -> str:
    found: Any = client.predict(photo=handle_file(photo.path), careful=False, api_name="/classify")
    return client_crowd.judged(found[0], photo.chances)


def _predict(client: Client, photo: Expected) -> str:
    """Its probabilities are those of the float weights: whether there are seven is all that can be asked."""
    label, _ = client.predict(handle_file(photo.path), api_name="/predict")
    return "right" if len(label["confidences"]) == len(photo.chances) else "wrong"


def report(found: Sequence[Way], photos: Sequence[Expected], options: argparse.Namespace) -> None:
    """Rounds in which all take a turn; medians."""
    waits: dict[str, list[float]] = {way.name: [] for way in found}
    rates: dict[str, list[float]] = {way.name: [] for way in found}
    tally: dict[str, Counter[str]] = {way.name: Counter() for way in found}
    for way in found:
        way.together(photos[: options.callers])
    for _ in range(options.rounds):
        for way in found:
            for photo in photos[:LONE_CALLS]:
                started_at = time.perf_counter()
                tally[way.name] += way.alone([photo])
                waits[way.name].append((time.perf_counter() - started_at) * 1000)
        for way in found:
            started_at = time.perf_counter()
            tally[way.name] += way.together(photos)
            rates[way.name].append(len(photos) / (time.perf_counter() - started_at))
    own = float(np.median(rates[found[0].name]))
    for way in found:
        rate, wait = float(np.median(rates[way.name])), float(np.median(waits[way.name]))
        many = f"{options.callers} callers {rate:.1f} photos/s, {rate / own:.2f} of the first's"
        line = f"{way.name}: alone {wait:.1f} ms, {many}, {dict(tally[way.name])}"
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
