"""What a model of one's own classes answers, as HTML: plain bars and a map, without a word about lesions. Knows no gradio."""

from skinapp.assessment.classifier import Named
from skinapp.i18n.wording import ANSWER, OWN, PAGE, Language
from skinapp.imaging.decode import Photo
from skinapp.ui import answer

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
    more = f'<p class="note">{OWN["more"].to(language).format(count=rest)}</p>' if rest > 0 else ""
    return (
        f'<section class="answer own" lang="{language}" aria-label="{ANSWER["answer"].to(language)}">'
        f'<div class="card verdict" role="status"><p class="eyebrow">{OWN["likeliest"].to(language)}</p><h2>{top}</h2></div>'
        f'<div class="card chances"><h3>{OWN["chances"].to(language)}</h3><ul>{bars}</ul>{more}</div>'
        f'<p class="ran">{ran}</p><p class="disclaimer">{OWN["disclaimer"].to(language)}</p></section>'
    )


def evidence(photo: Photo, named: Named, language: Language) -> str:
    """The photo under the maps of the likeliest classes."""
    ranked = named.ranked()[:LAYERS]
    options = "".join(
        f'<option value="{place}">{answer.foreign(label)} · {answer.percent(chance)}</option>'
        for place, (label, chance) in enumerate(ranked)
    )
    layers = [(str(place), named.layer(label), place == 0) for place, (label, _) in enumerate(ranked)]
    words = OWN["evidence_for"].to(language), OWN["evidence_note"].to(language)
    return answer.figure(options, answer.stage(photo, named.seen, layers, language), words, language)


def header(labels: tuple[str, ...], language: Language) -> str:
    """The page's name, its question and what it promises."""
    names = answer.foreign((", " if language == "en" else "、").join(labels))
    return (
        f'<header class="intro" lang="{language}"><p class="brand"><span class="mark" aria-hidden="true"></span>skinapp'
        f'<span class="pill">{OWN["label"].to(language)}</span></p>'
        f"<h1>{OWN['question'].to(language)}</h1>"
        f"<p>{OWN['promise'].to(language).format(count=len(labels), names=names)}</p></header>"
    )


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one."""
    return (
        f'<section class="card waiting" lang="{language}"><p class="eyebrow">{PAGE["expect"].to(language)}</p>'
        f"<h2>{OWN['expect'].to(language)}</h2><p>{OWN['expect_more'].to(language)}</p></section>"
    )


def _bar(label: str, chance: float) -> str:
    name = answer.foreign(label)
    return f'<li data-code="{name}"><span class="name">{name}</span>{answer.meter(name, chance)}</li>'
