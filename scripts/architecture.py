"""The packages of the program as a picture, from the table that tests/architecture holds: row by row, light and dark."""

import ast
from collections.abc import Mapping
from html import escape
from pathlib import Path

from tests.architecture.test_layers import BESIDE, LAYERS, ROOT

WIDTH, MARGIN, GAP = 960, 16, 12
BOX, ROW = 60, 92
"""Heights of a box and of a row with the space below it, in pixels."""
COLOURS: dict[str, Mapping[str, str]] = {
    "light": {
        "package": "#f0fdfa",
        "line": "#0d9488",
        "name": "#134e4a",
        "what": "#475569",
        "arrow": "#64748b",
        "row": "#94a3b8",
    },
    "dark": {"package": "#0f2f2d", "line": "#2dd4bf", "name": "#ccfbf1", "what": "#a8b3c2", "arrow": "#94a3b8", "row": "#64748b"},
}
LEADS = {
    "app": "serves the page",
    "benchmarks": "measure the program",
    "scripts": "write the docs",
    "train": "photos in, weights out",
    "export": "weights in, model folders out",
    "skinapp.__main__": "photos in the terminal",
    "skinapp.ray_batch": "many photos, many cores",
    "skinapp.ui": "the page and its API, on Gradio",
    "skinapp.web": "what a browser gets: HTML, files",
    "skinapp.teach": "a visitor's own classes",
    "skinapp.assessment": "one photo, one answer",
    "skinapp.followup": "two photos, compared",
    "skinapp.imaging": "pixels in, pixels out",
    "skinapp.metrics": "how right answers are",
    "skinapp.model": "the model folder, and its network run",
    "skinapp.scratch": "what visitors send, for minutes",
    "skinapp.settings": "the environment",
    "skinapp.errors": "every error",
    "skinapp.i18n": "every sentence",
    "skinapp.labels": "lesions, priorities",
    "skinapp.malloc": "freed memory",
}
"""What a package is for, in the few words that fit."""


def lead(package: str) -> str:
    """What a package is for; of one that was added since, what it says of itself."""
    return LEADS.get(package) or _owned(package)


def drawing(theme: str) -> str:
    """The picture as SVG."""
    colour, height = COLOURS[theme], MARGIN * 2 + ROW * len(LAYERS) - (ROW - BOX)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="-apple-system, Segoe UI, Roboto, Noto Sans, sans-serif">',
        "<title>The packages of the program: each imports only from rows below its own</title>",
        f'<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="4" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{colour["arrow"]}"/></marker></defs>',
    ]
    for depth, row in enumerate(LAYERS):
        top, wide = MARGIN + depth * ROW, (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        parts += [_box(package, MARGIN + place * (wide + GAP), top, wide, colour) for place, package in enumerate(row)]
        if depth + 1 < len(LAYERS):
            parts.append(_down(top + BOX, colour))
        parts += [_beside(row, source, target, top, wide, colour) for source in row for target in BESIDE.get(source, ())]
    return "\n".join([*parts, "</svg>\n"])


def _box(package: str, left: float, top: float, wide: float, colour: Mapping[str, str]) -> str:
    name, middle = package.removeprefix("skinapp.").replace("__main__", "command line"), left + wide / 2
    words = [lead(package)] if len(lead(package)) * 6.2 < wide - 12 else _halved(lead(package))
    y = top + (24 if len(words) == 1 else 20)
    box = f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{BOX}" rx="8" fill="{colour["package"]}"'
    lines = [_text(name, middle, y, f'font-size="15" font-weight="600" fill="{colour["name"]}"')]
    lines += [_text(line, middle, y + 19 + 14 * n, f'font-size="12" fill="{colour["what"]}"') for n, line in enumerate(words)]
    return f'{box} stroke="{colour["line"]}"/>' + "".join(lines)


def _text(words: str, middle: float, y: float, style: str) -> str:
    return f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle" {style}>{escape(words)}</text>'


def _halved(words: str) -> list[str]:
    """Two lines of about the same length."""
    spaces = [place for place, letter in enumerate(words) if letter == " "]
    middle = min(spaces, key=lambda place: abs(place - len(words) / 2), default=len(words))
    return [words[:middle], words[middle:].strip()]


def _down(top: float, colour: Mapping[str, str]) -> str:
    """The way that imports run: from a row to any below it."""
    return (
        f'<line x1="{WIDTH / 2}" y1="{top + 5}" x2="{WIDTH / 2}" y2="{top + ROW - BOX - 6}" stroke="{colour["arrow"]}" '
        'stroke-width="1.5" marker-end="url(#tip)"/>'
    )


def _beside(row: tuple[str, ...], source: str, target: str, top: float, wide: float, colour: Mapping[str, str]) -> str:
    """An arrow between two packages of a row, below them where others stand between."""
    first, last = row.index(source), row.index(target)
    start, end = (MARGIN + place * (wide + GAP) for place in (first, last))
    if abs(first - last) == 1:
        near, far = (start + wide, end - 2) if first < last else (start, end + wide + 2)
        return (
            f'<line x1="{near:.1f}" y1="{top + BOX / 2}" x2="{far:.1f}" y2="{top + BOX / 2}" stroke="{colour["arrow"]}" '
            'stroke-width="1.5" marker-end="url(#tip)"/>'
        )
    low, near, far = top + BOX + 14, start + wide / 2, end + wide / 2
    return (
        f'<path d="M{near:.1f},{top + BOX} L{near:.1f},{low} L{far:.1f},{low} L{far:.1f},{top + BOX + 3}" fill="none" '
        f'stroke="{colour["arrow"]}" stroke-width="1.5" marker-end="url(#tip)"/>'
    )


def table() -> str:
    """The packages as a Markdown table, a line a package, with what each of them says of itself."""
    lines = ["| package | what it owns |", "|---|---|"]
    for row in LAYERS:
        for package in row:
            path = package.replace(".", "/")
            place = path if (ROOT / path).is_dir() else f"{path}.py"
            lines.append(f"| `{place}` | {_owned(package)} |")
    return "\n".join(lines)


def _owned(package: str) -> str:
    """The first sentence of a package's docstring, read without importing it."""
    path = ROOT / package.replace(".", "/")
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    parts = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")
    said = " ".join(parts[-1 if package in ("app", "skinapp.__main__") else 0].split())  # these begin with their command
    return said.split(". ")[0].rstrip(".") + "."


def write(folder: Path) -> None:
    """Both pictures into a folder."""
    for theme in COLOURS:
        (folder / f"architecture-{theme}.svg").write_text(drawing(theme), encoding="utf-8")
