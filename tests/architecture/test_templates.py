"""Templates hold HTML and nothing else does; what they show is escaped, and every sentence that they ask for exists."""

import re
from collections.abc import Iterator

import pytest
from jinja2 import meta, nodes

from skinapp.i18n.messages import LANGUAGES, Language, sentences, text
from skinapp.web import TEMPLATES, render
from tests.support.app_server import ROOT

NAMES = sorted(path.name for path in TEMPLATES.glob("*.html"))
PYTHON = [ROOT / "app.py", *sorted((ROOT / "skinapp").rglob("*.py"))]


def parsed(name: str) -> nodes.Template:
    return render.environment().parse((TEMPLATES / name).read_text(encoding="utf-8"), name)


def asked(name: str) -> Iterator[tuple[str, set[str]]]:
    """The sentences that a template asks for, as patterns of their keys, with the names of the values that it gives."""
    for call in parsed(name).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            key, values = call.args[0], {one.key for one in call.kwargs}
            for one in (key.expr1, key.expr2) if isinstance(key, nodes.CondExpr) else (key,):
                if isinstance(one, nodes.Const):
                    yield re.escape(one.value), values
                elif isinstance(one, nodes.Concat):
                    yield "".join(re.escape(part.value) if isinstance(part, nodes.Const) else ".+" for part in one.nodes), values
                else:
                    raise AssertionError(f"{name}, line {call.lineno}: a key that can't be read")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_knows_nothing_but_what_it_is_given(name: str) -> None:
    assert meta.find_undeclared_variables(parsed(name)) <= {"t", "language", "range"}


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_that_a_template_asks_for_exists_and_gets_its_values(name: str) -> None:
    known = sentences("en")
    for pattern, values in asked(name):
        found = [known[key] for key in known if re.fullmatch(pattern, key)]
        wanted = [set(re.findall(r"\{(\w+)\}", one if isinstance(one, str) else one["other"])) for one in found]
        assert values in wanted, pattern  # of several, which only the program can tell apart, one does


def test_only_the_renderer_says_that_a_text_is_html() -> None:
    assert not any(re.search(r"\|\s*safe\b|autoescape", (TEMPLATES / name).read_text(encoding="utf-8")) for name in NAMES)
    marked = {path.name for path in PYTHON if re.search(r"\bMarkup\b|__html__", path.read_text(encoding="utf-8"))}
    assert marked == {"render.py"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_template_shows_is_escaped_and_holds_no_braces(language: Language) -> None:
    html = render.render("page.failed", language, "<b>{0}</b> \"'&")
    assert "&lt;b&gt;&#123;0&#125;&lt;/b&gt; &#34;&#39;&amp;" in html
    assert text("answer.failed", language).replace("'", "&#39;") in html


def test_between_two_tags_there_is_nothing() -> None:
    assert "\n" not in render.render("page.tips", "en") and "</li><li>" in render.render("page.tips", "en")
