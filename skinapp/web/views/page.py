"""What stands on the page around any answer, and in its place: header, tips, footer; nothing yet, busy, failed."""

from html import escape

from skinapp.assessment.loaded_model import Model
from skinapp.i18n.messages import Language, text
from skinapp.labels import SEVERITY
from skinapp.web.views.answer import foreign, named, provider

KEPT_MINUTES = 10
"""How long a photo may stay in the page's temporary folder; the page empties it by this figure, and says so."""


def header(language: Language) -> str:
    """The page's name, its question and what it promises."""
    return (
        f'<header class="intro" lang="{language}"><p class="brand"><span class="mark" aria-hidden="true"></span>skinapp'
        f'<span class="pill">{text("page.label", language)}</span></p>'
        f"<h1>{text('page.question', language)}</h1><p>{text('page.promise', language)}</p></header>"
    )


def tips(language: Language) -> str:
    """How to take a photo that can be answered."""
    lines = "".join(f"<li>{text(f'page.{key}', language)}</li>" for key in ("tip_fill", "tip_sharp", "tip_light"))
    return f'<ul class="tips" lang="{language}">{lines}</ul>'


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one: the four priorities and what each asks for."""
    rows = "".join(
        f'<li class="{priority}"><span class="icon" aria-hidden="true"></span>'
        f"<strong>{text(f'priorities.{priority}', language)}</strong><span>{text(f'when.{priority}', language)}</span></li>"
        for priority in SEVERITY
    )
    return (
        f'<section class="card waiting" lang="{language}"><p class="eyebrow">{text("page.expect", language)}</p>'
        f"<h2>{text('page.expect_priority', language)}</h2><ul>{rows}</ul><p>{text('page.expect_more', language)}</p></section>"
    )


def busy(language: Language) -> str:
    """What stands there while a photo is looked at, so that an old answer never stands beside a new photo."""
    return (
        f'<section class="card busy" lang="{language}" role="status"><span class="spinner" aria-hidden="true"></span>'
        f"<p>{text('answer.busy', language)}</p></section>"
    )


def failed(reason: str, language: Language) -> str:
    """What stands there when a photo can't be read."""
    return (
        f'<section class="card failed" lang="{language}" role="alert"><h2>{text("answer.failed", language)}</h2>'
        f"<p>{escape(reason)}</p><p>{text('answer.failed_next', language)}</p></section>"
    )


def footer(model: Model, notices: tuple[str, ...], language: Language, disclaimer: str = "disclaimer") -> str:
    """The disclaimer, what happens to a photo, which model runs where, and what it had to fall back on; `disclaimer`
    is the key of another one."""
    fallen = "".join(f'<p class="notice">{foreign(notice)}</p>' for notice in notices)
    runs = f"{named(model)} · {foreign(model.precision)} · {provider(model)}"
    return (
        f'<footer class="foot" lang="{language}">{fallen}<p class="disclaimer">{text(disclaimer, language)}</p>'
        f"<p>{text('page.kept', language, minutes=KEPT_MINUTES)}</p><p>{text('page.model', language)}: {runs}</p></footer>"
    )
