"""What a model of one's own classes answers, as HTML: plain bars and a map, without a word about lesions. Knows no gradio."""

from skinapp.assessment.classifier import Named
from skinapp.i18n.messages import Language, text
from skinapp.imaging.decode import Photo
from skinapp.web.views import answer

BARS = 12
"""Classes that are shown, likeliest first."""
LAYERS = 6
"""Classes whose map can be chosen."""


def result(named: Named, language: Language) -> str:
    """The likeliest class, the bars, what answered, and what to think of it."""
    top = answer.foreign(named.top)
    ran = answer.ran(named.model, named.elapsed_ms["total"], language)
    bars = "".join(_bar(label, chance) for label, chance in named.ranked()[:BARS])
    rest = len(named.labels) - BARS
    more = f'<p class="note">{text("own.more", language, count=rest)}</p>' if rest > 0 else ""
    return (
        f'<section class="answer own" lang="{language}" aria-label="{text("answer.answer", language)}">'
        f'<div class="card verdict" role="status"><p class="eyebrow">{text("own.likeliest", language)}</p><h2>{top}</h2></div>'
        f'<div class="card chances"><h3>{text("own.chances", language)}</h3><ul>{bars}</ul>{more}</div>'
        f'<p class="ran">{ran}</p><p class="disclaimer">{text("own.disclaimer", language)}</p></section>'
    )


def evidence(photo: Photo, named: Named, language: Language) -> str:
    """The photo under the maps of the likeliest classes."""
    ranked = named.ranked()[:LAYERS]
    options = "".join(
        f'<option value="{place}">{answer.foreign(label)} · {answer.percent(chance)}</option>'
        for place, (label, chance) in enumerate(ranked)
    )
    layers = [(str(place), named.layer(label), place == 0) for place, (label, _) in enumerate(ranked)]
    words = text("own.evidence_for", language), text("own.evidence_note", language)
    return answer.figure(options, answer.stage(photo, named.seen, layers, language), words, language)


def header(labels: tuple[str, ...], language: Language) -> str:
    """The page's name, its question and what it promises."""
    names = answer.foreign(text("list.separator", language).join(labels))
    return (
        f'<header class="intro" lang="{language}"><p class="brand"><span class="mark" aria-hidden="true"></span>skinapp'
        f'<span class="pill">{text("own.label", language)}</span></p>'
        f"<h1>{text('own.question', language)}</h1>"
        f"<p>{text('own.promise', language, count=len(labels), names=names)}</p></header>"
    )


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one."""
    return (
        f'<section class="card waiting" lang="{language}"><p class="eyebrow">{text("page.expect", language)}</p>'
        f"<h2>{text('own.expect', language)}</h2><p>{text('own.expect_more', language)}</p></section>"
    )


def _bar(label: str, chance: float) -> str:
    name = answer.foreign(label)
    return f'<li data-code="{name}"><span class="name">{name}</span>{answer.meter(name, chance)}</li>'
