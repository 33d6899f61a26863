"""An assessment becomes the HTML that a visitor reads. Knows no gradio; everything that isn't ours is escaped here."""

import base64
from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray

from skinapp.assessment import explain
from skinapp.assessment.assessor import Assessment
from skinapp.assessment.loaded_model import Model
from skinapp.i18n.messages import Language, section, text
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
    fine = f'<p class="fine"{hidden}>{text("answer.quality_ok", language)}</p>' if assessment.report.ok else ""
    return (
        f'<section class="answer {priority}" lang="{language}" aria-label="{text("answer.answer", language)}">'
        f"{_verdict(assessment, language)}{_chances(assessment, language)}"
        f'{fine}{_view(assessment, language)}<p class="ran">{ran(assessment.model, assessment.elapsed_ms["total"], language)}</p>'
        f'<p class="disclaimer">{text("disclaimer", language)}</p></section>'
    )


def evidence(photo: Photo, assessment: Assessment, language: Language) -> str:
    """The photo under a layer for each lesion, at first the one that explains the priority; nothing where it can't be judged."""
    if not assessment.report.ok:
        return ""
    ranked = _ranked(assessment)
    options = "".join(
        f'<option value="{lesion.code}"{" selected" if lesion.code == assessment.focus.code else ""}>'
        f"{text(f'lesions.{lesion.code}', language)} · {percent(chance)}</option>"
        for lesion, chance in ranked
    )
    layers = [(lesion.code, assessment.layer(lesion.code), lesion.code == assessment.focus.code) for lesion, _ in ranked]
    words = text("answer.evidence_for", language), text("answer.evidence_note", language)
    return figure(options, stage(photo, assessment.seen, layers, language), words, language)


def ran(model: Model, elapsed_ms: float, language: Language) -> str:
    """Which model answered, where, and in what time."""
    values = {"model": named(model), "precision": foreign(model.precision), "provider": provider(model)}
    return text("answer.ran", language, **values, elapsed=round(elapsed_ms))


def meter(name: str, chance: float) -> str:
    """A probability in percent, and its bar; `name` is fit for HTML."""
    return (
        f'<span class="percent">{percent(chance)}</span>'
        f'<span class="track" role="meter" aria-label="{name}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{chance * 100:.0f}"><span style="width: {chance * 100:.1f}%"></span></span>'
    )


def figure(options: str, shown: str, words: tuple[str, str], language: Language) -> str:
    """What can be looked at on a stage: `words` are what a map is chosen by, and what a map means."""
    say = section("answer", language)
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
        f'<img class="photo" alt="{text("answer.evidence_alt", language)}" src="{source}">'
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
    title = text(f"priorities.{priority}", language)
    label = text("answer.priority" if priority in SEVERITY else "answer.answer", language)
    reasons = "".join(f"<li>{text(f'issues.{issue}', language)}</li>" for issue in assessment.report.issues)
    return (
        f'<div class="card verdict" role="status"><div class="headline"><span class="icon" aria-hidden="true"></span>'
        f'<div><p class="eyebrow">{label}</p><h2>{title}</h2></div>{_ladder(priority, language)}</div>'
        + (f'<p class="when">{text(f"when.{priority}", language)}</p>' if priority in SEVERITY else "")
        + (f'<p class="when">{text("answer.reasons", language)}</p><ul class="reasons">{reasons}</ul>' if reasons else "")
        + f'<p class="advice">{text(f"advice.{priority}", language)}</p>{_warnings(assessment, language)}</div>'
    )


def _warnings(assessment: Assessment, language: Language) -> str:
    """What a photo was answered in spite of."""
    if not assessment.report.ok or not assessment.report.warnings:
        return ""
    lines = "".join(
        f'<li data-warning="{warning}">{text(f"warnings.{warning}", language)}</li>' for warning in assessment.report.warnings
    )
    return f'<div class="warnings"><p>{text("answer.warnings", language)}</p><ul>{lines}</ul></div>'


def _ladder(priority: Priority, language: Language) -> str:
    """How far up the scale a priority stands, for eyes that don't tell its colour."""
    if priority not in SEVERITY:
        return ""
    step, steps = len(SEVERITY) - SEVERITY.index(priority), len(SEVERITY)
    name = text("answer.step", language, step=step, steps=steps)
    marks = "".join(f'<i class="{"on" if place < step else "off"}"></i>' for place in range(steps))
    return f'<span class="ladder" role="img" aria-label="{name}" title="{name}">{marks}</span>'


def _chances(assessment: Assessment, language: Language) -> str:
    ok = assessment.report.ok
    bars = "".join(_bar(lesion, chance, language) for lesion, chance in _ranked(assessment))
    note = text("answer.chances_note" if ok else "answer.chances_unclear", language)
    return (
        f'<div class="card chances{"" if ok else " greyed"}"><h3>{text("answer.chances", language)}</h3>'
        f'<ul>{bars}</ul>{_sum(assessment, language)}{_set(assessment, language)}<p class="note">{note}</p></div>'
    )


def _set(assessment: Assessment, language: Language) -> str:
    """The lesions among which the true one nearly always is; not where the photo can't be judged, or the model says none."""
    if not assessment.report.ok or assessment.set is None:
        return ""
    names = ", ".join(text(f"lesions.{code}", language) for code in assessment.set)
    return f'<p class="set">{text("answer.set", language, names=names)}</p>'


def _view(assessment: Assessment, language: Language) -> str:
    """How the photo seems to have been taken, where the model can tell."""
    return "" if assessment.view is None else f'<p class="fine view">{text(f"answer.view_{assessment.view}", language)}</p>'


def _sum(assessment: Assessment, language: Language) -> str:
    """The cancers and their precursor against the rest, as one bar of two parts; not where the photo can't be judged."""
    if not assessment.report.ok:
        return ""
    shares = {"malignant": assessment.malignant, "benign": 1 - assessment.malignant}
    names = "".join(
        f'<span class="{key}">{text(f"answer.{key}", language)} <b>{percent(share)}</b></span>' for key, share in shares.items()
    )
    parts = "".join(f'<i class="{key}" style="width: {share:.1%}"></i>' for key, share in shares.items())
    return (
        f'<div class="sum"><div class="parts" aria-hidden="true">{parts}</div><p class="names">{names}</p>'
        f'<p class="note">{text("answer.malignant_what", language)}</p></div>'
    )


def _bar(lesion: Lesion, chance: float, language: Language) -> str:
    name, priority = text(f"lesions.{lesion.code}", language), text(f"priorities.{lesion.priority}", language)
    return (
        f'<li class="{lesion.priority}" data-code="{lesion.code}"><span class="name">{name}'
        f'<small><span class="icon" aria-hidden="true"></span>{priority}</small></span>'
        f"{meter(name, chance)}</li>"
    )


def _ranked(assessment: Assessment) -> list[tuple[Lesion, float]]:
    """Lesions with their probabilities, likeliest first."""
    pairs = zip(LESIONS, assessment.chances.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])
