"""python -m scripts.update_docs

Rewrites what README.md and SECURITY.md show of the program: the figures of the embedded model, its speed, the report on a drawn
photo, and the limits.
"""

import json
import re
from pathlib import Path

from export.bench import markdown
from export.release import tables
from skinapp.assessment.assessor import Assessor
from skinapp.guards import bodies, connections, guesses, live_sessions
from skinapp.imaging import decode
from skinapp.model.hub import EMBEDDED
from skinapp.teach import quotas
from skinapp.web import calls
from skinapp.web.views import page
from tests.support import drawings

README = Path(__file__).parents[1] / "README.md"
SECURITY = README.with_name("SECURITY.md")
BENCH = README.parent / "export" / "bench.json"


def figures() -> str:
    """The tables of metrics.json: the test split, of the served file also priorities and faults, and what is no lesion."""
    found = json.loads((EMBEDDED / "metrics.json").read_text())
    served = found["test"]["int8"]
    lines = [
        *tables.overview("test", found["test"]),
        *tables.views(served),
        *tables.sets(served),
        *tables.outside(served),
        *tables.priorities(served),
        *tables.robustness(served),
        *tables.answered(found.get("gate", {})),
        *tables.refusals(found["not_lesions"]),
        *tables.framing(found.get("gate", {})),
    ]
    return "\n".join(lines).strip()


def speeds() -> str:
    """The tables of the saved bench."""
    return markdown.render(json.loads(BENCH.read_text()))


def report() -> dict[str, object]:
    """What the embedded model says of a drawn photo."""
    return Assessor.load(provider="cpu").read_and_assess(drawings.encoded(drawings.lesion(640, 480)), careful=True)[1].to_dict()


def limits() -> list[tuple[str, str, float, str]]:
    """What SECURITY.md shows, from the constants that the program obeys; the page's need gradio, which training hasn't got."""
    from skinapp.ui.endpoints import mcp
    from skinapp.ui.gradio_internals import files
    from skinapp.ui.server import queueing, request_gate, waiting

    return [
        ("photos", "pixels of a photo", decode.MAX_PIXELS, "counted before it is decoded"),
        ("photos", "bytes of a photo", decode.MAX_BYTES, ""),
        ("photos", "photos of a call of `/classify_batch`", calls.MAX_BATCH, ""),
        ("requests", "bytes of a call", request_gate.CALL_BYTES, "held in memory"),
        ("requests", "bytes of a call over MCP", request_gate.MCP_BYTES, "held in memory"),
        ("requests", "bytes of an upload", request_gate.UPLOAD_BYTES, "goes to disk"),
        ("requests", "files of an upload", files.MAX_PARTS, ""),
        ("requests", "seconds that a body has", bodies.GRACE_S, f"and one more for each {bodies.SLOWEST:,} bytes"),
        ("connections", "seconds without a request", connections.HEAD_S, f"{connections.CROWDED_HEAD_S} where there are many"),
        ("connections", "seconds without reading the answer", connections.READ_S, ""),
        ("shared", "requests at once", request_gate.REQUESTS, "streams of events among them"),
        ("shared", "bytes of bodies in memory", request_gate.MEMORY_BYTES, ""),
        ("shared", "bytes of uploads on disk", request_gate.UPLOADS_BYTES, f"counted for {request_gate.KEPT_S // 60} minutes"),
        ("shared", "calls that wait", queueing.WAITING, f"and {queueing.ASSESSING} that are answered"),
        ("shared", "bytes of calls that wait or are answered", waiting.CALLS_BYTES, "for all visitors together"),
        ("shared", "viewers of the camera", live_sessions.MAX_VIEWERS, f"each for {live_sessions.SECONDS} seconds"),
        ("shared", "calls over MCP at once", mcp.CALLS, ""),
        ("passwords", "wrong ones of an address in a row", guesses.GUESSES, f"then one every {guesses.GUESS_S} seconds"),
        ("teach", "bytes of a zip", quotas.ZIP_BYTES, ""),
        ("teach", "bytes of its pictures, unpacked", quotas.UNPACKED_BYTES, "counted while they are read"),
        ("teach", "entries of a zip", quotas.FILES, ""),
        ("teach", "pictures", quotas.PICTURES, ""),
        ("kept", "minutes that a photo stays", page.KEPT_MINUTES, ""),
    ]


def shown_limits() -> str:
    """The table of limits."""
    rows = [f"| {room} | {what} | {_plain(number)} | {note} |" for room, what, number, note in limits()]
    return "\n".join(["| where | what | at most | |", "|---|---|---|---|", *rows])


def _plain(number: float) -> str:
    """As people write it: a power of two that is whole as such."""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB")):
        if number >= size and number % size == 0:
            return f"{number // size:,} {unit}"
    return f"{number:,}"


def block(name: str, page: Path = README) -> str:
    """What stands between a page's marks of this name."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page.read_text(), re.DOTALL)
    if found is None:
        raise LookupError(f"{page.name} has no marks named {name}")
    return found[1].strip()


def shown_report() -> dict[str, object]:
    """The report that README shows."""
    return json.loads(block("report").removeprefix("```json\n").removesuffix("```"))


def write() -> None:
    """Put all blocks in their places."""
    shown = f"```json\n{json.dumps(report(), indent=2)}\n```"
    for file, name, body in (
        (README, "figures", figures()),
        (README, "speed", speeds()),
        (README, "report", shown),
        (SECURITY, "limits", shown_limits()),
    ):
        marks, filled = rf"<!-- {name} -->\n.*?<!-- /{name} -->", f"<!-- {name} -->\n{body}\n<!-- /{name} -->"
        file.write_text(re.sub(marks, lambda _, filled=filled: filled, file.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    write()
