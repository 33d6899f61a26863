"""An assessment becomes the HTML that a visitor reads. Knows no gradio; everything that isn't ours is escaped here."""

import base64
from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import Model
from skinapp.i18n import wording
from skinapp.i18n.wording import ANSWER, PAGE, PRIORITIES, Language
from skinapp.i18n.wording import LESIONS as NAMES
from skinapp.imaging import encode
from skinapp.imaging.decode import Photo
from skinapp.labels import LESIONS, SEVERITY, Lesion, Priority

Layer = NDArray[np.uint8]
"""The evidence for one kind, as RGBA."""


def answer(assessment: Assessment, language: Language) -> str:
    """The priority with its advice, the seven bars and their sum; in quiet lines what the photo is worth and what answered."""
    priority = assessment.priority
    # Hidden rather than left out: a browser that answers by itself fills this very HTML.
    hidden = " hidden" if assessment.report.warnings else ""
    fine = f'<p class="fine"{hidden}>{ANSWER["quality_ok"].to(language)}</p>' if assessment.report.ok else ""
    return (
        f'<section class="answer {priority}" lang="{language}" aria-label="{ANSWER["answer"].to(language)}">'
        f"{_verdict(assessment, language)}{_chances(assessment, language)}"
        f'{fine}<p class="ran">{ran(assessment.model, assessment.elapsed_ms["total"], language)}</p>'
        f'<p class="disclaimer">{wording.DISCLAIMER.to(language)}</p></section>'
    )


def evidence(photo: Photo, assessment: Assessment, language: Language) -> str:
    """The photo under a layer for each lesion, at first the one that explains the priority; nothing where it can't be judged."""
    if not assessment.report.ok:
        return ""
    ranked = _ranked(assessment)
    options = "".join(
        f'<option value="{lesion.code}"{" selected" if lesion.code == assessment.focus.code else ""}>'
        f"{NAMES[lesion.code].to(language)} · {percent(chance)}</option>"
        for lesion, chance in ranked
    )
    layers = [(lesion.code, assessment.layer(lesion.code), lesion.code == assessment.focus.code) for lesion, _ in ranked]
    words = ANSWER["evidence_for"].to(language), ANSWER["evidence_note"].to(language)
    return figure(options, stage(photo, assessment.seen, layers, language), words, language)


def empty(language: Language) -> str:
    """What stands in the answer's place before there is one: the four priorities and what each asks for."""
    rows = "".join(
        f'<li class="{priority}"><span class="icon" aria-hidden="true"></span>'
        f"<strong>{PRIORITIES[priority].to(language)}</strong><span>{wording.WHEN[priority].to(language)}</span></li>"
        for priority in SEVERITY
    )
    return (
        f'<section class="card waiting" lang="{language}"><p class="eyebrow">{PAGE["expect"].to(language)}</p>'
        f"<h2>{PAGE['expect_priority'].to(language)}</h2><ul>{rows}</ul><p>{PAGE['expect_more'].to(language)}</p></section>"
    )


def busy(language: Language) -> str:
    """What stands there while a photo is looked at, so that an old answer never stands beside a new photo."""
    return (
        f'<section class="card busy" lang="{language}" role="status"><span class="spinner" aria-hidden="true"></span>'
        f"<p>{ANSWER['busy'].to(language)}</p></section>"
    )


def failed(reason: str, language: Language) -> str:
    """What stands there when a photo can't be read."""
    return (
        f'<section class="card failed" lang="{language}" role="alert"><h2>{ANSWER["failed"].to(language)}</h2>'
        f"<p>{escape(reason)}</p><p>{ANSWER['failed_next'].to(language)}</p></section>"
    )


def header(language: Language) -> str:
    """The page's name, its question and what it promises."""
    return (
        f'<header class="intro" lang="{language}"><p class="brand"><span class="mark" aria-hidden="true"></span>skinapp'
        f'<span class="pill">{PAGE["label"].to(language)}</span></p>'
        f"<h1>{PAGE['question'].to(language)}</h1><p>{PAGE['promise'].to(language)}</p></header>"
    )


def tips(language: Language) -> str:
    """How to take a photo that can be answered."""
    lines = "".join(f"<li>{PAGE[key].to(language)}</li>" for key in ("tip_fill", "tip_sharp", "tip_light"))
    return f'<ul class="tips" lang="{language}">{lines}</ul>'


def footer(model: Model, notices: tuple[str, ...], language: Language, disclaimer: wording.Said = wording.DISCLAIMER) -> str:
    """The disclaimer, what happens to a photo, which model runs where, and what it had to fall back on."""
    fallen = "".join(f'<p class="notice">{foreign(notice)}</p>' for notice in notices)
    runs = f"{named(model)} · {foreign(model.precision)} · {provider(model)}"
    return (
        f'<footer class="foot" lang="{language}">{fallen}<p class="disclaimer">{disclaimer.to(language)}</p>'
        f"<p>{PAGE['kept'].to(language)}</p><p>{PAGE['model'].to(language)}: {runs}</p></footer>"
    )


def ran(model: Model, elapsed_ms: float, language: Language) -> str:
    """Which model answered, where, and in what time."""
    said = ANSWER["ran"].to(language)
    return said.format(
        model=named(model), precision=foreign(model.precision), provider=provider(model), elapsed=round(elapsed_ms)
    )


def meter(name: str, chance: float) -> str:
    """A probability in percent, and its bar; `name` is fit for HTML."""
    return (
        f'<span class="percent">{percent(chance)}</span>'
        f'<span class="track" role="meter" aria-label="{name}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{chance * 100:.0f}"><span style="width: {chance * 100:.1f}%"></span></span>'
    )


def figure(options: str, shown: str, words: tuple[str, str], language: Language) -> str:
    """What can be looked at on a stage: `words` are what a map is chosen by, and what a map means."""
    say = {key: said.to(language) for key, said in ANSWER.items() if key.startswith("evidence")}
    return (
        f'<figure class="card evidence" lang="{language}"><div class="bar"><h3>{say["evidence"]}</h3>'
        f"<label><span>{words[0]}</span><select>{options}</select></label></div>"
        f"{shown}"
        f'<label class="fade"><span>{say["evidence_photo"]}</span>'
        f'<input type="range" min="0" max="100" value="100" aria-label="{say["evidence_strength"]}">'
        f"<span>{say['evidence_overlay']}</span></label>"
        f"<figcaption>{words[1]}</figcaption></figure>"
    )


def stage(photo: Photo, seen: tuple[int, int, int, int], layers: Iterable[tuple[str, Layer, bool]], language: Language) -> str:
    """The photo, and exactly over the part that the network saw, the layers: their names, pixels and which one is in sight. The
    rest is dimmed as in the overlay."""
    (height, width), (left, top, right, bottom) = photo.shape[:2], seen
    place = (
        f"left: {left / width:.4%}; top: {top / height:.4%}; "
        f"width: {(right - left) / width:.4%}; height: {(bottom - top) / height:.4%}"
    )
    images = "".join(
        f'<img class="layer" data-code="{code}" alt="" src="{data("webp", encode.webp(pixels))}"{"" if in_sight else " hidden"}>'
        for code, pixels, in_sight in layers
    )
    source = data("jpeg", encode.jpeg(encode.shrunk(photo)))
    return (
        f'<div class="stage"><div class="frame" style="--dimmed: {1 - explain.UNSEEN:.2f}">'
        f'<img class="photo" alt="{ANSWER["evidence_alt"].to(language)}" src="{source}">'
        f'<div class="seen" style="{place}">{images}</div></div></div>'
    )


def percent(chance: float) -> str:
    """A probability as people read it; never 0% or 100%, which no model may claim."""
    if chance < 0.01:
        return "&lt;1%"
    return "&gt;99%" if chance > 0.99 else f"{chance:.0%}"


def named(model: Model) -> str:
    """Which model it is, for HTML."""
    return foreign(f"{model.id}@{model.revision[:12]}")


def provider(model: Model) -> str:
    """What a model runs on, for HTML."""
    return foreign(model.provider.removesuffix("ExecutionProvider"))


def foreign(text: str) -> str:
    """Text that isn't ours, fit for HTML and for the browser's translator, which takes braces for placeholders."""
    return escape(text).replace("{", "&#123;").replace("}", "&#125;")


def data(kind: str, content: bytes) -> str:
    """A picture inside the page itself, so that it is never written to disk."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _verdict(assessment: Assessment, language: Language) -> str:
    priority = assessment.priority
    title, label = PRIORITIES[priority].to(language), ANSWER["priority" if priority in SEVERITY else "answer"].to(language)
    reasons = "".join(f"<li>{wording.ISSUES[issue].to(language)}</li>" for issue in assessment.report.issues)
    return (
        f'<div class="card verdict" role="status"><div class="headline"><span class="icon" aria-hidden="true"></span>'
        f'<div><p class="eyebrow">{label}</p><h2>{title}</h2></div>{_ladder(priority, language)}</div>'
        + (f'<p class="when">{wording.WHEN[priority].to(language)}</p>' if priority in wording.WHEN else "")
        + (f'<p class="when">{ANSWER["reasons"].to(language)}</p><ul class="reasons">{reasons}</ul>' if reasons else "")
        + f'<p class="advice">{wording.ADVICE[priority].to(language)}</p>{_warnings(assessment, language)}</div>'
    )


def _warnings(assessment: Assessment, language: Language) -> str:
    """What a photo was answered in spite of."""
    if not assessment.report.ok or not assessment.report.warnings:
        return ""
    lines = "".join(
        f'<li data-warning="{warning}">{wording.WARNINGS[warning].to(language)}</li>' for warning in assessment.report.warnings
    )
    return f'<div class="warnings"><p>{ANSWER["warnings"].to(language)}</p><ul>{lines}</ul></div>'


def _ladder(priority: Priority, language: Language) -> str:
    """How far up the scale a priority stands, for eyes that don't tell its colour."""
    if priority not in SEVERITY:
        return ""
    step, steps = len(SEVERITY) - SEVERITY.index(priority), len(SEVERITY)
    text = ANSWER["step"].to(language).format(step=step, steps=steps)
    marks = "".join(f'<i class="{"on" if place < step else "off"}"></i>' for place in range(steps))
    return f'<span class="ladder" role="img" aria-label="{text}" title="{text}">{marks}</span>'


def _chances(assessment: Assessment, language: Language) -> str:
    ok = assessment.report.ok
    bars = "".join(_bar(lesion, chance, language) for lesion, chance in _ranked(assessment))
    note = ANSWER["chances_note" if ok else "chances_unclear"].to(language)
    return (
        f'<div class="card chances{"" if ok else " greyed"}"><h3>{ANSWER["chances"].to(language)}</h3>'
        f'<ul>{bars}</ul>{_sum(assessment, language)}<p class="note">{note}</p></div>'
    )


def _sum(assessment: Assessment, language: Language) -> str:
    """The cancers and their precursor against the rest, as one bar of two parts; not where the photo can't be judged."""
    if not assessment.report.ok:
        return ""
    shares = {"malignant": assessment.malignant, "benign": 1 - assessment.malignant}
    names = "".join(
        f'<span class="{key}">{ANSWER[key].to(language)} <b>{percent(share)}</b></span>' for key, share in shares.items()
    )
    parts = "".join(f'<i class="{key}" style="width: {share:.1%}"></i>' for key, share in shares.items())
    return (
        f'<div class="sum"><div class="parts" aria-hidden="true">{parts}</div><p class="names">{names}</p>'
        f'<p class="note">{ANSWER["malignant_what"].to(language)}</p></div>'
    )


def _bar(lesion: Lesion, chance: float, language: Language) -> str:
    name, priority = NAMES[lesion.code].to(language), PRIORITIES[lesion.priority].to(language)
    return (
        f'<li class="{lesion.priority}" data-code="{lesion.code}"><span class="name">{name}'
        f'<small><span class="icon" aria-hidden="true"></span>{priority}</small></span>'
        f"{meter(name, chance)}</li>"
    )


def _ranked(assessment: Assessment) -> list[tuple[Lesion, float]]:
    """Lesions with their probabilities, likeliest first."""
    pairs = zip(LESIONS, assessment.chances.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])
