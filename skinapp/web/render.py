"""Views become HTML: the one place that knows Jinja2, and that says of a text that it is HTML.

A template is a file of macros, one a piece of a page. In it, `t` gives sentences, `language` is theirs, and `view` is what is
shown.
"""

import base64
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.environment import TemplateModule
from jinja2.ext import Extension
from markupsafe import Markup, escape

from skinapp.i18n import messages
from skinapp.i18n.messages import Language
from skinapp.web import TEMPLATES

BRACES = {"{": "&#123;", "}": "&#125;"}


def render(piece: str, language: Language, *view: object) -> str:
    """The HTML of a piece, which is a template's name, a dot and a macro's; of `view`, where the macro takes one."""
    template, _, macro = piece.partition(".")
    return str(getattr(_pieces(template, language), macro)(*view))


def percent(chance: float) -> str:
    """A probability as people read it; never 0% or 100%, which no model may claim."""
    if chance < 0.01:
        return "<1%"
    return ">99%" if chance > 0.99 else f"{chance:.0%}"


def share(value: float | None, digits: int = 1) -> str:
    """A share of a whole in percent; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}%}"


def data_uri(kind: str, content: bytes) -> str:
    """A picture inside the page itself, so that it is never written to disk."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


class Tight(Extension):
    """Templates without the lines and indents that only lay them out: between two tags there is nothing."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"(?<=[>}])\s*\n\s*(?=[<{])", "", source)


@cache
def environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        finalize=_fit,
        extensions=[Tight],
    )
    filters: dict[str, Callable[..., str]] = {"percent": percent, "share": share}
    found.filters |= filters
    return found


@cache
def _pieces(template: str, language: Language) -> TemplateModule:
    known: dict[str, Any] = {"t": partial(_sentence, language), "language": language}
    return environment().get_template(f"{template}.html").make_module(known)


def _sentence(language: Language, key: str, /, **values: object) -> Markup:
    """A sentence of ours with these values in its places."""
    opened = str(escape(messages.sentence(key, language, values.get("count"))))
    return Markup(opened.format(**{name: _fit(value) for name, value in values.items()}))


def _fit(value: object) -> Markup:
    """Whatever a template shows, fit for HTML and for the browser's translator, which takes braces for places to fill."""
    if isinstance(value, Markup):
        return value
    fit = str(escape(value))
    for brace, entity in BRACES.items():
        fit = fit.replace(brace, entity)
    return Markup(fit)
