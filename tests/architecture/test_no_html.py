"""HTML stands in templates alone: no string in Python holds a tag."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_layers import RUNTIME, files, name

TAG = re.compile(r"(?<!\(\?P)</?[a-z][a-z0-9-]*(?=[\s/>])|<!(--|doctype)", re.IGNORECASE)
"""The beginning of a tag, for strings may be joined; no group of a regular expression."""
SEARCHED = [*RUNTIME, *files("export", "train", "benchmarks")]
"""All but scripts/, which draw a picture (SVG) and fill tables of the README. Cards of models are Markdown, without a tag."""
EXCEPTIONS = {
    "skinapp/guards/security_headers.py": "looks for a page's scripts, whose hashes go into its policy",
}


def tags(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a program in which a string holds a tag, with the tag's beginning; whatever an f-string fills in is a word."""
    for node in ast.walk(ast.parse(source)):
        found = None
        if isinstance(node, ast.JoinedStr):
            found = TAG.search("".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            found = TAG.search(node.value if isinstance(node.value, str) else node.value.decode("latin-1"))
        if found:
            yield node.lineno, found[0]


@pytest.mark.parametrize("path", SEARCHED, ids=name)
def test_no_string_holds_a_tag(path: Path) -> None:
    found = list(tags(path.read_text(encoding="utf-8")))
    if name(path) in EXCEPTIONS:
        assert found, f"{name(path)} needs no exception any more"
    else:
        assert found == [], "HTML belongs into skinapp/web/templates"


@pytest.mark.parametrize(
    "source",
    ["'<br>'", "'a<b>c</b>'", "'</p>'", "f'<{name}>'", "f'<p class={name}>'", "'<input ' + rest", "b'<P>'", "'<!-- -->'"],
)
def test_a_tag_is_seen(source: str) -> None:
    assert list(tags(source))


@pytest.mark.parametrize("source", ["'<1%'", "'a < b'", "x < y", "'->'", "r'(?P<name>a)'", "'&lt;b&gt;'", "f'{a}<{3}'"])
def test_what_is_no_tag_is_let_pass(source: str) -> None:
    assert list(tags(source)) == []
