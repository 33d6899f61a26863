"""python -m scripts.update_docs

Fills the marked blocks of README.md, SECURITY.md and docs/ with what the program knows: the figures of the embedded model, its
speed, the report on a drawn photo, the limits, the packages.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from export.bench import markdown
from export.release import tables
from scripts import architecture
from skinapp.assessment.assessor import Assessor
from skinapp.guards import bodies, connections, guesses, live_sessions
from skinapp.imaging import decode
from skinapp.model.hub import EMBEDDED
from skinapp.teach import quotas
from skinapp.web import calls
from skinapp.web.views import page
from tests.support import drawings

ROOT = Path(__file__).parents[1]
README, SECURITY, API = ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "docs" / "api.md"
PAGES = (README, SECURITY, *sorted((ROOT / "docs").glob("*.md")))
BENCH = ROOT / "export" / "bench.json"
MARKS = re.compile(r"<!-- (?P<name>[a-z]+) -->\n(?P<body>.*?)<!-- /(?P=name) -->", re.DOTALL)
WORTH = (
    "melanomas called Low", "melanoma sensitivity at its threshold", "melanoma specificity at its threshold", "melanoma AUC",
    "balanced accuracy", "photos answered (not sent back for a retake)",
)  # fmt: skip
"""The rows of the table by view that README shows."""
TABS = {
    "photo": ("Photo", "a photo, pasted or by the camera, gets the whole answer; examples to try"),
    "many": ("Many photos", "a folder becomes a table, the most urgent first; with labels, also figures"),
    "live": ("Live", "the camera's frames as they come, and the sharpest one answered in full"),
    "follow": ("Follow-up", "two photos of one spot, laid on each other and measured"),
    "ondevice": ("On this device", "the whole answer in the browser: no photo leaves it, also without a network"),
    "teach": ("Teach", "a classifier of anything from folders of pictures, measured and to be downloaded"),
    "about": ("About", "the model, its figures and where it fails"),
}
"""The page's tabs and what README says of each."""


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


def worth() -> str:
    """The six figures of README, by how the photo was taken."""
    lines = tables.views(json.loads((EMBEDDED / "metrics.json").read_text())["test"]["int8"])
    head = [line for line in "\n".join(lines).splitlines() if line.startswith(("| figure", "|---", "| photos / lesions"))]
    return "\n".join([*head, *(line for line in lines for label in WORTH if line.startswith(f"| {label} |"))])


def speed() -> str:
    """The tables of the saved bench."""
    return markdown.render(json.loads(BENCH.read_text()))


def speeds() -> str:
    """The four speeds of README: the whole answer of two sizes of photos, and the network alone, as INT8 and as FP32."""
    found = json.loads(BENCH.read_text())
    machine = found["machine"]
    passes = {row["form"]: row["batches"]["1"]["p50_ms"] for row in found["rows"] if row["provider"] == "cpu"}
    whole = {size: one["whole"]["p50_ms"] for size, one in found["answers"].items()}
    rows = [(f"a JPEG of {size}, from its bytes to report and overlay", ms) for size, ms in whole.items()]
    rows += [(f"one pass of the network alone, {form[5:]}", passes[form]) for form in ("ONNX INT8", "ONNX FP32")]
    return "\n".join(
        [
            f"On {machine['cores']} cores of {machine['cpu']} ({', '.join(machine['instructions'])}), "
            f"GPU: {machine['gpu'] or 'none'}; "
            f"medians, from one look (model `{found['model']['revision']}`, {found['date']}):\n",
            *tables.grid(("what", "ms"), [(what, f"{ms:.1f}") for what, ms in rows]),
            "All rows, and what wasn't measured: [docs/results.md](docs/results.md).",
        ]
    )


def tabs() -> str:
    """The page's tabs with their pictures, two a row."""
    dark = "(prefers-color-scheme: dark)"
    cells = [
        f'<td width="50%" valign="top"><picture><source media="{dark}" srcset="docs/images/{name}-dark.webp">'
        f'<img src="docs/images/{name}-light.webp" alt="The tab {title}"></picture><br><b>{title}</b>: {what}</td>'
        for name, (title, what) in TABS.items()
    ]
    rows = [f"<tr>{''.join(cells[place : place + 2])}</tr>" for place in range(0, len(cells), 2)]
    return "\n".join(["<table>", *rows, "</table>"])


def report() -> dict[str, object]:
    """What the embedded model says of a drawn photo."""
    return Assessor.load(provider="cpu").read_and_assess(drawings.encoded(drawings.lesion(640, 480)), careful=True)[1].to_dict()


def limits() -> list[tuple[str, str, float, str]]:
    """What SECURITY.md shows, from the constants that the program obeys; the page's need gradio, which training hasn't got."""
    from skinapp.guards import queueing
    from skinapp.ui.endpoints import mcp
    from skinapp.ui.gradio_internals import files
    from skinapp.ui.server import request_gate, waiting

    return [
        ("photos", "pixels of a photo", decode.MAX_PIXELS, "counted before it is decoded"),
        ("photos", "bytes of a photo", decode.MAX_BYTES, ""),
        ("photos", "photos of a call of `/classify_batch`", calls.MAX_BATCH, ""),
        ("requests", "bytes of a call", request_gate.CALL_BYTES, "held in memory"),
        ("requests", "bytes of a call over MCP", request_gate.MCP_BYTES, "held in memory"),
        ("requests", "bytes of an upload", request_gate.UPLOAD_BYTES, "goes to disk"),
        ("requests", "files of an upload", files.MAX_PARTS, ""),
        ("requests", "seconds that a body has", bodies.GRACE_S, f"and one more for each {bodies.MIN_BYTES_PER_S:,} bytes"),
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
    rows = [f"| {place} | {what} | {_plain(number)} | {note} |" for place, what, number, note in limits()]
    return "\n".join(["| where | what | at most | |", "|---|---|---|---|", *rows])


def _plain(number: float) -> str:
    """As people write it: a power of two that is whole as such."""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB")):
        if number >= size and number % size == 0:
            return f"{number // size:,} {unit}"
    return f"{number:,}"


def shown_report() -> str:
    """The report on a drawn photo, as docs show it."""
    return f"```json\n{json.dumps(report(), indent=2)}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "figures": figures,
    "worth": worth,
    "speed": speed,
    "speeds": speeds,
    "tabs": tabs,
    "report": shown_report,
    "limits": shown_limits,
    "packages": architecture.table,
}
"""What stands between a page's marks, by their name."""


def blocks(page: Path) -> dict[str, str]:
    """What stands between the marks of a page now."""
    return {found["name"]: found["body"].strip() for found in MARKS.finditer(page.read_text(encoding="utf-8"))}


def documented_report() -> dict[str, object]:
    """The report that docs show."""
    return json.loads(blocks(API)["report"].removeprefix("```json\n").removesuffix("```"))


def write() -> None:
    """Put all blocks in their places."""
    for file in PAGES:
        text = file.read_text(encoding="utf-8")
        filled = MARKS.sub(lambda found: f"<!-- {found['name']} -->\n{BLOCKS[found['name']]()}\n<!-- /{found['name']} -->", text)
        file.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    write()
