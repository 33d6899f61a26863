"""Many gradio_client callers at once, each with photos of its own whose answers are known: what was right, wrong and lost."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from gradio_client import Client, handle_file

from skinapp.assessment.assessor import Assessor
from tests.support import drawings

PATIENCE_S = 300
CLOSE = 1e-5
"""How far a probability may lie from the expected one; two photos of a set lie further apart."""


@dataclass(frozen=True)
class Expected:
    """A photo and the probabilities that it must be answered with: among several from one look, by itself from several."""

    path: Path
    chances: tuple[float, ...]
    careful: tuple[float, ...]


def expected(path: Path, assessor: Assessor) -> Expected:
    """What is right for a photo."""
    one, several = (tuple(assessor.read_and_assess(path, careful=careful)[1].chances.tolist()) for careful in (False, True))
    return Expected(path, one, several)


def drawn(folder: Path, count: int, assessor: Assessor) -> list[Expected]:
    """Photos of which no two have one answer."""
    found = list[Expected]()
    for number in range(count):
        path = folder / f"spot{number:04}.png"
        colour = (40 + number * 37 % 180, 30 + number * 91 % 150, 30 + number * 53 % 160)
        path.write_bytes(drawings.encoded(drawings.lesion(160, 120, colour=colour, seed=number)))
        found.append(expected(path, assessor))
    nearest = min(
        (max(abs(x - y) for x, y in zip(a.chances, b.chances, strict=True)) for i, a in enumerate(found) for b in found[:i]),
        default=1.0,
    )
    assert nearest > 2 * CLOSE, f"two photos lie {nearest} apart: no test could tell their answers from each other"
    return found


def connected(address: str, count: int) -> list[Client]:
    """Clients that are ready to call."""
    with ThreadPoolExecutor(8) as executor:
        return list(executor.map(lambda _: connection(address), range(count)))


def connection(address: str) -> Client:
    """A client that is patient: what is counted is right and wrong answers, not how busy the machine is."""
    return Client(address, verbose=False, analytics_enabled=False, ssl_verify=False, httpx_kwargs={"timeout": PATIENCE_S})


def call(clients: Sequence[Client], photos: Sequence[Expected], together: bool = False) -> Counter[str]:
    """Have all clients call at once, each with its share of the photos, one by one or `together` in one /classify_batch."""
    share = len(photos) // len(clients)
    shares = [photos[number * share : (number + 1) * share] for number in range(len(clients))]
    with ThreadPoolExecutor(len(clients)) as executor:
        return sum(executor.map(_batch if together else _singles, clients, shares), Counter[str]())


def _singles(client: Client, photos: Sequence[Expected]) -> Counter[str]:
    tally = Counter[str]()
    for photo in photos:
        try:
            report, _ = client.predict(photo=handle_file(photo.path), api_name="/classify")
            tally[judged(report, photo.careful)] += 1
        except Exception as error:  # whatever it is, it is counted and told
            tally[f"lost: {type(error).__name__} {error}"] += 1
    return tally


def insist(address: str, photos: Sequence[Expected], verdicts: list[str], given_up: Event) -> None:
    """Call for each photo until it is answered, on a new connection whenever one is lost; adds to `verdicts`."""
    client = None
    for photo in photos:
        report = None
        while report is None:
            try:
                client = client or connection(address)
                report, _ = client.predict(photo=handle_file(photo.path), api_name="/classify")
            except Exception:  # whatever it is, it is tried again
                if given_up.wait(0.5):
                    return
                client = None
        verdicts.append(judged(report, photo.careful))


def _batch(client: Client, photos: Sequence[Expected]) -> Counter[str]:
    try:
        rows = client.predict(photos=[handle_file(photo.path) for photo in photos], api_name="/classify_batch")
    except Exception as error:  # as above
        return Counter({f"lost: {type(error).__name__} {error}": len(photos)})
    return Counter(judged(row, photo.chances) for row, photo in zip(rows, photos, strict=True))


def judged(report: dict[str, Any], wanted: Sequence[float]) -> str:
    """Whether a report states these probabilities."""
    pairs = zip(report["probabilities"].values(), wanted, strict=True)
    return "right" if all(abs(got - chance) < CLOSE for got, chance in pairs) else "wrong"
