"""python -m scripts.update_docs

Rewrites what README.md shows of the program: the figures of the embedded model, its speed and the report on a drawn photo.
"""

import json
import re
from pathlib import Path

from export.bench import markdown
from export.release import tables
from skinapp.assessment.assessor import Assessor
from skinapp.model.hub import EMBEDDED
from tests.support import drawings

README = Path(__file__).parents[1] / "README.md"
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


def block(name: str) -> str:
    """What stands between README's marks of this name."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README.read_text(), re.DOTALL)
    if found is None:
        raise LookupError(f"README.md has no marks named {name}")
    return found[1].strip()


def shown_report() -> dict[str, object]:
    """The report that README shows."""
    return json.loads(block("report").removeprefix("```json\n").removesuffix("```"))


def write() -> None:
    """Put all blocks in their places."""
    text = README.read_text()
    shown = f"```json\n{json.dumps(report(), indent=2)}\n```"
    for name, body in (("figures", figures()), ("speed", speeds()), ("report", shown)):
        marks = rf"<!-- {name} -->\n.*?<!-- /{name} -->"
        text = re.sub(marks, lambda _, name=name, body=body: f"<!-- {name} -->\n{body}\n<!-- /{name} -->", text, flags=re.DOTALL)
    README.write_text(text)


if __name__ == "__main__":
    write()
